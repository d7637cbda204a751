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

type Told = { -readonly [K in keyof EngineEvent]: EngineEvent[K] };

/** `state` is the workflow after the event, `change` the effect of the event on other steps. */
export function toEngineEvent(event: JournalEvent, seq: number, state: WorkflowState, change?: Change): EngineEvent {
  const { counts, outcomes, steps, totals } = state;
  // Of the workflow it says what costs nothing: the state keeps these counts. Every event is told, and thousands are kept
  // (event-window.ts): one object made at once takes half the time and room of one that is put together from many.
  const told: Told = {
    seq,
    kind: event.kind,
    workflow_id: event.workflowId,
    at: toIso(event.at),
    status: state.header.status,
    version: event.version,
    progress: toProgress(counts.COMPLETED, steps.length),
    steps_total: steps.length,
    step_counts: toStepCounts(counts),
    total_cost: toDollars(totals.costPico),
    total_tokens: totals.tokens,
    cost_is_floor: totals.unpriced > 0,
  };
  if ('stepId' in event) {
    told.step_id = event.stepId;
    const step = state.step(event.stepId);
    if (step) tellStep(told, step, event);
  }
  if ('count' in event) told.count = event.count;
  if ('round' in event) told.round = event.round;
  if (event.kind === 'workflow.created' && event.parent?.child !== undefined) {
    told.parent_id = event.parent.id;
    told.parent_step_id = event.parent.stepId;
  }
  if (outcomes.skipped > 0) told.skipped = outcomes.skipped;
  if (outcomes.tolerated > 0) told.tolerated = outcomes.tolerated;
  if (change) tellChange(told, state, change);
  return told;
}

function tellStep(told: Told, step: StepState, event: JournalEvent): void {
  told.step_status = step.status;
  told.step = toEventStep(step);
  // Which workflow the step has started.
  const isOfChild = event.kind === 'step.returned' || (event.kind === 'step.waiting' && event.for === 'workflow');
  if (isOfChild && step.child) told.child_id = step.child;
}

function toEventStep(step: StepState): EventStep {
  const { status, attempt, queuedAt, startTime, endTime, metrics, errorCode, outcome } = step;
  const shown: { -readonly [K in keyof EventStep]: EventStep[K] } = {
    status,
    attempt,
    queuedAt: toIsoOrNull(queuedAt),
    startTime: toIsoOrNull(startTime),
    endTime: toIsoOrNull(endTime),
    errorCode,
  };
  if (metrics !== null) {
    const { cost, tokens } = metrics;
    shown.cost = typeof cost === 'number' ? cost : null;
    if (typeof tokens === 'number') shown.tokens = tokens;
  }
  if (outcome !== null) shown.outcome = outcome;
  return shown;
}

function toIsoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}

function tellChange(told: Told, state: WorkflowState, { queued, stopped, completed, failed }: Change): void {
  if (queued.length + stopped.length + completed.length + failed.length === 0) return;
  const toIds = (places: readonly number[]) => places.slice(0, stepIdsMax).map((i) => state.steps[i]!.id);
  const skipped = completed.filter((i) => state.steps[i]!.outcome === 'skipped');
  if (queued.length > 0) told.queued_steps = toIds(queued);
  if (stopped.length > 0) told.stopped_steps = toIds(stopped);
  if (completed.length > 0) told.completed_steps = toIds(completed);
  if (skipped.length > 0) told.skipped_steps = toIds(skipped);
  if (failed.length > 0) told.failed_steps = toIds(failed);
  if (Math.max(queued.length, stopped.length, completed.length, failed.length) > stepIdsMax) told.steps_cut = true;
}
