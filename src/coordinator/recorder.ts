/**
 * Events, from their decision to what they bring about: written into the batch of the turn and applied at once, told when the
 * batch is durable.
 *
 * Rules, numbered for tests (K2 and K3 are those of coordinator.ts):
 *   K1  write, then speak: an answer, an event or a job leaves only after the event behind it is durable.
 */
import type { IdempotencyClaim } from '../contract/coordinator.ts';
import type { EngineEvent } from '../contract/event.ts';
import { type IdempotencyRecord, type JournalEvent, toEventJson } from '../contract/journal-event.ts';
import { DiskFullError, OutOfHandlesError, type StorePort } from '../contract/store.ts';
import type { JobStatus } from '../contract/workflow.ts';
import { createWorkflow } from '../core/create-workflow.ts';
import type { Change } from '../core/dependents.ts';
import { evolve, evolveParent } from '../core/evolve.ts';
import type { WorkflowState } from '../core/state.ts';
import type { Clock } from './clock.ts';
import type { QueueView } from './files/queue-file.ts';
import type { Views } from './files/state-files.ts';
import type { EventWindow } from './followers/event-window.ts';
import { toEngineEvent } from './followers/told-event.ts';
import type { Waits } from './followers/waits.ts';
import type { Log } from './log.ts';
import type { Budgets } from './steps/budgets.ts';
import type { Execution, Flight } from './steps/flights.ts';
import type { ReadySteps } from './steps/ready-steps.ts';
import type { Batch } from './turns.ts';
import type { Live, Workflows } from './workflows.ts';

/** What a recorded event has done. */
export interface Recorded {
  live: Live;
  change: Change;
  /** The answer as given to the call's first maker, when the call asked for one. */
  replyJson: string;
}

export interface RecorderOptions {
  store: StorePort;
  clock: Clock;
  log: Log;
  workflows: Workflows;
  views: Views;
  queue: QueueView;
  window: EventWindow;
  waits: Waits;
  budgets: Budgets;
  readySteps: ReadySteps;
  execution: Execution;
  /** All that a batch has brought about is told. */
  onTold(): void;
}

/** An answer larger than this is kept in a blob rather than in the journal. */
const replyInlineBytesMax = 4 * 1024;

