/**
 * How a workflow begins: as it was asked for, as a branch, or from a file that another life has written. What has come in
 * from a file is brought in line with its graph, so that the rules of `evolve.ts` hold for it from here on.
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import { isTerminal } from '../contract/workflow.ts';
import { newChange, stopAfterFailure } from './dependents.ts';
import { externalAction, toWorkflowStatus, type WorkflowState } from './state.ts';
import { readWorkflow } from './state-file.ts';
import { checkBeginning } from './transitions.ts';

/** An event that holds the whole workflow it begins. */
export type Beginning = Extract<JournalEvent, { workflow: unknown }>;

/** The workflow that a creating, adopting or taking-over event brings into being. */
export function createWorkflow(event: Beginning, seq: number): WorkflowState {
  checkBeginning(event);
  // What a branch takes over has run elsewhere: the branch itself has not started.
  const meta = event.kind === 'workflow.created' ? { started: false } : { spending: event.spending ?? [] };
  const state = readWorkflow(event.workflow, meta, event.at);
  const { status } = state.header;
  if (event.kind !== 'workflow.created' && !isTerminal(status)) settleSteps(state, event.at);
  const settled = toWorkflowStatus(state.counts, state.steps.length, state.header.started);
  state.setHeader({
    seq,
    version: event.version,
    updatedAt: isTerminal(status) ? state.header.updatedAt : event.at,
    keys: event.kind !== 'workflow.created' ? (event.keys ?? []) : event.idempotency ? [event.idempotency] : [],
    status: event.kind === 'workflow.created' ? 'PENDING' : isTerminal(status) ? status : settled,
  });
  return state;
}

/** What a foreign file calls ready or running may still wait for a step, and what it calls waiting may be ready. */
function settleSteps(state: WorkflowState, at: number): void {
  const change = newChange();
  state.steps.forEach((step, i) => {
    const waits = state.missing[i] !== 0 || step.action === externalAction;
    // What a file of another maker calls a reason is no pause of ours.
    if (step.pause !== null) state.setStep(i, { pause: null });
    if ((step.status === 'PENDING' || step.status === 'RUNNING') && waits)
      state.setStep(i, { status: 'WAITING_FOR_DEPENDENCY' });
    if (step.status === 'WAITING_FOR_DEPENDENCY' && !waits) state.setStep(i, { status: 'PENDING' });
  });
  state.steps.forEach((step, i) => {
    if (step.status === 'FAILED') stopAfterFailure(state, i, at, change);
  });
}
