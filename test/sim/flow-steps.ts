/** What documents say of steps with conditions, groups and waits, for checkers. */
import type { WorkflowStep } from '../../src/contract/workflow.ts';

/** A step that an attempt in the pool has completed. Groups, waits, and steps that did not run have made nothing. */
export function hasRunAsWork({ outcome, count, action }: WorkflowStep): boolean {
  return outcome === undefined && count === undefined && !['delay', 'approval', 'steps', 'workflow'].includes(action);
}

/** Whether a retry may run it again: it, or something that it hangs on, has ended on the strength of a failure. */
export function mayRunAgain(step: WorkflowStep, steps: readonly WorkflowStep[]): boolean {
  const byId = indexOf(steps);
  const seen = new Set<string>();
  const isFragile = (id: string): boolean => {
    const at = byId.get(id);
    if (at === undefined || seen.has(id)) return false;
    seen.add(id);
    const group = at.of === undefined ? undefined : byId.get(at.of.step);
    const inner = (group?.body as { id: string; join?: string }[] | undefined)?.find(
      (each) => id === `${group?.id}.${at.of?.index}.${each.id}`,
    );
    const join = at.join ?? inner?.join ?? 'all';
    if (join === 'ended' || join === 'failed' || at.outcome !== undefined) return true;
    return at.dependencies.some(isFragile) || (group !== undefined && isFragile(group.id));
  };
  return isFragile(step.id);
}

/** Checkers ask of each step of a document: it is walked once. */
const indexes = new WeakMap<readonly WorkflowStep[], ReadonlyMap<string, WorkflowStep>>();

function indexOf(steps: readonly WorkflowStep[]): ReadonlyMap<string, WorkflowStep> {
  const known = indexes.get(steps);
  if (known) return known;
  const index = new Map(steps.map((each) => [each.id, each]));
  indexes.set(steps, index);
  return index;
}
