/**
 * Decisions about steps that need no attempt: conditions, lists, loops, and waits. Pure like `decide.ts`.
 */
import { type FailureCode, Refusal } from '../contract/failures.ts';
import { readDuration } from '../contract/flow.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import { limits } from '../contract/limits.ts';
import { next } from './decide.ts';
import type { WorkflowState } from './state.ts';
import { countOf, type StepState, type Wait } from './step-state.ts';
import { toIso } from './time.ts';

/** Its `when` is false. */
export function decideSkip(state: WorkflowState, stepId: string, reason: string, now: number): JournalEvent {
  return { kind: 'step.skipped', ...next(state, now), stepId, reason };
}

/** What the step says cannot be worked out from what others have made, or its time is over. Final. */
export function decideUnready(
  state: WorkflowState,
  stepId: string,
  { code, error }: { code: FailureCode; error: string },
  now: number,
): JournalEvent {
  const { attempt } = state.stepOf(stepId);
  const nothing = { durationMs: 0, logs: [], metadata: null, metrics: null };
  const cut = error.slice(0, limits.errorLengthMax);
  return { kind: 'step.failed', ...next(state, now), stepId, attempt, ...nothing, code, error: cut };
}

/** The list of a `forEach` has `count` items; `labels` says what they are called. */
export function decideMap(
  state: WorkflowState,
  stepId: string,
  { count, labels }: { count: number; labels?: readonly string[] },
  now: number,
): JournalEvent {
  const { flow } = state.stepOf(stepId);
  const inner = flow.body?.length ?? 1;
  const known = state.tallyAt(state.placeOf(stepId)).count;
  const fault = findExcess(state, Math.max(0, count - known) * inner);
  if (fault === null) {
    return { kind: 'step.mapped', ...next(state, now), stepId, count, ...(labels ? { labels } : {}) };
  }
  const error = `its ${count} items would make ${count * inner} steps; ${fault}. Put several items into one with batch`;
  return decideUnready(state, stepId, { code: 'BINDING', error }, now);
}

function findExcess(state: WorkflowState, more: number): string | null {
  const { length } = state.steps;
  if (length + more <= limits.stepsMax) return null;
  return `a workflow has at most ${limits.stepsMax}, and this one has ${length}`;
}

/**
 * After a round: what comes next. `isDone` is what `until` says; null before the first round, and where a failed round
 * runs again.
 */
export function decideRound(state: WorkflowState, stepId: string, isDone: boolean | null, now: number): JournalEvent {
  const step = state.stepOf(stepId);
  const { flow, failures } = step;
  const rounds = countOf(step);
  const { max = 1, every, otherwise = 'fail' } = flow.repeat ?? {};
  if (isDone === true) return { kind: 'step.concluded', ...next(state, now), stepId, done: true };
  // After a retry the loop has as many rounds again.
  if (rounds >= max * (failures + 1)) {
    if (otherwise === 'continue') return { kind: 'step.concluded', ...next(state, now), stepId, done: false };
    const error = `not done after ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
    return decideUnready(state, stepId, { code: 'NOT_DONE', error }, now);
  }
  const fault = findExcess(state, flow.body?.length ?? 1);
  if (fault !== null) {
    const error = `round ${rounds} would make more steps; ${fault}`;
    return decideUnready(state, stepId, { code: 'BINDING', error }, now);
  }
  const event = { kind: 'step.repeated' as const, ...next(state, now), stepId, round: rounds };
  const pauseMs = rounds === 0 || every === undefined ? 0 : (readDuration(every) ?? 0);
  return pauseMs === 0 ? event : { ...event, dueAt: event.at + pauseMs };
}

/** The step begins to wait without a slot; or its child, for which it waits, comes to rest or goes on. */
export function decideWait(state: WorkflowState, stepId: string, wait: Wait, now: number): JournalEvent {
  return { kind: 'step.waiting', ...next(state, now), stepId, ...wait };
}

/** The steps whose time has come at `now`, in the order of the workflow. */
export function listDue(state: WorkflowState, now: number): StepState[] {
  return state.steps.filter(({ wait }) => wait !== null && wait.until !== null && wait.until <= now);
}

/** The earliest time that a step waits for; null when none does. */
export function nextDue(state: WorkflowState): number | null {
  let first: number | null = null;
  for (const { wait } of state.steps) {
    if (wait?.until != null && (first === null || wait.until < first)) first = wait.until;
  }
  return first;
}

/** The time of a step that waits is over. */
export function decideElapsed(state: WorkflowState, step: StepState, now: number): JournalEvent {
  const stepId = step.id;
  if (step.wait?.for === 'time') return { kind: 'step.elapsed', ...next(state, now), stepId };
  const { otherwise } = step.params;
  if (step.wait?.for === 'decision' && (otherwise === 'approve' || otherwise === 'reject')) {
    const approved = otherwise === 'approve';
    const nobody = { by: null, comment: null, data: null, expired: true as const };
    return { kind: 'step.decided', ...next(state, now), stepId, approved, ...nobody };
  }
  const what = toMissed(step);
  const error = `EXPIRED: ${what} until ${toIso(step.wait?.until ?? now)}`;
  return decideUnready(state, stepId, { code: 'EXPIRED', error }, now);
}

function toMissed({ wait, child }: StepState): string {
  if (wait?.for === 'workflow') return `workflow ${child} had not ended`;
  return wait?.for === 'decision' ? 'nobody decided' : 'no data came';
}

export interface Decision {
  readonly approved: boolean;
  readonly by: string | null;
  readonly comment: string | null;
  readonly data: unknown;
}

/** A person's decision. Throws a Refusal: NOT_FOUND, CONFLICT where none is due. */
export function decideDecision(
  state: WorkflowState,
  stepId: string,
  { approved, by, comment, data }: Decision,
  now: number,
): JournalEvent {
  const { id } = state.header;
  const step = state.step(stepId);
  if (step === undefined) throw stepNotFound(id, stepId);
  if (step.wait?.for !== 'decision') throw new Refusal({ code: 'CONFLICT', detail: toUndue(state, step) });
  return { kind: 'step.decided', ...next(state, now), stepId, approved, by, comment, data };
}

export function stepNotFound(workflowId: string, stepId: string): Refusal {
  return new Refusal({ code: 'NOT_FOUND', detail: `Workflow ${workflowId} has no step "${stepId.slice(0, 128)}"` });
}

function toUndue({ header }: WorkflowState, { id, action, status }: StepState): string {
  const step = `Step "${id}" of workflow ${header.id}`;
  if (action !== 'approval') return `${step} is no approval (its action is ${action}), so there is nothing to decide`;
  if (status === 'COMPLETED') return `${step} is decided already; read its outputs`;
  return `${step} is ${status} and waits for no decision`;
}
