/** Goal: M1 to M4. Method: amounts that floating point gets wrong, and attempts that end in every way. */
import { describe, expect, test } from 'vitest';
import type { Reservation } from '../../src/contract/ledger.ts';
import { toCachedResult } from '../../src/core/cached-result.ts';
import * as decide from '../../src/core/decide.ts';
import { addAttempt, addSpending, joinSpending, toUsage } from '../../src/core/ledger.ts';
import { completed, failed, LiveWorkflow, replay, throughFile, toKept } from './live-workflow.ts';

const call = { model: 'm', tokens: 3, input_tokens: 2, output_tokens: 1, cost: 0.1, calls: 1 };

test('M1: attempts add up, to the last digit', () => {
  expect(addAttempt(null, call)).toBe(call);
  expect(addAttempt(call, null)).toBe(call);
  expect(addAttempt(call, { ...call, cost: 0.2, response_model: 'm-1' })).toEqual({
    model: 'm',
    tokens: 6,
    input_tokens: 4,
    output_tokens: 2,
    cost: 0.3,
    calls: 2,
    response_model: 'm-1',
  });
});

test('M1: what is no count adds nothing', () => {
  const odd = { tokens: -5, input_tokens: 1.5, output_tokens: 'many', calls: Number.NaN };
  expect(addAttempt(call, odd)).toEqual(call);
  expect(addAttempt({ tokens: null }, { tokens: null })).toEqual({ tokens: null });
  expect(addSpending([], '2026-01-31', 'chat', { ...call, cost: -1 })).toMatchObject([{ cost_pico: '0' }]);
});

test('M2: a price that is not known makes the cost a floor, and no price at all leaves it null', () => {
  const unpriced = { ...call, cost: null };
  expect(addAttempt(unpriced, call)).toMatchObject({ cost: 0.1, cost_is_floor: true });
  expect(addAttempt(call, unpriced)).toMatchObject({ cost: 0.1, cost_is_floor: true });
  expect(addAttempt(addAttempt(call, unpriced), call)).toMatchObject({ cost: 0.2, cost_is_floor: true });
  const none = addAttempt(unpriced, unpriced);
  expect(none).toMatchObject({ cost: null, tokens: 6 });
  expect(none).not.toHaveProperty('cost_is_floor');
  // Refused, which costs nothing, and then answered at a price nobody knows.
  expect(addAttempt({ ...call, cost: 0 }, unpriced)).toMatchObject({ cost: null });
});

test('M3: a row for each day, action and model', () => {
  let rows = addSpending([], '2026-01-31', 'chat', call);
  rows = addSpending(rows, '2026-01-31', 'chat', { ...call, cost: 0.2 });
  rows = addSpending(rows, '2026-01-31', 'chat', { ...call, cost: null, calls: 2 });
  for (const [day, action, model] of [
    ['2026-02-01', 'chat', 'm'],
    ['2026-01-31', 'openai_chat', 'm'],
    ['2026-01-31', 'chat', 'n'],
  ] as const)
    rows = addSpending(rows, day, action, { model, tokens: 1 });
  expect(rows.map(({ day, action, model, calls }) => [day, action, model, calls])).toEqual([
    ['2026-01-31', 'chat', 'm', 4],
    ['2026-02-01', 'chat', 'm', 1],
    ['2026-01-31', 'openai_chat', 'm', 1],
    ['2026-01-31', 'chat', 'n', 1],
  ]);
  expect(rows[0]).toMatchObject({ tokens: 9, unpriced_calls: 2, cost_pico: '300000000000', cached_input_tokens: 0 });
});

test('M3: what called no model is no spending, and a call that names no model stands under "unknown"', () => {
  const rows = addSpending([], '2026-01-31', 'chat', { cost: 1 });
  expect(rows).toMatchObject([{ model: 'unknown', cost_pico: '1000000000000' }]);
  expect(addSpending(rows, '2026-01-31', 'noop', null)).toBe(rows);
  expect(addSpending(rows, '2026-01-31', 'noop', { pages: 3 })).toBe(rows);
});

test('every attempt of a step is in its metrics, in the totals and in the ledger, through a retry and a restart', () => {
  const live = LiveWorkflow.of({ a: '' });
  const end = (result: Parameters<LiveWorkflow['end']>[1]) => {
    live.start('a');
    live.end('a', result);
  };
  end(failed('TIMEOUT', { metrics: call }));
  end(failed('TIMEOUT', { metrics: call }));
  end(failed('BINDING', { metrics: call }));
  live.retry();
  end(completed({ metrics: { ...call, cost: 0.2 } }));
  expect(live.step('a').metrics).toMatchObject({ cost: 0.5, tokens: 12, calls: 4 });
  expect(live.state.totals).toMatchObject({ tokens: 12, costPico: 500_000_000_000n });
  expect(live.state.header.spending).toMatchObject([{ day: '2026-01-31', calls: 4, cost_pico: '500000000000' }]);
  expect(throughFile(live.state).header.spending).toEqual(live.state.header.spending);
});

