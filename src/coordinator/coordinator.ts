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
import { counted } from '../core/counted.ts';
import { Durations } from '../core/critical-path.ts';
import { decideNewDay, decideOutcome, decidePause, decideSpent, decideStart } from '../core/decide.ts';
import { Budgets, type CallPricer } from './budgets.ts';
import { type CallHandlers, createCallHandlers } from './calls.ts';
import { Checkpoints } from './checkpointing.ts';
import type { Chance, Clock } from './clock.ts';
import { ComingPool } from './coming-pool.ts';
import { EventWindow } from './event-window.ts';
import { type Ended, Execution } from './execution.ts';
import { OrphanBlobs } from './orphan-blobs.ts';
import { QueueView } from './queue-view.ts';
import { ReadySteps } from './ready-steps.ts';
import { Recorder } from './recorder.ts';
import { recover } from './recovery.ts';
import { Removals } from './removals.ts';
import { StepCache } from './step-cache.ts';
import { StepOutputs } from './step-outputs.ts';
import type { Taken } from './taken.ts';
import { type Batch, diskFullRefusal, Turns } from './turns.ts';
import { Views } from './views.ts';
import { Waits } from './waits.ts';
import { type Live, Workflows } from './workflows.ts';

/** The part of a pino logger that is used. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

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
  readonly checkpoints: Checkpoints;
  readonly pool: PoolPort;
  readonly notices: string[] = [];
  readonly counts = { started: 0, completed: 0, failed: 0, retried: 0 };
  readonly #handlers: CallHandlers;
  #cancelNextDay: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  #hasFailed = false;
  #isPoolReady = false;
  #onFlightsZero: (() => void) | null = null;

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
        () => coordinator.#onPoolReady(),
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
    const { store, clock, settings, catalogue } = parts;
    this.parts = parts;
    this.pool = pool;
    this.workflows = new Workflows(store, {
      onSetAside: (message) => this.#warn(message),
      takeOver: (id, taken, version) => this.#takeOver(id, taken, version),
    });
    const onFault = (error: unknown) => this.#onViewFault(error);
    this.queue = new QueueView(store, clock, () => !this.turns.isDiskFull, onFault);
    this.views = new Views({
      store,
      workflows: this.workflows,
      clock,
      isDurable: (id) => this.turns.isDurable(id),
      onFault,
    });
    this.#orphanBlobs = new OrphanBlobs({
      store,
      workflows: this.workflows,
      clock,
      onRemoved: (message) => this.parts.log.info({}, message),
      onFault: (error) => this.#onViewFault(error),
    });
    this.removals = new Removals({ store, views: this.views, onNotice: (message) => this.#warn(message) });
    this.window = new EventWindow(limits.eventWindowMax, () => store.nextSeq - 1);
    this.waits = new Waits(clock);
    this.turns = new Turns({
      store,
      clock,
      startReady: (batch) => this.#startReady(batch),
      onFatal: (error) => this.fatal(error),
      onDiskFull: (isFull) => this.#onDiskFull(isFull),
    });
    this.budgets = new Budgets({
      daily: settings.dailyBudget,
      workflows: this.workflows,
      clock,
      loadPricer: parts.loadPricer,
      onReady: () => this.turns.arm(),
      onFatal: (error) => this.fatal(error),
    });
    this.durations = new Durations(store.found.manifest?.durations);
    this.cache = new StepCache({
      settings,
      store,
      clock,
      onNotice: (message) => this.#warn(message),
      onFatal: (error) => this.fatal(error),
    });
    this.outputs = new StepOutputs(store, clock);
    const { budgets, durations, cache, outputs } = this;
    this.readySteps = new ReadySteps({
      settings,
      clock,
      catalogue,
      cpuThreads: pool.cpuThreads,
      durations,
      budgets,
      cache,
      outputs,
      onReady: () => this.turns.arm(),
    });
    this.execution = new Execution({
      settings,
      clock,
      catalogue,
      pool,
      readySteps: this.readySteps,
      cache,
      outputs,
      onEnded: (ended) => this.#onEnded(ended),
      onFatal: (error) => this.fatal(error),
    });
    this.recorder = new Recorder({
      store,
      clock,
      log: parts.log,
      workflows: this.workflows,
      views: this.views,
      queue: this.queue,
      window: this.window,
      waits: this.waits,
      budgets,
      readySteps: this.readySteps,
      execution: this.execution,
      onTold: () => this.checkpoints.afterBatch(),
    });
    this.checkpoints = new Checkpoints({
      store,
      clock,
      workflows: this.workflows,
      views: this.views,
      removals: this.removals,
      durations,
      bytesMax: parts.checkpointBytes,
      onFault,
    });
    this.#handlers = createCallHandlers(this);
  }

  async #recover(): Promise<void> {
    const { store, log, clock } = this.parts;
    this.views.coverAfter(store.found.manifest?.seq ?? 0);
    const recovered = recover(store, this.workflows, clock);
    for (const { kind, message } of recovered.notices) {
      if (kind === 'info') log.info({}, message);
      else this.#warn(message);
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
    this.#beginDay();
    this.#cancelNextDay = this.budgets.watchDays(() => this.#beginDay());
    this.turns.arm();
    this.checkpoints.armIdle();
    this.#orphanBlobs.start();
  }

  #onPoolReady(): void {
    this.#isPoolReady = true;
    this.turns.arm();
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

  subscribe(after: number | null, sink: EventSink): () => void {
    return this.window.subscribe(after, sink);
  }

  listen(workflowId: string, sink: TokenSink): () => void {
    return this.execution.texts.listen(workflowId, sink);
  }

  /** A finished workflow's file was changed by hand, to something valid: that is what the workflow is from here on. */
  #takeOver(id: string, taken: Taken, version: number): Promise<void> {
    if (this.turns.isDiskFull) return Promise.reject(diskFullRefusal);
    const warning = 'state.json is not what the engine wrote; its content was taken over as found';
    this.parts.store.copyAsideState(id, warning);
    this.#warn(`Workflow ${id}: ${warning}`);
    const warnings = [...((taken.workflow.warnings as string[] | undefined) ?? []), warning];
    const workflow = { ...taken.workflow, warnings };
    const base = { kind: 'workflow.taken_over' as const, workflowId: id, at: this.parts.clock.now(), version };
    return new Promise((resolve, reject) => {
      this.turns.push({
        run: (batch) => {
          if (this.workflows.finished.has(id)) this.recorder.record(batch, { ...base, ...taken, workflow });
          batch.after.push(resolve);
          batch.refusals.push(reject);
        },
        refuse: reject,
      });
    });
  }

  #startReady(batch: Batch): boolean {
    const mayStart = this.#isPoolReady && !this.readySteps.isPaused;
    if (mayStart) {
      // A step that is paused makes way for the next in its line.
      do this.#startTaken(batch);
      while (this.#pauseUnfunded(batch));
    }
    if (batch.payloads.length > 0) this.recorder.finish(batch);
    const { schedule } = this.readySteps;
    return (
      mayStart &&
      batch.payloads.length >= limits.batchRecordsMax &&
      schedule.ready > 0 &&
      schedule.running < schedule.slotsMax
    );
  }

  #startTaken(batch: Batch): void {
    const room = limits.batchRecordsMax - batch.payloads.length;
    for (const taken of this.readySteps.take(Math.max(0, room))) {
      const { step, logs } = taken;
      const live = this.workflows.live.get(step.workflowId)!;
      const terms = { logs, reserved: this.budgets.takeReservation(step.call) };
      const event = decideStart(live.state, step.stepId, this.parts.clock.now(), terms);
      const flight = this.execution.openFlight(taken, event.attempt, live);
      live.pins += 1;
      this.recorder.record(batch, event);
      this.recorder.launch(flight);
      this.counts.started += 1;
    }
  }

  /** Whether there were any. */
  #pauseUnfunded(batch: Batch): boolean {
    const paused = this.budgets.takePauses();
    for (const { step, pause } of paused) {
      const live = this.workflows.live.get(step.workflowId)!;
      this.recorder.record(batch, decidePause(live.state, step.stepId, this.parts.clock.now(), pause));
    }
    return paused.length > 0;
  }

  /** Steps that the budget of a day has paused have another go with the next. */
  #beginDay(): void {
    const decide = (live: Live) => decideNewDay(live.state, this.parts.clock.now());
    for (const live of this.workflows.live.values()) {
      if (live.state.paused === 0) continue;
      this.turns.push({
        run: (batch) => {
          const event = this.workflows.live.get(live.state.header.id) === live ? decide(live) : null;
          if (event) this.recorder.record(batch, event);
        },
      });
    }
  }

  #onEnded(ended: Ended): void {
    this.turns.push({ run: (batch) => this.#recordOutcome(batch, ended) });
  }

  #recordOutcome(batch: Batch, { flight, result, durationMs }: Ended): void {
    const { clock, chance, log } = this.parts;
    this.execution.closeFlight(flight, result);
    const { live, stepId, attempt } = flight;
    const isKnown = this.workflows.live.get(flight.workflowId) === live;
    const input = { now: clock.now(), durationMs, random: chance.random() };
    const event = isKnown ? decideOutcome(live.state, stepId, attempt, result, input) : null;
    // Before what the event sets going, which may ask the same.
    if (event?.kind === 'step.completed') batch.after.push(() => this.execution.tellCache(flight, event));
    else this.execution.tellCache(flight, null);
    if (event) {
      this.recorder.record(batch, event);
      if (event.kind === 'step.completed') {
        this.counts.completed += 1;
        if (!flight.question?.isAnswered) this.durations.record(live.state.step(stepId)!, durationMs);
      } else if (event.kind === 'step.failed') this.counts.failed += 1;
      else this.counts.retried += 1;
    } else {
      // The step was stopped, or its workflow deleted, while the attempt ran (G4).
      log.info({ workflow: flight.workflowId, step: stepId, attempt }, 'late outcome dropped');
      const spent = isKnown ? decideSpent(live.state, stepId, attempt, result, clock.now()) : null;
      if (spent) this.recorder.record(batch, spent);
      const isGone = !this.workflows.has(flight.workflowId) && !this.workflows.setAside.has(flight.workflowId);
      // Large outputs have made the directory of a deleted workflow anew.
      if (isGone && result.kind === 'completed' && 'blob' in result.outputs)
        batch.after.push(() => void this.removals.remove(flight.workflowId).catch((error) => this.#onViewFault(error)));
    }
    this.unpin(live);
    if (this.execution.flights === 0) this.#onFlightsZero?.();
  }

  /** Into the log, and into what health() tells. */
  #warn(message: string): void {
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
    const { clock, store } = this.parts;
    this.readySteps.stop();
    this.checkpoints.disarm();
    this.waits.endAll();
    if (this.execution.flights > 0 && !this.#hasFailed) {
      await new Promise<void>((resolve) => {
        const cancel = clock.timer(shutdownGraceMs, resolve);
        this.#onFlightsZero = () => {
          cancel();
          resolve();
        };
      });
    }
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
    await store.close();
  }

  /** K3: called when a call is done with a workflow. */
  unpin(live: Live): void {
    this.workflows.unpin(live);
    if (isTerminal(live.state.header.status)) this.views.retire(live);
  }
}
