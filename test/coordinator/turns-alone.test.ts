/**
 * Goal: the loop answers each call once and leaves no timer and no waiting caller behind, on a full disk and at its end (T2,
 * T3). Method: the loop alone, over a journal that has room when the test says so, and a clock that the test moves.
 */
import { expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { DiskFullError, type StorePort } from '../../src/contract/store.ts';
import { type Batch, Turns } from '../../src/coordinator/turns.ts';
import { StillClock, settle } from '../damage/still-clock.ts';

function createLoop() {
  const clock = new StillClock();
  const journal: string[][] = [];
  const told: boolean[] = [];
  const answered: string[] = [];
  const disk = { isFull: false, free: Number.POSITIVE_INFINITY };
  const store = {
    get nextSeq() {
      return 1 + journal.flat().length;
    },
    freeBytes: () => disk.free,
    append(payloads: string[]) {
      if (disk.isFull) throw new DiskFullError('no space');
      journal.push([...payloads]);
    },
  };
  const turns = new Turns({
    store: store as unknown as StorePort,
    clock,
    onFatal: (error) => {
      throw error;
    },
  });
  turns.connect({
    startReady: () => false,
    perform: (effects) => {
      for (const effect of effects) if (effect.kind === 'answer') effect.to.answer();
    },
    onDiskFull: (isFull) => told.push(isFull),
  });
  /** A call that records one event. */
  const call = (name: string, text = `"${name}"`) =>
    turns.push({
      refuse: () => answered.push(`${name} refused`),
      run: (batch: Batch) => {
        batch.add(text);
        batch.answer({ answer: () => answered.push(name), refuse: () => answered.push(`${name} refused`) });
      },
    });
  return { clock, journal, told, answered, disk, turns, call };
}

/** Whether it resolves without more time. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), settle().then(() => false)]);
}

test('T3: a call that was answered 507 is not answered again when there is room', async () => {
  const { clock, journal, told, answered, disk, call } = createLoop();
  disk.isFull = true;
  call('a');
  await settle();
  expect([answered, told]).toEqual([['a refused'], [true]]);
  disk.isFull = false;
  clock.advance(1_000);
  call('b');
  await settle();
  expect([answered, told]).toEqual([
    ['a refused', 'b'],
    [true, false],
  ]);
  expect(journal).toEqual([['"a"'], ['"b"']]);
});

test('T3: a disk without spare room that fills up is told as full once, and once that it has room', async () => {
  const { clock, told, disk, turns, call } = createLoop();
  disk.free = 1;
  turns.push({ run: (batch) => expect(() => turns.checkRoom(batch, () => 0)).toThrow('is full') });
  await settle();
  disk.isFull = true;
  call('a');
  await settle();
  expect(told).toEqual([true]);
  disk.isFull = false;
  disk.free = Number.POSITIVE_INFINITY;
  clock.advance(1_000);
  await settle();
  expect([told, turns.isDiskFull]).toEqual([[true, false], false]);
});

test('T3: who waits for the inbox to be recorded is told at once when a batch finds no room', async () => {
  const { disk, turns, call } = createLoop();
  disk.isFull = true;
  call('a', 'x'.repeat(limits.batchBytesMax));
  expect(await isDone(turns.drain())).toBe(true);
  // And from then on at once.
  expect(await isDone(turns.drain())).toBe(true);
});

test('who waits for the inbox to be recorded is told when the loop is halted', async () => {
  const { turns } = createLoop();
  const drained = turns.drain();
  turns.halt();
  expect(await isDone(drained)).toBe(true);
  expect(await isDone(turns.drain())).toBe(true);
});

test('a marker is written once behind the last batch, and none after a halt', async () => {
  const { clock, journal, turns, call } = createLoop();
  for (const name of ['a', 'b', 'c']) {
    call(name);
    await settle();
    clock.advance(99);
  }
  expect(journal).toEqual([['"a"'], ['"b"'], ['"c"']]);
  clock.advance(1);
  expect(journal.slice(3)).toEqual([[]]);
  clock.advance(10_000);
  expect(journal.length).toBe(4);
  call('d');
  await settle();
  turns.halt();
  clock.advance(10_000);
  expect(journal.slice(4)).toEqual([['"d"']]);
});

test.each([
  [limits.batchRecordsMax, 1],
  [limits.batchRecordsMax + 1, 2],
])('T2: %d calls are %d batches', async (calls, batches) => {
  const { journal, call } = createLoop();
  for (let i = 0; i < calls; i += 1) call('n');
  await settle();
  expect(journal.map((payloads) => payloads.length)).toEqual([limits.batchRecordsMax, 1].slice(0, batches));
});
