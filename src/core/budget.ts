/**
 * Whether a call still fits a budget. A call reserves its estimate before it is sent, and is settled when it has
 * ended. So calls in flight together exceed the budget by no more than the errors of their estimates.
 *
 * Rules, numbered for tests:
 *   BU1  a call starts only if spending + reservations + its own estimate are within the budget;
 *   BU2  a call that fits without the reservations of others waits for their end. A call that does not fit even then
 *        has its step paused, because spending never shrinks;
 *   BU3  a call of unknown usage or price counts as its reservation;
 *   BU4  under a budget in dollars, a call of unknown price does not start.
 */
import type { Budget } from '../contract/budget.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Reservation, SpendingRow } from '../contract/ledger.ts';
import { counted } from './duration.ts';
import { toDollars, toPico } from './metrics.ts';

export interface Amounts {
  readonly costPico: bigint;
  readonly tokens: number;
  readonly calls: number;
}

export const noAmounts: Amounts = { costPico: 0n, tokens: 0, calls: 0 };

export function addAmounts(a: Amounts, b: Amounts, sign: 1 | -1 = 1): Amounts {
  return {
    costPico: a.costPico + BigInt(sign) * b.costPico,
    tokens: a.tokens + sign * b.tokens,
    calls: a.calls + sign * b.calls,
  };
}

export function toAmounts(reserved: Reservation | null): Amounts {
  if (reserved === null) return noAmounts;
  return { costPico: BigInt(reserved.cost_pico ?? 0), tokens: reserved.tokens, calls: reserved.calls };
}

/** BU3. With `day`, the rows of that day alone. */
export function toSpentAmounts(rows: readonly SpendingRow[], day?: string): Amounts {
  let sum = noAmounts;
  for (const row of rows) {
    if (day !== undefined && row.day !== day) continue;
    const costPico = BigInt(row.cost_pico) + BigInt(row.held_cost_pico ?? 0);
    sum = addAmounts(sum, { costPico, tokens: row.tokens + (row.held_tokens ?? 0), calls: row.calls });
  }
  return sum;
}

/** What the metrics of a child say (`toChildMetrics`). */
export function toUsedAmounts({ cost, tokens, calls }: JsonObject): Amounts {
  const toCount = (value: unknown) => (typeof value === 'number' ? value : 0);
  return { costPico: toPico(cost) ?? 0n, tokens: toCount(tokens), calls: toCount(calls) };
}

export interface Account {
  /** `the workflow's budget`, `the budget of 2026-01-31`. */
  readonly name: string;
  readonly budget: Budget;
  readonly spent: Amounts;
  readonly reserved: Amounts;
}

export type BudgetVerdict =
  | { readonly kind: 'fits' }
  /** The calls in flight may use less than they have reserved. */
  | { readonly kind: 'wait'; readonly waitsFor: string }
  | { readonly kind: 'pause'; readonly reason: string };

/** BU1, BU2, BU4. `advice` ends the reason of a pause: how to go on. */
export function judgeCall(
  { name, budget, spent, reserved }: Account,
  needed: Reservation,
  advice: string,
): BudgetVerdict {
  if (budget.usd !== undefined && needed.cost_pico === null) {
    const reason = `${name} of $${budget.usd} cannot cover a call of ${needed.model}, whose price is not known; name it in PRICES_FILE, or set a budget in tokens or calls`;
    return { kind: 'pause', reason };
  }
  const need = toAmounts(needed);
  const places = [
    { max: budget.usd === undefined ? null : toPico(budget.usd), of: costOf, show: showCost },
    { max: budget.tokens === undefined ? null : BigInt(budget.tokens), of: tokensOf, show: showTokens },
    { max: budget.calls === undefined ? null : BigInt(budget.calls), of: callsOf, show: showCalls },
  ];
  let waits = false;
  for (const { max, of, show } of places) {
    if (max === null || of(spent) + of(reserved) + of(need) <= max) continue;
    if (of(spent) + of(need) <= max) {
      waits = true;
      continue;
    }
    const used = `${show(of(spent))} spent, this call may take ${show(of(need))}`;
    return { kind: 'pause', reason: `${name} of ${show(max)} is used up: ${used}; ${advice}` };
  }
  return waits ? { kind: 'wait', waitsFor: `room in ${name}` } : { kind: 'fits' };
}

const costOf = ({ costPico }: Amounts) => costPico;
const tokensOf = ({ tokens }: Amounts) => BigInt(tokens);
const callsOf = ({ calls }: Amounts) => BigInt(calls);
const showTokens = (tokens: bigint) => counted(tokens, 'token');
const showCalls = (calls: bigint) => counted(calls, 'call');

/** At least the cents, and more digits where the amount has them. */
function showCost(pico: bigint): string {
  return `$${toDollars(pico)
    .toFixed(12)
    .replace(/0{1,10}$/, '')}`;
}