export class Recorder {
  readonly #options: RecorderOptions;
  #batchEvents: EngineEvent[] = [];
  #batchLogs: { event: EngineEvent; statusBefore: JobStatus | null }[] = [];
  #starts: Flight[] = [];
  #settled = new Set<string>();
  /** Recorded since the engine has started. */
  events = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /**
   * Writes an event into the batch and applies it. `claim` binds the answer, rendered after the event, to a key; the
   * answer is in the event, or in a blob that is durable before it.
   */
  record(
    batch: Batch,
    event: JournalEvent,
    claim?: IdempotencyClaim,
    toReply: (live: Live, change: Change) => string = () => '',
  ): Recorded {
    const { workflows, budgets, views } = this.#options;
    const seq = batch.nextSeq;
    const isNew = 'workflow' in event;
    const live = isNew
      ? workflows.add(createWorkflow(event, seq), seq, workflows.finished.get(event.workflowId))
      : workflows.live.get(event.workflowId);
    if (!live) throw new Error(`event ${event.kind} for workflow ${event.workflowId}, which is not in memory`);
    const statusBefore = isNew ? null : live.state.header.status;
    const { reserved } = live.state;
    const { spending } = live.state.header;
    const change = isNew ? toFirstChange(live.state) : evolve(live.state, event, seq);
    const isAnother = event.kind === 'workflow.deleted' || (isNew && event.kind !== 'workflow.created');
    budgets.note(isAnother ? null : { spending, reserved }, live.state);
    const replyJson = toReply(live, change);
    let written = event;
    if (claim) {
      const { key, request } = claim;
      const idempotency: IdempotencyRecord = { key, request, reply: this.#keepReply(event.workflowId, replyJson) };
      written = { ...event, idempotency };
      live.state.setHeader({ keys: [...live.state.header.keys, idempotency] });
      workflows.claimKey(claim.key, event.workflowId);
    }
    batch.add(toEventJson(written));
    batch.touched.add(event.workflowId);
    this.#note(event, seq, live.state, isNew ? undefined : change, statusBefore);
    if (event.kind === 'workflow.created' && event.parent) {
      const parent = workflows.live.get(event.parent.id)!;
      evolveParent(parent.state, event, seq);
      batch.touched.add(event.parent.id);
      views.touch(parent);
    }
    this.#follow(batch, live, event, change);
    return { live, change, replyJson };
  }

  /** The attempt whose start has just been recorded: it begins when that is durable. */
  launch(flight: Flight): void {
    this.#starts.push(flight);
  }

  /** A step that is ready: in the queue file at once, in line for its slot as soon as it may be. */
  lineUp(live: Live, i: number): void {
    const { queue, clock, readySteps } = this.#options;
    const step = live.state.steps[i]!;
    queue.ready(live.state.header.id, step.id, step.action, step.attempt + 1, clock.now());
    readySteps.add(live, i);
  }

  /** Everything the batch lets out, in this order: events, jobs, waits; answers follow, as the calls have asked. */
  finish(batch: Batch): void {
    const { window, execution, waits, workflows, onTold } = this.#options;
    const events = this.#batchEvents;
    const logs = this.#batchLogs;
    const starts = this.#starts;
    const settled = this.#settled;
    this.#batchEvents = [];
    this.#batchLogs = [];
    this.#starts = [];
    this.#settled = new Set();
    batch.after.unshift(() => {
      window.publish(events);
      for (const { event, statusBefore } of logs) this.#logEvent(event, statusBefore);
      if (starts.length > 0) execution.launch(starts);
      for (const id of settled) waits.settle(id, workflows.has(id) ? workflows.status(id) : null);
      onTold();
    });
  }

  #keepReply(id: string, json: string): IdempotencyRecord['reply'] {
    if (json.length <= replyInlineBytesMax) return { json };
    try {
      return { blob: this.#options.store.writeBlobSync(id, Buffer.from(json, 'utf8')) };
    } catch (error) {
      if (!(error instanceof DiskFullError || error instanceof OutOfHandlesError)) throw error;
      // The event is applied already. With the answer in it, it waits for room as any other does (T3).
      return { json };
    }
  }

  #note(
    event: JournalEvent,
    seq: number,
    state: WorkflowState,
    change: Change | undefined,
    statusBefore: JobStatus | null,
  ): void {
    const told = toEngineEvent(event, seq, state, change);
    this.#batchEvents.push(told);
    this.#batchLogs.push({ event: told, statusBefore });
    this.#settled.add(event.workflowId);
    this.events += 1;
  }

  /** What an event implies for the queue, the schedule and the views. */
  #follow(batch: Batch, live: Live, event: JournalEvent, change: Change): void {
    const { queue, readySteps, execution, views } = this.#options;
    const { id } = live.state.header;
    if (event.kind === 'workflow.resumed' && event.budget) readySteps.setBudgeted(live);
    if (event.kind === 'step.started') queue.started(id, event.stepId, event.attempt);
    if (event.kind === 'step.completed' || event.kind === 'step.failed') queue.ended(id, event.stepId);
    for (const i of change.unqueued) {
      const stepId = live.state.steps[i]!.id;
      readySteps.remove(id, stepId);
      queue.ended(id, stepId);
    }
    for (const i of change.aborted) {
      const stepId = live.state.steps[i]!.id;
      queue.ended(id, stepId);
      batch.after.push(() => execution.cancel(id, stepId));
    }
    for (const i of change.queued) this.lineUp(live, i);
    views.touch(live);
  }

  /** A line for the event, and one more where it has changed the workflow's status. */
  #logEvent(event: EngineEvent, statusBefore: JobStatus | null): void {
    const { log } = this.#options;
    const { workflow_id: workflow, step_id: step, step_status, stopped_steps: stopped, status } = event;
    const what = step === undefined ? { status } : { step, status: step_status };
    log.info({ workflow, ...what, ...(stopped ? { stopped } : {}) }, event.kind);
    if (statusBefore !== null && statusBefore !== status)
      log.info({ workflow, status }, `workflow ${statusBefore} → ${status}`);
  }
}

/** A workflow's first steps are queued by its birth. */
function toFirstChange(state: WorkflowState): Change {
  return {
    queued: state.steps.flatMap((step, i) => (step.status === 'PENDING' ? [i] : [])),
    aborted: [],
    unqueued: [],
    stopped: [],
  };
}
