/** Goal: a pool that is not there yet loses nothing and reorders nothing, and its failure is told once. */
import { expect, test } from 'vitest';
import type { Job, PoolPort } from '../../src/contract/job.ts';
import { ComingPool } from '../../src/coordinator/coming-pool.ts';

function job(jobId: number): Job {
  return { jobId } as Job;
}

function late(): { coming: ComingPool; arrive(): void; fail(error: Error): void; seen: string[] } {
  const seen: string[] = [];
  const pool: PoolPort = {
    cpuThreads: 2,
    dispatch: (jobs) => void seen.push(`run ${jobs.map(({ jobId }) => jobId).join(' ')}`),
    cancel: (jobIds) => void seen.push(`cancel ${jobIds.join(' ')}`),
    stats: () => ({ threads: 4, running: 1 }),
    close: async () => void seen.push('close'),
  };
  let arrive = (): void => undefined;
  let fail = (_: Error): void => undefined;
  const promise = new Promise<PoolPort>((resolve, reject) => {
    arrive = () => resolve(pool);
    fail = reject;
  });
  return { coming: new ComingPool(2, promise), arrive: () => arrive(), fail: (error) => fail(error), seen };
}

test('jobs and cancellations that come early reach the pool in their order, and later ones behind them', async () => {
  const { coming, arrive, seen } = late();
  coming.dispatch([job(1), job(2)]);
  coming.cancel([1]);
  expect(seen).toEqual([]);
  expect(coming.stats()).toEqual({ threads: 0, running: 0 });
  arrive();
  await coming.ready;
  coming.dispatch([job(3)]);
  expect(seen).toEqual(['run 1 2', 'cancel 1', 'run 3']);
  expect(coming.stats()).toEqual({ threads: 4, running: 1 });
});

test('closing waits for the pool and ends it', async () => {
  const { coming, arrive, seen } = late();
  const closed = coming.close();
  arrive();
  await closed;
  expect(seen).toEqual(['close']);
});

test('a pool that cannot start is told by ready; jobs for it and its closing do no harm', async () => {
  const { coming, fail, seen } = late();
  coming.dispatch([job(1)]);
  fail(new Error('no thread'));
  await expect(coming.ready).rejects.toThrow('no thread');
  await coming.close();
  expect(seen).toEqual([]);
});
