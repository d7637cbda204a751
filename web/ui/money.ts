/** Amounts in US dollars. A cost that is not known is never shown as 0. */

export function usdText(amount: number): string {
  if (amount === 0) return '$0';
  if (amount >= 1) return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (amount >= 0.01) return `$${amount.toFixed(3)}`;
  if (amount >= 0.0001) return `$${amount.toFixed(4).replace(/0+$/, '')}`;
  return `$${Number(amount.toPrecision(2)).toFixed(12).replace(/0+$/, '')}`;
}

export interface CostFacts {
  /** US dollars. */
  readonly cost: number;
  /** A price was not known: the true cost is at least `cost`. */
  readonly isFloor: boolean;
  /** False where no model was called at all. */
  readonly hasCalls: boolean;
}

export function costText({ cost, isFloor, hasCalls }: CostFacts): string {
  if (isFloor) return cost > 0 ? `≥ ${usdText(cost)}` : 'not known';
  return hasCalls || cost > 0 ? usdText(cost) : '–';
}

/** Cost of a whole workflow, from the metrics that its summary carries. */
export function workflowCostText(metrics: {
  total_cost: number;
  total_tokens: number;
  cost_is_floor: boolean;
}): string {
  return costText({
    cost: metrics.total_cost,
    isFloor: metrics.cost_is_floor,
    hasCalls: metrics.total_tokens > 0,
  });
}

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 run`, `2 runs`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${countText(count)} ${count === 1 ? noun : plural}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return counted(bytes, 'byte');
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} KB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
