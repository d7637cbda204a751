/**
 * Flights: attempts that hold a slot, each from its start until its end is recorded.
 *
 * The life of an attempt:
 *   ready step    in line for a slot (ready-steps.ts)
 *   preparing     has a slot; its `step.started` is in the batch, or is durable while outputs are read from blobs
 *   dispatched    the pool has its job
 *   cancelled     its step was stopped or deleted; it still holds its slot
 *   ended         has a result, which waits for the turn that records it (attempts.ts)
 *   closed        its result is recorded; the slot is free
 *
 *   preparing ──▶ dispatched ──▶ ended ──▶ closed
 *       └────────────┴─▶ cancelled ──┘
 *
 * Rules, numbered for tests (X1 and X4 are in ready-steps.ts):
 *   X2  a step sees exactly the recorded outputs of the steps it refers to;
 *   X3  an outcome counts once, and only for the current attempt of its step.
 */
import { broken } from '../../contract/broken.ts';
import type { StepId, WorkflowId } from '../../contract/ids.ts';
import type { Job, Outcome, PoolPort, Said } from '../../contract/job.ts';
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { limits } from '../../contract/limits.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, ActionInfo } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { BindingError } from '../../core/bindings.ts';
import type { CachedResult } from '../../core/cached-result.ts';
import type { AttemptResult } from '../../core/decide.ts';
import type { ReadyStep } from '../../core/schedule.ts';
import type { BoundParams } from '../../core/step-secrets.ts';
import type { StepState } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { LiveTexts } from '../followers/live-texts.ts';
import type { Live } from '../workflows.ts';
import type { ReadySteps, TakenStep } from './ready-steps.ts';
import type { StepCache } from './step-cache.ts';
import type { Blobs, StepOutputs } from './step-outputs.ts';

/** An attempt that holds a slot. */
export interface Flight extends TakenStep {
  readonly jobId: number;
  readonly attempt: number;
  /** Its workflow, which stays in memory until the end of the attempt is recorded. */
  readonly live: Live;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** True when no task implements the action. */
  readonly isSimulated: boolean;
  phase: 'preparing' | 'dispatched' | 'cancelled' | 'ended';
}

export interface EndedFlight {
  flight: Flight;
  result: AttemptResult;
  durationMs: number;
}

export interface FlightsOptions {
  settings: EngineSettings;
  clock: Clock;
  catalogue: ActionCatalogue;
  pool: PoolPort & Required<Pick<PoolPort, 'recorded'>>;
  readySteps: Pick<ReadySteps, 'end' | 'resize'>;
  cache: StepCache;
  outputs: StepOutputs;
  texts: LiveTexts;
  onFatal(error: unknown): void;
}

/** The action that simulates unknown actions, as pool threads name it. */
const simulateAction = '$simulate';
/** A simulated step times out this long after SIMULATION_MS. */
const simulateSlackMs = 30_000;

export class Flights {
  readonly #options: FlightsOptions;
  readonly #flights = new Map<number, Flight>();
  readonly #flightOfStep = new Map<string, Flight>();
  #onEnded: (ended: EndedFlight) => void = () => broken('X3', 'an attempt ended before its outcome could be recorded');
  #nextJobId = 1;

  constructor(options: FlightsOptions) {
    this.#options = options;
  }

  /**
   * `onEnded` is called once for each flight, when its attempt has ended and its outputs are in memory or in a blob.
   */
  connect(onEnded: (ended: EndedFlight) => void): void {
    this.#onEnded = onEnded;
  }

  get count(): number {
    return this.#flights.size;
  }

  /** The attempt of this step that is in flight, if any. */
  of(workflowId: WorkflowId, stepId: StepId): Flight | undefined {
    return this.#flightOfStep.get(toKey({ workflowId, stepId }));
  }

