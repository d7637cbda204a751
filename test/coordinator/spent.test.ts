/**
 * Goal: what an attempt has used is kept although its result counts no longer (M3, G4). Method: steps that say what they
 * have used at their beginning, and end when the test says so, after their workflow was stopped.
 */
import { expect, test } from 'vitest';
import type { Life } from './restarts.ts';
import { live, newDir, restart } from './restarts.ts';

const spends = { model: 'm', tokens: 7, cost: 0.25, calls: 1 };

async function stopped({ engine, holds }: Life): Promise<string> {
  const params = { name: 'a', stubborn: true, spends };
  const { id } = await engine.submit({ name: 'dear', steps: [{ id: 'a', action: 'hold', params }] });
  await holds.arrived('a');
  await engine.stop(id);
  return id;
}

async function follow({ engine }: Life): Promise<void> {
  for await (const event of engine.events()) if (event.kind === 'step.spent') return;
}

test('an attempt that ends after its step was stopped has cost what it has, now and after a crash', {
  timeout: 10_000,
}, async () => {
  const life = await live();
  const id = await stopped(life);
  expect((await life.engine.get(id)).workflow.metrics).toMatchObject({ total_cost: 0, total_tokens: 0 });
  const told = follow(life);
  life.holds.release('a');
  await told;
  const expected = {
    status: 'STOPPED',
    metrics: { total_cost: 0.25, total_tokens: 7 },
    cost_breakdown: { m: 0.25 },
    steps: [{ status: 'STOPPED', outputs: null, execution_metrics: spends }],
  };
  expect((await life.engine.get(id)).workflow).toMatchObject(expected);
  const next = await restart(life.dir);
  expect((await next.engine.get(id)).workflow).toMatchObject(expected);
});

test('K3: a stopped workflow leaves memory once its last attempt has ended', async () => {
  const dir = newDir();
  const life = await live(dir);
  const id = await stopped(life);
  await dir.untilState(id, ({ status }) => status === 'STOPPED');
  expect(life.coordinator.parts.workflows.live.size).toBe(1);
  life.holds.release('a');
  await expect.poll(() => life.coordinator.parts.workflows.live.size).toBe(0);
  expect((await life.engine.get(id)).workflow.metrics).toMatchObject({ total_cost: 0.25 });
});

test('what a deleted workflow still runs is let go', async () => {
  const life = await live();
  const id = await stopped(life);
  await life.engine.delete(id);
  life.holds.release('a');
  await expect.poll(() => life.log.filter((line) => line.includes('late outcome dropped')).length).toBe(1);
  expect(life.coordinator.parts.workflows.live.size).toBe(0);
  expect(life.fatal).toEqual([]);
});
