/**
 * Decisions: which event a command or an outcome leads to, or its refusal. Pure: time, randomness and ids are
 * arguments, and nothing is changed here. `evolve.ts` applies the events. The table in `transitions.ts` says where
 * each may come.
 */
import type { Budget } from '../contract/budget.ts';
import type { StepDefinition, Template, WorkflowDefinition } from '../contract/definition.ts';
import { type FailureCode, Refusal } from '../contract/failures.ts';
import type { IdempotencyRecord, JournalEvent, OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Reservation } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import { isHookKey } from '../contract/webhook.ts';
import { isTerminal, type JobStatus } from '../contract/workflow.ts';
import { withFinally } from './finally.ts';
import { groupAction, toFlow } from './flow.ts';
import { isControlled } from './groups.ts';
import { enterAttempt, toUsage } from './ledger.ts';
import { decideRetry } from './retry.ts';
import { sizeOfResults } from './size.ts';
import type { WorkflowState } from './state.ts';
import { externalAction, type StepState } from './step-state.ts';
import { toIso } from './time.ts';
import { toWorkflowStatus } from './workflow-status.ts';

export type Created = Extract<JournalEvent, { kind: 'workflow.created' }>;
type Started = Extract<JournalEvent, { kind: 'step.started' }>;

/** What every event of a workflow that exists begins with. */
export function next(state: WorkflowState, now: number) {
  return { workflowId: state.header.id, at: Math.max(now, state.header.updatedAt), version: state.header.version + 1 };
}

export interface Creation {
  id: string;
  definition: WorkflowDefinition;
  warnings?: readonly string[] | undefined;
  templateId: string | null;
  /** Those that its `workflow` steps can reach. */
  templates?: Readonly<Record<string, Template>> | undefined;
  now: number;
}

export function decideCreate({ id, definition, warnings = [], templateId, templates, now }: Creation): Created {
  const steps = withFinally(definition).map((step) => toFirstStep(step, definition.cache ?? false));
  const { cache: _, finally: __, ...own } = definition;
  const told = warnings.length > 0 ? { warnings } : {};
  const reached = templates === undefined || Object.keys(templates).length === 0 ? {} : { templates };
  const workflow = { ...own, id, templateId, status: 'PENDING', createdAt: toIso(now), steps, ...reached, ...told };
  return { kind: 'workflow.created', workflowId: id, at: now, version: 1, workflow: workflow as unknown as JsonObject };
}

/** A step of a definition in the form of a state file. */
function toFirstStep({ steps: body, ...step }: StepDefinition & { final?: true }, isCached: boolean): object {
  const action = step.action ?? groupAction;
  const waits = (step.dependencies ?? []).length > 0 || (action === externalAction && !isControlledFirst(step, action));
  return {
    ...step,
    action,
    ...(body ? { body } : {}),
    ...((step.cache ?? isCached) ? { cache: true } : {}),
    status: waits ? 'WAITING_FOR_DEPENDENCY' : 'PENDING',
  };
}

function isControlledFirst(step: StepDefinition, action: string): boolean {
  return isControlled({ action, params: (step.params ?? {}) as JsonObject, flow: toFlow(step) });
}

/**
 * A new workflow is PENDING even if all its steps wait for outside data; this event makes it WAITING_FOR_DEPENDENCY.
 */
export function decideWaiting(state: WorkflowState, now: number): JournalEvent | null {
  if (isTerminal(state.header.status)) return null;
  const status = toWorkflowStatus(state, state.header.started);
  return status === state.header.status ? null : { kind: 'workflow.waiting', ...next(state, now) };
}

/** Tells the followers of a workflow that it has a new branch. */
export function decideBranched(parent: WorkflowState, now: number): JournalEvent {
  return { kind: 'workflow.branched', ...next(parent, now) };
}

/** The details of a start: a reservation if the attempt calls a model, and lines for the step's log. */
export interface StartTerms {
  readonly reserved?: Reservation | null;
  readonly logs?: readonly string[];
}

export function decideStart(
  state: WorkflowState,
  stepId: string,
  now: number,
  { reserved = null, logs = [] }: StartTerms = {},
): Started {
  const step = state.stepOf(stepId);
  const { workflowId, at, version } = next(state, now);
  const event: Started = { kind: 'step.started', workflowId, at, version, stepId, attempt: step.attempt + 1 };
  if (reserved === null && logs.length === 0) return event;
  return {
    ...event,
    ...(reserved ? { reserved: { action: step.action, ...reserved } } : {}),
    ...(logs.length > 0 ? { logs } : {}),
  };
}

