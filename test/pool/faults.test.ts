/**
 * Goal: whatever mixture of faults the threads and processes of a pool go through, each job ends exactly once, and the pool is
 * afterwards what it was before (P1, P4, W9). Method: seeded random jobs on a real pool, as many at once as it has slots.
 * `WORKER_FAULTS` sets the number of jobs, `WORKER_SEED` chooses them.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { Job, Outcome } from '../../src/contract/job.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { createJob, createTestPool } from './harness.ts';

const jobsCount = Number(process.env.WORKER_FAULTS ?? 120);
const seed = Number(process.env.WORKER_SEED ?? 20);
const ioSlots = 8;

/** What a job may do, and how it may end: a fault beside it can end a job of the I/O lane as well, with their thread. */
const ends: Record<string, readonly string[]> = {
  noop: ['completed'],
  throws: ['TASK_ERROR'],
  throws_null: ['TASK_ERROR'],
  returns_bigint: ['OUTPUT_INVALID'],
  returns_cycle: ['OUTPUT_INVALID'],
  exits: ['WORKER_LOST'],
  exits_with_3: ['WORKER_LOST'],
  exits_later: ['WORKER_LOST', 'TIMEOUT'],
  rejects_unhandled: ['WORKER_LOST'],
  throws_uncaught: ['WORKER_LOST'],
  hears: ['TIMEOUT'],
  completes_when_aborted: ['TIMEOUT'],
  // Of the CPU lane alone: each would take the grace of its whole thread in the other.
  loops: ['TIMEOUT'],
  backtracks: ['TIMEOUT'],
  waits_on_memory: ['TIMEOUT'],
  deaf: ['TIMEOUT'],
};
const actions = Object.keys(ends);
const cpuOnly = 4;
/** Those of the CPU lane that run in a process. */
const isolatedActions = new Set(['returns_cycle', 'exits_with_3', 'backtracks']);

const codeOf = (outcome: Outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

test(`${jobsCount} jobs with random faults end once each, and leave the pool as it was (WORKER_SEED=${seed})`, {
  // Each thread that dies takes half a second of a core to replace, more where others use it.
  timeout: 60_000 + jobsCount * 2_000,
}, async () => {
  const startedAt = performance.now();
  const { pool, outcomes, faults, run } = await createTestPool(
    {},
    {
      processUrl: emittedUrl('test/pool/faulty-process.ts'),
    },
  );
  onTestFinished(() => pool.close());
  const random = createSeeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const jobs = Array.from({ length: jobsCount }, (): Job => {
    const lane = below(4) === 0 ? 'cpu' : 'io';
    const action = actions[below(lane === 'cpu' ? actions.length : actions.length - cpuOnly)] ?? 'noop';
    const isolated = lane === 'cpu' && isolatedActions.has(action);
    return createJob(action, { lane, isolated, timeoutMs: action === 'exits_later' ? 10_000 : 100 + below(100) });
  });
  const runLane = async (lane: Job['lane'], slots: number) => {
    const waiting = jobs.filter((job) => job.lane === lane);
    const runSlot = async () => {
      for (let job = waiting.shift(); job; job = waiting.shift()) await run(job);
    };
    await Promise.all(Array.from({ length: slots }, runSlot));
  };
  await Promise.all([runLane('cpu', pool.capacity().cpuAttemptsMax), runLane('io', ioSlots)]);

  expect(outcomes.map(({ jobId }) => jobId).sort((a, b) => a - b)).toEqual(jobs.map(({ jobId }) => jobId));
  const codes = new Map(outcomes.map((outcome) => [outcome.jobId, codeOf(outcome)]));
  const unexpected = jobs.filter(({ jobId, action, lane }) => {
    const allowed = [...(ends[action] ?? []), 'TIMEOUT', ...(lane === 'io' ? ['WORKER_LOST'] : [])];
    return !allowed.includes(codes.get(jobId) ?? 'none');
  });
  expect(unexpected).toEqual([]);
  // A thread that has just ended is replaced a moment later.
  await expect.poll(() => pool.stats(), { timeout: 30_000 }).toEqual({ threads: 4, running: 0 });
  expect(faults).toEqual([]);
  const open = process.getActiveResourcesInfo();
  const count = (kind: string) => open.filter((name) => name === kind).length;
  // One port or two for each thread, a pipe and a channel for each process; a leak leaves one for each job or death.
  expect({
    ports: count('MessagePort') < 30,
    processes: count('ProcessWrap') <= 2,
    pipes: count('PipeWrap') < 20,
  }).toEqual({
    ports: true,
    processes: true,
    pipes: true,
  });
  reportFigures('worker faults', startedAt, {
    cases: jobs.length,
    deaths: [...codes.values()].filter((code) => code === 'WORKER_LOST' || code === 'TIMEOUT').length,
    lostAcknowledged: jobs.length - codes.size,
    changedResults: unexpected.length,
    repeatedSteps: outcomes.length - codes.size,
    unreadableFiles: 0,
  });
});
