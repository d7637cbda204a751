/**
 * Goal: what would take a whole process down costs its attempt alone (G14), and processes start, are used again and end as they
 * should. That P1–P4 hold for their jobs is shown by test/contract/pool.test.ts.
 * Method: a real pool whose processes know tasks that misbehave; a process that counts as gone is one that the system no
 * longer knows.
 *
 * W3, a leak of Buffers past the bound of the heap, has no test: no code of users runs in the pool, and what its tasks hold
 * outside the heap is bounded by what they read (16 MiB for each answer of a remote side, decoded) and pass on (64 MiB).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { emitted, emittedUrl } from '../fixtures/emitted.ts';
import { createJob, createTestPool, type TestPool } from './harness.ts';

const codeOf = (outcome: Outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);
const thread = { processUrl: emittedUrl('test/pool/faulty-process.ts'), cpuHeapMbMax: 192 };

let dir: string;
let processes: TestPool;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pool-'));
  processes = await createTestPool(
    { cpuThreads: 1, ioThreads: 1, network: { allowHosts: ['box:1'], ownPort: 8000 } },
    thread,
  );
});
afterAll(async () => {
  await processes.pool.close();
  rmSync(dir, { recursive: true });
});

const run = (action: string, params: unknown = {}, timeoutMs = 30_000) =>
  processes.run(createJob(action, { lane: 'cpu', isolated: true, params, timeoutMs })).then(([outcome]) => outcome!);

async function readPid(file: string): Promise<number> {
  await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8'), { timeout: 30_000 }).toMatch(/\d/);
  return Number(readFileSync(file, 'utf8'));
}

/** One that waits for its parent to collect it has ended too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a job in a process of its own', () => {
  it('runs again and again in the same process, which sees nothing of the environment and may connect to nothing', async () => {
    const files = [join(dir, 'first'), join(dir, 'second')];
    for (const file of files) expect(codeOf(await run('waits_as', { file }))).toBe('completed');
    const [first, second] = files.map((file) => Number(readFileSync(file, 'utf8')));
    expect(second).toBe(first);
    expect(first).not.toBe(process.pid);
    const outcome = await run('tells_context');
    const told = outcome.kind === 'completed' ? JSON.parse(outcome.outputsJson) : null;
    expect(told).toMatchObject({ context: { network: { allowHosts: [], ownPort: null } } });
    // Not `toMatchObject`, for which any environment fits an empty one.
    expect(told.environment).toEqual({});
  });

  it('is judged by what its process wrote last, and not by what it wrote during another job', async () => {
    expect(codeOf(await run('writes_of_memory'))).toBe('completed');
    // What it wrote comes by another way than its answer; by the end of one more job it is here.
    expect(codeOf(await run('noop'))).toBe('completed');
    expect(codeOf(await run('exits_later'))).toBe('WORKER_LOST');
    expect(codeOf(await run('writes_and_exhausts_heap'))).toBe('WORKER_OUT_OF_MEMORY');
  });

  it('that leaves the heap half full is the last one of its process', async () => {
    const files = [join(dir, 'spent'), join(dir, 'fresh')];
    expect(codeOf(await run('fills_its_heap', { file: files[0] }))).toBe('completed');
    expect(codeOf(await run('waits_as', { file: files[1] }))).toBe('completed');
    const [spent, fresh] = files.map((file) => Number(readFileSync(file, 'utf8')));
    expect(fresh).not.toBe(spent);
  });

  it('that asks for too much memory, at once or in pieces, fails alone (G14, W2)', async () => {
    for (const action of ['allocates_at_once', 'exhausts_heap', 'allocates_at_once']) {
      expect(await run(action)).toMatchObject({ kind: 'failed', code: 'WORKER_OUT_OF_MEMORY' });
    }
    expect(codeOf(await run('noop'))).toBe('completed');
  });

  it('keeps the answer that waits when its deadline is noticed late (G17)', async () => {
    // What comes next finds a process that is up, so its clock starts with it.
    expect(codeOf(await run('noop'))).toBe('completed');
    const ended = run('waits_as', { file: join(dir, 'late') }, 500);
    // The thread of the pool is halted past the deadline.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    expect(codeOf(await ended)).toBe('completed');
  });

  it('that is cancelled before its process is up ends as cancelled', async () => {
    expect(codeOf(await run('exits'))).toBe('WORKER_LOST');
    const job = createJob('noop', { lane: 'cpu', isolated: true });
    const ended = processes.run(job);
    processes.pool.cancel([job.jobId]);
    expect((await ended).map(codeOf)).toEqual(['CANCELLED']);
  });

  it('ends with the pool', async () => {
    const pool = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, thread);
    const file = join(dir, 'closing');
    pool.pool.dispatch([createJob('loops_as', { lane: 'cpu', isolated: true, params: { file } })]);
    const pid = await readPid(file);
    expect(pool.pool.stats().running).toBe(1);
    await pool.pool.close();
    expect(isAlive(pid)).toBe(false);
    expect(pool.outcomes).toEqual([]);
  });

  it('keeps the engine until its end is told, where nothing else does and a child of it holds its stderr', async () => {
    const engine = fork(emitted('test/pool/closing-engine.ts'), [], { execArgv: [] });
    // 13: nothing was left to wait for, and the pool was not closed.
    expect(await once(engine, 'exit')).toEqual([0, null]);
  });

  it.each(['loops_as', 'waits_as'])('that %s ends when the engine is killed', async (action) => {
    const file = join(dir, `orphan-${action}`);
    const engine = fork(emitted('test/pool/doomed-engine.ts'), [action, file], { execArgv: [] });
    const gone = new Promise((resolve) => engine.once('exit', resolve));
    const pid = await readPid(file);
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')));
    expect(isAlive(pid)).toBe(true);
    engine.kill('SIGKILL');
    await gone;
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  });
});

describe('the process of the product', () => {
  it('finishes its job through Ctrl-C and the signals of a stop, and ends with the engine’s end of the channel (G20)', async () => {
    const child = fork(emitted('src/worker/process.ts'), [], { env: {}, execArgv: [], serialization: 'advanced' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const gone = once(child, 'exit');
    const next = async () => (await Promise.race([once(child, 'message'), gone]))[0];
    expect(await next()).toEqual({ kind: 'up' });
    const params = { input: null, expression: '$sum([1..200000].($ % 7))' };
    child.send({ kind: 'job', job: createJob('transform', { lane: 'cpu', isolated: true, params }) });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTERM'] as const) child.kill(signal);
    expect(await next()).toMatchObject({ outcome: { kind: 'completed', outputsJson: '{"value":599997}' } });
    child.disconnect();
    expect(await gone).toEqual([null, 'SIGKILL']);
  });
});

describe('the product’s own expressions and templates', () => {
  it('ask for a huge allocation at the cost of their attempt alone (G14)', async () => {
    const product = await createTestPool({ cpuThreads: 2, ioThreads: 1 }, { cpuHeapMbMax: 128 });
    const expression = '$split($pad("", 200000000, "a"), "")';
    const huge = createJob('transform', { lane: 'cpu', isolated: true, params: { input: null, expression } });
    const small = createJob('transform', {
      lane: 'cpu',
      isolated: true,
      params: { input: [1, 2], expression: '$sum($)' },
    });
    const outcomes = await product.run(huge, small, createJob('noop'));
    expect(outcomes.map(codeOf)).toEqual(['WORKER_OUT_OF_MEMORY', 'completed', 'completed']);
    const template = '{{ a }}';
    const [rendered] = await product.run(
      createJob('render', { lane: 'cpu', isolated: true, params: { template, data: { a: 1 } } }),
    );
    expect(rendered).toMatchObject({ kind: 'completed', outputsJson: '{"content":"1"}' });
    await product.pool.close();
  });
});
