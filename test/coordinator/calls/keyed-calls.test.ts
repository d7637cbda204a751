/** Goal: calls wait in an inbox of bounded length, and leave no workflow pinned (K3). Method: a loop that only takes items. */
import { expect, test } from 'vitest';
import { Refusal } from '../../../src/contract/failures.ts';
import { limits } from '../../../src/contract/limits.ts';
import { KeyedCalls, type KeyedCallsParts } from '../../../src/coordinator/calls/keyed-calls.ts';
import { Batch, type Item } from '../../../src/coordinator/turns.ts';

function callsOf(waiting: number) {
  const items: Item[] = [];
  const pins: string[] = [];
  const live = { state: { header: { id: 'w' }, resultsSize: 700 } };
  const rooms: number[] = [];
  const checkRoom = (_: Batch, size: () => number) => rooms.push(size());
  const parts = {
    turns: { isStuck: false, waiting, push: (item: Item) => items.push(item), checkRoom },
    workflows: {
      live: new Map([['w', live]]),
      keyOwner: () => undefined,
      madeUnder: () => undefined,
      refusal: () => gone,
    },
    recall: {
      async pin() {
        pins.push('pinned');
        return live;
      },
      release: () => pins.push('released'),
    },
  };
  return { calls: new KeyedCalls(parts as unknown as KeyedCallsParts), items, pins, rooms, live, parts };
}

const gone = new Refusal({ code: 'NOT_FOUND', detail: 'gone' });

/** One turn: its batch is durable at once. */
function turn(items: Item[]): void {
  const batch = new Batch(1);
  for (const item of items.splice(0)) item.run(batch);
  for (const effect of batch.effects) if (effect.kind === 'answer') effect.to.answer();
}

test('the last place of the inbox is taken, and the call after it is refused', async () => {
  const { calls, items } = callsOf(limits.inboxCommandsMax - 1);
  const last = calls.inTurn(undefined, () => 'done');
  expect(items.length).toBe(1);
  turn(items);
  expect(await last).toBe('done');
  const full = callsOf(limits.inboxCommandsMax);
  await expect(full.calls.inTurn(undefined, () => 'done')).rejects.toMatchObject({
    code: 'BUSY',
    detail: `${limits.inboxCommandsMax} calls are waiting already. Try again in a moment.`,
    retryAfterSeconds: 1,
  });
  expect(full.items).toEqual([]);
});

test('K3: a workflow is released once, whether its call succeeds or is refused', async () => {
  const { calls, pins } = callsOf(0);
  expect(await calls.pinned('w', async () => 1)).toBe(1);
  await expect(calls.pinned('w', () => Promise.reject(gone))).rejects.toBe(gone);
  expect(pins).toEqual(['pinned', 'released', 'pinned', 'released']);
});

test('a call about a workflow that was deleted before its turn is refused, and nothing is run', async () => {
  const { calls, items, live, parts } = callsOf(0);
  let runs = 0;
  const call = calls.inTurnOf(live as never, undefined, () => {
    runs += 1;
  });
  parts.workflows.live.delete('w');
  turn(items);
  await expect(call).rejects.toBe(gone);
  expect(runs).toBe(0);
});

test('a call under a key asks for room for its answer too, which holds the results', async () => {
  const { calls, items, rooms, live } = callsOf(0);
  const claim = { key: 'k', request: 'r', requestAsSent: 's' };
  const made = [
    calls.inTurnOf(live as never, undefined, () => 1),
    calls.inTurnOf(
      live as never,
      undefined,
      () => 1,
      () => 20,
    ),
    calls.inTurnOf(
      live as never,
      claim,
      () => 1,
      () => 20,
    ),
  ];
  turn(items);
  await Promise.all(made);
  expect(rooms).toEqual([0, 20, 720]);
});
