/**
 * What a workflow has used, kept as running totals. Money is added in whole picodollars, so that sums do not depend on
 * the order of additions and taking a step's cost out again leaves nothing behind.
 */
import type { JsonObject } from '../contract/json.ts';

const picoPerDollar = 1_000_000_000_000;

export interface Totals {
  tokens: number;
  costPico: bigint;
  byModel: Map<string, bigint>;
  /** Steps that used a model whose price was not known. */
  unpriced: number;
}

export function emptyTotals(): Totals {
  return { tokens: 0, costPico: 0n, byModel: new Map(), unpriced: 0 };
}

/** Adds (`sign` 1) or takes out (-1) one step's execution_metrics: {tokens, cost in US dollars or null, model}. */
export function addMetrics(totals: Totals, metrics: JsonObject | null, sign: 1 | -1): void {
  if (metrics === null) return;
  const { tokens, cost, model } = metrics;
  if (typeof tokens === 'number' && Number.isFinite(tokens)) totals.tokens += sign * tokens;
  const pico = typeof cost === 'number' ? Math.round(cost * picoPerDollar) : Number.NaN;
  if (Number.isFinite(pico)) {
    const change = BigInt(pico) * BigInt(sign);
    totals.costPico += change;
    // The sums by model make the total, so a cost that names no model has its place among them too.
    const key = typeof model === 'string' ? model : 'unknown';
    const sum = (totals.byModel.get(key) ?? 0n) + change;
    if (sum === 0n) totals.byModel.delete(key);
    else totals.byModel.set(key, sum);
  } else if (cost === null) {
    totals.unpriced += sign;
  }
}

export function toDollars(pico: bigint): number {
  return Number(pico) / picoPerDollar;
}
