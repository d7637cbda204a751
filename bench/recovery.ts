/**
 * Question: how long after its start does the built server listen, with 1,000 unfinished workflows over a journal of 64 MiB,
 * and with 100,000 finished workflows on disk; and what does it hold in memory then?
 *
 *   npm run build && npm run bench:recovery
 *
 * Each start is a process of its own, as a user's; what comes up is compared with what was left.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createDataDir, describeMachine, percentile } from './fixtures.ts';
import { makeFinished, makeUnfinished } from './recovery-data.ts';
import { measureFinished, measureJournal, measureNode, measureStates } from './recovery-floors.ts';

const { values } = parseArgs({
  options: {
    unfinished: { type: 'string', default: '1000' },
    journal: { type: 'string', default: '64' },
    finished: { type: 'string', default: '100000' },
    starts: { type: 'string', default: '5' },
  },
});
const starts = Number(values.starts);
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const startScript = fileURLToPath(new URL('./recovery-start.js', import.meta.url));

type Settings = ReturnType<typeof createDataDir>['settings'];

interface Started {
  process: ChildProcess;
  url: string;
  listenMs: number;
  /** Of all its threads, until it listens: on a machine with other work the steadier figure. */
  cpuMs: number;
  rssMiB: number;
  peakMiB: number;
}

/** The kernel counts in hundredths of a second. */
const msPerTick = 10;

function readCpuMs(pid: number | undefined): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

async function startServer(settings: Settings): Promise<Started> {
  const env = {
    ...process.env,
    PORT: '0',
    WORKFLOWS_DIR: settings.workflowsDir,
    QUEUE_STATE_FILE: settings.queueStateFile,
  };
  const startedAt = performance.now();
  const child = spawn(process.execPath, [cli, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    const listenMs = performance.now() - startedAt;
    const cpuMs = readCpuMs(child.pid);
    child.stdout.resume();
    const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const mib = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
    return { process: child, url, listenMs, cpuMs, rssMiB: mib('VmRSS'), peakMiB: mib('VmHWM') };
  }
  throw new Error('the server ended before it listened');
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

async function count(url: string, query = ''): Promise<number> {
  const response = await fetch(`${url}/api/workflows?limit=1&view=summary${query}`);
  return Number(response.headers.get('x-total-count'));
}

async function getWorkflow(url: string, id: string) {
  const response = await fetch(`${url}/api/workflows/${id}`);
  assert.equal(response.status, 200);
  return (await response.json()) as { status: string; steps: { id: string; status: string; outputs: unknown }[] };
}

/** From the opening of the store until the engine takes work, modules loaded before; in a process of its own. */
function startInProcess({ workflowsDir, queueStateFile }: Settings): { startMs: number; heapMiB: number } {
  const args = ['--expose-gc', startScript, workflowsDir, queueStateFile];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.equal(status, 0);
  return JSON.parse(stdout);
}

/** The old engine's process is gone, and its lock with it; a copy is what the next start would have found. */
function copyOf(settings: Settings): ReturnType<typeof createDataDir> {
  const copy = createDataDir();
  fs.cpSync(path.dirname(settings.workflowsDir), path.dirname(copy.settings.workflowsDir), { recursive: true });
  return copy;
}

interface Figures {
  case: string;
  listenMs: number[];
  openMs: number[];
  cpuMs: number;
  rssMiB: number;
  peakMiB: number;
  heapMiB: number;
}

function sum(name: string, served: Started[], opened: { startMs: number; heapMiB: number }[]): Figures {
  const ascending = (list: number[]) => list.sort((a, b) => a - b);
  const median = (list: number[]) => percentile(ascending(list), 50);
  return {
    case: name,
    listenMs: ascending(served.map(({ listenMs }) => listenMs)),
    openMs: ascending(opened.map(({ startMs }) => startMs)),
    cpuMs: median(served.map(({ cpuMs }) => cpuMs)),
    rssMiB: median(served.map(({ rssMiB }) => rssMiB)),
    peakMiB: Math.max(...served.map(({ peakMiB }) => peakMiB)),
    heapMiB: median(opened.map(({ heapMiB }) => heapMiB)),
  };
}

async function measureEmpty(): Promise<Figures> {
  const dir = createDataDir();
  const served: Started[] = [];
  const opened = [];
  for (let i = 0; i < starts; i += 1) {
    const started = await startServer(dir.settings);
    served.push(started);
    assert.equal(await count(started.url), 0);
    await end(started.process, 'SIGTERM');
    opened.push(startInProcess(dir.settings));
  }
  dir.remove();
  return sum('nothing', served, opened);
}

async function measureUnfinished(workflows: number, journalMiB: number) {
  const dir = createDataDir();
  const made = await makeUnfinished(dir.settings, workflows, journalMiB * 2 ** 20);
  const { records, outputs } = made;
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    `Made ${workflows} unfinished workflows: ${records} records, ${mib(made.journalBytes)} MiB of journal, ${mib(made.stateBytes)} MiB of state files.`,
  );
  const ids = [...outputs.keys()];
  const served: Started[] = [];
  const opened = [];
  for (let i = 0; i < starts; i += 1) {
    const copy = copyOf(dir.settings);
    const started = await startServer(copy.settings);
    served.push(started);
    assert.equal(await count(started.url), workflows);
    assert.equal(await count(started.url, '&status=RUNNING'), workflows);
    for (let n = 0; n < 20; n += 1) {
      const id = ids[Math.floor(Math.random() * ids.length)]!;
      const expected = outputs.get(id)!;
      const { steps } = await getWorkflow(started.url, id);
      const completed = steps.filter(({ status }) => status === 'COMPLETED');
      assert.deepEqual(new Map(completed.map((step) => [step.id, step.outputs])), expected);
      assert.match(steps[expected.size]!.status, /^(PENDING|RUNNING)$/);
      const file = JSON.parse(fs.readFileSync(path.join(copy.settings.workflowsDir, id, 'state.json'), 'utf8'));
      assert.equal(file.steps.filter((step: { status: string }) => step.status === 'COMPLETED').length, expected.size);
    }
    await end(started.process, 'SIGKILL');
    copy.remove();
    const other = copyOf(dir.settings);
    opened.push(startInProcess(other.settings));
    other.remove();
  }
  const floors = [...measureJournal(dir.settings.workflowsDir), ...measureStates(dir.settings.workflowsDir)];
  dir.remove();
  return { figures: sum(`${workflows} unfinished, ${journalMiB} MiB`, served, opened), floors };
}

async function measureList(url: string, view: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    const startedAt = performance.now();
    const response = await fetch(`${url}/api/workflows?limit=100&view=${view}`);
    assert.equal(((await response.json()) as unknown[]).length, 100);
    times.push(performance.now() - startedAt);
  }
  return percentile(
    times.sort((a, b) => a - b),
    50,
  );
}

