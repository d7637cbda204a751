/**
 * Goal: the slots follow what the pool has room for, and never exceed MAX_PARALLEL_NODES (D1). Method: an engine whose pool
 * changes its mind about its room, and steps that end when the test says so.
 */
import { expect, test } from 'vitest';
import type { Capacity } from '../../../src/contract/job.ts';
import { type Life, live } from '../restarts.ts';

interface Roomy extends Life {
  setRoom(capacity: Capacity): void;
  running(): number;
}

async function roomy(attemptsMax: number): Promise<Roomy> {
  let capacity: Capacity = { attemptsMax, cpuAttemptsMax: attemptsMax };
  let tell = (): void => undefined;
  const life = await live(undefined, {
    wrapPool: (options, pool) => {
      tell = () => options.onCapacity?.();
      return { ...pool, capacity: () => capacity };
    },
  });
  return {
    ...life,
    setRoom(next) {
      capacity = next;
      tell();
    },
    running: () => life.coordinator.parts.readySteps.schedule.running,
  };
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

test('steps wait while the pool has no room, and start when it says that it has', async () => {
  const life = await roomy(0);
  const { holds, engine } = life;
  await engine.submit({ name: 'w', steps: names.map((name) => holds.step(name)) });
  expect(life.running()).toBe(0);
  life.setRoom({ attemptsMax: 2, cpuAttemptsMax: 2 });
  await Promise.all([holds.arrived('a'), holds.arrived('b')]);
  expect(life.running()).toBe(2);
  expect((await engine.stats()).queue.max_parallel_nodes).toBe(2);
});

test('MAX_PARALLEL_NODES bounds a pool that has room for more', async () => {
  const life = await roomy(2);
  const { holds, engine } = life;
  await engine.submit({ name: 'w', steps: names.map((name) => holds.step(name)) });
  life.setRoom({ attemptsMax: 1_000, cpuAttemptsMax: 1_000 });
  await Promise.all(names.slice(0, 4).map((name) => holds.arrived(name)));
  expect(life.running()).toBe(4);
});

test('where room is lost, what runs runs on, and the next step starts only when fewer run than there is room for', async () => {
  const life = await roomy(3);
  const { holds, engine } = life;
  const { id } = await engine.submit({ name: 'w', steps: names.map((name) => holds.step(name)) });
  await Promise.all(names.slice(0, 3).map((name) => holds.arrived(name)));
  life.setRoom({ attemptsMax: 2, cpuAttemptsMax: 2 });
  holds.release('a');
  await expect.poll(async () => (await engine.get(id)).workflow.steps[0]?.status).toBe('COMPLETED');
  expect([life.running(), holds.arrivals('d')]).toEqual([2, 0]);
  holds.release('b');
  await holds.arrived('d');
  expect(life.running()).toBe(2);
  expect(life.fatal).toEqual([]);
});
