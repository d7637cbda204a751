/** Goal: a pool that is not there yet is given nothing, and its failure is told once. The engine takes work meanwhile. */
import { expect, onTestFinished, test } from 'vitest';
import type { Job, PoolPort } from '../../../src/contract/job.ts';
import { LatePool } from '../../../src/coordinator/steps/late-pool.ts';
import { live } from '../restarts.ts';

const hearer = { onOutcomes: () => undefined, onSaid: () => undefined, onCapacity: () => undefined };

function job(jobId: number): Job {
  return { jobId } as Job;
}

function late(): { coming: LatePool; arrive(): void; fail(error: Error): void; seen: string[] } {
  const seen: string[] = [];
  const pool: PoolPort = {
    capacity: () => ({ attemptsMax: 7, cpuAttemptsMax: 2 }),
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
  return {
    coming: new LatePool({ attemptsMax: 4, cpuAttemptsMax: 1 }, () => promise),
    arrive: () => arrive(),
    fail: (error) => fail(error),
    seen,
  };
}

test('once its threads are there it passes everything on', async () => {
  const { coming, arrive, seen } = late();
  expect(coming.stats()).toEqual({ threads: 0, running: 0 });
  const started = coming.start(hearer);
  arrive();
  await started;
  coming.dispatch([job(1), job(2)]);
  coming.cancel([1]);
  expect(seen).toEqual(['run 1 2', 'cancel 1']);
  expect(coming.stats()).toEqual({ threads: 4, running: 1 });
});

test('until it is there it has room for what is expected, and then says that this has changed', async () => {
  const { coming, arrive } = late();
  const told: unknown[] = [];
  const started = coming.start({ ...hearer, onCapacity: () => told.push(coming.capacity()) });
  expect(coming.capacity()).toEqual({ attemptsMax: 4, cpuAttemptsMax: 1 });
  arrive();
  await started;
  expect(told).toEqual([{ attemptsMax: 7, cpuAttemptsMax: 2 }]);
});

test('work that comes before the threads is a broken rule', () => {
  const { coming } = late();
  expect(() => coming.dispatch([job(1)])).toThrow('broken rule P1: a job for the pool before its threads are there');
  expect(() => coming.cancel([1])).toThrow('broken rule P1: a job for the pool before its threads are there');
});

test('closing waits for the pool and ends it', async () => {
  const { coming, arrive, seen } = late();
  const started = coming.start(hearer);
  const closed = coming.close();
  arrive();
  await Promise.all([started, closed]);
  expect(seen).toEqual(['close']);
});

test('one that was never started has nothing to close', async () => {
  const { coming, seen } = late();
  await coming.close();
  expect(seen).toEqual([]);
});

test('a pool that cannot start is told by start, and its closing does no harm', async () => {
  const { coming, fail, seen } = late();
  const started = coming.start(hearer);
  fail(new Error('no thread'));
  await expect(started).rejects.toThrow('no thread');
  await coming.close();
  expect(seen).toEqual([]);
});

test('the engine takes work before its threads are there, and starts none of it', async () => {
  let arrive = (): void => undefined;
  const poolReady = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let giveUp = (_: Error): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const { engine } = await live(undefined, { poolReady, onFatal: () => giveUp(new Error('the engine ended')) });
  // Closing waits for them.
  onTestFinished(() => arrive());
  const submitted = engine.submit({ name: 'early', steps: [{ id: 'a', action: 'noop' }] });
  const { id } = await Promise.race([submitted, ended]);
  const { workflow } = await Promise.race([engine.get(id), ended]);
  expect(workflow.steps[0]).toMatchObject({ status: 'PENDING', attempt: 0 });
  arrive();
  expect((await engine.finished(id)).workflow.status).toBe('COMPLETED');
});

test('an engine whose threads cannot load ends with 70', async () => {
  let tell = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const poolReady = Promise.reject(new Error('no thread'));
  // Its failure is met once recovery is through.
  poolReady.catch(() => undefined);
  const { fatal, exitStatuses } = await live(undefined, { poolReady, onFatal: () => tell() });
  await ended;
  expect(fatal).toEqual([expect.stringContaining('no thread')]);
  expect(exitStatuses).toEqual([70]);
});
