/**
 * When a step becomes ready: the end of a step queues its dependents, or stops them.
 *
 * Rules, numbered for tests:
 *   DE1  a waiting step becomes PENDING (queued) exactly when its last missing dependency completes; at a workflow's
 *        creation `decide.ts` and `create-workflow.ts` apply the same test to its first steps;
 *   DE2  after a failure, every unfinished step that can no longer run because of it is STOPPED, and its error names
 *        the failed step; under fail-fast every unfinished step is. A step that is COMPLETED, as by data from
 *        outside, blocks nothing;
 *   DE3  a step for which data is kept (`external-data.ts`) is COMPLETED in the same event in which its last missing
 *        dependency is, and so on through all that wait for it.
 */
import { withDownstream } from './graph.ts';
import { addLogs, externalAction, type StepState, type WorkflowState } from './state.ts';
import { toIso } from './time.ts';

/** What goes into the log of a step that data from outside has made ready. */
export function toIngestedLine(at: number): string {
  return `Queued due to external data dependency satisfaction at ${toIso(at)}`;
}

/**
 * DE1 and DE3: queues the candidates that have no missing dependency, and completes those for which data is kept. `line`
 * goes into the logs of the candidates that are queued.
 */
export function queueReady(
  state: WorkflowState,
  candidates: readonly number[],
  at: number,
  change: Change,
  line?: string,
): void {
  let places = candidates;
  let told = line;
  while (places.length > 0) {
    const completed = places.filter((i) => isReady(state, i) && settle(state, i, at, change, told));
    places = completed.flatMap((i) => state.downstreamOf(i));
    told = toIngestedLine(at);
  }
}

function isReady(state: WorkflowState, i: number): boolean {
  return state.stepAt(i).status === 'WAITING_FOR_DEPENDENCY' && state.missing[i] === 0;
}

/** True when the step is COMPLETED by this. */
function settle(state: WorkflowState, i: number, at: number, change: Change, line: string | undefined): boolean {
  const step = state.stepAt(i);
  if (step.action !== externalAction) {
    state.setStep(i, { status: 'PENDING', ...(line === undefined ? {} : { logs: addLogs(step, [line]) }) });
    change.queued.push(i);
    return false;
  }
  if (!isHeld(step)) return false;
  const logs = addLogs(step, [`Completed with the data that was kept at ${toIso(at)}`]);
  state.setStep(i, { status: 'COMPLETED', error: null, startTime: at, endTime: at, logs });
  change.completed.push(i);
  return true;
}

/** Data is kept for the step, because its dependencies were not complete when it came. */
export function isHeld(step: StepState): boolean {
  return step.action === externalAction && isUnended(step) && step.outputs !== null;
}

/** A held step that was stopped keeps its data: a resume or a retry lets it wait again. */
function isUnended({ status }: StepState): boolean {
  return status === 'WAITING_FOR_DEPENDENCY' || status === 'STOPPED';
}

function isUnfinished(step: StepState): boolean {
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
      error: error ?? step.error,
      pause: null,
      endTime: step.status === 'RUNNING' ? Math.max(at, step.startTime ?? at) : step.endTime,
      dueAt: null,
      delayMs: 0,
      logs: addLogs(step, [`Stopped at ${toIso(at)}`]),
    });
  }
}

/** DE2. */
export function stopAfterFailure(state: WorkflowState, failed: number, at: number, change: Change): void {
  const { id } = state.stepAt(failed);
  if (state.header.failurePolicy === 'fail-fast') {
    stopSteps(state, state.steps.keys(), at, `Stopped because step "${id}" failed (fail-fast)`, change);
  } else {
    stopSteps(state, heldUpBy(state, [failed]), at, `Upstream step "${id}" failed`, change);
  }
}

/** The failed steps, and all steps that cannot run because of them. */
export function heldUpBy(state: WorkflowState, failed: readonly number[]): Set<number> {
  return withDownstream(state, failed, (i) => state.stepAt(i).status === 'COMPLETED');
}

/** What an event did to the steps of its workflow. The coordinator acts on it once the event is durable. */
export interface Change {
  /** Steps that became PENDING, by place. */
  queued: number[];
  /** Steps whose running attempt no longer counts, by place. */
  aborted: number[];
  /** Steps that were PENDING, and are STOPPED or paused now, by place. */
  unqueued: number[];
  /** Steps that the event has stopped, by place. */
  stopped: number[];
  /** Steps that data kept for them has completed, by place. */
  completed: number[];
}

export function newChange(): Change {
  return { queued: [], aborted: [], unqueued: [], stopped: [], completed: [] };
}
