/**
 * Groups that run again after a retry: their steps stay where they are, and take part again as far as the new list or the
 * new round has them. While a list is read again its steps are at rest: no step of a group without a count is unfinished.
 */
import type { JobStatus } from '../contract/workflow.ts';
import type { Settling } from './dependents.ts';
import { untouched } from './groups.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';
import { isHeld } from './stop-steps.ts';

/** The fields of a step that runs again. What its attempts have used and its log stay. */
export function again({ metrics, attempt, attempts, logs, of, reserved }: StepState): Partial<StepState> {
  return { ...untouched, metrics, attempt, attempts, logs, of, reserved };
}

/**
 * The items that the group has already: those of the new list wait again, the others are skipped. Returns how many items
 * it has.
 */
export function reuseSteps(settling: Settling, group: number, count: number): number {
  const { state } = settling;
  const { places } = state.tallyAt(group);
  for (const i of places.flat()) resetWhole(state, i);
  for (const i of places.slice(count).flat()) settling.skip(i, 'it is no longer in the list');
  return places.length;
}

/** Whether the group has the steps of this round already; they wait again then, and those of later rounds are skipped. */
export function isReopened(settling: Settling, group: number, round: number): boolean {
  const { state } = settling;
  const { places } = state.tallyAt(group);
  if (places.length <= round) return false;
  for (const i of places.slice(round).flat()) resetWhole(state, i);
  for (const i of places.slice(round + 1).flat()) settling.skip(i, 'the loop has begun anew');
  return true;
}

/** The step waits again. Where it is a group, what was made from it is STOPPED until its own list is read again. */
function resetWhole(state: WorkflowState, i: number, status: JobStatus = 'WAITING_FOR_DEPENDENCY'): void {
  const step = state.stepAt(i);
  // Data that is kept for it is for the same item (ED3).
  const kept = isHeld(step) ? { outputs: step.outputs, metadata: step.metadata } : {};
  state.setStep(i, { ...again(step), ...kept, status });
  for (const inner of state.placesOf(i)) resetWhole(state, inner, 'STOPPED');
}
