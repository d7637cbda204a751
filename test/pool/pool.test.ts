/**
 * Goal: what the pool of threads does beyond the suite that every pool passes (test/contract/pool.test.ts, for P1–P4): bundles,
 * turns, memory, threads of its own. Method: a real pool whose threads also know tasks that misbehave (faulty-thread.ts);
 * every wait is for an outcome, never for a time.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { createPool } from '../../src/pool/pool.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { createJob, createTestPool, type TestPool } from './harness.ts';

/** How often in a row a thread runs out of memory. */
const oomRounds = Number(process.env.WORKER_OOMS ?? 4);

const codeOf = (outcome: Outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

let threads: TestPool;
beforeAll(async () => {
  threads = await createTestPool();
});
afterAll(() => threads.pool.close());

describe('the pool', () => {
  it('runs noop and delay in both lanes and returns their outputs as JSON text', async () => {
    const jobs = [createJob('noop', { params: { any: 1 } }), createJob('delay', { params: { ms: 1 }, lane: 'cpu' })];
    for (const outcome of await threads.run(...jobs)) {
      expect(outcome).toMatchObject({ kind: 'completed', outputsJson: '{}', logs: [], metadata: null, metrics: null });
    }
  });

  it('carries hundreds of jobs in few bundles and counts those that run', async () => {
    const jobs = Array.from({ length: 500 }, () => createJob('noop'));
    const done = threads.run(...jobs);
    expect(threads.pool.stats()).toEqual({ threads: 4, running: 500 });
    expect(new Set((await done).map(codeOf))).toEqual(new Set(['completed']));
    // A thread that has just ended is replaced a moment later.
    await expect.poll(() => threads.pool.stats(), { timeout: 10_000 }).toEqual({ threads: 4, running: 0 });
  });

  it('begins a handful of jobs in a turn of a thread, which serves its sockets in between', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 });
    const jobs = Array.from({ length: 320 }, () => createJob('tells_turn'));
    const counts = new Map<string, number>();
    for (const outcome of await one.run(createJob('blocks_for_a_while'), ...jobs)) {
      const text = outcome.kind === 'completed' ? outcome.outputsJson : codeOf(outcome);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    // The counter may be behind by the first turn, which it begins in.
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(64);
    expect(counts.size).toBeGreaterThanOrEqual(9);
    await one.pool.close();
  });

  it('works inside a worker thread, where its threads are nested', async () => {
    const loader = createRequire(import.meta.url).resolve('tsx/cjs');
    const entry = fileURLToPath(new URL('./nested-coordinator.ts', import.meta.url));
    const worker = new Worker(`require(${JSON.stringify(loader)}); require(${JSON.stringify(entry)});`, {
      eval: true,
      execArgv: [],
    });
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    const codes = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`it ended with ${code} before its pool was closed`)));
    });
    expect(codes).toEqual(['completed', 'completed', 'TASK_ERROR', 'WORKER_LOST', 'completed']);
    expect(await exit).toBe(0);
  });

  it.each([
    ['is absent', 'absent-thread.ts'],
    ['throws while it loads', 'broken-thread.ts'],
  ])('refuses to start when the module of its threads %s (W8)', async (_why, file) => {
    const faults: string[] = [];
    const start = createPool(
      {
        cpuThreads: 2,
        ioThreads: 2,
        network: { allowHosts: [], ownPort: null },
        onOutcomes() {},
        onFault: faults.push,
      },
      { threadUrl: emittedUrl(`test/pool/${file}`) },
    );
    await expect(start).rejects.toThrow(/the pool's threads cannot start: .*(absent-thread|broken on purpose)/);
  });

  it('starts nothing after it was closed', async () => {
    const closing = await createTestPool({ cpuThreads: 1, ioThreads: 1 });
    closing.pool.dispatch([createJob('hears'), createJob('loops', { lane: 'cpu' })]);
    await closing.pool.close();
    closing.pool.dispatch([createJob('noop'), createJob('noop', { lane: 'cpu' })]);
    closing.pool.cancel([1]);
    await threads.run(createJob('noop'), createJob('noop', { lane: 'cpu' }));
    expect(closing.pool.stats()).toEqual({ threads: 0, running: 0 });
    expect(closing.outcomes).toEqual([]);
    expect(closing.faults).toEqual([]);
  });
});

