/** Goal: CO1 to CO3. Method: rows whose sums floating point gets wrong, and more of them than an answer shows. */
import { expect, test } from 'vitest';
import { costsQuerySchema, type SpendingRow } from '../../src/contract/ledger.ts';
import { limits } from '../../src/contract/limits.ts';
import { CostSums } from '../../src/core/costs.ts';
import { addSpending } from '../../src/core/ledger.ts';

type Call = { day?: string; action?: string; model?: string; cost?: number | null };

function rowsOf(...calls: Call[]): readonly SpendingRow[] {
  let rows: readonly SpendingRow[] = [];
  for (const { day = '2026-01-31', action = 'chat', model = 'm', cost = 0.1 } of calls) {
    const counts = { tokens: 3, input_tokens: 2, output_tokens: 1, cached_input_tokens: 1, cache_write_tokens: 1 };
    rows = addSpending(rows, day, action, { model, cost, calls: 1, reasoning_tokens: 1, ...counts });
  }
  return rows;
}

function sums(query: object, workflows: Record<string, readonly SpendingRow[]>) {
  const costs = new CostSums(costsQuerySchema.parse(query));
  for (const [id, rows] of Object.entries(workflows)) costs.add(id, rows);
  return costs.toReply();
}

const keyed = (query: object, workflows: Record<string, readonly SpendingRow[]>) =>
  sums(query, workflows).rows.map(({ key, cost }) => [key, cost]);

test('CO1: the total is the sum of the rows, where floats would not add up', () => {
  const reply = sums({ by: 'model' }, { w: rowsOf({}, { cost: 0.2 }, { model: 'n', cost: 0.6 }) });
  expect(0.6 + 0.3).not.toBe(0.9);
  expect(reply).toMatchObject({ from: null, to: null, by: 'model' });
  expect(reply.rows.map(({ key, cost, calls }) => [key, cost, calls])).toEqual([
    ['n', 0.6, 1],
    ['m', 0.3, 2],
  ]);
  expect(reply.total).toEqual({
    calls: 3,
    unpriced_calls: 0,
    tokens: 9,
    input_tokens: 6,
    cached_input_tokens: 3,
    cache_write_tokens: 3,
    output_tokens: 3,
    reasoning_tokens: 3,
    cost: 0.9,
    cost_is_floor: false,
  });
});

test('a call without a price makes its row and the total a floor', () => {
  const { rows, total } = sums({ by: 'model' }, { w: rowsOf({ model: 'n' }, { cost: null }) });
  expect(rows.map(({ key, cost_is_floor }) => [key, cost_is_floor])).toEqual([
    ['n', false],
    ['m', true],
  ]);
  expect(total).toMatchObject({ unpriced_calls: 1, cost: 0.1, cost_is_floor: true });
});

test('nothing spent is 0, and no floor', () => {
  expect(sums({}, { w: [] })).toMatchObject({
    by: 'day',
    rows: [],
    total: { calls: 0, cost: 0, cost_is_floor: false },
  });
});

test('rows stand for days in their order, and for actions and workflows by what they have cost', () => {
  const workflows = {
    a: rowsOf({ day: '2026-02-01', action: 'chat' }, { day: '2026-01-31', action: 'openai_chat', cost: 0.4 }),
    b: rowsOf({ day: '2026-01-31', action: 'gemini_chat' }),
    c: rowsOf({ day: '2026-02-01', action: 'chat', cost: 0.5 }),
  };
  expect(keyed({ by: 'day' }, workflows)).toEqual([
    ['2026-01-31', 0.5],
    ['2026-02-01', 0.6],
  ]);
  expect(keyed({ by: 'action' }, workflows)).toEqual([
    ['chat', 0.6],
    ['openai_chat', 0.4],
    ['gemini_chat', 0.1],
  ]);
  // Equal amounts in the order of their keys.
  expect(keyed({ by: 'workflow' }, workflows)).toEqual([
    ['a', 0.5],
    ['c', 0.5],
    ['b', 0.1],
  ]);
});

test('CO2: both ends are included', () => {
  const workflows = { w: rowsOf(...['2026-01-30', '2026-01-31', '2026-02-01', '2026-02-02'].map((day) => ({ day }))) };
  const days = (query: object) => sums(query, workflows).rows.map(({ key }) => key);
  expect(days({ from: '2026-01-31', to: '2026-02-01' })).toEqual(['2026-01-31', '2026-02-01']);
  expect(days({ from: '2026-02-02' })).toEqual(['2026-02-02']);
  expect(days({ to: '2026-01-30' })).toEqual(['2026-01-30']);
});

test('CO3: what has no row of its own is in one more, and in the total', () => {
  const workflows: Record<string, readonly SpendingRow[]> = {};
  for (let i = 0; i < limits.costRowsMax + 2; i += 1) workflows[`w${i}`] = rowsOf({ cost: i === 7 ? 1 : 0.1 });
  const { rows, total } = sums({ by: 'workflow' }, workflows);
  expect(rows).toHaveLength(limits.costRowsMax + 1);
  expect(rows[0]).toMatchObject({ key: 'w7', cost: 1 });
  expect(rows.at(-1)).toMatchObject({ key: '(others)', calls: 2, cost: 0.2 });
  expect(total).toMatchObject({ calls: limits.costRowsMax + 2, cost: 1001.1 });
});

test.each([
  [{ from: '2026-02-30' }, 'is no day of the calendar'],
  [{ to: '31.1.2026' }, 'must be a day such as 2026-01-31'],
  [{ from: '2026-02-01', to: '2026-01-31' }, 'is before from'],
])('%j is not taken', (query, message) => {
  expect(costsQuerySchema.safeParse(query).error?.issues[0]?.message).toBe(message);
});

test('CO1: each count adds up by itself, in the rows as in the total', () => {
  const row = (day: string, n: number): SpendingRow => ({
    day,
    action: 'chat',
    model: 'm',
    calls: n,
    unpriced_calls: n * 2,
    tokens: n * 10,
    input_tokens: n * 20,
    cached_input_tokens: n * 300,
    cache_write_tokens: n * 4_000,
    output_tokens: n * 50_000,
    reasoning_tokens: n * 600_000,
    cost_pico: String(n * 1_000_000),
  });
  const view = (n: number) => {
    const { day: _day, action: _action, model: _model, cost_pico: _pico, ...counts } = row('', n);
    return { ...counts, cost: n / 1_000_000, cost_is_floor: true };
  };
  expect(sums({ by: 'day' }, { w: [row('2026-01-31', 1), row('2026-02-01', 3)], v: [row('2026-01-31', 4)] })).toEqual({
    from: null,
    to: null,
    by: 'day',
    rows: [
      { key: '2026-01-31', ...view(5) },
      { key: '2026-02-01', ...view(3) },
    ],
    total: view(8),
  });
});

test.each([['a b c d'], ['d c b a'], ['c a d b'], ['b d a c']])(
  'equal amounts stand in the order of their keys, days in their order, when %s came in',
  (order) => {
    const names = order.split(' ');
    const rows = rowsOf(...names.map((model) => ({ model, day: `2026-01-0${'abcd'.indexOf(model) + 1}` })));
    const keys = (by: string) => sums({ by }, { w: rows }).rows.map(({ key }) => key);
    expect(keys('model')).toEqual(['a', 'b', 'c', 'd']);
    expect(keys('day')).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
  },
);