test('an attempt that counts no longer is paid for all the same, and changes nothing else', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.start('a');
  live.stop();
  const before = { ...live.step('a') };
  expect(live.spent('a', 1, null)).toBe(false);
  expect(live.spent('nobody', 1, call)).toBe(false);
  expect(live.spent('a', 1, call)).toBe(true);
  expect(live.step('a')).toEqual({ ...before, metrics: call });
  expect(live.status).toBe('STOPPED');
  expect(live.state.header.spending).toMatchObject([{ calls: 1, cost_pico: '100000000000' }]);
});

test('a branch takes over results, not what they have cost', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.start('a');
  live.end('a', completed({ metrics: call }));
  const branch = live.branch('b');
  expect(branch.state.header.spending).toEqual([]);
  expect(branch.step('a').metrics).toEqual(call);
});

const reserved: Reservation = { action: 'noop', model: 'm', calls: 1, tokens: 900, cost_pico: '40000000000' };
const lostRow = {
  model: 'm',
  calls: 1,
  unpriced_calls: 1,
  tokens: 0,
  cost_pico: '0',
  held_tokens: 900,
  held_cost_pico: '40000000000',
};

describe('M4: a call whose end nobody saw', () => {
  const lose = (code: 'WORKER_LOST' | 'WORKER_OUT_OF_MEMORY', more = {}) =>
    failed(code, { isLost: true as const, ...more });

  test('is one of unknown price, and what was reserved for it stays with it, through a retry and the file', () => {
    const live = LiveWorkflow.of({ a: '' });
    for (const _ of [1, 2]) {
      live.start('a', reserved);
      live.end('a', lose('WORKER_LOST'));
    }
    expect(live.step('a')).toMatchObject({ reserved: null, metrics: { model: 'm', calls: 2, cost: null } });
    expect(live.state.totals).toMatchObject({ costPico: 0n, unpriced: 1 });
    expect(live.state.header.spending).toMatchObject([
      { calls: 2, unpriced_calls: 2, held_tokens: 1800, held_cost_pico: '80000000000' },
    ]);
    live.start('a', { ...reserved, cost_pico: null });
    live.end('a', failed('BINDING', { isLost: true }));
    expect(live.status).toBe('FAILED');
    expect(live.state.header.spending).toMatchObject([{ held_tokens: 2700, held_cost_pico: '80000000000' }]);
    expect(toKept(throughFile(live.state))).toEqual(toKept(live.state));
    expect(toKept(replay(live.journal))).toEqual(toKept(live.state));
  });

  test('is known where it was accounted for, or where it was none; then its reservation is given back', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: '' });
    for (const [id, reservation, result] of [
      ['a', reserved, lose('WORKER_LOST', { metrics: call })],
      ['b', reserved, failed('TIMEOUT')],
      ['c', null, lose('WORKER_LOST')],
    ] as const) {
      live.start(id, reservation);
      expect(live.step(id).reserved).toEqual(reservation);
      live.end(id, result);
      expect(live.step(id).reserved).toBeNull();
    }
    expect(live.state.header.spending).toMatchObject([{ calls: 1, unpriced_calls: 0 }]);
    expect(live.state.header.spending[0]).not.toHaveProperty('held_tokens');
    live.start('b', reserved);
    live.complete('b');
    expect(live.step('b').reserved).toBeNull();
  });

  test('stays lost when there is no room left for results', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a', reserved);
    const logs = Array.from({ length: 17_000 }, () => 'x'.repeat(4_096));
    live.end('a', lose('WORKER_LOST', { logs }));
    expect(live.state.header.spending).toMatchObject([lostRow]);
  });

  test('of a stopped step is settled when it ends after all, with or without a word of what it has used', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: '' });
    live.start('a', reserved);
    live.start('b', reserved);
    live.start('c', reserved);
    live.stop();
    expect(live.step('a').reserved).toEqual(reserved);
    const late = (id: string, result: decide.AttemptResult) =>
      live.apply(decide.decideSpent(live.state, id, 1, result, live.tick())!);
    late('a', failed('CANCELLED'));
    expect(live.state.header.spending).toEqual([]);
    late('b', completed({ metrics: call }));
    late('c', lose('WORKER_OUT_OF_MEMORY'));
    expect(live.state.steps.map((step) => step.reserved)).toEqual([null, null, null]);
    expect(live.state.header.spending).toMatchObject([{ calls: 2, unpriced_calls: 1, held_tokens: 900 }]);
  });

  test('is lost with the engine, of running and of stopped steps', () => {
    const live = LiveWorkflow.of({ a: '', b: '' });
    live.start('a', reserved);
    live.apply(decide.decideRecovery(live.state, live.tick())!);
    expect(live.step('a')).toMatchObject({ status: 'PENDING', reserved: null });
    expect(live.state.header.spending).toMatchObject([lostRow]);
    expect(decide.decideLost(live.state, live.tick())).toBeNull();
    live.start('b', reserved);
    live.stop();
    expect(throughFile(live.state).step('b')?.reserved).toEqual(reserved);
    live.apply(decide.decideLost(live.state, live.tick())!);
    expect(live.step('b')).toMatchObject({ status: 'STOPPED', reserved: null });
    expect(live.state.header.spending).toMatchObject([{ calls: 2, held_tokens: 1800 }]);
    expect(toKept(replay(live.journal))).toEqual(toKept(live.state));
  });

  test('is lost with its workflow, which leaves behind what it has used', () => {
    const live = LiveWorkflow.of({ a: '', b: '' });
    live.start('a', reserved);
    live.start('b', null);
    expect(decide.decideDelete(live.state, live.tick()).spending).toMatchObject([lostRow]);
    expect(decide.decideDelete(LiveWorkflow.of({ a: '' }).state, live.tick())).not.toHaveProperty('spending');
  });
});