describe('P1: every job yields exactly one outcome', () => {
  it('drops second answers, answers to jobs nobody sent, and reports rubbish', async () => {
    const odd = await createTestPool({}, { threadUrl: emittedUrl('test/pool/odd-thread.ts') });
    const jobs = [createJob('twice'), createJob('twice'), createJob('twice', { lane: 'cpu' })];
    await odd.run(...jobs);
    const silent = [createJob('silent'), createJob('silent', { lane: 'cpu' })];
    expect((await odd.run(...silent)).map(codeOf)).toEqual(['WORKER_LOST', 'WORKER_LOST']);
    await odd.pool.close();
    expect(odd.outcomes.map(({ jobId }) => jobId).sort()).toEqual(
      [...jobs, ...silent].map(({ jobId }) => jobId).sort(),
    );
    expect(
      odd.outcomes.filter((outcome) => outcome.kind === 'completed').map((outcome) => outcome.outputsJson),
    ).toEqual(['{}', '{}', '{}']);
    expect(odd.faults).toHaveLength(9);
  });

  it('keeps an outcome that was posted just before the thread ended (W1)', async () => {
    // A job that is handed to a thread about to end is lost with it, so every round has threads of its own.
    for (let round = 0; round < 3; round += 1) {
      const fresh = await createTestPool();
      const jobs = [
        createJob('exits_right_after_return'),
        createJob('exits_right_after_return'),
        createJob('exits_right_after_return', { lane: 'cpu' }),
        createJob('exits_after_return', { lane: 'cpu' }),
      ];
      expect((await fresh.run(...jobs)).map(codeOf)).toEqual(['completed', 'completed', 'completed', 'completed']);
      await fresh.pool.close();
    }
  });

  it('takes outputs of millions of values without memory for each of them', async () => {
    const small = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, { cpuHeapMbMax: 96 });
    const [outcome] = await small.run(createJob('returns_2_million_values', { lane: 'cpu' }));
    expect(outcome?.kind === 'completed' && outcome.outputsJson.length).toBe('{"json":[]}'.length + 4_000_001);
    await small.pool.close();
  });

  it(
    'reports a thread that ran out of memory, again and again (W2)',
    async () => {
      const small = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, { cpuHeapMbMax: 32 });
      for (let round = 0; round < oomRounds; round += 1) {
        const [outcome] = await small.run(createJob('exhausts_heap', { lane: 'cpu' }));
        expect(outcome).toMatchObject({ kind: 'failed', code: 'WORKER_OUT_OF_MEMORY' });
      }
      expect((await small.run(createJob('noop', { lane: 'cpu' }))).map(codeOf)).toEqual(['completed']);
      expect(small.pool.stats()).toEqual({ threads: 2, running: 0 });
      await small.pool.close();
    },
    oomRounds * 15_000,
  );
});

