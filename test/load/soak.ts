/**
 * The soak: the product under mixed work and mixed faults for `SOAK_SECONDS` (300), and what it holds on to meanwhile.
 *
 * Work: chains, fan-outs, large outputs, failures with retries, external data, branches, stops, deletions. Faults: SIGKILL
 * every `SOAK_KILL_SECONDS` (20), steps that fail or overrun, bursts beyond what is granted, a full disk where tmpfs can be
 * mounted. Every answer is held against every later life. Invariants: nothing acknowledged is lost, no result changes, no
 * file is unreadable, every accepted workflow ends.
 *
 * What is measured, right before each kill and never sooner than a moment after the start: RSS, open descriptors, threads,
 * temp files, journal bytes, and the time /api/health takes. A process that lives 20 s cannot leak for longer than that, so
 * the last third of the run is one life without kills, and slopes are of that life: descriptors, threads, temp files and
 * journal must be flat in absolute numbers; RSS may grow by what a finished workflow leaves in memory (its summary, some
 * 2 KiB), hence the bound per 100 workflows. Ends with 1 where an invariant or a bound is broken.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Workflow } from '../../src/contract/workflow.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 300);
const killEverySeconds = Number(process.env.SOAK_KILL_SECONDS ?? 20);
const seed = Number(process.env.SOAK_SEED ?? 1);
const clientsCount = 6;
/** Room for what the run itself leaves; the filler takes the rest. */
const diskSize = '1g';
const calmShare = 1 / 3;
const warmUpShare = 1 / 3;

/** What a life may gain from the end of its warm-up on. Descriptors and threads come and go by a few with connections. */
const bounds = { descriptors: 40, threads: 4, tempFiles: 8, journalMiB: 24, rssMiBPer100Workflows: 3 };

const startedAt = performance.now();
const random = createSeeded(seed);
const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url));

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'ignore' });
}

const violations: string[] = [];
const counts = { kills: 0, accepted: 0, refused: 0, completed: 0, deleted: 0, branches: 0, fullDisks: 0, bursts: 0 };

/** What anybody was told, by workflow. */
interface Known {
  version: number;
  results: Map<string, string>;
  isDeleted: boolean;
}
const known = new Map<string, Known>();

/** Nobody starts such an engine again, so nothing more can be asked. */
const endedByItself = new AbortController();

class Life {
  readonly child: ChildProcess;
  readonly url: Promise<string>;
  readonly ended: Promise<number | null>;
  isExpectedToEnd = false;
  #output = '';

