/**
 * How an event changes a workflow. The same code runs live, in recovery and in tests; it knows no clock, no disk, no
 * thread and no randomness. It refuses no command (`decide.ts` has done that), but it throws on an event that breaks
 * the table of legal transitions (`transitions.ts`).
 *
 * Rules, numbered for tests:
 *   EV1  a COMPLETED step keeps its outputs; a terminal workflow changes status only by resume or retry;
 *   EV2  an event is applied once: if its number is at or below the state's, it changes nothing.
 * Further rules: DE1 and DE2 in `dependents.ts`, RS1 in `recover-steps.ts`, TA1 in `tally.ts`.
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import { isTerminal } from '../contract/workflow.ts';
import { addAttemptEnd } from './attempts.ts';
import type { Beginning } from './create-workflow.ts';
import { failStep, settleEnd, toIngestedLine } from './dependents.ts';
import { startChild } from './evolve-child.ts';
import { applyFlow } from './evolve-flow.ts';
import { plainFlow } from './flow.ts';
import { untouched } from './groups.ts';
import { recoverSteps } from './recover-steps.ts';
import { reviveSteps, unpauseSteps } from './resume-steps.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';
import { addLogs } from './step-state.ts';
import { type Change, newChange, stopSteps } from './stop-steps.ts';
import { enterSpending } from './tally.ts';
import { toIso } from './time.ts';
import { checkBranch, checkTransition } from './transitions.ts';
import { toWorkflowStatus } from './workflow-status.ts';

/** Applies an event to its workflow. */
export function evolve(state: WorkflowState, event: JournalEvent, seq: number): Change {
  const change = newChange();
  if (seq <= state.header.seq) return change;
  checkTransition(state, event);
  applyToSteps(state, event, change);
  change.left = state.takeLeft();
  const explicit = event.kind === 'workflow.resumed' || event.kind === 'workflow.retried';
  const keep = isTerminal(state.header.status) && !explicit;
  const { status, keys, started, updatedAt } = state.header;
  const settled = event.kind === 'workflow.stopped' ? 'STOPPED' : toWorkflowStatus(state, started);
  state.setHeader({
    seq,
    version: event.version,
    updatedAt: Math.max(event.at, endedAt(state, event), updatedAt),
    status: keep ? status : settled,
    keys: event.idempotency ? [...keys, event.idempotency] : keys,
  });
  state.markChanges(event.version);
  return change;
}

/** A dependent starts no earlier than this, even if the wall clock was set back during the attempt. */
function endedAt(state: WorkflowState, event: JournalEvent): number {
  return event.kind === 'step.completed' ? endOf(state.stepOf(event.stepId), event) : 0;
}

/** Lists a new branch or child at its parent; the event is its creation, which also starts the step of a child (CH1). */
export function evolveParent(
  state: WorkflowState,
  event: Extract<JournalEvent, { kind: 'workflow.created' }>,
  seq: number,
): void {
  if (seq <= state.header.seq) return;
  const { version, stepId, child } = checkBranch(state, event);
  const { workflowId: id, at } = event;
  const changed = { seq, version, updatedAt: Math.max(at, state.header.updatedAt) };
  if (child === undefined) {
    state.setHeader({ ...changed, branches: [...state.header.branches, { id, stepId, createdAt: at }] });
    return;
  }
  startChild(state, stepId, { id, at, until: child.until });
  state.setHeader({ ...changed, status: toWorkflowStatus(state, true) });
  state.markChanges(version);
}

