/**
 * Goal: workflows at the published bound finish, can be fetched and are right to the last step. A lattice, because every
 * step of it waits for several, and a fan-out, because one step sets all others going at once.
 */
import { expect, test } from 'vitest';
import { refusalOf, startEngine } from './running-engine.ts';

test('a lattice of 10,000 steps finishes, each step after those it waits for', async () => {
  const { engine, dir } = await startEngine({ settings: { maxParallelNodes: 64 } });
  const width = 100;
  const steps = Array.from({ length: 100 * width }, (_, n) => {
    const [row, column] = [Math.floor(n / width), n % width];
    const above = [column - 1, column, column + 1].filter((c) => c >= 0 && c < width);
    return {
      id: `s${n}`,
      action: 'noop',
      dependencies: row === 0 ? [] : above.map((c) => `s${(row - 1) * width + c}`),
    };
  });
  const { id } = await engine.submit({ name: 'lattice', steps });
  const { workflow } = await engine.finished(id);
  expect(workflow).toMatchObject({ status: 'COMPLETED', progress: 100, version: 20_001 });
  const ends = new Map(workflow.steps.map((step) => [step.id, Date.parse(step.endTime!)]));
  for (const step of workflow.steps) {
    expect(step.status).toBe('COMPLETED');
    for (const dependency of step.dependencies) {
      if (Date.parse(step.startTime!) < ends.get(dependency)!)
        throw new Error(`${step.id} began before ${dependency} ended`);
    }
  }
  await engine.close();
  expect(dir.state(id)).toEqual(workflow);
  expect(dir.queue()).toEqual([]);
});

test('a fan-out of 20,000 steps finishes and is fetched whole; one step more is refused', async () => {
  const { engine } = await startEngine({ settings: { maxParallelNodes: 64 } });
  const steps = Array.from({ length: 20_000 }, (_, n) => ({
    id: `s${n}`,
    action: 'noop',
    ...(n === 0 ? {} : { dependencies: ['s0'] }),
  }));
  const { id } = await engine.submit({ name: 'fan-out', steps });
  expect((await engine.finished(id)).status).toBe('COMPLETED');
  const { workflow } = await engine.get(id);
  expect(workflow.steps).toHaveLength(20_000);
  expect(workflow.steps.every((step) => step.status === 'COMPLETED' && step.attempt === 1)).toBe(true);
  expect((await engine.getStep(id, 's19999')).status).toBe('COMPLETED');
  const refusal = await refusalOf(engine.submit({ name: 'more', steps: [...steps, { id: 'one', action: 'noop' }] }));
  expect(refusal).toMatchObject({ code: 'INVALID', status: 422, errors: [{ path: 'steps' }] });
});
