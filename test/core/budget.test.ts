/** Goal: BU1 to BU4, and what a pause does to a workflow. Method: accounts at their edges; workflows driven by hand. */
import { expect, test } from 'vitest';
import { type Budget, budgetSchema } from '../../src/contract/budget.ts';
import type { JournalEvent } from '../../src/contract/journal-event.ts';
import type { Reservation } from '../../src/contract/ledger.ts';
import { addAmounts, judgeCall, noAmounts, toAmounts, toSpentAmounts } from '../../src/core/budget.ts';
import * as decide from '../../src/core/decide.ts';
import { addSpending } from '../../src/core/ledger.ts';
import { readWorkflow } from '../../src/core/state-file.ts';
import { toStepView, ViewEncoder } from '../../src/core/view.ts';
import { completed, LiveWorkflow, replay, throughFile, toDerived, toKept, workflowId } from './live-workflow.ts';

const needed: Reservation = { model: 'm', calls: 1, tokens: 100, cost_pico: '250000000000' };
const one = toAmounts(needed);

function judge(budget: Budget, spent = noAmounts, reserved = noAmounts, call = needed) {
  return judgeCall({ name: 'the budget', budget, spent, reserved }, call, 'raise it');
}

test.each<[Budget, string]>([
  [{ usd: 0.5 }, 'the budget of $0.50 is used up: $0.50 spent, this call may take $0.25; raise it'],
  [{ tokens: 200 }, 'the budget of 200 tokens is used up: 200 tokens spent, this call may take 100 tokens; raise it'],
  [{ calls: 2 }, 'the budget of 2 calls is used up: 2 calls spent, this call may take 1 call; raise it'],
])('BU1, BU2: of %j two calls fit to the last digit, in any state, and no third', (budget, reason) => {
  const two = addAmounts(one, one);
  expect(judge(budget, one).kind).toBe('fits');
  expect(judge(budget, noAmounts, one).kind).toBe('fits');
  expect(judge(budget, one, one)).toEqual({ kind: 'wait', waitsFor: 'room in the budget' });
  expect(judge(budget, noAmounts, two).kind).toBe('wait');
  expect(judge(budget, two)).toEqual({ kind: 'pause', reason });
  expect(judge(budget, two, one).kind).toBe('pause');
});

test('the tightest of several limits decides', () => {
  expect(judge({ usd: 9, tokens: 100, calls: 9 }, noAmounts, one).kind).toBe('wait');
  expect(judge({ usd: 0.3, calls: 1 }, one, noAmounts)).toMatchObject({ reason: expect.stringContaining('$0.30') });
  expect(judge({ tokens: 150, calls: 1 }, { costPico: 0n, tokens: 0, calls: 1 }, one).kind).toBe('pause');
});

test('BU3: what a call had reserved counts where its use or its price is not known', () => {
  const add = (rows: Parameters<typeof addSpending>[0], metrics: object, day = '2026-01-31') =>
    addSpending(rows, day, 'chat', { model: 'm', calls: 1, ...metrics }, needed);
  let rows = add([], { tokens: 10, cost: 0.1 });
  expect(rows[0]).not.toHaveProperty('held_tokens');
  expect(toSpentAmounts(rows)).toEqual({ costPico: 100_000_000_000n, tokens: 10, calls: 1 });
  rows = add(rows, { tokens: 10, cost: null });
  expect(toSpentAmounts(rows)).toEqual({ costPico: 350_000_000_000n, tokens: 20, calls: 2 });
  rows = add(rows, { tokens: null, cost: null }, '2026-02-01');
  expect(toSpentAmounts(rows)).toEqual({ costPico: 600_000_000_000n, tokens: 120, calls: 3 });
  expect(toSpentAmounts(rows, '2026-02-01')).toEqual({ costPico: 250_000_000_000n, tokens: 100, calls: 1 });
});

test('BU4: a budget in dollars pauses a call whose price is not known; one in tokens does not ask for it', () => {
  const unpriced = { ...needed, cost_pico: null };
  expect(judge({ usd: 9 }, noAmounts, noAmounts, unpriced)).toMatchObject({
    kind: 'pause',
    reason: expect.stringContaining('PRICES_FILE'),
  });
  expect(judge({ tokens: 100 }, noAmounts, noAmounts, unpriced).kind).toBe('fits');
  expect(toAmounts(unpriced)).toEqual({ costPico: 0n, tokens: 100, calls: 1 });
  expect(toAmounts(null)).toEqual(noAmounts);
});

test.each([{}, { usd: -1 }, { tokens: 1.5 }, { calls: 1, colour: 'red' }, null])('%j is no budget', (value) => {
  expect(budgetSchema.safeParse(value).success).toBe(false);
});

function pausedWorkflow(until: 'resume' | 'day' = 'resume'): LiveWorkflow {
  const live = LiveWorkflow.of({ a: '', b: '', c: 'b' }, { budget: { calls: 1 } });
  live.start('a', needed);
  live.end('a', completed({ metrics: { model: 'm', calls: 1, tokens: 90, cost: 0.2 } }));
  const change = live.apply(decide.decidePause(live.state, 'b', live.tick(), { reason: 'no money', until }));
  expect(live.names(change.unqueued)).toEqual(['b']);
  return live;
}

