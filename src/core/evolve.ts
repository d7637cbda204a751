/**
 * What an event makes of a workflow. The same code runs live, in recovery and in tests; it knows no clock, no disk, no
 * thread and no randomness, and it never refuses: `decide.ts` has checked before the event was written.
 *
 * Rules, numbered for tests:
 *   E1  a step becomes PENDING (queued) exactly when its last missing dependency completes;
 *   E2  a COMPLETED step keeps its outputs; a terminal workflow changes status only by resume or retry;
 *   E3  an event is applied once: one at or below the state's sequence number changes nothing;
 *   E4  after a failure, every unfinished step that can no longer run because of it is STOPPED and names it; under
 *       fail-fast every unfinished step. What data from outside has completed holds nothing up any more;
 *   E5  a step that runs alone when the engine dies, after three deaths with it in flight, is FAILED (CRASH_LOOP);
 *   E6  what an attempt has used is added to what the ones before it have, whatever became of them.
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { isTerminal } from '../contract/workflow.ts';
import { withDownstream } from './graph.ts';
import { type AttemptEnd, addAttempt, enterAttempt, toCharged } from './ledger.ts';
import { externalAction, type StepState, suspectDeaths, type WorkflowState } from './state.ts';
import { readWorkflow } from './state-file.ts';
import { toIso } from './time.ts';
import { toWorkflowStatus } from './workflow-status.ts';

/** What the coordinator has to act on once the event is durable. */
export interface Change {
  /** Steps that became PENDING, by place. */
  queued: number[];
  /** Steps whose running attempt counts no longer, by place. */
  aborted: number[];
  /** Steps that were PENDING and are STOPPED now, by place. */
  unqueued: number[];
  /** Every step that is STOPPED now and was not before, by place. */
  stopped: number[];
}

function newChange(): Change {
  return { queued: [], aborted: [], unqueued: [], stopped: [] };
}