  /** Opens the flight of a step that has got its slot. The attempt begins with `launch`, once its start is durable. */
  open(taken: TakenStep, attempt: number, live: Live): Flight {
    const key = toKey(taken);
    const action = live.state.step(taken.stepId)?.action ?? broken('X1', `${key} starts, and is no step`);
    if (this.#flightOfStep.has(key)) broken('X1', `${key} starts while its last attempt is in flight`);
    const flight: Flight = {
      ...taken,
      jobId: this.#nextJobId,
      attempt,
      live,
      startedAt: this.#options.clock.monotonic(),
      isSimulated: !this.#options.catalogue.has(action),
      phase: 'preparing',
    };
    this.#nextJobId += 1;
    this.#flights.set(flight.jobId, flight);
    this.#flightOfStep.set(key, flight);
    return flight;
  }

  /** Cancels the attempt of a step that was stopped or deleted. It holds its slot until it has ended. */
  cancel(flight: Flight): void {
    if (flight.phase === 'dispatched') this.#options.pool.cancel([flight.jobId]);
    if (flight.phase !== 'ended') flight.phase = 'cancelled';
    this.#options.texts.end(flight);
  }

  /** The result of the flight is recorded: frees its slot, and the step's next attempt may start. */
  close(flight: Flight, result: AttemptResult): void {
    if (!this.#flights.delete(flight.jobId)) broken('X3', `a second outcome of attempt ${toKey(flight)}`);
    this.#flightOfStep.delete(toKey(flight));
    this.#options.texts.end(flight);
    this.#options.readySteps.end(flight, result);
  }

  /** The ends of these are durable. */
  recorded(flights: readonly Flight[]): void {
    this.#options.pool.recorded(flights.map(({ jobId }) => jobId));
  }

  /** Gives attempts to the pool. An attempt that needs outputs from blobs follows when they are read. */
  launch(flights: readonly Flight[]): void {
    const { cache, outputs, pool } = this.#options;
    const jobs: Job[] = [];
    for (const flight of flights) {
      if (flight.phase === 'cancelled') {
        this.#fail(flight, 'CANCELLED', 'stopped before it began');
        continue;
      }
      const answer = flight.question && cache.take(flight.question);
      if (answer) {
        this.#complete(flight, answer);
        continue;
      }
      const { live } = flight;
      const step = live.state.step(flight.stepId)!;
      if (flight.unreadable) {
        this.#failUnread(flight, flight.unreadable);
      } else if (outputs.isAtHand(live, step)) {
        const job = this.#toJob(flight, live, step, new Map());
        if (job) jobs.push(job);
      } else {
        void this.#launchWithBlobs(flight, live, step);
      }
    }
    if (jobs.length > 0) pool.dispatch(jobs);
  }

  async #launchWithBlobs(flight: Flight, live: Live, step: StepState): Promise<void> {
    const { outputs } = this.#options;
    let blobs: Blobs;
    try {
      do blobs = await outputs.readBlobsFor(live, step);
      while (!outputs.hasLists(live, step));
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

  #failUnread(flight: Flight, error: Error): void {
    // A list that is none says so itself.
    const isList = error instanceof BindingError;
    const text = isList ? error.message : `outputs that the step refers to cannot be read: ${error.message}`;
    this.#fail(flight, 'BINDING', text);
  }

  #toJob(flight: Flight, live: Live, step: StepState, blobs: Blobs): Job | null {
    const { settings, catalogue, outputs } = this.#options;
    let bound: BoundParams;
    try {
      bound = outputs.bind(live, step, blobs, catalogue.get(step.action));
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      this.#fail(flight, 'BINDING', error.message);
      return null;
    }
    const { params, use } = bound;
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
    const { workflowId, stepId, lane } = flight;
    return {
      jobId: flight.jobId,
      workflowId,
      stepId,
      attempt: flight.attempt,
      action: info ? step.action : simulateAction,
      lane,
      isolated: info?.isolated === true,
      paramsJson,
      timeoutMs: step.timeoutMs ?? info?.timeoutMs ?? settings.simulationMs + simulateSlackMs,
      // A dry run sends nothing.
      ...(use && !settings.dryRun ? { secretUse: use } : {}),
    };
  }

  /** Takes pieces of text from running attempts. Drops the text of attempts that were cancelled or have ended. */
  onSaid(said: readonly Said[]): void {
    for (const { jobId, ...piece } of said) {
      const flight = this.#flights.get(jobId);
      if (flight?.phase === 'dispatched') this.#options.texts.add(flight, piece);
    }
  }

  onCapacity(): void {
    this.#options.readySteps.resize(this.#options.pool.capacity());
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
        const { code, message, retryAfterMs, isLost, onlyIfAsked } = outcome;
        const marks = { ...(isLost ? { isLost } : {}), ...(onlyIfAsked ? { onlyIfAsked } : {}) };
        this.#end(flight, { kind: 'failed', code, message, retryAfterMs, ...marks, ...base });
      } else {
        this.#complete(flight, { outputsJson: outcome.outputsJson, ...base });
      }
    }
  }

  #complete(
    flight: Flight,
    { outputsJson, ...rest }: Omit<CachedResult, 'metadata'> & { metadata: JsonObject | null },
  ) {
    flight.phase = 'ended';
    const durationMs = this.#durationOf(flight);
    const end = (outputs: OutputsRef) =>
      this.#onEnded({
        flight,
        durationMs,
        result: { kind: 'completed', outputs, simulated: flight.isSimulated, ...rest },
      });
    const { outputs, onFatal } = this.#options;
    const ref = outputs.toOutputsNow(outputsJson);
    if (ref) end(ref);
    else outputs.keep(flight.workflowId, outputsJson).then(end, onFatal);
  }

  #end(flight: Flight, result: AttemptResult): void {
    flight.phase = 'ended';
    this.#onEnded({ flight, durationMs: this.#durationOf(flight), result });
  }

  #durationOf({ startedAt }: Flight): number {
    return this.#options.clock.monotonic() - startedAt;
  }

  #fail(
    flight: Flight,
    code: 'BINDING' | 'BAD_PARAMS' | 'UNKNOWN_ACTION' | 'OFFLINE' | 'CANCELLED',
    message: string,
  ): void {
    this.#end(flight, { kind: 'failed', code, message, retryAfterMs: null, metadata: null, metrics: null, logs: [] });
  }
}

function goesOut(info: ActionInfo, params: JsonObject, settings: EngineSettings): boolean {
  return info.goesOut === true && info.staysHome?.(params, pickSecrets(info, settings)) !== true;
}

function toOfflineError({ action, cache }: StepState): string {
  const why = cache ? 'the cache holds no answer to what this step asks' : 'this step does not say `cache: true`';
  return `OFFLINE: "${action}" goes out to another machine, and ${why}; run it once online with \`cache: true\`, or leave OFFLINE out`;
}

function toKey({ workflowId, stepId }: Pick<ReadyStep, 'workflowId' | 'stepId'>): string {
  return `${workflowId}/${stepId}`;
}