  constructor(dir: EngineDir) {
    this.child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), cli, 'serve'], {
      cwd: dir.root,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        WORKFLOWS_DIR: dir.workflowsDir,
        QUEUE_STATE_FILE: dir.queueStateFile,
        POOL_THREADS: '1',
        SIMULATION_MS: '1',
        LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
    this.url = new Promise((resolve, reject) => {
      const take = (chunk: Buffer) => {
        this.#output = (this.#output + String(chunk)).slice(-4_000);
        const found = /listening on (http:\/\/\S+)/.exec(this.#output);
        if (found?.[1]) resolve(found[1]);
      };
      this.child.stdout?.on('data', take);
      this.child.stderr?.on('data', take);
      void this.ended.then((code) => {
        if (!this.isExpectedToEnd) {
          violations.push(`the engine ended by itself with ${code}: ${this.#output.slice(-500)}`);
          endedByItself.abort();
        }
        reject(new Error('ended'));
      });
    });
    this.url.catch(() => undefined); // Each caller asks again.
  }

  async kill(): Promise<void> {
    this.isExpectedToEnd = true;
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

const dir = new EngineDir();
let isMounted = false;
try {
  run('mount', '-t', 'tmpfs', '-o', `size=${diskSize}`, 'tmpfs', dir.root);
  isMounted = true;
} catch {
  console.log('soak: tmpfs cannot be mounted here; the disk does not fill up in this run');
}
let life = new Life(dir);
let isOver = false;

interface Answer {
  status: number;
  json: unknown;
}

/** Null: nobody answered, and the effect is open until the same key has been asked again. */
async function call(method: string, route: string, body?: unknown, key?: string): Promise<Answer | null> {
  try {
    const response = await fetch(`${await life.url}/api${route}`, {
      method,
      signal: AbortSignal.timeout(90_000),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status } = response;
    if (status >= 500 && status !== 503 && status !== 507)
      violations.push(`${method} ${route}: ${status} ${text.slice(0, 200)}`);
    if ([429, 503, 507].includes(status)) {
      counts.refused += 1;
      if (!response.headers.has('retry-after')) violations.push(`${method} ${route}: ${status} without Retry-After`);
    }
    return { status, json: text === '' ? null : JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Asks under one key until it is answered for good. */
async function keyed(method: string, route: string, body: unknown, key: string): Promise<Answer> {
  for (;;) {
    endedByItself.signal.throwIfAborted();
    const answer = await call(method, route, body, key);
    if (answer !== null && ![429, 503, 507].includes(answer.status)) return answer;
    await delay(50);
  }
}

function learn(workflow: Workflow): void {
  const { id, version, steps } = workflow;
  const before = known.get(id) ?? { version: 0, results: new Map<string, string>(), isDeleted: false };
  known.set(id, before);
  before.version = Math.max(before.version, version);
  for (const step of steps) {
    if (step.status !== 'COMPLETED') continue;
    const shown = JSON.stringify([step.attempt, step.outputs]);
    const earlier = before.results.get(step.id);
    if (earlier !== undefined && earlier !== shown) violations.push(`${id}/${step.id}: its result changed`);
    before.results.set(step.id, shown);
  }
}

/** Reads it, and holds it against what was known when the call was made. */
async function look(id: string, wait = ''): Promise<Workflow | null> {
  const entry = known.get(id);
  const least = entry?.version ?? 0;
  const answer = await call('GET', `/workflows/${id}${wait}`);
  if (answer === null || [429, 503, 507].includes(answer.status)) return null;
  if (answer.status !== 200) {
    if (!entry?.isDeleted) violations.push(`${id}: GET answered ${answer.status}`);
    return null;
  }
  const workflow = answer.json as Workflow;
  if (workflow.version < least) violations.push(`${id}: version ${workflow.version} after ${least}`);
  learn(workflow);
  return workflow;
}

const shapes: ((n: number) => object)[] = [
  (n) => ({
    name: `chain ${n}`,
    steps: [0, 1, 2, 3].map((i) => ({ id: `s${i}`, action: 'noop', dependencies: i === 0 ? [] : [`s${i - 1}`] })),
  }),
  (n) => ({
    name: `fan ${n}`,
    steps: [
      { id: 'root', action: 'delay', params: { ms: 5 } },
      ...Array.from({ length: 8 }, (_, i) => ({ id: `f${i}`, action: 'noop', dependencies: ['root'] })),
    ],
  }),
  (n) => ({
    name: `large ${n}`,
    steps: [{ id: 'big', action: 'render', params: { template: `${n} `.repeat(30_000) } }],
  }),
  (n) => ({
    name: `overruns ${n}`,
    steps: [
      { id: 'slow', action: 'delay', params: { ms: 60_000 }, timeoutMs: 30, retry: { attemptsMax: 2, backoffMs: 5 } },
    ],
  }),
  (n) => ({
    name: `fails ${n}`,
    steps: [{ id: 'bad', action: 'transform', params: { input: n, expression: '$error("planted")' } }],
  }),
  (n) => ({
    name: `outside ${n}`,
    steps: [
      { id: 'in', action: 'external_data' },
      { id: 'out', action: 'noop', dependencies: ['in'] },
    ],
  }),
];

let made = 0;

async function runOne(): Promise<void> {
  const n = made;
  made += 1;
  const definition = shapes[n % shapes.length]?.(n) ?? {};
  const created = await keyed('POST', '/workflows', definition, `create-${n}`);
  if (created.status !== 201) {
    violations.push(`workflow ${n} was not accepted: ${created.status}`);
    return;
  }
  counts.accepted += 1;
  const { id } = created.json as Workflow;
  learn(created.json as Workflow);
  if (n % shapes.length === 5) {
    const content = 'captured '.repeat(random() < 0.2 ? 12_000 : 10);
    await keyed('POST', `/workflows/${id}/external-data`, { step_id: 'in', content }, `data-${n}`);
  }
  let workflow: Workflow | null = null;
  while (workflow === null || !['COMPLETED', 'FAILED', 'STOPPED'].includes(workflow.status)) {
    endedByItself.signal.throwIfAborted();
    workflow = await look(id, '?wait=5');
    if (workflow === null) await delay(50);
  }
  counts.completed += 1;
  if (n % 7 === 0 && workflow.status === 'FAILED')
    await keyed('POST', `/workflows/${id}/retry`, undefined, `retry-${n}`);
  if (n % 11 === 0) {
    const branch = await keyed('POST', `/workflows/${id}/branches`, { stepId: workflow.steps[0]?.id }, `branch-${n}`);
    if (branch.status === 201) {
      counts.branches += 1;
      learn(branch.json as Workflow);
    }
  }
  // Deleted as often as kept, so that the disk does not fill up by itself.
  if (n % 4 !== 0) await removeOne(id);
}

async function removeOne(id: string): Promise<void> {
  const entry = known.get(id);
  if (entry) entry.isDeleted = true;
  for (;;) {
    endedByItself.signal.throwIfAborted();
    const answer = await call('DELETE', `/workflows/${id}`);
    if (answer !== null && (answer.status === 204 || answer.status === 404)) break;
    await delay(50);
  }
  counts.deleted += 1;
}

async function client(): Promise<void> {
  try {
    while (!isOver) await runOne();
  } catch (error) {
    if (!endedByItself.signal.aborted) throw error;
  }
}

/** A burst beyond what is granted; refusals are what is wanted. */
async function burst(): Promise<void> {
  counts.bursts += 1;
  await Promise.all(Array.from({ length: 300 }, () => call('GET', '/workflows?limit=5&view=summary')));
}

async function fillDisk(): Promise<void> {
  counts.fullDisks += 1;
  const file = path.join(dir.root, 'filler');
  try {
    run('dd', 'if=/dev/zero', `of=${file}`, 'bs=4096');
  } catch {
    // It ends with an error when the disk is full, which is what it is for.
  }
  await delay(1_000);
  fs.rmSync(file, { force: true });
}

interface Sample {
  atSeconds: number;
  workflows: number;
  rssMiB: number;
  descriptors: number;
  threads: number;
  tempFiles: number;
  journalMiB: number;
  healthMsP99: number;
}

async function sample(): Promise<Sample | null> {
  const times: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    const at = performance.now();
    if ((await call('GET', '/health')) === null) return null;
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  try {
    const proc = `/proc/${life.child.pid}`;
    const status = fs.readFileSync(`${proc}/status`, 'utf8');
    const journal = path.join(dir.workflowsDir, '.engine', 'journal');
    const bytes = fs
      .readdirSync(journal)
      .reduce((sum, name) => sum + (fs.statSync(path.join(journal, name), { throwIfNoEntry: false })?.size ?? 0), 0);
    return {
      atSeconds: Math.round((performance.now() - startedAt) / 1_000),
      workflows: made,
      rssMiB: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
      descriptors: fs.readdirSync(`${proc}/fd`).length,
      threads: Number(/Threads:\s+(\d+)/.exec(status)?.[1]),
      tempFiles: countTempFiles(),
      journalMiB: Math.round((bytes / 1024 / 1024) * 10) / 10,
      healthMsP99: Math.round((times.at(-1) ?? 0) * 10) / 10,
    };
  } catch {
    return null; // It has just been killed.
  }
}

function countTempFiles(): number {
  let count = 0;
  for (const entry of fs.readdirSync(dir.workflowsDir, { recursive: true }))
    if (/\.\d+\.\d+\.tmp$/.test(String(entry))) count += 1;
  return count;
}

/** MiB by what it is, the largest first. */
function diskUse(): string {
  const bytes = new Map<string, number>();
  for (const entry of fs.readdirSync(dir.workflowsDir, { recursive: true }).map(String)) {
    const [top, second = ''] = entry.split(path.sep);
    const kind = top === '.engine' ? `.engine/${second}` : second;
    const { size = 0 } = fs.statSync(path.join(dir.workflowsDir, entry), { throwIfNoEntry: false }) ?? {};
    bytes.set(kind, (bytes.get(kind) ?? 0) + size);
  }
  const sorted = [...bytes].sort(([, a], [, b]) => b - a).slice(0, 6);
  return sorted.map(([kind, size]) => `${kind} ${(size / 1024 / 1024).toFixed(1)} MiB`).join(', ');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Least squares, per unit of x. */
function slope(samples: readonly Sample[], x: 'atSeconds' | 'workflows', y: keyof Sample): number {
  const meanX = samples.reduce((sum, each) => sum + each[x], 0) / samples.length;
  const meanY = samples.reduce((sum, each) => sum + each[y], 0) / samples.length;
  const over = samples.reduce((sum, each) => sum + (each[x] - meanX) * (each[y] - meanY), 0);
  const under = samples.reduce((sum, each) => sum + (each[x] - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

const elapsed = () => (performance.now() - startedAt) / 1_000;
const samples: Sample[] = [];
const calmSamples: Sample[] = [];
const calmFrom = seconds * (1 - calmShare);

async function end(): Promise<number> {
  const clients = Array.from({ length: clientsCount }, client);
  let nextKill = killEverySeconds;
  let nextFull = 35;
  let nextBurst = 10;
  while (elapsed() < seconds && !endedByItself.signal.aborted) {
    await delay(1_000);
    const taken = await sample();
    if (taken) (elapsed() < calmFrom ? samples : calmSamples).push(taken);
    if (elapsed() > nextBurst) {
      nextBurst += 15;
      await burst();
    }
    if (elapsed() > calmFrom) continue;
    if (isMounted && elapsed() > nextFull) {
      nextFull += 50;
      await fillDisk();
    }
    if (elapsed() > nextKill) {
      nextKill += killEverySeconds;
      counts.kills += 1;
      await life.kill();
      life = new Life(dir);
    }
  }
  isOver = true;
  await Promise.all(clients);
  await life.kill();
  console.log(`soak: the directory takes ${diskUse()}`);
  if (endedByItself.signal.aborted) return dir.quarantined().length;
  life = new Life(dir);
  for (const [id, entry] of known) {
    const workflow = await look(id);
    if (workflow && entry.isDeleted) violations.push(`${id} was deleted and is there again`);
    if (!workflow && !entry.isDeleted) violations.push(`${id} is not there`);
    for (const stepId of entry.results.keys()) {
      const status = workflow?.steps.find((step) => step.id === stepId)?.status;
      if (workflow && status !== 'COMPLETED') violations.push(`${id}/${stepId} was COMPLETED and is ${status}`);
    }
  }
  const quarantined = dir.quarantined();
  if (quarantined.length > 0) violations.push(`set aside: ${quarantined.join(', ')}`);
  await life.kill();
  return quarantined.length;
}

function judge(): void {
  const steady = calmSamples.slice(Math.floor(calmSamples.length * warmUpShare));
  const first = steady[0];
  const last = steady.at(-1);
  if (!first || !last || steady.length < 4) {
    console.log(`soak: ${steady.length} samples of the last life, too few for a slope`);
    return;
  }
  const names = ['rssMiB', 'descriptors', 'threads', 'tempFiles', 'journalMiB', 'healthMsP99'] as const;
  console.log('last life, after its warm-up   first    last  median   per hour');
  for (const name of names) {
    const cells = [
      first[name],
      last[name],
      median(steady.map((each) => each[name])),
      slope(steady, 'atSeconds', name) * 3_600,
    ];
    console.log(`  ${name.padEnd(26)}${cells.map((cell) => cell.toFixed(1).padStart(8)).join('')}`);
  }
  const third = Math.ceil(steady.length / 3);
  const gain = (name: (typeof names)[number]) =>
    median(steady.slice(-third).map((each) => each[name])) - median(steady.slice(0, third).map((each) => each[name]));
  const rssPer100 = slope(steady, 'workflows', 'rssMiB') * 100;
  console.log(
    `  RSS per 100 workflows: ${rssPer100.toFixed(2)} MiB over ${last.workflows - first.workflows} workflows`,
  );
  for (const name of ['descriptors', 'threads', 'tempFiles', 'journalMiB'] as const) {
    if (gain(name) > bounds[name])
      violations.push(`${name} is not flat: it gained ${gain(name)}, at most ${bounds[name]}`);
  }
  if (last.workflows - first.workflows >= 500 && rssPer100 > bounds.rssMiBPer100Workflows)
    violations.push(
      `RSS is not flat: ${rssPer100.toFixed(2)} MiB for 100 workflows, at most ${bounds.rssMiBPer100Workflows}`,
    );
}

let unreadableFiles = 0;
try {
  unreadableFiles = await end();
} finally {
  await life.kill();
  if (isMounted) run('umount', '-l', dir.root);
  dir.remove();
}
console.log(`soak: seed ${seed}, ${seconds} s, ${JSON.stringify(counts)}`);
for (const name of ['rssMiB', 'descriptors', 'threads', 'journalMiB', 'healthMsP99'] as const)
  console.log(`  over all lives, ${name}: median ${median([...samples, ...calmSamples].map((each) => each[name]))}`);
judge();
reportFigures('soak', startedAt, {
  cases: counts.accepted,
  lostAcknowledged: violations.filter((text) => /version|not there|GET/.test(text)).length,
  changedResults: violations.filter((text) => text.includes('changed')).length,
  repeatedSteps: violations.filter((text) => text.includes('was COMPLETED')).length,
  unreadableFiles,
  ...counts,
});
for (const violation of violations.slice(0, 50)) console.log(`BROKEN: ${violation}`);
process.exit(violations.length > 0 ? 1 : 0);
