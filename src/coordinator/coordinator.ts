/**
 * The single writer: owns the journal, every state.json, the queue file, the schedule and the pool. Others send it calls
 * and get plain data back.
 *
 * Rules, numbered for tests (K1 is that of recorder.ts):
 *   K2  one key, one effect: a call with a known Idempotency-Key changes nothing and gets the answer of the first;
 *   K3  a finished workflow leaves memory once its file says everything; a call that needs it brings it back.
 */

import type { CallName, CoordinatorCalls, CoordinatorPort, EventSink, TokenSink } from '../contract/coordinator.ts';
import { Refusal } from '../contract/failures.ts';
import type { PoolOptions, PoolPort } from '../contract/job.ts';
import { limits } from '../contract/limits.ts';
import type { EngineSettings } from '../contract/settings.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, type StorePort } from '../contract/store.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import { isTerminal } from '../contract/workflow.ts';
import { Durations } from '../core/critical-path.ts';
import { counted } from '../core/duration.ts';
import { Attempts } from './attempts.ts';
import { type CallHandlers, createCallHandlers } from './calls/calls.ts';
import { takeOver } from './calls/take-over.ts';
import type { Chance, Clock } from './clock.ts';
import { Checkpoints } from './files/checkpointing.ts';
import { OrphanBlobs } from './files/orphan-blobs.ts';
import { QueueView } from './files/queue-file.ts';
import { Removals } from './files/removals.ts';
import { Views } from './files/state-files.ts';
import { EventWindow } from './followers/event-window.ts';
import { Waits } from './followers/waits.ts';
import type { Log } from './log.ts';
import { Recorder } from './recorder.ts';
import { recover } from './recovery/recovery.ts';
import { Budgets, type CallPricer } from './steps/budgets.ts';
import { Execution } from './steps/flights.ts';
import { ComingPool } from './steps/late-pool.ts';
import { ReadySteps } from './steps/ready-steps.ts';
import { StepCache } from './steps/step-cache.ts';
import { StepOutputs } from './steps/step-outputs.ts';
import { type Batch, diskFullRefusal, Turns } from './turns.ts';
import { type Live, Workflows } from './workflows.ts';

export interface CoordinatorParts {
  settings: EngineSettings;
  store: StorePort;
  catalogue: ActionCatalogue;
  createPool(options: PoolOptions): Promise<PoolPort>;
  /** What calls of models may cost; asked for where a budget in dollars is to be kept. */
  loadPricer(): Promise<CallPricer>;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** The engine cannot go on; nothing further is acknowledged. */
  onFatal(message: string, exitStatus: 70 | 74): void;
  /** How much journal brings a checkpoint about; simulations make it small. */
  checkpointBytes?: number;
}

/** State files that are whole but behind: so many are brought up to date before the engine takes work, the rest follow. */
const filesBeforeReadyMax = 32;
const shutdownGraceMs = 10_000;
const ioThreadsMax = 2;

const outOfHandlesRefusal = new Refusal({
  code: 'BUSY',
  detail:
    'Too many files are open on this machine. Try again in a moment; raise its limit (ulimit -n) where this stays.',
  retryAfterSeconds: 1,
});

export class Coordinator implements CoordinatorPort {
  readonly parts: CoordinatorParts;
  readonly workflows: Workflows;
  readonly views: Views;
  readonly removals: Removals;
  readonly #orphanBlobs: OrphanBlobs;
  readonly queue: QueueView;
  readonly window: EventWindow;
  readonly waits: Waits;
  readonly turns: Turns;
  readonly budgets: Budgets;
  readonly durations: Durations;
  readonly cache: StepCache;
  readonly outputs: StepOutputs;
  readonly readySteps: ReadySteps;
  readonly execution: Execution;
  readonly recorder: Recorder;
  readonly attempts: Attempts;
  readonly checkpoints: Checkpoints;
  readonly pool: PoolPort;
  readonly notices: string[] = [];
  readonly #handlers: CallHandlers;
  #cancelNextDay: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  #hasFailed = false;