test('a paused step waits, says why, and makes its workflow wait; all of it survives the file', () => {
  const live = pausedWorkflow('day');
  expect(live.status).toBe('WAITING_FOR_DEPENDENCY');
  const step = live.step('b');
  expect(toStepView(step)).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', reason: 'no money' });
  expect(step.logs.at(-1)).toMatch(/^Paused at .*: no money$/);
  const text = JSON.parse(new ViewEncoder().encode(live.state));
  expect(text.steps[1]).toEqual(toStepView(step));
  expect(text.budget).toEqual({
    calls: 1,
    spent: { usd: 0.2, tokens: 90, calls: 1 },
    reserved: { usd: 0, tokens: 0, calls: 0 },
  });
  for (const again of [throughFile(live.state), replay(live.journal)]) {
    expect(toKept(again)).toEqual(toKept(live.state));
    expect(toDerived(again)).toEqual(toDerived(live.state));
  }
  expect(decide.decideRecovery(live.state, live.tick())).toBeNull();
});

test('resume takes it up again, with what it says of the budget; nothing is paused then', () => {
  const live = pausedWorkflow();
  expect(decide.decideNewDay(live.state, live.tick())).toBeNull();
  const change = live.apply(decide.decideResume(live.state, live.tick(), { tokens: 500 }));
  expect(live.names(change.queued)).toEqual(['b']);
  expect(live.step('b')).toMatchObject({ status: 'PENDING', pause: null });
  expect(live.state.header.budget).toEqual({ calls: 1, tokens: 500 });
  expect(live.state.paused).toBe(0);
  expect(() => live.resume()).toThrow(
    /takes one that is STOPPED, or has a step that a budget has paused; with a budget any that has not finished/,
  );
  expect(toKept(throughFile(live.state))).toEqual(toKept(live.state));
});

test('a budget can be raised while nothing is paused, and not once all is over', () => {
  const live = LiveWorkflow.of({ a: '' }, { budget: { calls: 1 } });
  live.start('a');
  const change = live.apply(decide.decideResume(live.state, live.tick(), { calls: 2 }));
  expect([change.queued, live.state.header.budget]).toEqual([[], { calls: 2 }]);
  live.complete('a');
  expect(() => decide.decideResume(live.state, live.tick(), { calls: 3 })).toThrow(/is COMPLETED/);
});

test('a new day leaves alone what waits for a larger budget', () => {
  const live = pausedWorkflow();
  live.apply({ ...decide.decideResume(live.state, live.tick()), of: 'day' } as JournalEvent);
  expect(live.step('b').pause).not.toBeNull();
});

test('a new day takes up what waits for it', () => {
  const live = pausedWorkflow('day');
  live.apply(decide.decideNewDay(live.state, live.tick())!);
  expect(live.step('b')).toMatchObject({ status: 'PENDING', pause: null });
});

test('a stop ends a pause; resumed, the step is as ready as any', () => {
  const live = pausedWorkflow();
  live.stop();
  expect(live.step('b')).toMatchObject({ status: 'STOPPED', pause: null });
  live.resume();
  expect(live.statuses()).toEqual({ a: 'COMPLETED', b: 'PENDING', c: 'WAITING_FOR_DEPENDENCY' });
});

test('what is reserved is added up, and given back with the end of its attempt', () => {
  const live = LiveWorkflow.of({ a: '', b: '' }, { budget: { usd: 1 } });
  live.start('a', 'b', needed);
  expect(live.state.reserved).toEqual(addAmounts(one, one));
  expect(toDerived(throughFile(live.state))).toEqual(toDerived(live.state));
  live.complete('a');
  expect(live.state.reserved).toEqual(one);
});

test('a branch takes its parent’s budget along, where there is one', () => {
  expect(pausedWorkflow().branch('a').state.header).toMatchObject({ budget: { calls: 1 }, spending: [] });
  const live = LiveWorkflow.of({ a: '' });
  live.run('a');
  expect(live.branch('a').state.header.budget).toBeNull();
});

test('a foreign file has the budget and the reasons that can be read, and is queued anew when it is adopted', () => {
  const steps = [
    { id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', reason: 'no money' },
    { id: 'b', action: 'noop', status: 'PENDING', reason: 'left over' },
  ];
  const read = (budget: unknown) => readWorkflow({ id: workflowId, steps, budget }, {}, 0);
  expect(read({ usd: 1, spent: { usd: 3 } }).header.budget).toEqual({ usd: 1 });
  for (const budget of [undefined, null, 'much', {}, { usd: 'one' }]) expect(read(budget).header.budget).toBeNull();
  expect(read(null).steps.map(({ pause }) => pause?.reason)).toEqual(['no money', undefined]);
  const live = LiveWorkflow.adopted({ steps });
  expect(live.step('a')).toMatchObject({ status: 'PENDING', pause: null });
  expect(live.state.paused).toBe(0);
});

test('what a file of another maker gives as a reason is no pause: resume would start a step before its dependencies', () => {
  const steps = [
    { id: 'ext', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY', reason: null },
    { id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['ext'], reason: 'waits for the page' },
  ];
  const live = LiveWorkflow.adopted({ steps });
  expect(live.state.steps.map(({ status, pause }) => [status, pause])).toEqual([
    ['WAITING_FOR_DEPENDENCY', null],
    ['WAITING_FOR_DEPENDENCY', null],
  ]);
  expect(live.state.paused).toBe(0);
  expect(() => live.resume()).toThrow(/takes one that is STOPPED/);
});
