/** The steps of a run in the order of a column, and those that a filter leaves. Pure. */
import type { Columns } from './columns.ts';
import { lookOrder } from './look.ts';
import type { StepFilter } from './view-state.ts';

export const stepColumns = ['status', 'name', 'action', 'started', 'took', 'try', 'tokens', 'cost'] as const;
export type StepColumn = (typeof stepColumns)[number];

/** What a column is ordered by; what is not there comes last. */
function keyOf(run: Columns, i: number, column: StepColumn): number {
  switch (column) {
    case 'status':
      return lookOrder.indexOf(run.look[i]!);
    case 'started':
      return run.start[i]!;
    case 'took':
      return run.end[i]! - run.start[i]!;
    case 'try':
      return run.attempt[i]!;
    case 'tokens':
      return run.tokens[i]!;
    case 'cost':
      return run.cost[i]! < 0 ? 0 : run.cost[i]!;
    case 'name':
    case 'action':
      return 0;
  }
}

function compareTexts(run: Columns, column: StepColumn, collator: Intl.Collator): (a: number, b: number) => number {
  if (column === 'name') return (a, b) => collator.compare(run.names[a]!, run.names[b]!);
  return (a, b) => collator.compare(run.actions[run.action[a]!]!, run.actions[run.action[b]!]!);
}

/** `column` null: the order of the definition. */
export function orderSteps(
  run: Columns,
  column: StepColumn | null,
  isDescending: boolean,
  { look, found }: StepFilter,
): number[] {
  const steps: number[] = [];
  for (let i = 0; i < run.ids.length; i += 1) {
    if ((look < 0 || run.look[i] === look) && (found === null || found[i] === 1)) steps.push(i);
  }
  if (column === null) return steps;
  const way = isDescending ? -1 : 1;
  if (column === 'name' || column === 'action') {
    const compare = compareTexts(run, column, new Intl.Collator('en', { numeric: true }));
    return steps.sort((a, b) => way * compare(a, b) || a - b);
  }
  const keys = Float64Array.from(run.ids, (_, i) => keyOf(run, i, column));
  return steps.sort((a, b) => {
    const isLast = Number(Number.isNaN(keys[a]!)) - Number(Number.isNaN(keys[b]!));
    return isLast || way * (keys[a]! - keys[b]!) || a - b;
  });
}
