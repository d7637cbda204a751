/**
 * Table J: whether a step runs, by its `join` and by how its dependencies have ended. Each has run, was skipped, was
 * tolerated (it failed, and the workflow goes on), or is lost (FAILED, or STOPPED).
 *
 * Rules, numbered for tests:
 *   TJ1  `all` and `any` are blocked by the first lost dependency, while others may still run; apart from that the verdict
 *        comes when all have ended, and all items of those that are groups (F5);
 *   TJ2  `all` runs when each has run; `any` when one has, or there are none; `ended` in any case; `failed` when one is lost
 *        or was tolerated. Where nothing blocks the step, and it does not run, it is skipped.
 */
import { itemAt } from './item-at.ts';
import type { WorkflowState } from './state.ts';

export type JoinVerdict = 'waits' | 'ready' | 'skipped' | 'blocked';

export function verdictOf(state: WorkflowState, i: number): JoinVerdict {
  const { flow, dependencies } = state.stepAt(i);
  const { lost, skipped, tolerated } = itemAt(state.ends, i);
  const isMissing = itemAt(state.missing, i) > 0;
  const { join } = flow;
  if ((join === 'all' || join === 'any') && lost > 0) return 'blocked';
  if (isMissing) return 'waits';
  if (join === 'all') return skipped + tolerated > 0 ? 'skipped' : 'ready';
  if (join === 'any') {
    const isEmpty = dependencies.length === 0;
    return isEmpty || new Set(dependencies).size > skipped + tolerated ? 'ready' : 'skipped';
  }
  return join === 'ended' || lost + tolerated > 0 ? 'ready' : 'skipped';
}
