/**
 * Goal: an event tells what a list, a header and a graph show after it, so that nobody has to read for it. Method: a
 * workflow driven by hand; what its events tell is held against its summary and its steps.
 */
import { expect, test } from 'vitest';
import { type EngineEvent, engineEventSchema } from '../../../src/contract/event.ts';
import type { JournalEvent } from '../../../src/contract/journal-event.ts';
import { readEventJson } from '../../../src/contract/journal-event.ts';
import { toEngineEvent } from '../../../src/coordinator/followers/told-event.ts';
import type { Change } from '../../../src/core/stop-steps.ts';
import { toSummary } from '../../../src/core/view.ts';
import { bornAt, completed, failed, LiveWorkflow } from '../../core/live-workflow.ts';

/** The event that was applied last, as it is told. */
function tell(live: LiveWorkflow, change?: Change | null): EngineEvent {
  const { seq, json } = live.journal.at(-1)!;
  const event: JournalEvent = readEventJson(json);
  return engineEventSchema.parse(toEngineEvent(event, seq, live.state, change ?? undefined));
}

test('each event has the counts, the progress and the cost of the summary', () => {
  const live = LiveWorkflow.with([{ id: 'a' }, { id: 'b' }, { id: 'c', dependencies: ['a'] }]);
  const expectSums = (told: EngineEvent) => {
    const { metrics, progress, step_counts, steps_total } = toSummary(live.state);
    const { total_cost, total_tokens, cost_is_floor } = metrics;
    expect(told).toMatchObject({ progress, step_counts, steps_total, total_cost, total_tokens, cost_is_floor });
  };
  expect(tell(live)).toMatchObject({ step_counts: { PENDING: 2, WAITING_FOR_DEPENDENCY: 1 }, progress: 0 });
  live.start('a');
  expect(tell(live)).toMatchObject({ step_counts: { PENDING: 1, RUNNING: 1, WAITING_FOR_DEPENDENCY: 1 } });
  const change = live.end('a', completed({ metrics: { tokens: 7, cost: 0.125, model: 'm' } }));
  const told = tell(live, change);
  expect(told).toMatchObject({ progress: 33, total_cost: 0.125, total_tokens: 7, cost_is_floor: false });
  expect(told.step_counts).toEqual({ COMPLETED: 1, PENDING: 2 });
  expect(told.queued_steps).toEqual(['c']);
  expectSums(told);
  live.start('b');
  const failure = tell(live, live.end('b', failed('BINDING', { metrics: { tokens: 1, cost: null, model: 'm' } })));
  expect(failure).toMatchObject({ cost_is_floor: true, total_cost: 0.125, step_counts: { FAILED: 1 } });
  expectSums(failure);
});

test('the event of a step has the step', () => {
  const live = LiveWorkflow.of({ a: '' });
  const iso = (ms: number) => new Date(bornAt + ms).toISOString();
  expect(tell(live).step).toBeUndefined();
  live.start('a');
  const times = { queuedAt: iso(0), startTime: iso(1_000) };
  expect(tell(live).step).toEqual({ status: 'RUNNING', attempt: 1, ...times, endTime: null, errorCode: null });
  const change = live.end('a', failed('BINDING', { metrics: { tokens: 2, cost: null, model: 'm' } }));
  const ended = { status: 'FAILED', attempt: 1, ...times, endTime: iso(1_500) };
  expect(tell(live, change).step).toEqual({ ...ended, errorCode: 'BINDING', cost: null, tokens: 2 });
});

test('steps that were skipped and failures that are tolerated are told apart from work done', () => {
  const live = LiveWorkflow.with([
    { id: 'a', when: 'params.x' },
    { id: 'b', dependencies: ['a'] },
    { id: 'c', tolerate: true },
  ]);
  live.skip('a');
  // The helper applies the event alone; what follows for b is in its change.
  const { seq, json } = live.journal.at(-1)!;
  const again = LiveWorkflow.with([{ id: 'a', when: 'params.x' }, { id: 'b', dependencies: ['a'] }, { id: 'c' }]);
  const change = again.apply(readEventJson(json));
  const told = toEngineEvent(readEventJson(json), seq, again.state, change);
  expect(told).toMatchObject({ skipped: 2, skipped_steps: ['a', 'b'], step: { outcome: 'skipped' } });
  live.start('c');
  expect(tell(live, live.fail('c'))).toMatchObject({
    skipped: 2,
    tolerated: 1,
    step: { status: 'COMPLETED', outcome: 'tolerated', errorCode: 'BINDING' },
  });
});

test('a call that costs nothing costs 0, and one whose price is not known null', () => {
  const live = LiveWorkflow.of({ a: '', b: '' });
  live.start('a', 'b');
  expect(tell(live, live.end('a', completed({ metrics: { tokens: 0, cost: 0, model: 'm' } }))).step).toMatchObject({
    cost: 0,
    tokens: 0,
  });
  const { step, cost_is_floor } = tell(
    live,
    live.end('b', completed({ metrics: { tokens: 3, cost: null, model: 'm' } })),
  );
  expect([step?.cost, step?.tokens, cost_is_floor]).toEqual([null, 3, true]);
});

test('of a hundred steps each is named, and of more the list says that it is cut', () => {
  for (const [count, cut] of [
    [100, undefined],
    [101, true],
  ] as const) {
    const steps = Array.from({ length: count }, (_, i) => ({ id: `s${i}`, dependencies: ['first'] }));
    const live = LiveWorkflow.with([{ id: 'first' }, ...steps]);
    live.start('first');
    const told = tell(live, live.end('first', completed()));
    expect([told.queued_steps?.length, told.steps_cut]).toEqual([100, cut]);
  }
});
