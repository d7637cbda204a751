/** Goal: when a checkpoint is made: at its bytes, after ten quiet minutes, one at a time. Method: a store that counts cuts. */
import { expect, test } from 'vitest';
import { Checkpoints, type CheckpointsOptions } from '../../../src/coordinator/files/checkpointing.ts';
import { StillClock, settle } from '../../damage/still-clock.ts';

function checkpointsOf(bytesMax?: number) {
  const clock = new StillClock();
  const store = { bytesSinceCut: 0, nextSeq: 8, cut: () => (cuts.push(store.bytesSinceCut), 1) };
  const cuts: number[] = [];
  const faults: unknown[] = [];
  const held: (() => void)[] = [];
  const views = {
    coverAfter: () => undefined,
    flush: () => new Promise((_, reject) => held.push(() => reject(new Error('no room')))),
  };
  const options = { store, clock, bytesMax, views, onFault: (error: unknown) => void faults.push(error) };
  const checkpoints = new Checkpoints(options as unknown as CheckpointsOptions);
  const fail = async () => {
    held.shift()?.();
    await settle(1);
  };
  return { checkpoints, store, clock, cuts, faults, fail };
}

test.each([
  [1_000, 1_000],
  [undefined, 8 * 1024 * 1024],
])('with %s bytes asked for it comes at %d, and not a byte before', (asked, bytes) => {
  const { checkpoints, store, cuts } = checkpointsOf(asked);
  store.bytesSinceCut = bytes - 1;
  checkpoints.afterBatch();
  expect(cuts).toEqual([]);
  store.bytesSinceCut = bytes;
  checkpoints.afterBatch();
  expect(cuts).toEqual([bytes]);
});

test('after ten minutes without a batch, from the last one on', () => {
  const { checkpoints, clock, cuts } = checkpointsOf();
  checkpoints.afterBatch();
  clock.advance(9 * 60_000);
  checkpoints.afterBatch();
  clock.advance(10 * 60_000 - 1);
  expect(cuts.length).toBe(0);
  clock.advance(1);
  expect([cuts.length, clock.timers]).toEqual([1, []]);
});

test('one at a time; after one that failed the next is another', async () => {
  const { checkpoints, cuts, faults, fail } = checkpointsOf();
  const first = checkpoints.make();
  expect(checkpoints.make()).toBe(first);
  await fail();
  await first;
  expect([cuts.length, faults.length, checkpoints.made]).toEqual([1, 1, 0]);
  const second = checkpoints.make();
  expect(cuts.length).toBe(2);
  await fail();
  await second;
});
