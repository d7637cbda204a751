/** Goal: a reader takes events at its own pace, and one that stays far behind costs a bounded memory and is told of the gap. */
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../src/contract/event.ts';
import { limits } from '../../src/contract/limits.ts';
import { EventQueue } from '../../src/engine/follower.ts';

const event = (seq: number): EngineEvent => ({
  seq,
  kind: 'step.started',
  workflow_id: 'w',
  at: '2026-01-01T00:00:00.000Z',
  status: 'RUNNING',
  version: seq,
});

test('a reader that does not read gets a gap in place of the oldest events, then every later one', async () => {
  const queue = new EventQueue(undefined);
  const { eventWindowMax } = limits;
  const count = 2 * eventWindowMax + 1;
  for (let seq = 1; seq <= count; seq += 1) queue.push([event(seq)]);
  const items = queue.drain();
  const oldest = count - eventWindowMax + 1;
  expect((await items.next()).value).toEqual({ kind: 'gap', after: 0, oldest });
  for (let seq = oldest; seq <= count; seq += 1) expect((await items.next()).value).toMatchObject({ seq });
  queue.push([event(count + 1)]);
  expect((await items.next()).value).toMatchObject({ seq: count + 1 });
});

test('an end is seen at once, by a reader that waits and by one in the middle of what it has', async () => {
  const [waiting, reading] = [new EventQueue(undefined), new EventQueue(undefined)];
  const next = waiting.drain().next();
  waiting.end();
  expect((await next).done).toBe(true);
  const items = reading.drain();
  reading.push([event(1), event(2)]);
  await items.next();
  reading.end();
  expect((await items.next()).done).toBe(true);
  expect((await new EventQueue(AbortSignal.abort()).drain().next()).done).toBe(true);
});
