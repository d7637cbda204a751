/** Goal: totals are exact and the same whatever the order. Method: amounts that floating point gets wrong. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import { addMetrics, emptyTotals, toDollars, toPico } from '../../src/core/metrics.ts';

function total(...metrics: (JsonObject | null)[]) {
  const totals = emptyTotals();
  for (const each of metrics) addMetrics(totals, each, 1);
  return totals;
}

test('money adds up to the last digit: 0.1 + 0.2 is 0.3', () => {
  const totals = total({ cost: 0.1, model: 'a' }, { cost: 0.2, model: 'a' });
  expect(toDollars(totals.costPico)).toBe(0.3);
});

test('the order of additions changes nothing', () => {
  const costs = Array.from({ length: 50 }, (_, i) => ({ cost: 0.000_013_7 * i, tokens: i, model: `m${i % 3}` }));
  expect(total(...costs)).toEqual(total(...costs.toReversed()));
});

test('the models’ sums make the total', () => {
  const totals = total({ cost: 0.1, model: 'a' }, { cost: 0.7, model: 'b' }, { cost: 0.1, model: 'a' });
  expect(totals.byModel).toEqual(
    new Map([
      ['a', 200_000_000_000n],
      ['b', 700_000_000_000n],
    ]),
  );
  expect(totals.costPico).toBe(900_000_000_000n);
});

test('a cost without a model stands under "unknown", so that the models’ sums still make the total', () => {
  expect(total({ cost: 0.5 }).byModel).toEqual(new Map([['unknown', 500_000_000_000n]]));
});

test('taking a step out again leaves nothing behind', () => {
  const totals = emptyTotals();
  for (const metrics of [
    { cost: 0.3, tokens: 7, model: 'a' },
    { cost: null, model: 'b' },
  ]) {
    addMetrics(totals, metrics, 1);
    addMetrics(totals, metrics, -1);
  }
  expect(totals).toEqual(emptyTotals());
});

test('a price that is not known is counted as such, and never as 0', () => {
  expect(total({ cost: null, model: 'a', tokens: 4 })).toMatchObject({ unpriced: 1, costPico: 0n, tokens: 4 });
  expect(total({ tokens: 4 }, null)).toMatchObject({ unpriced: 0, tokens: 4 });
});

test('what is no usable number is left out', () => {
  expect(total({ tokens: 'many', cost: 'much' }, { tokens: Number.NaN, cost: Number.POSITIVE_INFINITY })).toEqual(
    emptyTotals(),
  );
  expect(total({ cost: 1e300, model: 'a' })).toEqual(emptyTotals());
});

test('a floor counts as unpriced beside its cost; what says that it is none does not', () => {
  const floor = { cost: 0.5, cost_is_floor: true, model: 'a', tokens: 3 };
  const byModel = new Map([['a', 500_000_000_000n]]);
  expect(total(floor)).toEqual({ tokens: 3, costPico: 500_000_000_000n, byModel, unpriced: 1 });
  expect(total({ ...floor, cost_is_floor: false }).unpriced).toBe(0);
});

test.each([
  [0, 0n],
  [0.000_000_000_001, 1n],
  [-0.000_000_000_001, null],
  ['0.5', null],
  [[2], null],
  [true, null],
  [null, null],
])('%j dollars are %s picodollars', (dollars, pico) => {
  expect(toPico(dollars)).toBe(pico);
});
