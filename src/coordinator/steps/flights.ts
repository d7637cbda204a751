/**
 * From a step that was taken to start to the end of its attempt: bound params, jobs, and what comes of them.
 *
 * Rules, numbered for tests (X1 and X4 are those of ready-steps.ts):
 *   X2  a step sees exactly the recorded outputs of the steps it refers to;
 *   X3  an outcome counts once, and only for the attempt the step stands at.
 */

import type { Job, Outcome, PoolPort, Said } from '../../contract/job.ts';
import type { JournalEvent, OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { limits } from '../../contract/limits.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, ActionInfo, Lane, PlannedCall } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { BindingError } from '../../core/bindings.ts';
import type { CachedResult } from '../../core/cached-result.ts';
import type { AttemptResult } from '../../core/decide.ts';
import type { StepState } from '../../core/state.ts';
import type { Clock } from '../clock.ts';
import { LiveTexts } from '../followers/live-texts.ts';
import type { Live } from '../workflows.ts';
import type { ReadySteps, TakenStep } from './ready-steps.ts';
import type { Question, StepCache } from './step-cache.ts';
import type { Blobs, StepOutputs } from './step-outputs.ts';

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
  /** Why outputs that the step refers to could not be read, where that was tried. */
  readonly unreadable: Error | undefined;
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
  clock: Clock;
  catalogue: ActionCatalogue;
  pool: PoolPort;
  /** Told when the attempt of a step has ended. */
  readySteps: Pick<ReadySteps, 'end'>;
  cache: StepCache;
  outputs: StepOutputs;
  /** An attempt has ended and its outputs are where they belong; called once per flight. */
  onEnded(ended: Ended): void;
  onFatal(error: unknown): void;
}

/** The name under which pool threads know the stand-in for unknown actions. */
const simulateAction = '$simulate';
/** How long a simulated step may take beyond its time. */
const simulateSlackMs = 30_000;

export class Execution {
  readonly texts = new LiveTexts();
  readonly #options: ExecutionOptions;
  readonly #flights = new Map<number, Flight>();
  readonly #flightOfStep = new Map<string, Flight>();
  #nextJobId = 1;

  constructor(options: ExecutionOptions) {
    this.#options = options;
  }

  get flights(): number {
    return this.#flights.size;
  }

  /** For a step that holds its slot; the attempt begins with `launch`, once its start is durable. */
  openFlight({ step, question, unreadable }: TakenStep, attempt: number, live: Live): Flight {
    const { workflowId, stepId, lane, call } = step;
    const { action } = live.state.step(stepId)!;
    const flight: Flight = {
      jobId: this.#nextJobId,
      workflowId,
      stepId,
      attempt,
      lane,
      startedAt: this.#options.clock.monotonic(),
      isSimulated: !this.#options.catalogue.has(action),
      call,
      live,
      question,
      unreadable,
      phase: 'preparing',
    };
    this.#nextJobId += 1;
    this.#flights.set(flight.jobId, flight);
    this.#flightOfStep.set(toKey(workflowId, stepId), flight);
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

  closeFlight(flight: Flight, result: AttemptResult): void {
    this.texts.end(flight);
    this.#flights.delete(flight.jobId);
    this.#flightOfStep.delete(toKey(flight.workflowId, flight.stepId));
    this.#options.readySteps.end(flight, result);
  }

  /** What the cache learns of an ended attempt: `completed` is its recorded completion. */
  tellCache({ question }: Flight, completed: Extract<JournalEvent, { kind: 'step.completed' }> | null): void {
    if (!question) return;
    if (completed) this.#options.cache.keep(question, completed);
    else this.#options.cache.letGo(question);
  }

  /** Sends attempts on their way. Those that need outputs from a blob follow when it has been read. */
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
      } else if (outputs.blobsFor(live, step).length === 0) {
        const job = this.#toJob(flight, live, step, new Map());
        if (job) jobs.push(job);
      } else {
        void this.#launchWithBlobs(flight, live, step);
      }
    }
    if (jobs.length > 0) pool.dispatch(jobs);
  }

  async #launchWithBlobs(flight: Flight, live: Live, step: StepState): Promise<void> {
    let blobs: Blobs;
    try {
      blobs = await this.#options.outputs.readBlobsFor(live, step);
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
    const { settings, catalogue, outputs } = this.#options;
    let params: JsonObject;
    try {
      params = outputs.bind(live, step, blobs);
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
      isolated: info?.isolated === true,
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
    const { outputs, onFatal } = this.#options;
    const ref = outputs.toOutputsNow(outputsJson);
    if (ref) end(ref);
    else outputs.keep(flight.workflowId, outputsJson).then(end, onFatal);
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
