/**
 * Goal: an answer shows outputs whole that lie in blobs, whether the workflow is in memory, has finished, or the answer was
 * given before under a key. Method: one step with large outputs, one that the test holds.
 */
import { expect, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { live } from './restarts.ts';

const content = 'x'.repeat(100_000);

test('outputs in blobs are whole in every answer, and the file names the blob', async () => {
  const { engine, holds, dir, coordinator } = await live();
  const big = { id: 'big', action: 'hold', params: { name: 'big', outputs: { content } } };
  const { id } = await engine.submit({ name: 'blobs', steps: [big, holds.step('other')] });
  await holds.arrived('big');
  expect((await engine.get(id)).workflow.steps[0]?.outputs).toBeNull();
  holds.release('big');
  await expect.poll(async () => (await engine.getStep(id, 'big')).status, { timeout: 30_000 }).toBe('COMPLETED');
  const isWhole = ({ workflow }: { workflow: Workflow }) => workflow.steps[0]?.outputs?.content === content;

  expect(isWhole(await engine.get(id))).toBe(true);
  const stopped = await engine.stop(id, { idempotencyKey: 'k' });
  const again = await engine.stop(id, { idempotencyKey: 'k' });
  expect([isWhole(stopped), isWhole(again), again.replayed]).toEqual([true, true, true]);
  await expect.poll(() => coordinator.parts.workflows.live.has(id), { timeout: 30_000 }).toBe(false);
  expect(isWhole(await engine.get(id))).toBe(true);
  expect(dir.state(id).steps[0]?.outputs).toEqual({ blob: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: 100_014 });
});
