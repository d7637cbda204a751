/**
 * The coordinator's life cycle: start, calls, close. The coordinator is the single writer: it owns the journal, every
 * state.json, the queue file, the schedule and the pool. `assemble.ts` builds its parts. Other threads send it calls
 * and get plain data back.
 */
import type {
  CallHandlers,
  CallName,
  CoordinatorCalls,
  CoordinatorPort,
  EventSink,
  TextBound,
  TokenSink,
} from '../contract/coordinator.ts';
import { Refusal } from '../contract/failures.ts';
import type { DataReader } from '../contract/inquiry.ts';
import type { EngineSettings } from '../contract/settings.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, type StorePort } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { counted } from '../core/duration.ts';
import type { Attempts } from './attempts.ts';
import { withheldText } from './calls/withheld-text.ts';
import type { Clock } from './clock.ts';
import type { Checkpoints } from './files/checkpointing.ts';
import type { OrphanBlobs } from './files/orphan-blobs.ts';
import type { QueueView } from './files/queue-file.ts';
import type { Removals } from './files/removals.ts';
import { Retention } from './files/retention.ts';
import type { StateFiles } from './files/state-files.ts';
import type { EventWindow } from './followers/event-window.ts';
import type { LiveTexts } from './followers/live-texts.ts';
import type { Waits } from './followers/waits.ts';
import type { Incidents } from './incidents.ts';
import type { Log } from './log.ts';
import type { Recall } from './recall.ts';
import type { Recorder } from './recorder.ts';
import { recover } from './recovery/recovery.ts';
import type { Budgets } from './steps/budgets.ts';
import type { ChildSteps } from './steps/child-steps.ts';
import type { ControlSteps } from './steps/control-steps.ts';
import type { Flights } from './steps/flights.ts';
import type { Inquiries } from './steps/inquiries.ts';
import type { LatePool } from './steps/late-pool.ts';
import type { ReadySteps } from './steps/ready-steps.ts';
import type { StepCache } from './steps/step-cache.ts';
import type { StepOutputs } from './steps/step-outputs.ts';
import { diskFullRefusal, type Turns } from './turns.ts';
import type { Workflows } from './workflows.ts';

export interface CoordinatorParts {
  settings: EngineSettings;
  store: StorePort;
  clock: Clock;
  log: Log;
  incidents: Incidents;
  workflows: Workflows;
  turns: Turns;
  recorder: Recorder;
  recall: Recall;
  attempts: Attempts;
  views: StateFiles;
  queue: QueueView;
  removals: Removals;
  checkpoints: Checkpoints;
  orphanBlobs: OrphanBlobs;
  window: EventWindow;
  texts: LiveTexts;
  waits: Waits;
  budgets: Budgets;
  cache: StepCache;
  outputs: StepOutputs;
  inquiries: Inquiries;
  reader: DataReader;
  readySteps: ReadySteps;
  controlSteps: ControlSteps;
  childSteps: ChildSteps;
  flights: Flights;
  pool: LatePool;
}

/**
 * Of the state files that are intact but outdated, this many are written before the engine takes work, the rest after.
 */
const filesBeforeReadyMax = 32;
const shutdownGraceMs = 10_000;

const outOfHandlesRefusal = new Refusal({
  code: 'BUSY',
  detail:
    'Too many files are open on this machine. Try again in a moment; raise its limit (ulimit -n) where this stays.',
  retryAfterSeconds: 1,
});

const stoppingRefusal = new Refusal({
  code: 'BUSY',
  detail: 'The engine is stopping. Try again when it is back.',
  retryAfterSeconds: 5,
});

