/**
 * Running totals of a workflow's usage and cost. Money is added in whole picodollars, so that sums do not depend on
 * the order of additions, and subtracting a step's cost leaves no remainder.
 */
import type { JsonObject } from '../contract/json.ts';

const picoPerDollar = 1_000_000_000_000;

export interface Totals {
  tokens: number;
  costPico: bigint;
  byModel: Map<string, bigint>;
  /** How many steps have a call of unknown price. */
  unpriced: number;
}

export function emptyTotals(): Totals {
  return { tokens: 0, costPico: 0n, byModel: new Map(), unpriced: 0 };
}

/**
 * Adds (`sign` 1) or takes out (-1) one step's execution_metrics: {tokens, cost in US dollars or null, model}, and
 * `cost_breakdown` by model where there are several.
 */
export function addMetrics(totals: Totals, metrics: JsonObject | null, sign: 1 | -1): void {
  if (metrics === null) return;
  const { tokens, cost, model, cost_is_floor: isFloor, cost_breakdown: byModel } = metrics;
  if (typeof tokens === 'number' && Number.isFinite(tokens)) totals.tokens += sign * tokens;
  if (cost === null || isFloor === true) totals.unpriced += sign;
  if (typeof byModel === 'object' && byModel !== null) {
    // Of a child: its steps may have called several models.
    for (const [name, part] of Object.entries(byModel)) addCost(totals, name, part, sign);
    return;
  }
  // The total equals the sum over the models, so a cost that names no model needs a key too.
  addCost(totals, typeof model === 'string' ? model : 'unknown', cost, sign);
}

function addCost(totals: Totals, model: string, cost: unknown, sign: 1 | -1): void {
  const pico = toPico(cost);
  if (pico === null) return;
  const change = pico * BigInt(sign);
  totals.costPico += change;
  const sum = (totals.byModel.get(model) ?? 0n) + change;
  if (sum === 0n) totals.byModel.delete(model);
  else totals.byModel.set(model, sum);
}

/** null for anything but an amount. Exact up to 2,251 dollars: below that, a double can tell picodollars apart. */
export function toPico(dollars: unknown): bigint | null {
  const pico = typeof dollars === 'number' && dollars >= 0 ? Math.round(dollars * picoPerDollar) : Number.NaN;
  return Number.isFinite(pico) ? BigInt(pico) : null;
}

export function toDollars(pico: bigint): number {
  return Number(pico) / picoPerDollar;
}
