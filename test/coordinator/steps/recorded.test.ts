/**
 * Goal: a pool that keeps outcomes outside this process is told when each is durable, not before, and of every attempt once.
 * Method: a pool that notes what it is told, and a store that notes what it has written.
 */
import { expect, test } from 'vitest';
import type { StorePort } from '../../../src/contract/store.ts';
import { type Life, live } from '../restarts.ts';

/** In order: the kinds of events that were appended, and `recorded <step>`. */
async function noted(): Promise<{ life: Life; seen: string[] }> {
  const seen: string[] = [];
  const steps = new Map<number, string>();
  const life = await live(undefined, {
    wrapStore: (store: StorePort) =>
      new Proxy(store, {
        get: (target, key) => {
          const value = Reflect.get(target, key, target) as unknown;
          if (typeof value !== 'function') return value;
          if (key !== 'append') return value.bind(target) as unknown;
          return (payloads: readonly string[]) => {
            target.append(payloads);
            for (const payload of payloads) seen.push((JSON.parse(payload) as { kind: string }).kind);
          };
        },
      }),
    wrapPool: (_, pool) => ({
      ...pool,
      dispatch(jobs) {
        for (const { jobId, stepId } of jobs) steps.set(jobId, stepId);
        pool.dispatch(jobs);
      },
      recorded: (jobIds) => void seen.push(...jobIds.map((jobId) => `recorded ${steps.get(jobId)}`)),
    }),
  });
  return { life, seen };
}

const told = (seen: readonly string[]) => seen.filter((line) => line.startsWith('recorded'));

test('an outcome is called recorded when its event is in the journal, not before, once', async () => {
  const { life, seen } = await noted();
  const { engine, holds } = life;
  const { id } = await engine.submit({ name: 'w', steps: [holds.step('a'), holds.step('b', { dependencies: ['a'] })] });
  await holds.arrived('a');
  expect(told(seen)).toEqual([]);
  holds.release('a');
  await holds.arrived('b');
  holds.release('b');
  await engine.finished(id);
  await expect.poll(() => told(seen)).toEqual(['recorded a', 'recorded b']);
  for (const step of ['recorded a', 'recorded b']) {
    const before = seen.slice(0, seen.indexOf(step)).filter((line) => line === 'step.completed');
    expect(before).toHaveLength(step === 'recorded a' ? 1 : 2);
  }
});

test('one that changes no step is called recorded as well: its step was stopped, or its workflow deleted', async () => {
  const { life, seen } = await noted();
  const { engine, holds } = life;
  const stubborn = (name: string) => holds.step(name, { params: { name, stubborn: true } });
  const { id } = await engine.submit({ name: 'w', steps: [stubborn('a')] });
  const { id: other } = await engine.submit({ name: 'v', steps: [stubborn('b')] });
  await Promise.all([holds.arrived('a'), holds.arrived('b')]);
  await engine.stop(id);
  await engine.stop(other);
  await engine.delete(other);
  expect(told(seen)).toEqual([]);
  holds.release('a');
  holds.release('b');
  await expect.poll(() => told(seen).sort()).toEqual(['recorded a', 'recorded b']);
});

test('a failed attempt that is tried again is called recorded, and its next one too', async () => {
  const { life, seen } = await noted();
  const { engine, holds } = life;
  const retry = { attemptsMax: 2, backoffMs: 0 };
  const { id } = await engine.submit({ name: 'w', steps: [holds.step('a', { retry })] });
  await holds.arrived('a');
  holds.release('a', 'fail');
  await holds.arrived('a', 2);
  expect(told(seen)).toEqual(['recorded a']);
  holds.release('a');
  await engine.finished(id);
  await expect.poll(() => told(seen)).toEqual(['recorded a', 'recorded a']);
});
