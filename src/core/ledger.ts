/**
 * Spending: every attempt counts, also one that failed, was repeated or stopped.
 *
 * Rules, numbered for tests:
 *   M1  a step's metrics are the sums over all its attempts; its cost is exact to the last digit;
 *   M2  an attempt of unknown price makes the step's cost a floor; if no price is known, the cost is null, never 0;
 *   M3  spending is kept by day, action and model, and never shrinks: not by a retry, not by a branch;
 *   M4  a call whose end was not seen may have been billed: it counts as a call of unknown price. The reservation of
 *       a call of unknown usage or price is added to its row.
 */
import type { JsonObject } from '../contract/json.ts';
import type { Reservation, SpendingRow } from '../contract/ledger.ts';
import { toDollars, toPico } from './metrics.ts';
import { toDay } from './time.ts';

const counters = [
  'tokens',
  'input_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
] as const;

/** The `cost_source` of an answer from the cache: no call was made, so none is entered. */
const cachedCost = 'cache';

/** The metrics of an answer from the cache: those of the original call, with all amounts 0. */
export function toCachedMetrics(metrics: JsonObject | null): JsonObject | null {
  if (metrics === null) return null;
  const { cost_is_floor: _, ...named } = metrics;
  const used = [...counters, 'calls', 'cost'];
  return { ...named, ...Object.fromEntries(used.map((name) => [name, 0])), cost_source: cachedCost };
}

/** M1, M2: a step's metrics after one more attempt. Fields that are no amounts are those of the last attempt. */
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

/** M3: the rows with one more attempt entered; the same rows when the attempt called no model. */
export function addSpending(
  rows: readonly SpendingRow[],
  day: string,
  action: string,
  metrics: JsonObject | null,
  reserved: Reservation | null = null,
): readonly SpendingRow[] {
  if (metrics?.cost_source === cachedCost) return rows;
  if (metrics === null || !('cost' in metrics || 'tokens' in metrics)) return rows;
  const model = typeof metrics.model === 'string' ? metrics.model : 'unknown';
  const at = rows.findIndex((row) => row.day === day && row.action === action && row.model === model);
  const before = rows[at] ?? emptyRow(day, action, model);
  const row = { ...before };
  for (const counter of counters) row[counter] += toCount(metrics[counter]);
  const calls = 'calls' in metrics ? toCount(metrics.calls) : 1;
  row.calls += calls;
  if (isUnpriced(metrics)) row.unpriced_calls += calls;
  row.cost_pico = addPico(row.cost_pico, String(toPico(metrics.cost) ?? 0n));
  if (reserved && typeof metrics.tokens !== 'number') row.held_tokens = (row.held_tokens ?? 0) + reserved.tokens;
  if (reserved && isUnpriced(metrics)) row.held_cost_pico = addPico(row.held_cost_pico, reserved.cost_pico);
  return at === -1 ? [...rows, row] : rows.with(at, row);
}

/** The end of an attempt, as the ledger needs it. */
export interface AttemptEnd {
  readonly at: number;
  readonly metrics: JsonObject | null;
  /** Its usage was lost with its thread or with the engine. */
  readonly lost?: true;
}

/** The metrics that count for an attempt. M4: those of its reservation, if it was lost. */
export function toCharged({ metrics, lost }: AttemptEnd, reserved: Reservation | null): JsonObject | null {
  return lost && reserved ? toLostMetrics(reserved) : metrics;
}

/** M3, M4: the rows with an ended attempt entered. */
export function enterAttempt(
  rows: readonly SpendingRow[],
  action: string,
  reserved: Reservation | null,
  end: AttemptEnd,
): readonly SpendingRow[] {
  return addSpending(rows, toDay(end.at), action, toCharged(end, reserved), reserved);
}

/** M4: the metrics of a lost attempt, from its reservation. */
function toLostMetrics({ model, calls }: Reservation): JsonObject {
  return { model, calls, tokens: null, cost: null };
}

/**
 * Joins the spending of one workflow from two sources, of which one may be an older copy: of each row, the one with
 * more calls wins.
 */
export function joinSpending(a: readonly SpendingRow[], b: readonly SpendingRow[]): readonly SpendingRow[] {
  const ahead = new Map(a.map((row) => [toKey(row), row]));
  for (const row of b) {
    const other = ahead.get(toKey(row));
    if (other === undefined || other.calls < row.calls) ahead.set(toKey(row), row);
  }
  return [...ahead.values()];
}

function toKey({ day, action, model }: SpendingRow): string {
  return `${day}\n${action}\n${model}`;
}

function addPico(a: string | undefined, b: string | null): string {
  return String(BigInt(a ?? 0) + BigInt(b ?? 0));
}

/** The fields of an attempt's metrics that this file reads. */
export function toUsage(metrics: JsonObject | null): JsonObject | null {
  if (metrics === null) return null;
  const kept = ['model', 'cost', 'cost_source', 'cost_is_floor', 'calls', ...counters];
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