test('two accounts of one workflow are not added up: what the one has counted further, it knows better', () => {
  const older = addSpending([], '2026-01-31', 'chat', call);
  const newer = addSpending(addSpending(older, '2026-01-31', 'chat', call), '2026-02-01', 'chat', call);
  expect(joinSpending(older, newer)).toEqual(newer);
  expect(joinSpending(newer, older)).toEqual(newer);
  expect(joinSpending(newer, [])).toEqual(newer);
});

test('M3: an answer from the cache is no call, also where its results find no room, and adds nothing to what the step has used', () => {
  const entry = { format: 1 as const, action: 'chat', from: { workflow: 'w', step: 's', at: 't' }, metadata: null };
  const unpriced = { ...call, cost: null, cost_is_floor: true };
  const { metrics } = toCachedResult({ ...entry, metrics: unpriced, outputsJson: '{}' });
  expect(metrics).toMatchObject({ model: 'm', tokens: 0, input_tokens: 0, cost: 0, calls: 0, cost_source: 'cache' });
  expect(addSpending([], '2026-01-31', 'chat', metrics)).toEqual([]);
  expect(addSpending([], '2026-01-31', 'chat', toUsage(metrics))).toEqual([]);
  expect(addAttempt(call, metrics)).toMatchObject({ tokens: 3, cost: 0.1, calls: 1 });
});

test.each([
  { calls: 0, counted: 0 },
  { calls: 3, counted: 3 },
  { calls: undefined, counted: 1 },
])('M3: metrics that say $calls calls count as $counted, unpriced ones too', ({ calls, counted }) => {
  const metrics = { model: 'm', tokens: 0, cost: null, ...(calls === undefined ? {} : { calls }) };
  expect(addSpending([], '2026-01-31', 'chat', metrics)).toMatchObject([{ calls: counted, unpriced_calls: counted }]);
});

test('M2, M3: a floor counts its calls as unpriced beside its cost; a cost that is none does not', () => {
  const rows = (more: object) => addSpending([], '2026-01-31', 'chat', { ...call, calls: 3, tokens: -5, ...more });
  const row = {
    day: '2026-01-31',
    action: 'chat',
    model: 'm',
    calls: 3,
    unpriced_calls: 3,
    tokens: 0,
    input_tokens: 2,
    cached_input_tokens: 0,
    cache_write_tokens: 0,
    output_tokens: 1,
    reasoning_tokens: 0,
    cost_pico: '100000000000',
  };
  expect(rows({ cost_is_floor: true })).toEqual([row]);
  expect(rows({ cost_is_floor: false })).toEqual([{ ...row, unpriced_calls: 0 }]);
});

test('of two accounts with as many calls the first holds, and rows keep its order', () => {
  const of = (model: string, cost: number) => addSpending([], '2026-01-31', 'chat', { ...call, model, cost });
  const first = [...of('n', 1), ...of('m', 2)];
  expect(joinSpending(first, [...of('m', 3), ...of('o', 4), ...of('n', 5)])).toEqual([...first, ...of('o', 4)]);
});

test('usage is the model, its calls, its tokens and what they cost, and nothing else', () => {
  const tokens = { tokens: 21, input_tokens: 1, cached_input_tokens: 2, cache_write_tokens: 3, output_tokens: 4 };
  const usage = {
    model: 'm',
    cost: 7,
    cost_source: 'list',
    cost_is_floor: true,
    calls: 6,
    ...tokens,
    reasoning_tokens: 5,
  };
  expect(toUsage({ ...usage, response_model: 'm-1', '': 'x', note: 'long' })).toEqual(usage);
  expect(toUsage(null)).toBeNull();
});
