/**
 * Question: what does the queue file cost while 20,000 steps are ready and the work goes on slowly?
 *
 *   npm run bench:ready -- --tree ../before --tree .
 *
 * Steps wait 100 ms, four at a time, so the queue changes some 80 times a second. 20,000 of them as 200 workflows
 * of 100, and as one workflow, which has a long `state.json` too. Floors: the same work with 500 ready steps; the
 * same file made into text and put in place in the bench's own process, at the rate that was measured.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { FileVersions } from './file-versions.ts';
import { createDataDir } from './fixtures.ts';
import { ObservedServer, subtract } from './observed-server.ts';
import { type Figure, measureTrees, printComparison, type Tree } from './trees.ts';

const windowMs = 6_000;
const stepMs = 100;

const cases = [
  { name: '500 ready', workflows: 5, stepsEach: 100 },
  { name: '20,000 ready, 200 workflows', workflows: 200, stepsEach: 100 },
  { name: '20,000 ready, one workflow', workflows: 1, stepsEach: 20_000 },
];

async function measureReady(tree: Tree, workflows: number, stepsEach: number) {
  const server = await ObservedServer.start(tree);
  const definition = {
    name: 'ready',
    steps: Array.from({ length: stepsEach }, (_, i) => ({ id: `s${i}`, action: 'delay', params: { ms: stepMs } })),
  };
  for (let i = 0; i < workflows; i += 1) await server.submit(definition);
  // What submitting has left to do is done.
  const warmUntil = performance.now() + 1_000;
  await server.probe(() => performance.now() > warmUntil);

  const { queueStateFile } = server.dir.settings;
  const counters = ['queue_files_written_total', 'state_files_written_total', 'steps_completed_total'] as const;
  const before = await server.metric(...counters);
  const cpuBefore = server.cpu();
  const startedAt = performance.now();
  const versions = new FileVersions(queueStateFile);
  const countedBefore = { count: versions.count, bytes: versions.bytes };
  const probes = await server.probe(() => performance.now() - startedAt >= windowMs);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = subtract(server.cpu(), cpuBefore);
  const seen = { count: versions.count - countedBefore.count, bytes: versions.bytes - countedBefore.bytes };
  versions.close();
  const after = await server.metric(...counters);
  const [queueFiles, stateFiles, completed] = after.map((value, i) => value - before[i]!) as [number, number, number];
  const items = JSON.parse(fs.readFileSync(queueStateFile, 'utf8')) as unknown[];
  assert.ok(items.length > (workflows * stepsEach) / 4, 'the queue is still long');
  await server.close();
  const filesASecond = seen.count / seconds;
  const fileMs = measureFile(items);
  return {
    completedASecond: completed / seconds,
    filesASecond,
    countedASecond: queueFiles / seconds,
    stateFilesASecond: stateFiles / seconds,
    mibASecond: seen.bytes / seconds / 2 ** 20,
    fileMiB: seen.bytes / seen.count / 2 ** 20,
    coordinatorShare: cpu.coordinator / seconds / 10,
    processShare: cpu.process / seconds / 10,
    fileMs,
    floorShare: (fileMs * filesASecond) / 10,
    probes,
  };
}

/** CPU milliseconds of one queue file: made into text, written under another name, put in place. */
function measureFile(items: unknown[]): number {
  const dir = createDataDir();
  const file = path.join(path.dirname(dir.settings.workflowsDir), 'floor.json');
  const write = () => {
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(items, null, 2)}\n`);
    fs.renameSync(`${file}.new`, file);
  };
  for (let i = 0; i < 5; i += 1) write();
  const times = 20;
  const before = process.cpuUsage();
  for (let i = 0; i < times; i += 1) write();
  const { user, system } = process.cpuUsage(before);
  dir.remove();
  return (user + system) / 1_000 / times;
}

type Ready = Awaited<ReturnType<typeof measureReady>>;

const comparison = await measureTrees(
  `Steps of ${stepMs} ms, MAX_PARALLEL_NODES=4, ${windowMs / 1_000} s each.`,
  async (tree) => {
    const results: Ready[] = [];
    for (const { workflows, stepsEach } of cases) results.push(await measureReady(tree, workflows, stepsEach));
    return results;
  },
);

const figures: Figure<Ready>[] = [
  { name: 'queue files a second', of: (ready) => ready.filesASecond, digits: 1 },
  { name: 'as the engine counts them', of: (ready) => ready.countedASecond, digits: 1 },
  { name: 'MiB each', of: (ready) => ready.fileMiB, digits: 2 },
  { name: 'MiB a second', of: (ready) => ready.mibASecond, digits: 1 },
  { name: 'state files a second', of: (ready) => ready.stateFilesASecond, digits: 1 },
  { name: 'steps a second', of: (ready) => ready.completedASecond, digits: 1 },
  { name: 'coordinator CPU, % of a core', of: (ready) => ready.coordinatorShare },
  { name: 'process CPU, % of a core', of: (ready) => ready.processShare },
  { name: 'floor: the same file, CPU ms each', of: (ready) => ready.fileMs, digits: 1 },
  { name: 'floor: at that rate, % of a core', of: (ready) => ready.floorShare },
  { name: 'probe, ms: p50, p95, p99', probes: (ready) => ready.probes },
];
printComparison(
  'ready-steps',
  comparison,
  cases.flatMap((each, place) =>
    figures.map((figure): Figure<Ready[]> => {
      const name = `${each.name}: ${figure.name}`;
      if ('probes' in figure) return { name, probes: (readies) => figure.probes(readies[place]!) };
      return { ...figure, name, of: (readies) => figure.of(readies[place]!) };
    }),
  ),
);
