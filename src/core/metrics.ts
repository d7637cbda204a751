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
  if (typeof cost === 'number' && Number.isFinite(cost)) {
    const pico = BigInt(Math.round(cost * picoPerDollar)) * BigInt(sign);
    totals.costPico += pico;
    if (typeof model === 'string') {
      const sum = (totals.byModel.get(model) ?? 0n) + pico;
      totals.byModel.set(model, sum);
    }
  } else if (cost === null) {
    totals.unpriced += sign;
  }
}

export function toDollars(pico: bigint): number {
  return Number(pico) / picoPerDollar;
}
