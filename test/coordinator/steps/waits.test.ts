/**
 * Goal: a wait of a step is recorded with its end before it begins, ends by the clock however long it is, and what is overdue
 * after a death elapses at once (SW2). Method: a clock that the test moves, and a crash image of the directory.
 */
import { expect, test } from 'vitest';
import { StillClock, settle } from '../../damage/still-clock.ts';
import type { InlineOptions } from '../../fixtures/inline-engine.ts';
import { type Life, live, restart } from '../restarts.ts';

const hourMs = 3_600_000;
const startedAt = Date.UTC(2026, 0, 31, 12);
const iso = (ms: number) => new Date(startedAt + ms).toISOString();

async function begin(clock: StillClock, params: object, more: InlineOptions = {}): Promise<{ life: Life; id: string }> {
  const life = await live(undefined, { clock, ...more });
  const { id } = await life.engine.submit({ name: 'waits', steps: [{ id: 'a', action: 'delay', params }] });
  await untilWaiting(life, id);
  return { life, id };
}

async function untilWaiting({ engine }: Life, id: string): Promise<void> {
  await expect.poll(async () => (await engine.get(id)).workflow.steps[0]?.waits?.for).toBe('time');
}

/** As an engine that is awake: its timers last an hour at most, and none is late. */
function pass(clock: StillClock, ms: number): void {
  for (let left = ms; left > 0; left -= hourMs) clock.advance(Math.min(left, hourMs));
}

async function expectWaiting({ engine }: Life, id: string): Promise<void> {
  await settle();
  expect((await engine.get(id)).workflow.steps[0]?.status).toBe('WAITING_FOR_DEPENDENCY');
}

/** No more time passes. */
async function expectCompleted({ engine }: Life, id: string, clock: StillClock): Promise<void> {
  const look = async () => {
    clock.advance(0);
    return (await engine.get(id)).workflow.steps[0]?.status;
  };
  await expect.poll(look).toBe('COMPLETED');
}

test('SW2: a wait says until when, and is over with that time and not before', async () => {
  const clock = new StillClock();
  const { life, id } = await begin(clock, { for: '90m' });
  const step = (await life.engine.get(id)).workflow.steps[0];
  expect([step?.status, step?.waits?.until]).toEqual(['WAITING_FOR_DEPENDENCY', iso(1.5 * hourMs)]);
  pass(clock, 1.5 * hourMs - 1);
  await expectWaiting(life, id);
  pass(clock, 1);
  await expectCompleted(life, id, clock);
});

test('SW2: what is overdue after a death elapses at once; what is not waits for the rest', async () => {
  const clock = new StillClock();
  const { life, id } = await begin(clock, { for: '3h' });
  const early = new StillClock(2 * hourMs);
  const second = await restart(life.dir, undefined, { clock: early });
  await expectWaiting(second, id);
  pass(early, hourMs - 1);
  await expectWaiting(second, id);
  pass(early, 1);
  await expectCompleted(second, id, early);
  const late = new StillClock(4 * hourMs);
  const third = await restart(life.dir, undefined, { clock: late });
  await expectCompleted(third, id, late);
});

test('a clock that was set back does not lengthen a wait', async () => {
  const clock = new StillClock();
  const { life, id } = await begin(clock, { for: '3h' });
  const back = new StillClock(-5 * hourMs);
  const second = await restart(life.dir, undefined, { clock: back });
  await expectWaiting(second, id);
  pass(back, 3 * hourMs - 1);
  await expectWaiting(second, id);
  pass(back, 1);
  await expectCompleted(second, id, back);
});

test('an engine that has stopped leaves no timer behind: of waits, days, looks and files', async () => {
  const clock = new StillClock();
  const settings = { dailyBudget: { calls: 5 }, keepFinished: { count: 10 } };
  const { life } = await begin(clock, { for: '45m' }, { settings });
  expect(clock.timers).toContain(0.75 * hourMs);
  // The looks of the day, of retention and for orphans have come once.
  clock.advance(60_000);
  await settle();
  expect(clock.timers.filter((ms) => ms === 60_000).length).toBeGreaterThanOrEqual(2);
  await life.engine.close();
  expect(clock.timers).toEqual([]);
});
