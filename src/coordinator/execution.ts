/**
 * From a ready step to its attempt and back: slots, bound params, jobs, and what comes of them.
 *
 * Rules, numbered for tests:
 *   X1  an attempt starts after its `step.started` is durable, and after the step's last attempt is known to have ended;
 *   X2  a step sees exactly the recorded outputs of the steps it refers to;
 *   X3  an outcome counts once, and only for the attempt the step stands at;
 *   X4  a step with `cache` is lined up once the cache has been asked; one with an answer goes out to nobody.
 */

import type { Job, Outcome, PoolPort, Said } from '../contract/job.ts';
import type { JournalEvent, OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import type { EngineSettings } from '../contract/settings.ts';
import type { StorePort } from '../contract/store.ts';
import type { ActionCatalogue, ActionInfo, Lane, PlannedCall } from '../contract/task.ts';
import { BindingError } from '../core/bindings.ts';
import type { CachedResult } from '../core/cached-result.ts';
import { type Durations, toRanks } from '../core/critical-path.ts';
import type { AttemptResult } from '../core/decide.ts';
import { type ReadyStep, Schedule } from '../core/schedule.ts';
import { type StepState, suspectDeaths } from '../core/state.ts';
import { pickSecrets } from './action-secrets.ts';
import type { Budgets } from './budgets.ts';
import { CallAdmission } from './call-admission.ts';
import { CallPlans } from './call-plans.ts';
import type { Clock } from './clock.ts';
import { LiveTexts } from './live-texts.ts';
import { type Question, StepCache } from './step-cache.ts';
import { type Blobs, StepOutputs } from './step-outputs.ts';
import type { Live } from './workflows.ts';

/** An attempt that holds a slot. */
export interface Flight {
  readonly jobId: number;
  readonly workflowId: string;
  readonly stepId: string;
  readonly attempt: number;
  readonly lane: Exclude<Lane, 'none'>;
  readonly startedAt: number;
  readonly isSimulated: boolean;
  readonly call: PlannedCall | undefined;
  /** Its workflow stays in memory until it has ended. */
  readonly live: Live;
  /** What the cache was asked for it. */
  readonly question: Question | undefined;
  /** `preparing` until the pool has it, `ended` from its outcome on. */
  phase: 'preparing' | 'dispatched' | 'cancelled' | 'ended';
}

export interface Ended {
  flight: Flight;
  result: AttemptResult;
  durationMs: number;
}

export interface ExecutionOptions {
  settings: EngineSettings;
  store: StorePort;
  clock: Clock;
  catalogue: ActionCatalogue;
  pool: PoolPort;
  durations: Durations;
  budgets: Budgets;
  /** An attempt has ended and its outputs are where they belong; called once per flight. */
  onEnded(ended: Ended): void;
  /** There may be something to start. */
  onReady(): void;
  onFatal(error: unknown): void;
  /** Worth a line in the log. */
  onNotice(message: string): void;
}

/** The name under which pool threads know the stand-in for unknown actions. */
const simulateAction = '$simulate';
/** How long a simulated step may take beyond its time. */
const simulateSlackMs = 30_000;
const suspectsAfterMs = 5_000;
/** Under no step's key: those hold a slash. */
const suspectsTimer = 'suspects';
const heldTimer = 'held';

export class Execution {
  readonly schedule: Schedule;
  readonly durations: Durations;
  readonly cache: StepCache;
  readonly texts = new LiveTexts();
  readonly outputs: StepOutputs;
  readonly #options: ExecutionOptions;
  readonly #admission: CallAdmission;
  readonly #plans: CallPlans;
  readonly #flights = new Map<number, Flight>();
  readonly #flightOfStep = new Map<string, Flight>();
  /** Ready steps whose last attempt has not ended yet (X1). */
  readonly #held = new Map<string, ReadyStep>();
  /** Steps that wait for their next attempt. */
  readonly #timers = new Map<string, () => void>();
  /** Of steps that are asked after in the cache, or were and have not started yet. */
  readonly #questions = new Map<string, Question>();
  /** Of steps whose place in line hangs on outputs that are being read. */
  readonly #readings = new Map<string, symbol>();
  /** Of steps in line whose outputs could not be read. */
  readonly #unreadable = new Map<string, Error>();
  readonly #ranks = new WeakMap<Live, number[]>();
  #nextJobId = 1;
  /** Set when nothing may start any more. */
  isPaused = false;

  constructor(options: ExecutionOptions) {
    this.#options = options;
    this.durations = options.durations;
    this.cache = new StepCache(options);
    this.outputs = new StepOutputs(options.store, options.clock);
    const { settings, catalogue, clock, pool } = options;
    this.#admission = new CallAdmission(settings.modelLimits ?? {}, options.budgets, clock);
    this.#plans = new CallPlans(settings, catalogue, clock);
    this.schedule = new Schedule(settings.maxParallelNodes, pool.cpuThreads, this.#admission);
  }

  get flights(): number {
    return this.#flights.size;
  }

  laneOf(action: string): Exclude<Lane, 'none'> {
    return this.#options.catalogue.get(action)?.lane === 'cpu' ? 'cpu' : 'io';
  }

  /** Puts a PENDING step in line, at once or when its wait is over. */
  ready(live: Live, i: number): void {
    const step = live.state.steps[i]!;
    const key = toKey(live.state.header.id, step.id);
    const { clock } = this.#options;
    if (step.dueAt !== null) {
      // A wall clock that jumped must not lengthen the wait.
      const waitMs = Math.min(Math.max(step.dueAt - clock.now(), 0), step.delayMs);
      if (waitMs > 0) {
        this.#timers.get(key)?.();
        this.#timers.set(
          key,
          clock.timer(waitMs, () => {
            this.#timers.delete(key);
            this.#ask(live, i, key);
            this.#options.onReady();
          }),
        );
        return;
      }
    }
    this.#ask(live, i, key);
  }

  /** X4. */
  #ask(live: Live, i: number, key: string): void {
    const { id, action, cache } = live.state.steps[i]!;
    const info = this.#options.catalogue.get(action);
    // A dry run shows what each step would ask.
    if (!cache || !info || this.#options.settings.dryRun) {
      this.#lineUp(live, i, key);
      return;
    }
    const onKnown = (answer: CachedResult | null) => {
      this.#lineUp(live, i, key, answer !== null);
      this.#options.onReady();
    };
    this.#questions.set(
      key,
      this.cache.ask(info, () => this.#bindToAsk(live, id), onKnown),
    );
  }

  async #bindToAsk(live: Live, stepId: string): Promise<JsonObject> {
    const step = live.state.step(stepId)!;
    return this.outputs.bind(live, step, await this.outputs.readBlobsFor(live, step));
  }

  /** One that has its answer computes nothing, and calls nobody; neither does one that may not. */
  #lineUp(live: Live, i: number, key: string, isAnswered = false, blobs?: Blobs): void {
    const step = live.state.steps[i]!;
    const isCalling = !isAnswered && !this.#options.settings.offline;
    const call = isCalling ? this.#plans.plan(live.state, step, blobs) : null;
    if (call === 'unread') {
      void this.#lineUpRead(live, i, key);
      return;
    }
    const ranks = this.#ranks.get(live) ?? toRanks(live.state, live.state.steps, this.durations);
    this.#ranks.set(live, ranks);
    const ready: ReadyStep = {
      workflowId: live.state.header.id,
      stepId: step.id,
      lane: isAnswered ? 'io' : this.laneOf(step.action),
      rankMs: ranks[i] ?? 0,
      readyAt: this.#options.clock.monotonic(),
      isSuspect: step.deaths >= suspectDeaths,
      ...(call ? this.#toGate(live, call) : {}),
    };
    if (ready.isSuspect) this.#armSuspects();
    if (this.#flightOfStep.has(key)) this.#held.set(key, ready);
    else this.schedule.add(ready);
  }

  /** A workflow that had no budget has got one: what is in line already waits for that apart from others. */
  setBudgeted({ state }: Live): void {
    const { id } = state.header;
    this.schedule.separate(id);
    for (const [key, ready] of this.#held) if (ready.workflowId === id) this.#held.set(key, { ...ready, own: id });
  }

  /** For a step that can be foreseen only when outputs in blobs are read. */
  async #lineUpRead(live: Live, i: number, key: string): Promise<void> {
    const reading = Symbol(key);
    this.#readings.set(key, reading);
    let fault: Error | null = null;
    const blobs = await this.outputs.readBlobsFor(live, live.state.steps[i]!).catch((error: Error): Blobs => {
      fault = error;
      return new Map();
    });
    // A stop may have come meanwhile.
    if (this.#readings.get(key) !== reading || this.isPaused) return;
    this.#readings.delete(key);
    // It starts, and fails for that: read once more it would go where nobody had foreseen.
    if (fault) this.#unreadable.set(key, fault);
    this.#lineUp(live, i, key, false, blobs);
    this.#options.onReady();
  }

  #toGate(live: Live, call: PlannedCall): Pick<ReadyStep, 'call' | 'gate' | 'own'> {
    const { budget, id } = live.state.header;
    return { call, gate: this.#admission.enter(call, budget && live), own: budget === null ? undefined : id };
  }

  /** A suspect waits until the engine has been up for a while: what kills it at once is another thing. */
  #armSuspects(): void {
    if (this.#timers.has(suspectsTimer)) return;
    const cancel = this.#options.clock.timer(suspectsAfterMs, () => {
      this.schedule.letSuspectsRun();
      this.#options.onReady();
    });
    this.#timers.set(suspectsTimer, cancel);
  }

  /** A PENDING step that is so no longer. */
  unready(workflowId: string, stepId: string): void {
    const key = toKey(workflowId, stepId);
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    this.#held.delete(key);
    this.#readings.delete(key);
    this.#unreadable.delete(key);
    this.schedule.remove(workflowId, stepId);
    const question = this.#questions.get(key);
    this.#questions.delete(key);
    if (question) this.cache.letGo(question);
  }

  /** The next steps that have a slot and nothing else to wait for. What holds others up is asked after in time. */
  take(most: number): ReadyStep[] {
    const { clock, onReady } = this.#options;
    const taken = this.schedule.take(most);
    const until = this.schedule.heldUntil;
    this.#timers.get(heldTimer)?.();
    this.#timers.delete(heldTimer);
    if (until !== null) this.#timers.set(heldTimer, clock.timer(Math.max(1, until - clock.monotonic()), onReady));
    return taken;
  }

  /** Lines for the log of a step that `take` has given. */
  tellWait(ready: ReadyStep): string[] {
    return this.#admission.tellWait(ready);
  }

  /** Gives the step its slot; the attempt begins with `launch`, once its start is durable. */
  openFlight(ready: ReadyStep, attempt: number, live: Live): Flight {
    const { action } = live.state.step(ready.stepId)!;
    const key = toKey(ready.workflowId, ready.stepId);
    const flight: Flight = {
      jobId: this.#nextJobId,
      workflowId: ready.workflowId,
      stepId: ready.stepId,
      attempt,
      lane: ready.lane,
      startedAt: this.#options.clock.monotonic(),
      isSimulated: !this.#options.catalogue.has(action),
      call: ready.call,
      live,
      question: this.#questions.get(key),
      phase: 'preparing',
    };
    this.#questions.delete(key);
    this.#nextJobId += 1;
    this.#flights.set(flight.jobId, flight);
    this.#flightOfStep.set(key, flight);
    return flight;
  }

  /** Ends the running attempts of a step that was stopped or deleted; their slots come back when they have ended. */
  cancel(workflowId: string, stepId: string): void {
    const flight = this.#flightOfStep.get(toKey(workflowId, stepId));
    if (!flight) return;
    if (flight.phase === 'dispatched') this.#options.pool.cancel([flight.jobId]);
    if (flight.phase !== 'ended') flight.phase = 'cancelled';
    this.texts.end(flight);
  }

  /** The attempt is over: frees its slot, and lets the step's next attempt in. */
  closeFlight(flight: Flight, result: AttemptResult): void {
    const key = toKey(flight.workflowId, flight.stepId);
    this.texts.end(flight);
    this.#flights.delete(flight.jobId);
    this.#flightOfStep.delete(key);
    this.schedule.release(flight.lane);
    if (flight.call) this.#admission.end(flight.call, result);
    const held = this.#held.get(key);
    if (!held) return;
    this.#held.delete(key);
    this.schedule.add(held);
  }

  /** What the cache learns of an ended attempt: `completed` is its recorded completion. */
  tellCache({ question }: Flight, completed: Extract<JournalEvent, { kind: 'step.completed' }> | null): void {
    if (!question) return;
    if (completed) this.cache.keep(question, completed);
    else this.cache.letGo(question);
  }

  /** Sends attempts on their way. Those that need outputs from a blob follow when it has been read. */
  launch(starts: readonly { flight: Flight; live: Live }[]): void {
    const jobs: Job[] = [];
    for (const { flight, live } of starts) {
      if (flight.phase === 'cancelled') {
        this.#fail(flight, 'CANCELLED', 'stopped before it began');
        continue;
      }
      const answer = flight.question && this.cache.take(flight.question);
      if (answer) {
        this.#complete(flight, answer);
        continue;
      }
      const step = live.state.step(flight.stepId)!;
      const key = toKey(flight.workflowId, flight.stepId);
      const fault = this.#unreadable.get(key);
      this.#unreadable.delete(key);
      if (fault) {
        this.#failUnread(flight, fault);
      } else if (this.outputs.blobsFor(live, step).length === 0) {
        const job = this.#toJob(flight, live, step, new Map());
        if (job) jobs.push(job);
      } else {
        void this.#launchWithBlobs(flight, live, step);
      }
    }
    if (jobs.length > 0) this.#options.pool.dispatch(jobs);
  }

  async #launchWithBlobs(flight: Flight, live: Live, step: StepState): Promise<void> {
    let blobs: Blobs;
    try {
      blobs = await this.outputs.readBlobsFor(live, step);
    } catch (error) {
      this.#failUnread(flight, error as Error);
      return;
    }
    // A stop may have come while the blobs were read.
    if (flight.phase === 'cancelled') {
      this.#fail(flight, 'CANCELLED', 'stopped before it began');
      return;
    }
    const job = this.#toJob(flight, live, step, blobs);
    if (job) this.#options.pool.dispatch([job]);
  }

  #failUnread(flight: Flight, { message }: Error): void {
    this.#fail(flight, 'BINDING', `outputs that the step refers to cannot be read: ${message}`);
  }

  #toJob(flight: Flight, live: Live, step: StepState, blobs: Blobs): Job | null {
    const { settings, catalogue } = this.#options;
    let params: JsonObject;
    try {
      params = this.outputs.bind(live, step, blobs);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      this.#fail(flight, 'BINDING', error.message);
      return null;
    }
    const info = catalogue.get(step.action);
    if (!info && settings.unknownActions === 'reject') {
      this.#fail(flight, 'UNKNOWN_ACTION', `no task implements action "${step.action}", and UNKNOWN_ACTIONS is reject`);
      return null;
    }
    if (settings.offline && !settings.dryRun && info && goesOut(info, params, settings)) {
      this.#fail(flight, 'OFFLINE', toOfflineError(step));
      return null;
    }
    const paramsJson = JSON.stringify(info ? params : { action: step.action, ms: settings.simulationMs });
    if (paramsJson.length > limits.stepParamsBytesMax) {
      this.#fail(
        flight,
        'BAD_PARAMS',
        `the bound params take ${paramsJson.length} bytes of JSON; ${limits.stepParamsBytesMax} is the most`,
      );
      return null;
    }
    flight.phase = 'dispatched';
    return {
      jobId: flight.jobId,
      workflowId: flight.workflowId,
      stepId: flight.stepId,
      attempt: flight.attempt,
      action: info ? step.action : simulateAction,
      lane: flight.lane,
      paramsJson,
      timeoutMs: step.timeoutMs ?? info?.timeoutMs ?? settings.simulationMs + simulateSlackMs,
      secrets: pickSecrets(info, settings),
    };
  }

  /** Of attempts that were stopped, or have ended, nothing more is told. */
  onSaid(said: readonly Said[]): void {
    for (const { jobId, ...piece } of said) {
      const flight = this.#flights.get(jobId);
      if (flight?.phase === 'dispatched') this.texts.add(flight, piece);
    }
  }

  onOutcomes(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const flight = this.#flights.get(outcome.jobId);
      // A second outcome of the same attempt would give its slot back twice (X3).
      if (!flight || flight.phase === 'ended') continue;
      const base = {
        logs: outcome.logs,
        metadata: outcome.metadata as JsonObject | null,
        metrics: outcome.metrics as JsonObject | null,
      };
      if (outcome.kind === 'failed') {
        flight.phase = 'ended';
        const durationMs = this.#options.clock.monotonic() - flight.startedAt;
        const { code, message, retryAfterMs, isLost } = outcome;
        const failed = { kind: 'failed' as const, code, message, retryAfterMs, ...(isLost ? { isLost } : {}), ...base };
        this.#options.onEnded({ flight, durationMs, result: failed });
        continue;
      }
      this.#complete(flight, { outputsJson: outcome.outputsJson, ...base });
    }
  }

  #complete(
    flight: Flight,
    { outputsJson, ...rest }: Omit<CachedResult, 'metadata'> & { metadata: JsonObject | null },
  ) {
    flight.phase = 'ended';
    const durationMs = this.#options.clock.monotonic() - flight.startedAt;
    const end = (outputs: OutputsRef) => {
      const result = { kind: 'completed' as const, outputs, simulated: flight.isSimulated, ...rest };
      this.#options.onEnded({ flight, durationMs, result });
    };
    const outputs = this.outputs.toOutputsNow(outputsJson);
    if (outputs) end(outputs);
    else this.outputs.keep(flight.workflowId, outputsJson).then(end, this.#options.onFatal);
  }

  #fail(
    flight: Flight,
    code: 'BINDING' | 'BAD_PARAMS' | 'UNKNOWN_ACTION' | 'OFFLINE' | 'CANCELLED',
    message: string,
  ): void {
    const durationMs = this.#options.clock.monotonic() - flight.startedAt;
    const result = {
      kind: 'failed' as const,
      code,
      message,
      retryAfterMs: null,
      metadata: null,
      metrics: null,
      logs: [],
    };
    this.#options.onEnded({ flight, durationMs, result });
  }

  stop(): void {
    this.isPaused = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** Nothing that still waits for the disk goes on. */
  halt(): void {
    this.stop();
    this.cache.halt();
    this.outputs.halt();
  }
}

function goesOut(info: ActionInfo, params: JsonObject, settings: EngineSettings): boolean {
  return info.goesOut === true && info.staysHome?.(params, pickSecrets(info, settings)) !== true;
}

function toOfflineError({ action, cache }: StepState): string {
  const why = cache ? 'the cache holds no answer to what this step asks' : 'this step does not say `cache: true`';
  return `OFFLINE: "${action}" goes out to another machine, and ${why}; run it once online with \`cache: true\`, or leave OFFLINE out`;
}

function toKey(workflowId: string, name: string): string {
  return `${workflowId}/${name}`;
}
