/**
 * How a workflow begins: from a definition, as a branch, or from a state file that this engine did not write. The
 * steps of such a file are corrected to fit their dependencies, so that the rules of `evolve.ts` hold from here on.
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import { isTerminal } from '../contract/workflow.ts';
import { settleWaiting } from './dependents.ts';
import { isBegun, isUnderWay } from './groups.ts';
import { itemAt } from './item-at.ts';
import { verdictOf } from './join.ts';
import type { WorkflowState } from './state.ts';
import { readWorkflow } from './state-file.ts';
import { externalAction, type StepState } from './step-state.ts';
import { heldUpBy, newChange, stopSteps } from './stop-steps.ts';
import { checkBeginning } from './transitions.ts';
import { toWorkflowStatus } from './workflow-status.ts';

/** An event that holds a whole workflow. */
export type Beginning = Extract<JournalEvent, { workflow: unknown }>;

/** The workflow of a `created`, `adopted` or `taken_over` event. */
export function createWorkflow(event: Beginning, seq: number): WorkflowState {
  checkBeginning(event);
  // The completed steps of a branch have run in its parent: the branch itself has not started.
  const isNew = event.kind === 'workflow.created';
  const meta = isNew ? { started: false } : { spending: event.spending ?? [] };
  const state = readWorkflow(event.workflow, meta, event.at, isNew ? event.at : null);
  const { status } = state.header;
  if (isNew) {
    settleFirst(state, event.at);
  } else {
    if (isTerminal(status)) stopRunning(state);
    else settleSteps(state, event.at);
    state.steps.forEach((step, i) => {
      if (step.status === 'PENDING' && step.queuedAt === null) state.setStep(i, { queuedAt: event.at });
    });
  }
  const settled = toWorkflowStatus(state, state.header.started);
  state.setHeader({
    seq,
    version: event.version,
    updatedAt: isTerminal(status) ? state.header.updatedAt : event.at,
    keys: !isNew ? (event.keys ?? []) : event.idempotency ? [event.idempotency] : [],
    status: isNew ? 'PENDING' : isTerminal(status) ? status : settled,
  });
  state.forgetChanges();
  return state;
}

/** DE1: the first steps of a branch, whose dependencies its parent has completed. */
function settleFirst(state: WorkflowState, at: number): void {
  const ended: number[] = [];
  state.steps.forEach(({ dependencies }, i) => {
    if (dependencies.length > 0 && itemAt(state.missing, i) === 0) ended.push(i);
  });
  if (ended.length > 0) settleWaiting(state, ended, at, newChange());
}

/**
 * A foreign file may call itself finished and hold a RUNNING step. No attempt of it runs here, and none ever ends it: it
 * was stopped when the workflow was last changed. Steps that are PENDING or wait stay as they are, and run when a call
 * sets the workflow going again.
 */
function stopRunning(state: WorkflowState): void {
  const running = [...state.steps.keys()].filter((i) => state.stepAt(i).status === 'RUNNING');
  const error = `It was RUNNING in a workflow that is ${state.header.status}: no attempt of it is known here`;
  stopSteps(state, running, state.header.updatedAt, error, newChange());
}

/**
 * In a foreign file, a PENDING or RUNNING step may still have missing dependencies, and a waiting step may have none.
 */
function settleSteps(state: WorkflowState, at: number): void {
  const change = newChange();
  for (const i of [...state.steps.keys()].reverse()) if (isExcess(state, i)) wait(state, i);
  state.steps.forEach((step, i) => {
    const waits = !mayRun(state, i, step) || step.action === externalAction;
    // The `reason` of a foreign file does not come from a budget of this engine.
    if (step.pause !== null) state.setStep(i, { pause: null });
    if ((step.status === 'PENDING' || step.status === 'RUNNING') && waits) wait(state, i);
    if (step.status === 'WAITING_FOR_DEPENDENCY' && !waits) state.setStep(i, { status: 'PENDING' });
  });
  state.steps.forEach((step, i) => {
    if (step.status !== 'FAILED') return;
    const why =
      state.header.failurePolicy === 'fail-fast'
        ? `Stopped because step "${step.id}" failed (fail-fast)`
        : `Upstream step "${step.id}" failed`;
    stopSteps(state, heldUpBy(state, [i]), at, why, change);
  });
}

/** F2: the step works for an item that is one too many, in its own group or in one around it. */
function isExcess(state: WorkflowState, i: number): boolean {
  let { of, status } = state.stepAt(i);
  if (status !== 'PENDING' && status !== 'RUNNING') return false;
  for (; of !== null; of = state.stepOf(of.step).of) if (state.tallyAt(state.placeOf(of.step)).isOverfull) return true;
  return false;
}

function wait(state: WorkflowState, i: number): void {
  state.setStep(i, { status: 'WAITING_FOR_DEPENDENCY' });
}

function mayRun(state: WorkflowState, i: number, step: StepState): boolean {
  return verdictOf(state, i) === 'ready' && isBegun(state, step) && !isUnderWay(step);
}
