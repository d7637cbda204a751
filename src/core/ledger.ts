/**
 * What was spent: every attempt counts, also those that failed, were repeated or stopped.
 *
 * Rules, numbered for tests:
 *   M1  a step's metrics are those of all its attempts together; its cost is their sum to the last digit;
 *   M2  an attempt whose price is not known makes the cost a floor; where no price is known it is null, never 0;
 *   M3  spending is kept by day, action and model, and is never taken back: not by a retry, not by a branch.
 */
import type { JsonObject } from '../contract/json.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import { toDollars, toPico } from './metrics.ts';

const counters = [
  'tokens',
  'input_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
] as const;

/** M1, M2: a step's metrics after one more attempt. What is no amount is that of the last attempt. */
export function addAttempt(before: JsonObject | null, attempt: JsonObject | null): JsonObject | null {
  if (before === null || attempt === null) return attempt ?? before;
  const sum: JsonObject = { ...before, ...attempt };
  for (const counter of [...counters, 'calls']) {
    const given = [before[counter], attempt[counter]].filter((value) => typeof value === 'number');
    if (given.length > 0) sum[counter] = given.reduce((total, value) => total + toCount(value), 0);
  }
  const costs = [before.cost, attempt.cost].map(toPico);
  const known = costs.flatMap((pico) => (pico === null ? [] : [pico]));
  const cost = known.reduce((a, b) => a + b, 0n);
  const hasUnpriced = [before, attempt].some(isUnpriced);
  if (hasUnpriced && cost === 0n) return { ...sum, cost: null };
  if (known.length > 0) sum.cost = toDollars(cost);
  if (hasUnpriced) sum.cost_is_floor = true;
  return sum;
}

/** M3: the rows with one more attempt in them; the same rows when it called no model. */
export function addSpending(
  rows: readonly SpendingRow[],
  day: string,
  action: string,
  metrics: JsonObject | null,
): readonly SpendingRow[] {
  if (metrics === null || !('cost' in metrics || 'tokens' in metrics)) return rows;
  const model = typeof metrics.model === 'string' ? metrics.model : 'unknown';
  const at = rows.findIndex((row) => row.day === day && row.action === action && row.model === model);
  const before = rows[at] ?? emptyRow(day, action, model);
  const row = { ...before };
  for (const counter of counters) row[counter] += toCount(metrics[counter]);
  const calls = 'calls' in metrics ? toCount(metrics.calls) : 1;
  row.calls += calls;
  if (isUnpriced(metrics)) row.unpriced_calls += calls;
  row.cost_pico = String(BigInt(row.cost_pico) + (toPico(metrics.cost) ?? 0n));
  return at === -1 ? [...rows, row] : rows.with(at, row);
}

/** Of an attempt's metrics, what this file reads. */
export function toSpent(metrics: JsonObject | null): JsonObject | null {
  if (metrics === null) return null;
  const kept = ['model', 'cost', 'cost_is_floor', 'calls', ...counters];
  return Object.fromEntries(Object.entries(metrics).filter(([key]) => kept.includes(key)));
}

function emptyRow(day: string, action: string, model: string): SpendingRow {
  const none = { tokens: 0, input_tokens: 0, cached_input_tokens: 0, cache_write_tokens: 0, output_tokens: 0 };
  return { day, action, model, calls: 0, unpriced_calls: 0, ...none, reasoning_tokens: 0, cost_pico: '0' };
}

function isUnpriced(metrics: JsonObject): boolean {
  return metrics.cost === null || metrics.cost_is_floor === true;
}

function toCount(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