/** The workflow that a creating, adopting or taking-over event brings into being. */
export function createWorkflow(event: Extract<JournalEvent, { workflow: unknown }>, seq: number): WorkflowState {
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

/** Applies an event to the workflow it is about. */
export function evolve(state: WorkflowState, event: JournalEvent, seq: number): Change {
  const change: Change = newChange();
  if (seq <= state.header.seq) return change;
  applyToSteps(state, event, change);
  const explicit = event.kind === 'workflow.resumed' || event.kind === 'workflow.retried';
  const keep = isTerminal(state.header.status) && !explicit;
  const status = toWorkflowStatus(state.counts, state.steps.length, state.header.started);
  state.setHeader({
    seq,
    version: event.version,
    updatedAt: Math.max(event.at, endedAt(state, event), state.header.updatedAt),
    ...(keep ? {} : { status: event.kind === 'workflow.stopped' ? 'STOPPED' : status }),
    ...(event.idempotency ? { keys: [...state.header.keys, event.idempotency] } : {}),
  });
  return change;
}

/** What hangs on a step starts no earlier than it ended, also when the wall clock and the time taken disagree. */
function endedAt(state: WorkflowState, event: JournalEvent): number {
  return event.kind === 'step.completed' ? state.step(event.stepId)!.endTime! : 0;
}

/** Lists a new branch at its parent; the event is the branch's own creation. */
export function evolveParent(
  state: WorkflowState,
  event: Extract<JournalEvent, { kind: 'workflow.created' }>,
  seq: number,
): void {
  if (seq <= state.header.seq || !event.parent) return;
  state.setHeader({
    seq,
    version: event.parent.version,
    updatedAt: Math.max(event.at, state.header.updatedAt),
    branches: [...state.header.branches, { id: event.workflowId, stepId: event.parent.stepId, createdAt: event.at }],
  });
}

function applyToSteps(state: WorkflowState, event: JournalEvent, change: Change): void {
  switch (event.kind) {
    case 'step.started': {
      const i = state.index.get(event.stepId)!;
      const logs = addLogs(state.steps[i]!, [...(event.logs ?? []), `Started execution at ${toIso(event.at)}`]);
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
      const i = state.index.get(event.stepId)!;
      const step = state.steps[i]!;
      const endTime = endOf(step, event);
      if (event.simulated) tagSimulated(state);
      state.setStep(i, {
        status: 'COMPLETED',
        outputs: event.outputs,
        error: null,
        endTime,
        metadata: event.metadata,
        metrics: spend(state, i, event),
        reserved: null,
        failures: 0,
        deaths: 0,
        logs: addLogs(step, [...event.logs, `Completed successfully at ${toIso(endTime)}`]),
      });
      queueReady(state, state.downstream[i]!, change);
      return;
    }
    case 'step.retrying': {
      const i = state.index.get(event.stepId)!;
      const step = state.steps[i]!;
      const failures = step.failures + 1;
      const wait = Math.round(event.delayMs / 100) / 10;
      const line = `Retrying in ${wait} s (attempt ${failures + 1} of ${event.attemptsMax}): ${event.error}`;
      state.setStep(i, {
        status: 'PENDING',
        error: event.error,
        endTime: endOf(step, event),
        metrics: spend(state, i, event),
        reserved: null,
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
      const i = state.index.get(event.stepId)!;
      const step = state.steps[i]!;
      state.setStep(i, {
        status: 'FAILED',
        error: event.error,
        endTime: endOf(step, event),
        metadata: event.metadata,
        metrics: spend(state, i, event),
        reserved: null,
        failures: step.failures + 1,
        deaths: 0,
        logs: addLogs(step, [...event.logs, `Failed: ${event.error}`]),
      });
      stopAfterFailure(state, i, event.at, change);
      return;
    }
    case 'step.spent': {
      const i = state.index.get(event.stepId)!;
      state.setStep(i, { metrics: spend(state, i, event), reserved: null });
      return;
    }
    case 'step.paused': {
      const i = state.index.get(event.stepId)!;
      const { reason, until } = event;
      state.setStep(i, {
        status: 'WAITING_FOR_DEPENDENCY',
        dueAt: null,
        delayMs: 0,
        pause: { reason, until },
        logs: addLogs(state.steps[i]!, [`Paused at ${toIso(event.at)}: ${reason}`]),
      });
      change.unqueued.push(i);
      return;
    }
    case 'external_data.ingested': {
      const done = {
        status: 'COMPLETED' as const,
        outputs: event.outputs,
        error: null,
        startTime: event.at,
        endTime: event.at,
        metadata: event.metadata,
      };
      const line = `External data ingested at ${toIso(event.at)}`;
      state.setHeader({ started: true });
      let i = state.index.get(event.stepId);
      if (event.added) {
        i = state.addStep({ ...newStep(event.stepId, event.added.name, event.added.action), ...done, logs: [line] });
      } else if (i !== undefined) {
        state.setStep(i, { ...done, logs: addLogs(state.steps[i]!, [line]) });
      }
      if (i !== undefined && !isTerminal(state.header.status)) {
        queueReady(
          state,
          state.downstream[i]!,
          change,
          `Queued due to external data dependency satisfaction at ${toIso(event.at)}`,
        );
      }
      return;
    }
    case 'workflow.stopped':
      stopSteps(state, state.steps.keys(), event.at, null, change);
      return;
    case 'workflow.resumed':
      if (event.budget) state.setHeader({ budget: { ...state.header.budget, ...event.budget } });
      if (event.of !== 'day') reviveSteps(state, event.at, false, change);
      unpauseSteps(state, toIso(event.at), event.of, change);
      return;
    case 'workflow.retried':
      reviveSteps(state, event.at, true, change);
      return;
    case 'workflow.recovered':
      recoverSteps(state, event, change);
      return;
    case 'workflow.waiting':
    case 'workflow.branched':
    case 'workflow.deleted':
    case 'workflow.created':
    case 'workflow.adopted':
    case 'workflow.taken_over':
      return;
    default: {
      const never: never = event;
      throw new Error(`unknown event ${JSON.stringify(never)}`);
    }
  }
}

/** M1, M3, M4: enters an attempt into the workflow's ledger; returns the step's metrics with it. */
function spend(state: WorkflowState, i: number, end: AttemptEnd): JsonObject | null {
  const { action, reserved, metrics } = state.steps[i]!;
  const spending = enterAttempt(state.header.spending, action, reserved, end);
  if (spending !== state.header.spending) state.setHeader({ spending });
  return addAttempt(metrics, toCharged(end, reserved));
}

function addLogs(step: StepState, lines: readonly string[]): readonly string[] {
  const logs = [...step.logs, ...lines.map((line) => line.slice(0, limits.logLineLengthMax))];
  return logs.length > limits.logLinesMax ? logs.slice(-limits.logLinesMax) : logs;
}

function endOf(step: StepState, event: { at: number; durationMs: number }): number {
  return (step.startTime ?? event.at) + event.durationMs;
}

function tagSimulated(state: WorkflowState): void {
  const { tags } = state.header;
  if (!tags.includes('simulated')) state.setHeader({ tags: [...tags, 'simulated'] });
}

function queueReady(state: WorkflowState, candidates: readonly number[], change: Change, line?: string): void {
  for (const i of candidates) {
    const step = state.steps[i]!;
    if (step.status !== 'WAITING_FOR_DEPENDENCY' || step.action === externalAction || state.missing[i] !== 0) continue;
    state.setStep(i, { status: 'PENDING', ...(line === undefined ? {} : { logs: addLogs(step, [line]) }) });
    change.queued.push(i);
  }
}

function isUnfinished(step: StepState): boolean {
  return step.status === 'PENDING' || step.status === 'RUNNING' || step.status === 'WAITING_FOR_DEPENDENCY';
}

function stopSteps(
  state: WorkflowState,
  places: Iterable<number>,
  at: number,
  error: string | null,
  change: Change,
): void {
  for (const i of places) {
    const step = state.steps[i]!;
    if (!isUnfinished(step)) continue;
    if (step.status === 'RUNNING') change.aborted.push(i);
    if (step.status === 'PENDING') change.unqueued.push(i);
    change.stopped.push(i);
    state.setStep(i, {
      status: 'STOPPED',
      error: error ?? step.error,
      pause: null,
      endTime: step.status === 'RUNNING' ? Math.max(at, step.startTime ?? at) : step.endTime,
      dueAt: null,
      delayMs: 0,
      logs: addLogs(step, [`Stopped at ${toIso(at)}`]),
    });
  }
}

/** E4. */
function stopAfterFailure(state: WorkflowState, failed: number, at: number, change: Change): void {
  const { id } = state.steps[failed]!;
  if (state.header.failurePolicy === 'fail-fast') {
    stopSteps(state, state.steps.keys(), at, `Stopped because step "${id}" failed (fail-fast)`, change);
  } else {
    stopSteps(state, heldUpBy(state, [failed]), at, `Upstream step "${id}" failed`, change);
  }
}

function heldUpBy(state: WorkflowState, failed: readonly number[]): Set<number> {
  return withDownstream(state, failed, (i) => state.steps[i]!.status === 'COMPLETED');
}

/** Sets STOPPED steps going again, FAILED ones too where asked; what still hangs on a failure stays STOPPED. */
function reviveSteps(state: WorkflowState, at: number, failedToo: boolean, change: Change): void {
  // A foreign file may call itself finished while steps are not; nothing of them runs or is queued here.
  if (isTerminal(state.header.status)) stopSteps(state, state.steps.keys(), at, null, newChange());
  const failed = state.steps.flatMap((step, i) => (step.status === 'FAILED' ? [i] : []));
  const blocked = failedToo ? new Set<number>() : heldUpBy(state, failed);
  const revived: number[] = [];
  state.steps.forEach((step, i) => {
    if (blocked.has(i) || (step.status !== 'STOPPED' && step.status !== 'FAILED')) return;
    state.setStep(i, {
      status: 'WAITING_FOR_DEPENDENCY',
      outputs: null,
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
  queueReady(state, revived, change);
}

/** What was paused by a budget has another go. */
function unpauseSteps(state: WorkflowState, at: string, of: 'day' | undefined, change: Change): void {
  state.steps.forEach((step, i) => {
    if (step.pause === null || (of === 'day' && step.pause.until !== 'day')) return;
    state.setStep(i, { status: 'PENDING', pause: null, logs: addLogs(step, [`Resumed at ${at}`]) });
    change.queued.push(i);
  });
}

/** After a death: what ran is queued anew, and so is everything that was or should have been in the queue. */
function recoverSteps(
  state: WorkflowState,
  event: Extract<JournalEvent, { kind: 'workflow.recovered' }>,
  change: Change,
): void {
  const at = toIso(event.at);
  const recovered = `Recovered from orphaned RUNNING state at ${at}`;
  loseReserved(state, event.at);
  state.steps.forEach((step, i) => {
    if (!event.unclean || step.status !== 'RUNNING' || step.deaths < suspectDeaths) return;
    const error = `CRASH_LOOP: the engine died ${step.deaths + 1} times while this step ran, the last time with nothing beside it`;
    const logs = addLogs(step, [recovered, `Failed: ${error}`]);
    state.setStep(i, {
      status: 'FAILED',
      error,
      endTime: Math.max(event.at, step.startTime ?? event.at),
      deaths: 0,
      logs,
    });
    stopAfterFailure(state, i, event.at, change);
  });
  state.steps.forEach((step, i) => {
    if (step.status !== 'RUNNING' && step.status !== 'PENDING') return;
    const wasRunning = step.status === 'RUNNING';
    state.setStep(i, {
      status: 'PENDING',
      endTime: null,
      deaths: wasRunning && event.unclean ? step.deaths + 1 : step.deaths,
      logs: addLogs(step, [...(wasRunning ? [recovered] : []), `Re-queued during recovery at ${at}`]),
    });
    change.queued.push(i);
  });
}

/** M4: no attempt outlives the engine. */
function loseReserved(state: WorkflowState, at: number): void {
  state.steps.forEach((step, i) => {
    if (step.reserved)
      state.setStep(i, { metrics: spend(state, i, { at, metrics: null, lost: true }), reserved: null });
  });
}

/** Brings the statuses of a foreign file in line with its graph, so that the rules above hold for it from here on. */
function settleSteps(state: WorkflowState, at: number): void {
  const change: Change = newChange();
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

function newStep(id: string, name: string, action: string): StepState {
  return {
    id,
    name,
    action,
    dependencies: [],
    params: { source: 'browser_extension' },
    timeoutMs: null,
    retry: null,
    cache: false,
    status: 'COMPLETED',
    outputs: null,
    error: null,
    startTime: null,
    endTime: null,
    logs: [],
    metadata: null,
    metrics: null,
    attempt: 0,
    failures: 0,
    dueAt: null,
    delayMs: 0,
    deaths: 0,
    reserved: null,
    pause: null,
  };
}
