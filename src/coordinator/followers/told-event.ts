/** Durable events in the form in which clients follow them. */
import type { EngineEvent } from '../../contract/event.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { Change } from '../../core/dependents.ts';
import type { WorkflowState } from '../../core/state.ts';
import { toIso } from '../../core/time.ts';

/** A fan-out of thousands is not told step by step. */
const stepIdsMax = 100;

/** `state` is the workflow after the event, `change` what the event did to other steps. */
export function toEngineEvent(event: JournalEvent, seq: number, state: WorkflowState, change?: Change): EngineEvent {
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
    ...(change ? toChangedSteps(state, change) : {}),
  };
}

function toChangedSteps(state: WorkflowState, { queued, stopped }: Change) {
  if (queued.length + stopped.length === 0) return {};
  const toIds = (places: readonly number[]) => places.slice(0, stepIdsMax).map((i) => state.steps[i]!.id);
  return {
    ...(queued.length > 0 ? { queued_steps: toIds(queued) } : {}),
    ...(stopped.length > 0 ? { stopped_steps: toIds(stopped) } : {}),
    ...(Math.max(queued.length, stopped.length) > stepIdsMax ? { steps_cut: true as const } : {}),
  };
}
