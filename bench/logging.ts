/**
 * Question: how many steps a second does a line for every event cost: `LOG_LEVEL=info` (the server's default) to a
 * file and through a pipe, beside `LOG_LEVEL=warn`, which writes none?
 *
 *   npm run bench:logging -- --tree ../before --tree .
 *
 * Floor: bare pino, the same number of lines with the same fields, into a file.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { destination, pino } from 'pino';
import { createDataDir } from './fixtures.ts';
import { add, type CpuTimes, ObservedServer, subtract } from './observed-server.ts';
import { measureTrees, printComparison, type Tree } from './trees.ts';

const stepsEach = 5_000;
const workflows = 2;
const steps = workflows * stepsEach;

const modes = [
  { name: 'warn', level: 'warn', log: 'file' },
  { name: 'info, file', level: 'info', log: 'file' },
  { name: 'info, pipe', level: 'info', log: 'pipe' },
] as const;

type Mode = (typeof modes)[number];

const fan = {
  name: 'fan',
  steps: Array.from({ length: stepsEach }, (_, i) => ({ id: `s${i}`, action: 'noop' })),
};

interface Run {
  mode: Mode;
  server: ObservedServer;
  linesBefore: number;
  ms: number;
  cpu: CpuTimes;
  probes: number[];
}

async function start(tree: Tree, mode: Mode): Promise<Run> {
  const env = { MAX_PARALLEL_NODES: '64', LOG_LEVEL: mode.level };
  const server = await ObservedServer.start(tree, { env, log: mode.log });
  await server.submit(fan, { wait: true });
  await server.settled();
  return {
    mode,
    server,
    linesBefore: server.logLines,
    ms: 0,
    cpu: { server: 0, coordinator: 0, process: 0 },
    probes: [],
  };
}

async function runWorkflow(run: Run): Promise<void> {
  const { server } = run;
  const completed = await server.countCompleted();
  const cpuBefore = server.cpu();
  const startedAt = performance.now();
  const probing = server.probe((count) => count === completed + 1);
  await server.submit(fan, { wait: true });
  run.ms += performance.now() - startedAt;
  run.probes.push(...(await probing));
  await server.settled();
  run.cpu = add(run.cpu, subtract(server.cpu(), cpuBefore));
}

async function end({ mode, server, linesBefore, ms, cpu, probes }: Run) {
  const lines = (await server.close()) - linesBefore;
  // Two for each step; its workflow has a few of its own.
  assert.ok(mode.level === 'warn' ? lines === 0 : lines >= 2 * steps, `${lines} lines for ${steps} steps`);
  return { mode: mode.name, rate: (steps * 1_000) / ms, cpu, lines, probes };
}

/** The servers take turns, workflow by workflow: while one is measured the others do nothing. */
async function measureModes(tree: Tree, round: number) {
  const turn = modes.map((_, i) => modes[(i + round) % modes.length]!);
  const runs: Run[] = [];
  for (const mode of turn) runs.push(await start(tree, mode));
  for (let i = 0; i < workflows; i += 1) for (const run of runs) await runWorkflow(run);
  const results = [];
  for (const run of runs) results.push(await end(run));
  return results;
}

/** CPU and wall milliseconds of bare pino for that many lines like the engine's. */
async function measurePino(lines: number) {
  const dir = createDataDir();
  const dest = path.join(path.dirname(dir.settings.workflowsDir), 'floor.log');
  const output = destination({ dest, sync: false });
  await once(output, 'ready');
  const log = pino({ level: 'info', base: null }, output);
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  for (let i = 0; i < lines; i += 1) {
    const isStart = i % 2 === 0;
    const workflow = '01991fd5-2c2b-7f3e-9a53-3a6f0d2f6c11';
    log.info(
      { workflow, step: `s${i}`, status: isStart ? 'RUNNING' : 'COMPLETED' },
      isStart ? 'step.started' : 'step.completed',
    );
    // A turn of the loop after as many lines as a batch of the engine's has.
    if (i % 64 === 63) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve, reject) => output.flush((error) => (error ? reject(error) : resolve())));
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  output.end();
  await once(output, 'close');
  dir.remove();
  return { ms, cpuMs: (user + system) / 1_000 };
}

const comparison = await measureTrees(
  `${workflows} workflows of ${stepsEach} noop steps, MAX_PARALLEL_NODES=64.`,
  async (tree, round) => {
    const results = await measureModes(tree, round);
    const lines = Math.max(...results.map((result) => result.lines));
    return { results, lines, floor: await measurePino(lines) };
  },
);

type Round = (typeof comparison.measured)[number]['results'][number];
printComparison('logging', comparison, [
  ...modes.flatMap(({ name }) => {
    const of = ({ results }: Round) => results.find(({ mode }) => mode === name)!;
    return [
      { name: `${name}: lines`, of: (result: Round) => of(result).lines },
      { name: `${name}: steps a second`, of: (result: Round) => of(result).rate },
      { name: `${name}: coordinator CPU, ms`, of: (result: Round) => of(result).cpu.coordinator },
      { name: `${name}: process CPU, ms`, of: (result: Round) => of(result).cpu.process },
      { name: `${name}: probe, ms: p50, p95, p99`, probes: (result: Round) => of(result).probes },
    ];
  }),
  { name: 'floor, bare pino: lines a second', of: ({ lines, floor }) => (lines * 1_000) / floor.ms },
  { name: 'floor, bare pino: CPU, ms', of: ({ floor }) => floor.cpuMs },
]);