  /** Recovers, and resolves when the engine may be shown to the world. */
  static async start(parts: CoordinatorParts): Promise<Coordinator> {
    const late: { execution: Execution | null } = { execution: null };
    const { settings } = parts;
    const cpuThreads = Math.min(settings.poolThreads, settings.maxParallelNodes);
    const pool = new ComingPool(cpuThreads, () =>
      parts.createPool({
        cpuThreads,
        ioThreads: Math.min(cpuThreads, ioThreadsMax),
        network: { allowHosts: settings.httpAllowHosts, ownPort: settings.ownPort },
        prices: settings.prices,
        onOutcomes: (outcomes) => late.execution?.onOutcomes(outcomes),
        onSaid: (said) => late.execution?.onSaid(said),
        onFault: (message) => parts.log.error({}, message),
      }),
    );
    const coordinator = new Coordinator(parts, pool);
    late.execution = coordinator.execution;
    try {
      await coordinator.#recover();
      // Work is taken before the threads are there, and waits for them: their modules load beside the server's.
      pool.start().then(
        () => coordinator.attempts.onPoolReady(),
        (error: unknown) => coordinator.fatal(error),
      );
      return coordinator;
    } catch (error) {
      // What recovery has put in line must not start, nor a file be written, once the store is closed.
      coordinator.#halt();
      await pool.close();
      throw error;
    }
  }

