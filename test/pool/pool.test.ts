/**
 * Goal: P1–P4 of `contract/job.ts` hold whatever a task does. Method: a real pool whose threads also know tasks that
 * misbehave; every wait is for an outcome, never for a time.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJob, createTestPool, type TestPool } from './harness.ts';

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
});
