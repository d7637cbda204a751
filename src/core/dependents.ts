/**
 * When a step becomes ready: the end of a step queues its dependents, or stops them.
 *
 * Rules, numbered for tests:
 *   DE1  a waiting step becomes PENDING (queued) exactly when its last missing dependency completes; at a workflow's
 *        creation `decide.ts` and `create-workflow.ts` apply the same test to its first steps;
 *   DE2  after a failure, every unfinished step that can no longer run because of it is STOPPED, and its error names
 *        the failed step; under fail-fast every unfinished step is. A step that is COMPLETED, as by data from
 *        outside, blocks nothing.
 */
import { withDownstream } from './graph.ts';
import { addLogs, externalAction, type StepState, type WorkflowState } from './state.ts';
import { toIso } from './time.ts';

/** DE1: queues the candidates that have no missing dependency. `line` goes into their logs. */
export function queueReady(state: WorkflowState, candidates: readonly number[], change: Change, line?: string): void {
  for (const i of candidates) {
    const step = state.stepAt(i);
    if (step.status !== 'WAITING_FOR_DEPENDENCY' || step.action === externalAction || state.missing[i] !== 0) continue;
    state.setStep(i, { status: 'PENDING', ...(line === undefined ? {} : { logs: addLogs(step, [line]) }) });
    change.queued.push(i);
  }
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
}

export function newChange(): Change {
  return { queued: [], aborted: [], unqueued: [], stopped: [] };
}
