/**
 * Groups that run again after a retry: their steps stay where they are, and take part again as far as the new list or the
 * new round has them.
 */
import type { Settling } from './dependents.ts';
import { untouched } from './groups.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';

/** The fields of a step that runs again. What its attempts have used and its log stay. */
export function again({ metrics, attempt, logs, of, reserved }: StepState): Partial<StepState> {
  return { ...untouched, metrics, attempt, logs, of, reserved };
}

/**
 * The items that the group has already: those of the new list wait again, the others are skipped. Returns how many items
 * it has.
 */
export function reuseSteps(settling: Settling, group: number, count: number): number {
  const { state } = settling;
  const places = state.tallies.get(group)?.places ?? [];
  places.forEach((ofItem, index) => {
    for (const i of ofItem) {
      resetWhole(state, i);
      if (index >= count) settling.skip(i, 'it is no longer in the list');
    }
  });
  return places.length;
}

/** Whether the group has the steps of this round already; they wait again then, and those of later rounds are skipped. */
export function isReopened(settling: Settling, group: number, round: number): boolean {
  const { state } = settling;
  const places = state.tallies.get(group)?.places ?? [];
  if (places.length <= round) return false;
  places.slice(round).forEach((ofRound, k) => {
    for (const i of ofRound) {
      resetWhole(state, i);
      if (k > 0) settling.skip(i, 'the loop has begun anew');
    }
  });
  return true;
}

/** The step and, where it is a group, all that was made from it. */
function resetWhole(state: WorkflowState, i: number): void {
  const step = state.stepAt(i);
  state.setStep(i, { ...again(step), count: null });
  for (const inner of state.tallies.get(i)?.places.flat() ?? []) resetWhole(state, inner);
}