export type AttemptResult =
  | {
      kind: 'completed';
      outputs: OutputsRef;
      metadata: JsonObject | null;
      metrics: JsonObject | null;
      logs: string[];
      simulated: boolean;
    }
  | {
      kind: 'failed';
      code: FailureCode;
      message: string;
      retryAfterMs: number | null;
      metadata: JsonObject | null;
      metrics: JsonObject | null;
      logs: string[];
      /** The worker that ran the attempt is gone. */
      isLost?: true;
      /** Repeated only where the step says `retry.attemptsMax`. */
      onlyIfAsked?: true;
    };

/** Length of an error, in characters, when the workflow's results leave no room for more. */
const crampedErrorMax = 200;

/**
 * An outcome that exceeds the bound on the workflow's results becomes a failure that leaves a short error and its
 * usage.
 */
function fitting(state: WorkflowState, result: AttemptResult): AttemptResult {
  const { logs, metadata, metrics } = result;
  const isCompleted = result.kind === 'completed';
  const outputs = isCompleted ? result.outputs : null;
  const added = { outputs, error: isCompleted ? null : result.message, logs, metadata, metrics };
  if (state.resultsSize + sizeOfResults(added) <= limits.workflowResultsMax) return result;
  const error =
    result.kind === 'failed'
      ? result.message.slice(0, crampedErrorMax)
      : `with these outputs the results of the workflow's steps would take more than ${limits.workflowResultsMax} characters together; return less, or split the workflow`;
  const code = result.kind === 'failed' ? result.code : 'OUTPUT_TOO_LARGE';
  return {
    kind: 'failed',
    code,
    message: error,
    retryAfterMs: null,
    metadata: null,
    metrics: toUsage(result.metrics),
    logs: [],
    ...(result.kind === 'failed' && result.isLost ? { isLost: true } : {}),
    ...(result.kind === 'failed' && result.onlyIfAsked ? { onlyIfAsked: true } : {}),
  };
}

/** M4: the usage of the attempt is unknown, and its call may have been sent. */
function toLoss(step: StepState, result: AttemptResult): { lost?: true } {
  const isLost = result.kind === 'failed' && result.isLost === true && result.metrics === null;
  return isLost && step.reserved !== null ? { lost: true } : {};
}

/** null when the attempt no longer counts: its step was stopped, or has a later attempt (G4). */
export function decideOutcome(
  state: WorkflowState,
  stepId: string,
  attempt: number,
  outcome: AttemptResult,
  { now, durationMs, random }: { now: number; durationMs: number; random: number },
): JournalEvent | null {
  const step = state.step(stepId);
  if (step?.status !== 'RUNNING' || step.attempt !== attempt) return null;
  const result = fitting(state, outcome);
  const { workflowId, at, version } = next(state, now);
  const { logs, metadata, metrics } = result;
  const duration = Math.max(0, Math.floor(durationMs));
  if (result.kind === 'completed') {
    // Field by field: every step comes through here, and spreading a base into it takes as long as all the rest.
    const event: Extract<JournalEvent, { kind: 'step.completed' }> = {
      kind: 'step.completed',
      workflowId,
      at,
      version,
      stepId,
      attempt,
      durationMs: duration,
      logs,
      outputs: result.outputs,
      metadata,
      metrics,
    };
    return result.simulated ? { ...event, simulated: true } : event;
  }
  const base = { workflowId, at, version, stepId, attempt, durationMs: duration, logs };
  const { code, retryAfterMs } = result;
  const error = result.message.slice(0, limits.errorLengthMax);
  const onlyIfAsked = result.onlyIfAsked === true;
  const failures = step.failures + 1;
  const decision = decideRetry({ code, policy: step.retry, failures, retryAfterMs, onlyIfAsked, random });
  const loss = toLoss(step, result);
  if (decision.kind === 'give-up') return { kind: 'step.failed', ...base, code, error, metadata, metrics, ...loss };
  const { delayMs, attemptsMax } = decision;
  return { kind: 'step.retrying', ...base, code, error, metrics, delayMs, attemptsMax, ...loss };
}

/**
 * For an attempt that no longer counts: its usage is entered all the same. null when it has none and reserved
 * nothing.
 */
export function decideSpent(
  state: WorkflowState,
  stepId: string,
  attempt: number,
  result: AttemptResult,
  now: number,
): JournalEvent | null {
  const step = state.step(stepId);
  const { metrics } = result;
  if (step === undefined || (metrics === null && step.reserved === null)) return null;
  return { kind: 'step.spent', ...next(state, now), stepId, attempt, metrics, ...toLoss(step, result) };
}