async function measureManyFinished(workflows: number) {
  const dir = createDataDir();
  const startedAt = performance.now();
  const ids = await makeFinished(dir.settings, workflows);
  console.log(`Made ${workflows} finished workflows in ${Math.round((performance.now() - startedAt) / 1000)} s.`);
  const served: Started[] = [];
  const opened = [];
  const lists: string[] = [];
  for (let i = 0; i < starts; i += 1) {
    const started = await startServer(dir.settings);
    served.push(started);
    assert.equal(await count(started.url), workflows);
    assert.equal(await count(started.url, '&status=COMPLETED'), workflows);
    const n = Math.floor(Math.random() * ids.length);
    const { status, steps } = await getWorkflow(started.url, ids[n]!);
    assert.equal(status, 'COMPLETED');
    assert.deepEqual(
      steps.map(({ outputs }) => outputs),
      ['a', 'b', 'c'].map((id) => ({ content: `Answer ${n} of ${id}` })),
    );
    if (i === 0) {
      for (const view of ['summary', 'full'])
        lists.push(
          `GET /api/workflows?limit=100&view=${view}: p50 ${(await measureList(started.url, view)).toFixed(1)} ms`,
        );
    }
    await end(started.process, 'SIGTERM');
    opened.push(startInProcess(dir.settings));
  }
  const floors = measureFinished(dir.settings.workflowsDir);
  dir.remove();
  return { figures: sum(`${workflows} finished`, served, opened), floors, lists };
}

console.log(`Starts of the built server. ${describeMachine()}`);
const empty = await measureEmpty();
const unfinished = await measureUnfinished(Number(values.unfinished), Number(values.journal));
const finished = await measureManyFinished(Number(values.finished));
const node = [
  { name: 'node that does nothing', ms: measureNode('') },
  { name: 'node that imports koa', ms: measureNode('await import("koa")') },
  {
    name: 'node that imports the engine',
    ms: measureNode(`await import("${new URL('../dist/main.js', import.meta.url)}")`),
  },
];

const results = [empty, unfinished.figures, finished.figures];
const round = (value: number) => Math.round(value);
console.log(
  '\n| on disk | to listening: median | worst | CPU | from openStore: median | worst | RSS MiB | peak MiB | heap MiB |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const { listenMs, openMs, ...figures } of results) {
  const times = [percentile(listenMs, 50), listenMs.at(-1)!, figures.cpuMs, percentile(openMs, 50), openMs.at(-1)!].map(
    round,
  );
  const memory = [round(figures.rssMiB), round(figures.peakMiB), figures.heapMiB.toFixed(1)];
  console.log(`| ${[figures.case, ...times, ...memory].join(' | ')} |`);
}
const entryBytes = ((finished.figures.heapMiB - empty.heapMiB) * 2 ** 20) / Number(values.finished);
console.log(`\nA finished workflow takes ${round(entryBytes)} bytes of the heap. ${finished.lists.join('; ')}.\n`);
console.log('| floor | ms |\n|---|---:|');
const floors = [...node, ...unfinished.floors, ...finished.floors];
for (const { name, ms } of floors) console.log(`| ${name} | ${round(ms)} |`);
console.log(JSON.stringify({ bench: 'recovery', machine: describeMachine(), results, entryBytes, floors }));
