/** Goal: ST1, the counts kept while steps change are those a walk over all steps gives. Method: changes by hand, then a fresh walk. */
import { expect, test } from 'vitest';
import { noAmounts } from '../../src/core/budget.ts';
import type { WorkflowState } from '../../src/core/state.ts';
import type { StepState } from '../../src/core/step-state.ts';
import { derivedAfresh, external, LiveWorkflow, toDerived } from './live-workflow.ts';

const metrics = { tokens: 3, cost: 0.1, model: 'm' };

function expectS1(live: LiveWorkflow): void {
  expect(toDerived(live.state)).toEqual(toDerived(derivedAfresh(live.state)));
}

test('ST1 holds when a step completes, when it is taken back, and when its metrics change or go', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a', c: 'a b' });
  live.state.setStep(0, { status: 'COMPLETED', metrics });
  expect(live.state.missing).toEqual([0, 0, 1]);
  expectS1(live);
  live.state.setStep(0, { metrics: { ...metrics, model: 'other', cost: null } });
  expect(live.state.totals.byModel.size).toBe(0);
  expectS1(live);
  live.state.setStep(0, { status: 'STOPPED', metrics: null });
  // STOPPED is an end: the steps that wait for it are held up by it, and do not wait for it any more.
  expect(live.state.missing).toEqual([0, 0, 1]);
  expect(live.state.ends[1]).toEqual({ lost: 1, skipped: 0, tolerated: 0 });
  expect(live.state.counts).toMatchObject({ STOPPED: 1, COMPLETED: 0, WAITING_FOR_DEPENDENCY: 2 });
  expectS1(live);
});

test('ST1 holds when a step is added that others waited for, and when nobody did', () => {
  const waits = (id: string) => ({ id, action: 'noop', status: 'PENDING', dependencies: ['later', 'later', 'a'] });
  const live = LiveWorkflow.adopted({
    steps: [{ id: 'a', action: 'noop', status: 'PENDING' }, waits('b'), waits('c')],
  });
  expect(live.state.missing).toEqual([0, 2, 2]);
  live.give({ stepId: 'later' });
  expect(live.state.missing).toEqual([0, 1, 1, 0]);
  expect(live.state.downstream[3]).toEqual([1, 2]);
  expectS1(live);
  live.give({ stepId: 'other' });
  expect(live.state.downstream[4]).toEqual([]);
  expectS1(live);
});

test('ST1 can fail: a count that is off is not what the walk gives', () => {
  const live = LiveWorkflow.of({ a: '' });
  live.state.counts.PENDING += 1;
  expect(toDerived(live.state)).not.toEqual(toDerived(derivedAfresh(live.state)));
});

test('a step is found by its id, and an unknown id finds none', () => {
  const live = LiveWorkflow.of({ a: '' });
  live.give(external({ stepId: 'added' }));
  expect([live.state.step('a')?.id, live.state.step('added')?.id, live.state.step('nobody')]).toEqual([
    'a',
    'added',
    undefined,
  ]);
});

test('ST1: a count that would fall below nothing is a broken rule', () => {
  const reserved = { model: 'm', calls: 1, tokens: 5, cost_pico: '7' };
  const pause = { reason: 'r', until: 'day' as const };
  const bring = () => {
    const live = LiveWorkflow.of({ a: '', b: 'a' });
    live.state.setStep(0, { reserved, pause, metrics: { ...metrics, cost: null } });
    return live.state;
  };
  const cases: [(state: WorkflowState) => void, Partial<StepState>, string][] = [
    [(state) => Object.assign(state.counts, { PENDING: 0 }), { status: 'RUNNING' }, '-1 steps are PENDING'],
    [(state) => state.missing.splice(1, 1, 0), { status: 'COMPLETED' }, 'step "b" waits for -1 steps'],
    [(state) => Object.assign(state, { paused: 0 }), { pause: null }, '-1 steps are paused'],
    [(state) => Object.assign(state, { reserved: noAmounts }), { reserved: null }, '-7 picodollars, -5 tokens and -1'],
    [(state) => Object.assign(state.totals, { unpriced: 0 }), { metrics: null }, '0 picodollars and -1 unpriced'],
  ];
  for (const [spoil, change, what] of cases) {
    const state = bring();
    spoil(state);
    expect(() => state.setStep(0, change)).toThrow(`broken rule ST1: ${what}`);
    expect(() => bring().setStep(0, change)).not.toThrow();
  }
});

test('ST3: a step that is named and not there is a broken rule', () => {
  const { state } = LiveWorkflow.of({ a: '' });
  expect([state.placeOf('a'), state.stepOf('a'), state.downstreamOf(0)]).toEqual([0, state.steps[0], []]);
  expect(() => state.stepOf('b')).toThrow(`broken rule ST3: workflow ${state.header.id} has no step "b"`);
});

test.each([
  [{ costPico: 6n, tokens: 5, calls: 1 }, '-1 picodollars, 0 tokens and 0 calls are reserved'],
  [{ costPico: 7n, tokens: 3, calls: 1 }, '0 picodollars, -2 tokens and 0 calls are reserved'],
  [{ costPico: 7n, tokens: 5, calls: 0 }, '0 picodollars, 0 tokens and -1 calls are reserved'],
])('ST1: one amount below nothing is enough: %o', (amounts, what) => {
  const { state } = LiveWorkflow.of({ a: '' });
  state.setStep(0, { reserved: { model: 'm', calls: 1, tokens: 5, cost_pico: '7' } });
  expect(state.reserved).toEqual({ costPico: 7n, tokens: 5, calls: 1 });
  expect(derivedAfresh(state).reserved).toEqual(state.reserved);
  Object.assign(state, { reserved: { ...amounts } });
  expect(() => state.setStep(0, { reserved: null })).toThrow(`broken rule ST1: ${what}`);
});

test('ST1: a cost below nothing is a broken rule', () => {
  const { state } = LiveWorkflow.of({ a: '' });
  state.setStep(0, { metrics });
  Object.assign(state.totals, { costPico: 1n });
  expect(() => state.setStep(0, { metrics: null })).toThrow(
    'broken rule ST1: -99999999999 picodollars and 0 unpriced steps',
  );
});

test.each([
  { outputs: { json: '{"content":"abc"}' } },
  { logs: ['a line'] },
  { error: 'an error' },
  { metadata: { m: 1 } },
  { metrics },
])('ST1: the size of results follows %o alone, there and back', (change) => {
  const live = LiveWorkflow.of({ a: '', b: '' });
  const [step] = live.state.steps;
  const before = live.state.resultsSize;
  live.state.setStep(0, change);
  expect(live.state.resultsSize).toBeGreaterThan(before);
  expectS1(live);
  live.state.setStep(0, Object.fromEntries(Object.keys(change).map((name) => [name, step![name as keyof StepState]])));
  expect(live.state.resultsSize).toBe(before);
});