/**
 * After a start: settles the first attempt of a stopped step that ran when the engine died; null when there is none.
 */
export function decideLost(state: WorkflowState, now: number): JournalEvent | null {
  const step = state.steps.find(({ reserved }) => reserved !== null);
  if (step === undefined) return null;
  return { kind: 'step.spent', ...next(state, now), stepId: step.id, attempt: step.attempt, metrics: null, lost: true };
}

/** The event keeps the workflow's spending. Attempts in flight are not waited for: they count as lost. */
export function decideDelete(state: WorkflowState, now: number): Extract<JournalEvent, { kind: 'workflow.deleted' }> {
  const base = { kind: 'workflow.deleted' as const, ...next(state, now) };
  const end = { at: base.at, metrics: null, lost: true as const };
  const spending = state.steps.reduce(
    (rows, { action, reserved }) => (reserved ? enterAttempt(rows, action, reserved, end) : rows),
    state.header.spending,
  );
  const deliveries = state.header.keys.map(({ key }) => key).filter(isHookKey);
  return {
    ...base,
    ...(spending.length > 0 ? { spending } : {}),
    ...(deliveries.length > 0 ? { deliveries } : {}),
  };
}

function conflict(state: WorkflowState, call: string, allowed: string): Refusal {
  const { id, status } = state.header;
  return new Refusal({ code: 'CONFLICT', detail: `Workflow ${id} is ${status}; ${call} ${allowed}` });
}

export function decideStop(state: WorkflowState, now: number): JournalEvent {
  if (isTerminal(state.header.status)) {
    throw conflict(state, 'stop', 'takes one that has not finished (PENDING, RUNNING or WAITING_FOR_DEPENDENCY)');
  }
  return { kind: 'workflow.stopped', ...next(state, now) };
}

/** `budget` replaces amounts of the workflow's budget. `isPausedBelow`: a budget has paused a step of a child. */
export function decideResume(state: WorkflowState, now: number, budget?: Budget, isPausedBelow = false): JournalEvent {
  const isRaised = budget !== undefined && !isTerminal(state.header.status);
  if (state.header.status !== 'STOPPED' && state.paused === 0 && !isRaised && !isPausedBelow) {
    const allowed =
      'takes one that is STOPPED, or has a step that a budget has paused; with a budget any that has not finished';
    throw conflict(state, 'resume', allowed);
  }
  return { kind: 'workflow.resumed', ...next(state, now), ...(budget ? { budget } : {}) };
}

export function decidePause(
  state: WorkflowState,
  stepId: string,
  now: number,
  pause: NonNullable<StepState['pause']>,
): JournalEvent {
  return { kind: 'step.paused', ...next(state, now), stepId, ...pause };
}

/** At the beginning of a day; null when no step waits for the next day. */
export function decideNewDay(state: WorkflowState, now: number): JournalEvent | null {
  const isPaused = state.steps.some(({ pause }) => pause?.until === 'day');
  return isPaused ? { kind: 'workflow.resumed', ...next(state, now), of: 'day' } : null;
}

export function decideRetryCall(state: WorkflowState, now: number): JournalEvent {
  const retriable: JobStatus[] = ['FAILED', 'RUNNING', 'WAITING_FOR_DEPENDENCY'];
  if (!retriable.includes(state.header.status) || state.counts.FAILED === 0) {
    throw conflict(state, 'retry', 'takes one with a FAILED step that is not STOPPED (resume a stopped one first)');
  }
  return { kind: 'workflow.retried', ...next(state, now) };
}

/** Names of the blobs that hold outputs of these steps. */
export function listBlobs(steps: readonly StepState[]): string[] {
  return steps.flatMap((step) => (step.outputs && 'blob' in step.outputs ? [step.outputs.blob] : []));
}

/** After a start; null when no step was running or queued. */
export function decideRecovery(state: WorkflowState, now: number, isUnclean = false): JournalEvent | null {
  if (isTerminal(state.header.status) || state.counts.RUNNING + state.counts.PENDING === 0) return null;
  const event = { kind: 'workflow.recovered' as const, ...next(state, now) };
  return isUnclean ? { ...event, unclean: true } : event;
}

export function withIdempotency<E extends JournalEvent>(event: E, idempotency: IdempotencyRecord | undefined): E {
  return idempotency ? { ...event, idempotency } : event;
}
