/** Which steps a resume or a retry sets going again. */
import { isTerminal } from '../contract/workflow.ts';
import { type Change, heldUpBy, isHeld, newChange, queueReady, stopSteps } from './dependents.ts';
import type { WorkflowState } from './state.ts';
import { addLogs } from './state.ts';

/**
 * Sets STOPPED steps going again, and FAILED ones with `failedToo`. Dependents of a step that stays FAILED stay
 * STOPPED.
 */
export function reviveSteps(state: WorkflowState, at: number, failedToo: boolean, change: Change): void {
  // A foreign file may call itself finished although it has unfinished steps; none of them runs or is queued here.
  if (isTerminal(state.header.status)) stopSteps(state, state.steps.keys(), at, null, newChange());
  const failed = state.steps.flatMap((step, i) => (step.status === 'FAILED' ? [i] : []));
  const blocked = failedToo ? new Set<number>() : heldUpBy(state, failed);
  const revived: number[] = [];
  state.steps.forEach((step, i) => {
    if (blocked.has(i) || (step.status !== 'STOPPED' && step.status !== 'FAILED')) return;
    state.setStep(i, {
      status: 'WAITING_FOR_DEPENDENCY',
      outputs: isHeld(step) ? step.outputs : null,
      error: null,
      startTime: null,
      endTime: null,
      failures: 0,
      dueAt: null,
      delayMs: 0,
      deaths: 0,
    });
    revived.push(i);
  });
  queueReady(state, revived, at, change);
}

/** Queues the steps that a budget has paused; with `of` 'day' only those that wait for the next day. */
export function unpauseSteps(state: WorkflowState, at: string, of: 'day' | undefined, change: Change): void {
  state.steps.forEach((step, i) => {
    if (step.pause === null || (of === 'day' && step.pause.until !== 'day')) return;
    state.setStep(i, { status: 'PENDING', pause: null, logs: addLogs(step, [`Resumed at ${at}`]) });
    change.queued.push(i);
  });
}