  private constructor(parts: CoordinatorParts, pool: PoolPort) {
    const { store, clock, chance, settings, catalogue, log, loadPricer, checkpointBytes: bytesMax } = parts;
    const onFatal = (error: unknown) => this.fatal(error);
    const onFault = (error: unknown) => this.#onViewFault(error);
    const onNotice = (message: string) => this.warn(message);
    const onReady = () => this.turns.arm();
    this.parts = parts;
    this.pool = pool;
    this.workflows = new Workflows(store, {
      onSetAside: onNotice,
      takeOver: (id, taken, version) => takeOver(this, id, taken, version),
    });
    const { workflows } = this;
    this.queue = new QueueView(store, clock, () => !this.turns.isDiskFull, onFault);
    this.views = new Views({ store, workflows, clock, isDurable: (id) => this.turns.isDurable(id), onFault });
    const { queue, views } = this;
    const onRemoved = (message: string) => log.info({}, message);
    this.#orphanBlobs = new OrphanBlobs({
      store,
      workflows,
      clock,
      onRemoved,
      onNotice,
      onFailed: onFatal,
    });
    this.removals = new Removals({ store, views, onNotice });
    this.window = new EventWindow(limits.eventWindowMax, () => store.nextSeq - 1);
    this.waits = new Waits(clock);
    this.turns = new Turns({
      store,
      clock,
      startReady: (batch) => this.#startReady(batch),
      onFatal,
      onDiskFull: (isFull) => this.#onDiskFull(isFull),
    });
    this.budgets = new Budgets({ daily: settings.dailyBudget, workflows, clock, loadPricer, onReady, onFatal });
    this.durations = new Durations(store.found.manifest?.durations);
    this.cache = new StepCache({ settings, store, clock, onNotice, onFatal });
    this.outputs = new StepOutputs(store, clock);
    const { removals, window, waits, turns, budgets, durations, cache, outputs } = this;
    const { cpuThreads } = pool;
    const shared = { settings, clock, catalogue, cache, outputs };
    this.readySteps = new ReadySteps({ ...shared, cpuThreads, durations, budgets, onReady });
    const { readySteps } = this;
    this.execution = new Execution({
      ...shared,
      pool,
      readySteps,
      onEnded: (ended) => this.attempts.onEnded(ended),
      onFatal,
    });
    const { execution } = this;
    this.recorder = new Recorder({
      store,
      clock,
      log,
      workflows,
      views,
      queue,
      window,
      waits,
      budgets,
      readySteps,
      execution,
      onTold: () => this.checkpoints.afterBatch(),
    });
    this.attempts = new Attempts({
      clock,
      chance,
      log,
      workflows,
      turns,
      removals,
      budgets,
      durations,
      readySteps,
      execution,
      recorder: this.recorder,
      unpin: (live) => this.unpin(live),
      onFault,
    });
    this.checkpoints = new Checkpoints({ store, clock, workflows, views, removals, durations, bytesMax, onFault });
    this.#handlers = createCallHandlers(this);
  }

  async #recover(): Promise<void> {
    const { store, log, clock } = this.parts;
    this.views.coverAfter(store.found.manifest?.seq ?? 0);
    const recovered = recover(store, this.workflows, clock);
    for (const { kind, message } of recovered.notices) {
      if (kind === 'info') log.info({}, message);
      else this.warn(message);
    }
    store.begin(recovered.payloads);
    this.window.restore(recovered.published, recovered.publishedAfter);
    for (const id of [...recovered.leftovers, ...(store.found.manifest?.deleted ?? [])]) await this.removals.remove(id);
    const later = new Set([...recovered.behind].slice(filesBeforeReadyMax));
    for (const [id, live] of this.workflows.live) {
      const sha256 = recovered.upToDate.get(id);
      if (sha256 !== undefined) this.views.found(live, sha256);
      else if (!later.has(id)) this.views.touch(live);
      live.state.steps.forEach((step, i) => {
        if (step.status === 'PENDING') this.recorder.lineUp(live, i);
      });
    }
    this.queue.touch();
    await this.views.flush();
    await this.queue.flush();
    for (const id of later) this.views.touch(this.workflows.live.get(id)!);
    for (const { id, steps } of recovered.requeued)
      log.info({ workflow: id }, `Recovered workflow ${id}: ${counted(steps, 'step')} re-queued`);
    this.attempts.beginDay();
    this.#cancelNextDay = this.budgets.watchDays(() => this.attempts.beginDay());
    this.turns.arm();
    this.checkpoints.armIdle();
    this.#orphanBlobs.start();
  }

  call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']> {
    if (this.#closing && name !== 'close') {
      const refusal = new Refusal({
        code: 'BUSY',
        detail: 'The engine is stopping. Try again when it is back.',
        retryAfterSeconds: 5,
      });
      return Promise.reject(refusal);
    }
    if (this.#hasFailed && name !== 'close') return Promise.reject(new Error('The engine has ended; see its log.'));
    const handler: CallHandlers[K] = this.#handlers[name];
    // A file that a call needs may find the disk full before the journal does.
    return handler(args, signal).catch((error: unknown) => {
      // Met by the call itself, as by a blob it brings: the same end as in a turn.
      if (error instanceof DiskFailedError && !this.#hasFailed) this.fatal(error);
      if (error instanceof OutOfHandlesError) throw outOfHandlesRefusal;
      throw error instanceof DiskFullError ? diskFullRefusal : error;
    });
  }

  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void {
    return this.window.subscribe(after, workflowId, sink);
  }

  listen(workflowId: string, sink: TokenSink): () => void {
    return this.execution.texts.listen(workflowId, sink);
  }

  #startReady(batch: Batch): boolean {
    const hasMore = this.attempts.start(batch);
    if (batch.payloads.length > 0) this.recorder.finish(batch);
    return hasMore;
  }

  /** Into the log, and into what health() tells. */
  warn(message: string): void {
    this.parts.log.warn({}, message);
    this.notices.push(message);
  }

  #onViewFault(error: unknown): void {
    if (error instanceof DiskFailedError) this.fatal(error);
    else this.parts.log.warn({}, `A file could not be written and will be tried again: ${(error as Error).message}`);
  }

  #onDiskFull(isFull: boolean): void {
    if (isFull)
      this.parts.log.error(
        {},
        'The disk is full: changes are answered with 507 until there is room; nothing acknowledged is lost',
      );
    else {
      this.parts.log.info({}, 'There is room on the disk again; the engine goes on');
      this.views.resume();
    }
  }

  fatal(error: unknown): void {
    this.#hasFailed = true;
    this.#halt();
    const isDisk = error instanceof DiskFailedError;
    const message = error instanceof Error ? (isDisk ? error.message : (error.stack ?? error.message)) : String(error);
    this.parts.onFatal(message, isDisk ? 74 : 70);
  }

  #halt(): void {
    this.turns.halt();
    this.readySteps.stop();
    this.cache.halt();
    this.outputs.halt();
    this.views.stop();
    this.queue.stop();
    this.#orphanBlobs.stop();
    this.checkpoints.disarm();
    this.#cancelNextDay?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.readySteps.stop();
    this.checkpoints.disarm();
    this.waits.endAll();
    if (!this.#hasFailed) await this.attempts.ended(shutdownGraceMs);
    await this.pool.close();
    try {
      await this.turns.drain();
      await this.cache.idle();
      await this.checkpoints.idle();
      if (!this.#hasFailed) {
        await this.checkpoints.make(true);
        await this.queue.flush();
        this.turns.mark();
      }
    } catch (error) {
      // What was acknowledged is in the journal; the next start makes the views.
      this.#onViewFault(error);
    }
    this.#halt();
    await this.parts.store.close();
  }

  /** K3: called when a call is done with a workflow. */
  unpin(live: Live): void {
    this.workflows.unpin(live);
    if (isTerminal(live.state.header.status)) this.views.retire(live);
  }
}