function applyToSteps(state: WorkflowState, event: JournalEvent, change: Change): void {
  switch (event.kind) {
    case 'step.started': {
      const i = state.placeOf(event.stepId);
      const logs = addLogs(state.stepAt(i), [...(event.logs ?? []), `Started execution at ${toIso(event.at)}`]);
      if (!state.header.started) state.setHeader({ started: true });
      state.setStep(i, {
        status: 'RUNNING',
        attempt: event.attempt,
        startTime: event.at,
        endTime: null,
        error: null,
        dueAt: null,
        delayMs: 0,
        reserved: event.reserved ?? null,
        logs,
      });
      return;
    }
    case 'step.completed': {
      const i = state.placeOf(event.stepId);
      const step = state.stepAt(i);
      const endTime = endOf(step, event);
      if (event.simulated) tagSimulated(state);
      state.setStep(i, {
        status: 'COMPLETED',
        outputs: event.outputs,
        error: null,
        endTime,
        metadata: event.metadata,
        attempts: addAttemptEnd(step, { endTime, errorCode: null, error: null, metrics: event.metrics }),
        ...enterSpending(state, i, event),
        failures: 0,
        deaths: 0,
        logs: addLogs(step, [...event.logs, `Completed successfully at ${toIso(endTime)}`]),
      });
      settleEnd(state, i, endTime, change);
      return;
    }
    case 'step.retrying': {
      const i = state.placeOf(event.stepId);
      const step = state.stepAt(i);
      const failures = step.failures + 1;
      const wait = Math.round(event.delayMs / 100) / 10;
      const line = `Retrying in ${wait} s (attempt ${failures + 1} of ${event.attemptsMax}): ${event.error}`;
      const endTime = endOf(step, event);
      const { code: errorCode, error, metrics } = event;
      state.setStep(i, {
        status: 'PENDING',
        queuedAt: event.at,
        error,
        errorCode,
        endTime,
        attempts: addAttemptEnd(step, { endTime, errorCode, error, metrics }),
        ...enterSpending(state, i, event),
        failures,
        dueAt: event.at + event.delayMs,
        delayMs: event.delayMs,
        deaths: 0,
        logs: addLogs(step, [...event.logs, line]),
      });
      change.queued.push(i);
      return;
    }
    case 'step.failed': {
      const i = state.placeOf(event.stepId);
      const step = state.stepAt(i);
      if (step.status === 'PENDING') change.unqueued.push(i);
      const { at, error, code: errorCode, logs, metadata, metrics } = event;
      // Without an attempt: one that was aborted before may be in flight still, and keeps its reservation.
      const isAttempt = step.status === 'RUNNING';
      const endTime = isAttempt ? endOf(step, event) : at;
      const spent = isAttempt
        ? { attempts: addAttemptEnd(step, { endTime, errorCode, error, metrics }), ...enterSpending(state, i, event) }
        : {};
      const failures = step.failures + 1;
      failStep(state, i, { at, error, errorCode, logs, metadata, endTime, ...spent, failures, deaths: 0 }, change);
      return;
    }
    case 'step.spent': {
      const i = state.placeOf(event.stepId);
      state.setStep(i, enterSpending(state, i, event));
      return;
    }
    case 'step.paused': {
      const i = state.placeOf(event.stepId);
      const { reason, until } = event;
      state.setStep(i, {
        status: 'WAITING_FOR_DEPENDENCY',
        dueAt: null,
        delayMs: 0,
        pause: { reason, until },
        logs: addLogs(state.stepAt(i), [`Paused at ${toIso(event.at)}: ${reason}`]),
      });
      change.unqueued.push(i);
      return;
    }
    case 'external_data.ingested': {
      if (event.held) {
        holdData(state, event);
        return;
      }
      const done = {
        status: 'COMPLETED' as const,
        outputs: event.outputs,
        error: null,
        startTime: event.at,
        endTime: event.at,
        metadata: event.metadata,
        wait: null,
      };
      const line = `External data ingested at ${toIso(event.at)}`;
      state.setHeader({ started: true });
      let i: number;
      if (event.added) {
        i = state.addStep({ ...newStep(event.stepId, event.added.name, event.added.action), ...done, logs: [line] });
      } else {
        i = state.placeOf(event.stepId);
        state.setStep(i, { ...done, logs: addLogs(state.stepAt(i), [line]) });
      }
      if (!isTerminal(state.header.status)) {
        settleEnd(state, i, event.at, change, toIngestedLine(event.at));
      }
      return;
    }
    case 'step.skipped':
    case 'step.mapped':
    case 'step.repeated':
    case 'step.concluded':
    case 'step.waiting':
    case 'step.returned':
    case 'step.elapsed':
    case 'step.decided':
      if (event.kind === 'step.returned' && event.simulated) tagSimulated(state);
      applyFlow(state, event, change);
      return;
    case 'workflow.stopped':
      stopSteps(state, state.steps.keys(), event.at, null, change);
      return;
    case 'workflow.resumed':
      if (event.budget) state.setHeader({ budget: { ...state.header.budget, ...event.budget } });
      if (event.of !== 'day') reviveSteps(state, event.at, false, change);
      unpauseSteps(state, event.at, event.of, change);
      return;
    case 'workflow.retried':
      reviveSteps(state, event.at, true, change);
      return;
    case 'workflow.recovered':
      recoverSteps(state, event, change);
      return;
    default:
      // All others change the header alone. `transitions.ts` has refused the kinds that it does not know.
      event.kind satisfies 'workflow.waiting' | 'workflow.branched' | 'workflow.deleted' | Beginning['kind'];
  }
}

/** ED3: the step waits on, and has its outputs already. */
function holdData(state: WorkflowState, event: Extract<JournalEvent, { kind: 'external_data.ingested' }>): void {
  const i = state.placeOf(event.stepId);
  const line = `External data ingested at ${toIso(event.at)}, kept until the dependencies of this step are complete`;
  state.setHeader({ started: true });
  const { outputs, metadata } = event;
  state.setStep(i, { outputs, metadata, logs: addLogs(state.stepAt(i), [line]) });
}

function endOf(step: StepState, event: { at: number; durationMs: number }): number {
  return (step.startTime ?? event.at) + event.durationMs;
}

function tagSimulated(state: WorkflowState): void {
  const { tags } = state.header;
  if (!tags.includes('simulated')) state.setHeader({ tags: [...tags, 'simulated'] });
}

function newStep(id: string, name: string, action: string): StepState {
  return {
    ...untouched,
    id,
    name,
    action,
    dependencies: [],
    params: { source: 'browser_extension' },
    timeoutMs: null,
    retry: null,
    cache: false,
    flow: plainFlow,
    status: 'COMPLETED',
  };
}
