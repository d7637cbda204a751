/**
 * The cost of model calls, added up by day, model, action or workflow.
 *
 * Rules, numbered for tests:
 *   CO1  the total equals the sum of the rows to the last digit: whole picodollars are added, then converted once;
 *   CO2  days count in UTC, both ends included;
 *   CO3  there are at most `limits.costRowsMax` rows; one more row sums up all others.
 */
import type { CostsQuery, CostsReply, SpendingRow } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import { toDollars } from './metrics.ts';

type Sum = Omit<SpendingRow, 'day' | 'action' | 'model' | 'cost_pico'> & { costPico: bigint };

/** The key of the row that sums up all others (CO3). */
const othersKey = '(others)';

export class CostSums {
  readonly #query: CostsQuery;
  readonly #sums = new Map<string, Sum>();

  constructor(query: CostsQuery) {
    this.#query = query;
  }

  add(workflowId: string, rows: readonly SpendingRow[]): void {
    const { from, to, by } = this.#query;
    for (const row of rows) {
      if ((from !== undefined && row.day < from) || (to !== undefined && row.day > to)) continue;
      const key = by === 'workflow' ? workflowId : row[by];
      const sum = this.#sums.get(key) ?? emptySum();
      this.#sums.set(key, sum);
      addTo(sum, { ...row, costPico: BigInt(row.cost_pico) });
    }
  }

  toReply(): CostsReply {
    const { from = null, to = null, by } = this.#query;
    const sorted = [...this.#sums].sort(by === 'day' ? byDay : byCost);
    const shown = sorted.slice(0, limits.costRowsMax);
    const rest = sorted.slice(limits.costRowsMax);
    if (rest.length > 0) shown.push([othersKey, addUp(rest)]);
    const rows = shown.map(([key, sum]) => ({ key, ...toView(sum) }));
    return { from, to, by, rows, total: toView(addUp(sorted)) };
  }
}

function byDay([a]: [string, Sum], [b]: [string, Sum]): number {
  return a < b ? -1 : 1;
}

/** The highest cost first. */
function byCost([a, { costPico: costA }]: [string, Sum], [b, { costPico: costB }]: [string, Sum]): number {
  if (costA !== costB) return costA > costB ? -1 : 1;
  return a < b ? -1 : 1;
}

function emptySum(): Sum {
  const none = { tokens: 0, input_tokens: 0, cached_input_tokens: 0, cache_write_tokens: 0, output_tokens: 0 };
  return { calls: 0, unpriced_calls: 0, ...none, reasoning_tokens: 0, costPico: 0n };
}

function addTo(sum: Sum, more: Sum): void {
  sum.calls += more.calls;
  sum.unpriced_calls += more.unpriced_calls;
  sum.tokens += more.tokens;
  sum.input_tokens += more.input_tokens;
  sum.cached_input_tokens += more.cached_input_tokens;
  sum.cache_write_tokens += more.cache_write_tokens;
  sum.output_tokens += more.output_tokens;
  sum.reasoning_tokens += more.reasoning_tokens;
  sum.costPico += more.costPico;
}

function addUp(sums: readonly (readonly [string, Sum])[]): Sum {
  const total = emptySum();
  for (const [, sum] of sums) addTo(total, sum);
  return total;
}

function toView({ costPico, ...counts }: Sum): CostsReply['total'] {
  return { ...counts, cost: toDollars(costPico), cost_is_floor: counts.unpriced_calls > 0 };
}
