/** Goal: what a workflow that is set aside has added to the first batch is taken back whole, and nothing else is (R5, R6). */
import { expect, test } from 'vitest';
import { limits } from '../../../src/contract/limits.ts';
import { FirstBatch } from '../../../src/coordinator/recovery/first-batch.ts';

const event = (workflowId: string, version: number) =>
  ({ kind: 'workflow.stopped', workflowId, at: 1_000, version }) as const;
const deleted = (seq: number) => ({
  seq,
  event: { kind: 'workflow.deleted', workflowId: `w${seq}`, at: 1, version: 2 },
});

function show(batch: FirstBatch) {
  const { published, publishedAfter } = batch.toWindow();
  const payloads = batch.payloads.map((json) => JSON.parse(json).workflowId);
  return { nextSeq: batch.nextSeq, payloads, published: published.map(({ seq }) => seq), publishedAfter };
}

test('undo takes back payloads, numbers and what followers would be shown since the mark', () => {
  const batch = new FirstBatch(10);
  expect(batch.append(event('first', 2))).toBe(10);
  batch.publishDeleted(deleted(10) as never);
  const before = show(batch);
  expect(before).toEqual({ nextSeq: 11, payloads: ['first'], published: [10], publishedAfter: 9 });
  const mark = batch.mark();
  expect(batch.append(event('second', 2))).toBe(11);
  batch.publishDeleted(deleted(11) as never);
  batch.undo(mark);
  expect(show(batch)).toEqual(before);
  expect(batch.append(event('third', 2))).toBe(11);
  expect(show(batch).payloads).toEqual(['first', 'third']);
});

test('followers can come back to the latest events, as many as are held and no more', () => {
  const next = limits.eventWindowMax + 50;
  const batch = new FirstBatch(next);
  for (const seq of [48, 49, 50, 51, next - 1]) batch.publishDeleted(deleted(seq) as never);
  expect(batch.toWindow().published.map(({ seq }) => seq)).toEqual([50, 51, next - 1]);
  expect(batch.toWindow().publishedAfter).toBe(next - 2);
});
