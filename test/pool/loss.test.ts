/** Goal: the outcome of an attempt without one of its own says who ended it before it says how its place died. */
import { expect, test } from 'vitest';
import { toLostOutcome } from '../../src/pool/loss.ts';
import { createJob } from './harness.ts';

const job = createJob('noop', { timeoutMs: 1_500 });
const place = { place: 'thread', reason: 'it ended with code 1' } as const;

test.each([
  ['CANCELLED', 'the attempt was cancelled'],
  ['TIMEOUT', "the attempt took longer than its 1500 ms; raise the step's timeoutMs if it needs more"],
] as const)('%s is told, also where its memory ran out while it was ended', (ended, message) => {
  for (const isOutOfMemory of [false, true]) {
    expect(toLostOutcome(job, { ...place, ended, isOutOfMemory })).toMatchObject({ code: ended, message });
  }
});

test('a place that ran out of memory is told apart from one that was lost, each by its kind', () => {
  const fields = { kind: 'failed', jobId: job.jobId, retryAfterMs: null, logs: [], metadata: null, metrics: null };
  expect(toLostOutcome(job, { ...place, ended: null, isOutOfMemory: true })).toEqual({
    ...fields,
    code: 'WORKER_OUT_OF_MEMORY',
    message: 'the thread of this attempt ran out of memory',
    isLost: true,
  });
  expect(toLostOutcome(job, { ...place, place: 'process', ended: null, isOutOfMemory: false })).toEqual({
    ...fields,
    code: 'WORKER_LOST',
    message: 'the process of this attempt was lost: it ended with code 1',
    isLost: true,
  });
});