export class Coordinator implements CoordinatorPort {
  readonly parts: CoordinatorParts;
  readonly #handlers: CallHandlers;
  readonly #retention: Retention;
  #cancelNextDay: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: CoordinatorParts, handlers: CallHandlers<Exclude<CallName, 'close'>>) {
    this.parts = parts;
    this.#handlers = { ...handlers, close: () => this.close().then(() => null) };
    parts.incidents.halt = () => this.#halt();
    const { settings, workflows, clock, log, incidents } = parts;
    this.#retention = new Retention({
      keep: settings.keepFinished,
      workflows,
      clock,
      log,
      remove: (id, version) => this.call('delete', { id, version }),
      onFault: (error) => incidents.fault(error),
    });
  }

  /** Recovers the data, and resolves when the engine may take calls. Rejects when the data cannot be recovered. */
  async start(): Promise<void> {
    const { pool, flights, attempts, incidents } = this.parts;
    try {
      await this.#recover();
    } catch (error) {
      // The store is about to close: no step that recovery has lined up may start, and no file may be written.
      this.#halt();
      await pool.close();
      throw error;
    }
    // The engine takes calls while its threads still load their modules. Steps wait until the threads run.
    pool.start(flights).then(
      () => attempts.onPoolReady(),
      (error: unknown) => incidents.fatal(error),
    );
  }

  async #recover(): Promise<void> {
    const { store, log, clock, incidents, workflows, views, queue, window, removals, recorder, childSteps } =
      this.parts;
    views.coverAfter(store.found.manifest?.seq ?? 0);
    const recovered = recover(store, workflows, clock);
    for (const { kind, message } of recovered.notices) {
      if (kind === 'info') log.info({}, message);
      else incidents.warn(message);
    }
    store.begin(recovered.payloads);
    window.restore(recovered.published, recovered.publishedAfter);
    for (const id of [...recovered.leftovers, ...(store.found.manifest?.deleted ?? [])]) await removals.remove(id);
    const later = new Set([...recovered.behind].slice(filesBeforeReadyMax));
    for (const [id, live] of workflows.live) {
      const sha256 = recovered.upToDate.get(id);
      if (sha256 !== undefined) views.found(live, sha256);
      else if (!later.has(id)) views.touch(live);
      live.state.steps.forEach((step, i) => {
        if (step.status === 'PENDING' && !isTerminal(live.state.header.status)) recorder.lineUp(live, i);
      });
      if (!isTerminal(live.state.header.status)) recorder.watchTimes(live);
    }
    for (const live of workflows.live.values()) childSteps.compare(live);
    queue.touch();
    await views.flush();
    await queue.flush();
    for (const id of later) {
      const live = workflows.live.get(id);
      if (live) views.touch(live);
    }
    for (const { id, steps } of recovered.requeued)
      log.info({ workflow: id }, `Recovered workflow ${id}: ${counted(steps, 'step')} re-queued`);
    this.#begin();
  }

  #begin(): void {
    const { turns, budgets, attempts, checkpoints, orphanBlobs } = this.parts;
    attempts.beginDay();
    this.#cancelNextDay = budgets.watchDays(() => attempts.beginDay());
    turns.arm();
    checkpoints.armIdle();
    orphanBlobs.start();
    this.#retention.start();
  }

  call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']> {
    const { incidents } = this.parts;
    if (this.#closing && name !== 'close') return Promise.reject(stoppingRefusal);
    if (incidents.hasFailed && name !== 'close') return Promise.reject(new Error('The engine has ended; see its log.'));
    const handler: CallHandlers[K] = this.#handlers[name];
    const answered = handler(args, signal).then((answer) => withheldText(answer, (args as TextBound).textMax));
    return answered.catch((error: unknown) => {
      // The call's own file access may be the first to meet a failed disk.
      if (error instanceof DiskFailedError && !incidents.hasFailed) incidents.fatal(error);
      if (error instanceof OutOfHandlesError) throw outOfHandlesRefusal;
      throw error instanceof DiskFullError ? diskFullRefusal : error;
    });
  }

  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void {
    return this.parts.window.subscribe(after, workflowId, sink);
  }

  listen(workflowId: string, sink: TokenSink): () => void {
    return this.parts.texts.listen(workflowId, sink);
  }

  #halt(): void {
    const { turns, readySteps, controlSteps, cache, outputs, inquiries, views, queue } = this.parts;
    const { orphanBlobs, checkpoints } = this.parts;
    turns.halt();
    inquiries.halt();
    readySteps.stop();
    controlSteps.stop();
    cache.halt();
    outputs.halt();
    views.stop();
    queue.stop();
    orphanBlobs.stop();
    this.#retention.stop();
    checkpoints.disarm();
    this.#cancelNextDay?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { store, incidents, turns, readySteps, waits, attempts, pool, cache, checkpoints, queue } = this.parts;
    readySteps.stop();
    this.parts.controlSteps.stop();
    this.parts.inquiries.halt();
    checkpoints.disarm();
    waits.endAll();
    if (!incidents.hasFailed) await attempts.ended(shutdownGraceMs);
    await Promise.all([pool.close(), this.parts.reader.close()]);
    try {
      await turns.drain();
      await cache.idle();
      await checkpoints.idle();
      if (!incidents.hasFailed) {
        await checkpoints.make(true);
        await queue.flush();
        turns.mark();
      }
    } catch (error) {
      // Everything acknowledged is in the journal; the next start writes the state files from it.
      incidents.fault(error);
    }
    this.#halt();
    await this.parts.childSteps.close();
    await store.close();
  }
}