describe('P3: an attempt ends soon after its deadline or its cancellation', () => {
  it('ends a task that hears its signal, with what it had logged', async () => {
    const late = createJob('hears', { timeoutMs: 50 });
    const cancelled = createJob('hears');
    const both = threads.run(late, cancelled);
    threads.pool.cancel([cancelled.jobId, 999_999_999]);
    expect(await both).toMatchObject([
      { kind: 'failed', code: 'TIMEOUT', logs: ['listening'], message: expect.stringContaining('50 ms') },
      { kind: 'failed', code: 'CANCELLED', logs: ['listening'] },
    ]);
  });

  it('counts a task that completes because it was aborted as aborted', async () => {
    const cancelled = createJob('completes_when_aborted');
    const run = threads.run(createJob('completes_when_aborted', { timeoutMs: 20 }), cancelled);
    threads.pool.cancel([cancelled.jobId]);
    expect((await run).map(codeOf)).toEqual(['TIMEOUT', 'CANCELLED']);
  });

  it('ends a job that waits for its turn at once, and it never begins', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 });
    const ahead = Array.from({ length: 2_000 }, () => createJob('works_after'));
    const waiting = createJob('hears');
    const run = one.run(...ahead, waiting);
    one.pool.cancel([waiting.jobId]);
    // Cancelled when its turn comes it would be too late, and its thread be ended with all that is on it.
    expect(new Set((await run).slice(0, -1).map(codeOf))).toEqual(new Set(['completed']));
    expect((await run).at(-1)).toMatchObject({ kind: 'failed', code: 'CANCELLED', logs: [] });
    await one.pool.close();
  });

  it('counts the time of a job that waits for its turn from when it begins, and ends one that waits too long', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 }, { stuckMs: 750 });
    const neighbour = createJob('delay', { params: { ms: 9_000 } });
    const ahead = Array.from({ length: 1_300 }, () => createJob('works_after'));
    const impatient = createJob('hears', { timeoutMs: 500 });
    // Begins a second late or more: by the time of its arrival its thread would be ended before its own deadline comes.
    const hung = createJob('hears', { timeoutMs: 6_000 });
    const last = (await one.run(neighbour, ...ahead, impatient, hung)).filter(
      ({ jobId }) => !ahead.some((job) => job.jobId === jobId),
    );
    expect(last.map(codeOf)).toEqual(['completed', 'TIMEOUT', 'TIMEOUT']);
    expect(last.map(({ logs }) => logs)).toEqual([[], [], ['listening']]);
    await one.pool.close();
  });

  it('lets a task of the same length as its deadline win', async () => {
    const jobs = [1, 5, 20].map((ms) => createJob('delay', { params: { ms }, timeoutMs: ms }));
    expect((await threads.run(...jobs)).map(codeOf)).toEqual(['completed', 'completed', 'completed']);
  });

  it('waits for a thread that is busy with one attempt, whatever falls due on it meanwhile', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 });
    const due = [createJob('hears', { timeoutMs: 100 }), createJob('hears', { timeoutMs: 300 })];
    const cancelled = createJob('hears');
    const last = createJob('delay', { params: { ms: 3_000 } });
    // It begins when the others have, and nothing else happens on the thread for two seconds.
    const busy = createJob('blocks_for_two_seconds');
    const run = one.run(...due, cancelled, last, busy);
    setTimeout(() => one.pool.cancel([cancelled.jobId]), 200);
    expect((await run).map(codeOf)).toEqual(['TIMEOUT', 'TIMEOUT', 'CANCELLED', 'completed', 'completed']);
    await one.pool.close();
  });

  it('ends a thread that answers nothing, at the cost of its neighbours', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 }, { stuckMs: 500 });
    const run = one.run(createJob('hears'), createJob('loops', { timeoutMs: 200 }));
    expect((await run).map(codeOf)).toEqual(['WORKER_LOST', 'TIMEOUT']);
    expect((await one.run(createJob('noop'))).map(codeOf)).toEqual(['completed']);
    await one.pool.close();
  });

  it('ends a task of the I/O lane that ignores its signal, at the cost of its thread', async () => {
    const one = await createTestPool({ ioThreads: 1, cpuThreads: 1 });
    const neighbour = createJob('hears');
    const cancelledNeighbour = createJob('deaf');
    const run = one.run(createJob('deaf', { timeoutMs: 60_000 }), neighbour, cancelledNeighbour);
    one.pool.cancel([cancelledNeighbour.jobId]);
    expect((await run).map(codeOf)).toEqual(['WORKER_LOST', 'WORKER_LOST', 'CANCELLED']);
    expect((await one.run(createJob('deaf', { timeoutMs: 100 }), createJob('hears'))).map(codeOf)).toEqual([
      'TIMEOUT',
      'WORKER_LOST',
    ]);
    expect((await one.run(createJob('noop'))).map(codeOf)).toEqual(['completed']);
    await one.pool.close();
  });
});

describe('P4: a thread that dies costs the attempts that were on it, and no other', () => {
  it('costs all attempts of a shared thread that have no outcome yet, and none on the other thread', async () => {
    const jobs = [createJob('noop'), createJob('exits_later'), createJob('hears'), createJob('hears')];
    const [first, second, third, fourth] = jobs.map(({ jobId }) => threads.outcomeOf(jobId));
    threads.pool.dispatch(jobs);
    expect(await first).toMatchObject({ kind: 'completed' });
    expect(await second).toMatchObject({ code: 'WORKER_LOST', message: expect.stringContaining('code: 3') });
    threads.pool.cancel(jobs.map(({ jobId }) => jobId));
    expect(await Promise.all([third, fourth])).toMatchObject([{ code: 'CANCELLED' }, { code: 'CANCELLED' }]);
  });
});
