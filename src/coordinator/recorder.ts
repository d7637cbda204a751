/**
 * Records events: writes each event into the batch of the turn, applies it to memory at once, and adds its effects to
 * the batch. The effects wait until the batch is durable (effects.ts).
 *
 * Rules, numbered for tests (K2 is that of calls/keyed-calls.ts, K3 that of recall.ts):
 *   K1  write, then speak: an answer, an event or a job leaves the coordinator only after the event that caused it is
 *       durable.
 */
import { broken } from '../contract/broken.ts';
import type { IdempotencyClaim } from '../contract/coordinator.ts';
import { type IdempotencyRecord, type JournalEvent, toEventJson } from '../contract/journal-event.ts';
import { DiskFullError, type FinishedEntry, OutOfHandlesError, type StorePort } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { createWorkflow } from '../core/create-workflow.ts';
import { evolve, evolveParent } from '../core/evolve.ts';
import { isControlled } from '../core/groups.ts';
import type { WorkflowState } from '../core/state.ts';
import type { Change } from '../core/stop-steps.ts';
import { toIso } from '../core/time.ts';
import type { Clock } from './clock.ts';
import type { QueueView } from './files/queue-file.ts';
import type { StateFiles } from './files/state-files.ts';
import { toEngineEvent } from './followers/told-event.ts';
import type { Budgets } from './steps/budgets.ts';
import type { ChildSteps } from './steps/child-steps.ts';
import type { ControlSteps } from './steps/control-steps.ts';
import type { Flights } from './steps/flights.ts';
import type { ReadySteps } from './steps/ready-steps.ts';
import type { Batch } from './turns.ts';
import type { Live, Workflows } from './workflows.ts';

/** The result of recording an event. */
export interface Recorded {
  live: Live;
  change: Change;
  /** The answer for the call that caused the event, as JSON text; '' when no `toReply` was given. */
  replyJson: string;
}

export interface RecorderOptions {
  store: StorePort;
  clock: Clock;
  workflows: Workflows;
  views: StateFiles;
  queue: QueueView;
  budgets: Budgets;
  readySteps: ReadySteps;
  flights: Flights;
  controlSteps: ControlSteps;
  childSteps: ChildSteps;
}

/** A larger answer is kept in a blob, not in the journal. */
const replyInlineBytesMax = 4 * 1024;

