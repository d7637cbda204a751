/** Durable events in the form in which clients follow them. */
import type { EngineEvent } from '../contract/event.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import type { WorkflowState } from '../core/state.ts';
import { toIso } from '../core/time.ts';

/** `state` is the workflow after the event. */
export function toEngineEvent(event: JournalEvent, seq: number, state: WorkflowState): EngineEvent {
  const stepId = 'stepId' in event ? event.stepId : undefined;
  const step = stepId === undefined ? undefined : state.step(stepId);
  return {
    seq,
    kind: event.kind,
    workflow_id: event.workflowId,
    ...(stepId === undefined ? {} : { step_id: stepId }),
    at: toIso(event.at),
    status: state.header.status,
    ...(step ? { step_status: step.status } : {}),
    version: event.version,
  };
}

/** A branch is one event with two tellings: the second is for those who follow the parent. */
export function toBranchedEvent(
  event: Extract<JournalEvent, { kind: 'workflow.created' }>,
  seq: number,
  parent: WorkflowState,
): EngineEvent {
  return {
    seq,
    kind: 'workflow.branched',
    workflow_id: parent.header.id,
    at: toIso(event.at),
    status: parent.header.status,
    version: parent.header.version,
  };
}
