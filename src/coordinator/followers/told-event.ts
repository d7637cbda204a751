/**
 * A journal event as clients see it: the workflow after it, as a row of a list shows it, and the steps that it changed. With
 * it a list and the head of a page are kept up without a read.
 */
import type { EngineEvent, EventStep } from '../../contract/event.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import { toProgress } from '../../core/duration.ts';
import { toDollars } from '../../core/metrics.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import type { Change } from '../../core/stop-steps.ts';
import { toIso } from '../../core/time.ts';
import { toStepCounts } from '../../core/view.ts';

/** An event names at most this many steps, so that a fan-out of thousands stays a small message. */
const stepIdsMax = 100;

/** `state` is the workflow after the event, `change` the effect of the event on other steps. */
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
    ...(step ? { step_status: step.status, step: toEventStep(step) } : {}),
    ...('count' in event ? { count: event.count } : {}),
    ...('round' in event ? { round: event.round } : {}),
    ...toFamily(event, step),
    version: event.version,
    ...toSums(state),
    ...(change ? toChangedSteps(state, change) : {}),
  };
}

function toEventStep(step: StepState): EventStep {
  const { status, attempt, queuedAt, startTime, endTime, metrics, errorCode, outcome } = step;
  const toTime = (ms: number | null) => (ms === null ? null : toIso(ms));
  const { cost, tokens } = metrics ?? {};
  return {
    status,
    attempt,
    queuedAt: toTime(queuedAt),
    startTime: toTime(startTime),
    endTime: toTime(endTime),
    ...(metrics === null ? {} : { cost: typeof cost === 'number' ? cost : null }),
    ...(typeof tokens === 'number' ? { tokens } : {}),
    errorCode,
    ...(outcome === null ? {} : { outcome }),
  };
}

/** What costs nothing to say: the state keeps these counts. */
function toSums({ counts, outcomes, steps, totals }: WorkflowState) {
  const { skipped, tolerated } = outcomes;
  return {
    progress: toProgress(counts.COMPLETED, steps.length),
    steps_total: steps.length,
    step_counts: toStepCounts(counts),
    ...(skipped > 0 ? { skipped } : {}),
    ...(tolerated > 0 ? { tolerated } : {}),
    total_cost: toDollars(totals.costPico),
    total_tokens: totals.tokens,
    cost_is_floor: totals.unpriced > 0,
  };
}

/** Who started the workflow, and which one the step has started. */
function toFamily(event: JournalEvent, step: StepState | undefined) {
  if (event.kind === 'workflow.created' && event.parent?.child !== undefined) {
    return { parent_id: event.parent.id, parent_step_id: event.parent.stepId };
  }
  const isOfChild = event.kind === 'step.returned' || (event.kind === 'step.waiting' && event.for === 'workflow');
  return isOfChild && step?.child ? { child_id: step.child } : {};
}

function toChangedSteps(state: WorkflowState, { queued, stopped, completed, failed }: Change) {
  if (queued.length + stopped.length + completed.length + failed.length === 0) return {};
  const toIds = (places: readonly number[]) => places.slice(0, stepIdsMax).map((i) => state.steps[i]!.id);
  const skipped = completed.filter((i) => state.steps[i]!.outcome === 'skipped');
  return {
    ...(queued.length > 0 ? { queued_steps: toIds(queued) } : {}),
    ...(stopped.length > 0 ? { stopped_steps: toIds(stopped) } : {}),
    ...(completed.length > 0 ? { completed_steps: toIds(completed) } : {}),
    ...(skipped.length > 0 ? { skipped_steps: toIds(skipped) } : {}),
    ...(failed.length > 0 ? { failed_steps: toIds(failed) } : {}),
    ...(Math.max(queued.length, stopped.length, completed.length, failed.length) > stepIdsMax
      ? { steps_cut: true as const }
      : {}),
  };
}
