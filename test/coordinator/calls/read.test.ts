/** Goal: each figure of the engine's is what it says, in its own unit; who waited for a first answer is told that it was one. Method: parts whose figures are all different. */
import { expect, test } from 'vitest';
import { Refusal } from '../../../src/contract/failures.ts';
import { createReadCalls, Reader, type ReadParts } from '../../../src/coordinator/calls/read.ts';
import { createScheduleCalls, type ScheduleParts } from '../../../src/coordinator/calls/schedules.ts';

const at = Date.UTC(2026, 0, 31, 12);

function partsOf({ oldest = 3_250 as number | null, held = [] as object[] } = {}): ReadParts {
  return {
    clock: { now: () => at, monotonic: () => 10_000 },
    readySteps: { schedule: { running: 4, slotsMax: 16, oldestReadyAt: () => oldest, held: () => held } },
    workflows: {
      countByStatus: () => ({ RUNNING: 1 }),
      live: new Map([
        ['a', 1],
        ['b', 2],
      ]),
      setAside: new Map([['c', 'x']]),
    },
    views: { filesWritten: 21 },
    queue: { size: 11, filesWritten: 22 },
    recorder: { events: 23 },
    attempts: { counts: { started: 24, completed: 25, failed: 26, retried: 27 } },
    checkpoints: { made: 28 },
    store: { nextSeq: 30, journalStats: { batches: 31, records: 32, bytes: 33, syncs: 34 } },
    pool: { stats: () => ({ threads: 35, running: 0 }) },
  } as unknown as ReadParts;
}

const statsOf = (parts: ReadParts) => createReadCalls(parts, {} as Reader).stats({} as never, undefined as never);

test('stats: each figure from its own place', async () => {
  expect(await statsOf(partsOf())).toEqual({
    queue: { depth: 7, running: 4, max_parallel_nodes: 16, oldest_wait_ms: 6_750, held: [] },
    workflows: { RUNNING: 1 },
    ...{ active_in_memory: 2, set_aside: 1, state_files_written: 21, queue_files_written: 22, events: 23 },
    ...{ steps_started: 24, steps_completed: 25, steps_failed: 26, steps_retried: 27, checkpoints: 28, last_seq: 29 },
    ...{ journal_batches: 31, journal_records: 32, journal_bytes: 33, journal_syncs: 34, pool_threads: 35 },
  });
  expect((await statsOf(partsOf({ oldest: null }))).queue.oldest_wait_ms).toBe(0);
});

test('stats: what is held back says until when, by the clock of the wall, and names the first twenty', async () => {
  const gate = (until: number | null, count = 1) => ({
    waitsFor: 'g',
    until,
    steps: Array.from({ length: count }, (_, i) => ({ workflowId: 'w', stepId: `s${i}` })),
  });
  const { held } = (await statsOf(partsOf({ held: [gate(null), gate(10_000), gate(11_500.5, 21), gate(9_999)] })))
    .queue;
  expect(held.map(({ until, steps, first }) => [until, steps, first.length])).toEqual([
    [null, 1, 1],
    [new Date(at).toISOString(), 1, 1],
    [new Date(at + 1_501).toISOString(), 21, 20],
  ]);
});

test('an answer that was waited for keeps whether it was given before; one that is gone meanwhile is the first one', async () => {
  const text = { id: 'w', version: 1, status: 'RUNNING' as const, json: '{}', hasBlobs: false, replayed: true };
  const readerOf = (end: () => unknown) => {
    const workflows = { status: () => 'RUNNING', live: new Map([['w', {}]]) };
    const waited: unknown[] = [];
    const waits = { wait: async (...asked: unknown[]) => void waited.push(asked) };
    const turns = { checkDurable: end };
    return { reader: new Reader({ workflows, waits, turns } as unknown as ReadParts), waited };
  };
  const gone = new Refusal({ code: 'NOT_FOUND', detail: 'x' });
  const { reader, waited } = readerOf(() => {
    throw gone;
  });
  expect(await reader.waited(text, { waitMs: 500, until: 'rest' })).toBe(text);
  expect(waited).toEqual([['w', 'rest', 500, undefined]]);
  expect(await reader.waited(text, { waitMs: 0, until: 'rest' })).toBe(text);
  reader.read = async () => ({ ...text, version: 2, replayed: false });
  expect(await reader.waited(text, { waitMs: 500, until: 'rest' })).toEqual({ ...text, version: 2, replayed: true });
  expect(waited).toHaveLength(1);
  await expect(
    readerOf(() => {
      throw new TypeError('x');
    }).reader.waited(text, { waitMs: null, until: 'rest' }),
  ).rejects.toThrow(TypeError);
});

test('a delivery is known once its workflow is durable', async () => {
  const asked: string[] = [];
  const turns = { checkDurable: (id: string) => void asked.push(id) };
  const workflows = { madeUnder: (key: string) => (key === 'known' ? 'w' : undefined) };
  const { delivered } = createScheduleCalls({ turns, workflows } as unknown as ScheduleParts);
  expect([await delivered({ key: 'known' }), await delivered({ key: 'other' })]).toEqual([{ id: 'w' }, { id: null }]);
  expect(asked).toEqual(['w']);
});