export class Recorder {
  readonly #options: RecorderOptions;
  /** How many events were recorded since the engine started. */
  events = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    options.controlSteps.connect({
      record: (batch, event) => void this.record(batch, event),
      goOn: (live, i) => this.#queueUp(live, i),
    });
    options.childSteps.connect((batch, event) => this.record(batch, event).live);
  }

  /**
   * Writes an event into the batch and applies it. `toReply` makes the answer, after the event was applied. `claim`
   * binds the answer to an idempotency key: the answer is stored in the event, or in a blob that is durable before the
   * event.
   */
  record(
    batch: Batch,
    event: JournalEvent,
    claim?: IdempotencyClaim,
    toReply: (live: Live, change: Change) => string = () => '',
  ): Recorded {
    const { workflows, budgets } = this.#options;
    const seq = batch.nextSeq;
    const isNew = 'workflow' in event;
    const live = isNew
      ? workflows.add(createWorkflow(event, seq), seq, workflows.finished.get(event.workflowId))
      : (workflows.live.get(event.workflowId) ??
        broken('K3', `event ${event.kind} for workflow ${event.workflowId}, which is not in memory`));
    if (!isNew && live.state.header.seq >= seq)
      broken('EV2', `event ${seq} comes after event ${live.state.header.seq}`);
    const statusBefore = isNew ? null : live.state.header.status;
    const { reserved } = live.state;
    const { spending } = live.state.header;
    const change = isNew ? toFirstChange(live.state) : evolve(live.state, event, seq);
    const isAnother = event.kind === 'workflow.deleted' || (isNew && event.kind !== 'workflow.created');
    budgets.note(isAnother ? null : { spending, reserved }, live.state);
    const replyJson = toReply(live, change);
    batch.add(toEventJson(claim ? this.#bindKey(live, event, claim, replyJson) : event));
    batch.touched.add(event.workflowId);
    this.events += 1;
    const shown = toEngineEvent(event, seq, live.state, isNew ? undefined : change);
    batch.effects.push({ kind: 'publish', event: shown, statusBefore });
    if (statusBefore !== live.state.header.status || event.kind === 'workflow.deleted')
      batch.effects.push({ kind: 'wake', workflowId: event.workflowId });
    if (event.kind === 'workflow.created' && event.parent) this.#listAtParent(batch, event, event.parent.id, seq);
    this.#follow(batch, live, event, change);
    if (event.kind !== 'workflow.deleted') this.#tellFamily(batch, live, change);
    return { live, change, replyJson };
  }

  /** CH2: what an event means to the workflow's children, and to the step that it runs for. */
  #tellFamily(batch: Batch, live: Live, change: Change): void {
    const { childSteps } = this.#options;
    for (const id of change.left) childSteps.stop(batch, id);
    childSteps.changed(batch, live);
  }

  /** The deletion of a finished child that need not come into memory for it; no delivery of a webhook has made it. */
  recordRemoval(batch: Batch, { id, summary, spending = [] }: FinishedEntry): void {
    const { workflows, clock, budgets } = this.#options;
    const at = Math.max(clock.now(), Date.parse(summary.updatedAt));
    const version = summary.version + 1;
    const used = spending.length > 0 ? { spending } : {};
    const seq = batch.nextSeq;
    batch.add(toEventJson({ kind: 'workflow.deleted', workflowId: id, at, version, ...used }));
    batch.touched.add(id);
    this.events += 1;
    const event = { seq, kind: 'workflow.deleted' as const, workflow_id: id, at: toIso(at), version };
    batch.effects.push({ kind: 'publish', event: { ...event, status: summary.status }, statusBefore: summary.status });
    batch.effects.push({ kind: 'wake', workflowId: id });
    budgets.forget();
    workflows.remove(id, spending);
  }

  /**
   * Adds a ready step to the queue file at once, and to the line for a slot as soon as it may start. A step with a condition,
   * a list or a loop is settled first.
   */
  lineUp(live: Live, i: number): void {
    const { controlSteps } = this.#options;
    const step = live.state.steps[i]!;
    if (isControlled(step)) controlSteps.add(live, i);
    else this.#queueUp(live, i);
  }

  /** SW2: after a start, the timers of the steps that wait until a time. */
  watchTimes(live: Live): void {
    for (const { id, wait } of live.state.steps) {
      if (wait !== null && wait.until !== null) this.#options.controlSteps.watch(live, id, wait.until);
    }
  }

  #queueUp(live: Live, i: number): void {
    const { queue, clock, readySteps } = this.#options;
    const step = live.state.steps[i]!;
    queue.ready(live.state.header.id, step.id, step.action, step.attempt + 1, clock.now());
    readySteps.add(live, i);
  }

  /** BA4: also those below it wait for its budget from now on. */
  #setBudgeted(live: Live): void {
    const { readySteps, workflows } = this.#options;
    readySteps.setBudgeted(live);
    for (const id of workflows.descendants(live.state.header.id)) {
      const below = workflows.live.get(id);
      if (below) readySteps.setBudgeted(below);
    }
  }

  /** Adds to the event the answer that a later call with the same key gets. */
  #bindKey(live: Live, event: JournalEvent, claim: IdempotencyClaim, replyJson: string): JournalEvent {
    const { key, request } = claim;
    const idempotency: IdempotencyRecord = { key, request, reply: this.#keepReply(event.workflowId, replyJson) };
    live.state.setHeader({ keys: [...live.state.header.keys, idempotency] });
    this.#options.workflows.claimKey(key, event.workflowId);
    return { ...event, idempotency };
  }

  #keepReply(id: string, json: string): IdempotencyRecord['reply'] {
    if (json.length <= replyInlineBytesMax) return { json };
    try {
      return { blob: this.#options.store.writeBlobSync(id, Buffer.from(json, 'utf8')) };
    } catch (error) {
      if (!(error instanceof DiskFullError || error instanceof OutOfHandlesError)) throw error;
      // The event is already applied, so it must be written: with the answer in it, it waits for room like any other
      // (T3).
      return { json };
    }
  }

  /** A branch, or a child, whose step waits for it from now on. */
  #listAtParent(
    batch: Batch,
    event: Extract<JournalEvent, { kind: 'workflow.created' }>,
    parentId: string,
    seq: number,
  ): void {
    const { workflows, views } = this.#options;
    const parent =
      workflows.live.get(parentId) ?? broken('K3', `a branch or child of workflow ${parentId}, which is not in memory`);
    evolveParent(parent.state, event, seq);
    batch.touched.add(parentId);
    views.touch(parent);
  }

  /** Updates the queue file, the schedule, the attempts in flight and the state file after an event. */
  #follow(batch: Batch, live: Live, event: JournalEvent, change: Change): void {
    const { queue, readySteps, controlSteps, flights, views } = this.#options;
    const { id } = live.state.header;
    if (event.kind === 'workflow.resumed' && event.budget) this.#setBudgeted(live);
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
      // Look up the attempt now: by the time the batch is durable, the step may be at its next attempt.
      const flight = flights.of(id, stepId);
      if (flight) batch.effects.push({ kind: 'cancel', flight });
    }
    for (const i of change.queued) this.lineUp(live, i);
    if (event.kind === 'step.waiting' || event.kind === 'step.repeated') {
      const until = live.state.step(event.stepId)?.wait?.until ?? null;
      if (until !== null) controlSteps.watch(live, event.stepId, until);
    }
    views.touch(live);
  }
}

/**
 * The change that the first event of a workflow makes: it queues the steps that are PENDING from the start. In a file that
 * was edited by hand a finished workflow may have such a step; nothing of a finished workflow runs.
 */
function toFirstChange(state: WorkflowState): Change {
  const isOver = isTerminal(state.header.status);
  return {
    queued: state.steps.flatMap((step, i) => (step.status === 'PENDING' && !isOver ? [i] : [])),
    aborted: [],
    unqueued: [],
    stopped: [],
    completed: [],
    failed: [],
    left: [],
  };
}
