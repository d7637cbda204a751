/**
 * What an event did to the steps of its workflow, and the steps that it stops. What follows from the end of a step is in
 * `dependents.ts`.
 */
import { addCancelled } from './attempts.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, externalAction, type StepState } from './step-state.ts';
import { toIso } from './time.ts';

/** A failure among its dependencies, or anywhere under fail-fast, keeps the step from running. */
export function dependsOnSuccess({ flow }: StepState): boolean {
  return flow.join === 'all' || flow.join === 'any';
}

/** Data is kept for the step, because its dependencies were not complete when it came. */
export function isHeld(step: StepState): boolean {
  return step.action === externalAction && isUnended(step) && step.outputs !== null;
}

/** A held step that was stopped keeps its data: a resume or a retry lets it wait again. */
function isUnended({ status }: StepState): boolean {
  return status === 'WAITING_FOR_DEPENDENCY' || status === 'PENDING' || status === 'STOPPED';
}

export function isUnfinished(step: StepState): boolean {
  return step.status === 'PENDING' || step.status === 'RUNNING' || step.status === 'WAITING_FOR_DEPENDENCY';
}

/** Stops the unfinished steps among `places`. With `error` null each keeps its own error. */
export function stopSteps(
  state: WorkflowState,
  places: Iterable<number>,
  at: number,
  error: string | null,
  change: Change,
): void {
  for (const i of places) {
    const step = state.stepAt(i);
    if (!isUnfinished(step)) continue;
    if (step.status === 'RUNNING') change.aborted.push(i);
    if (step.status === 'PENDING') change.unqueued.push(i);
    change.stopped.push(i);
    state.setStep(i, {
      status: 'STOPPED',
      ...(error === null ? {} : { error }),
      ...(step.status === 'RUNNING' ? { attempts: addCancelled(step, at, error ?? 'the workflow was stopped') } : {}),
      pause: null,
      wait: null,
      endTime: step.status === 'RUNNING' ? Math.max(at, step.startTime ?? at) : step.endTime,
      dueAt: null,
      delayMs: 0,
      logs: addLogs(step, [`Stopped at ${toIso(at)}`]),
    });
  }
}

/**
 * The failed steps, and all steps that cannot run because of them: those downstream by `all` and `any`, the items of
 * failed groups, and under fail-fast every step but those with `ended` or `failed`.
 */
export function heldUpBy(state: WorkflowState, failed: readonly number[]): Set<number> {
  const isEnd = (i: number) => state.stepAt(i).status === 'COMPLETED' || !dependsOnSuccess(state.stepAt(i));
  const isAll = failed.length > 0 && state.header.failurePolicy === 'fail-fast';
  const held = new Set(failed);
  if (isAll) for (const i of state.steps.keys()) if (!isEnd(i)) held.add(i);
  for (const i of held) {
    for (const next of state.downstreamOf(i)) if (!isEnd(next)) held.add(next);
    // A group that is held up holds up all that was made from it.
    for (const inner of state.placesOf(i)) held.add(inner);
  }
  return held;
}

/** What an event did to the steps of its workflow. The coordinator acts on it once the event is durable. */
export interface Change {
  /** Steps that became PENDING, by place. */
  queued: number[];
  /** Steps whose running attempt no longer counts, by place. */
  aborted: number[];
  /** Steps that were PENDING, and are no longer, by place. */
  unqueued: number[];
  /** Steps that the event has stopped, by place. */
  stopped: number[];
  /** Steps other than the event's own that it has completed: by data kept for them, as a group, or skipped. */
  completed: number[];
  /** Groups that it has failed, by place. */
  failed: number[];
  /** Children that no step waits for any more, by id. */
  left: string[];
}

export function newChange(): Change {
  return { queued: [], aborted: [], unqueued: [], stopped: [], completed: [], failed: [], left: [] };
}
