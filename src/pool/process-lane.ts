/**
 * Child processes for jobs that could take a whole process down. A process runs one job at a time. The lane starts
 * one when no process is free, and ends one after a minute without work. Keeps P1–P4 of `contract/job.ts` for its
 * jobs.
 *
 * The processes belong to this lane and not to a thread of the pool: a thread that is terminated cannot end its
 * child, and no other thread could collect the child's exit.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../contract/job.ts';
import { type AbortReason, fromProcessSchema, type PlacedJob, type ToProcess } from '../contract/pool-messages.ts';
import { toLostOutcome } from './loss.ts';
import { type Watch, watchOver } from './watch.ts';

export interface ProcessLaneOptions {
  readonly heapMbMax: number;
  readonly processUrl: URL;
  readonly execArgv: readonly string[];
  onOutcomes(outcomes: Outcome[]): void;
  onFault(message: string): void;
}

/** A start takes a third of a second, far longer on a machine that swaps. */
const startMsMax = 30_000;
const idleMsMax = 60_000;
/** For an outcome that was on its way while this process was halted. */
const lateGraceMs = 250;
/** Lack of what other processes and open files use, and give back. */
const passingFaults = new Set<unknown>(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
const restartPauseMs = 250;
/** V8 writes why it ends the process, then a trace of a few thousand characters. */
const reportLengthMax = 16_384;
/** The heap was full, or one object was larger than V8 allows. */
const outOfMemory = /out of memory|Fatal JavaScript invalid size/i;

/** A job between two tries to start a process for it. */
interface Waiting {
  ended: AbortReason | null;
  readonly timer: NodeJS.Timeout;
}

interface Place {
  readonly process: ChildProcess;
  readonly gone: Promise<void>;
  job: PlacedJob | null;
  /** After this time a start that fails is not tried again for the job. */
  startBy: number;
  /** Set when the process could not be started. */
  startFault: Error | null;
  ended: AbortReason | null;
  isUp: boolean;
  /** SIGKILL was sent, and the process has not ended yet. */
  isEnding: boolean;
  /** Ends the process when its start, its job or its idleness takes too long. */
  watch: Watch | undefined;
  /** Set when the lane ended the process for a reason outside the attempt. */
  reason: string | null;
  /** The last characters that it wrote to stderr during its job. */
  report: string;
}

export class ProcessLane {
  readonly #options: ProcessLaneOptions;
  readonly #places = new Set<Place>();
  readonly #waiting = new Map<number, Waiting>();
  #closed = false;

  constructor(options: ProcessLaneOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return [...this.#places].filter(({ job }) => job !== null).length + this.#waiting.size;
  }

  dispatch(job: PlacedJob): void {
    if (!this.#closed) this.#place(job, performance.now() + Math.min(job.timeoutMs, startMsMax));
  }

  #place(job: PlacedJob, startBy: number): void {
    let place: Place;
    try {
      place = this.#findIdle() ?? this.#start();
    } catch (error) {
      this.#onNoStart(job, startBy, error);
      return;
    }
    place.job = job;
    place.startBy = startBy;
    place.report = '';
    if (place.isUp) this.#arm(place, job);
    else
      this.#watch(place, startMsMax, () => {
        place.reason = `it did not start within ${startMsMax / 1_000} s`;
        end(place);
      });
    // A process that could not be started has no channel. A process that has just ended is reported by its `close`.
    if (!place.process.connected) return;
    place.process.send({ kind: 'job', job } satisfies ToProcess, () => undefined);
  }

  cancel(jobId: number): void {
    const waiting = this.#waiting.get(jobId);
    if (waiting) waiting.ended = 'CANCELLED';
    const place = [...this.#places].find(({ job }) => job?.jobId === jobId);
    if (place === undefined) return;
    place.ended ??= 'CANCELLED';
    end(place);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    for (const place of this.#places) end(place);
    await Promise.all([...this.#places].map(({ gone }) => gone));
  }

  #findIdle(): Place | undefined {
    return [...this.#places].find(
      // A process without a channel has ended, and its `close` is still to come.
      ({ process, job, isUp, isEnding }) => process.connected && job === null && isUp && !isEnding,
    );
  }

  #start(): Place {
    const { processUrl, execArgv, heapMbMax } = this.#options;
    const child = fork(fileURLToPath(processUrl), [], {
      // The young generation's size differs from one Node to the next (24 gives it four times as much as 20 does).
      execArgv: [`--max-old-space-size=${heapMbMax}`, '--max-semi-space-size=16', ...execArgv],
      // Tasks must not see the engine's environment, above all its API keys.
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const place: Place = {
      process: child,
      // `close` comes after the last message of the process, and after its exit was collected.
      gone: new Promise((resolve) => child.once('close', () => resolve())),
      job: null,
      startBy: 0,
      startFault: null,
      ended: null,
      isUp: false,
      isEnding: false,
      watch: undefined,
      reason: null,
      report: '',
    };
    this.#places.add(place);
    // An idle process does not keep the engine alive. The watch over a job does.
    for (const part of partsOf(child)) part.unref();
    child.on('message', (message) => this.#accept(place, message));
    child.on('error', (error) => {
      if (child.pid === undefined) place.startFault = error;
      else this.#options.onFault(`a process of the pool: ${error.message}`);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      place.report = (place.report + text).slice(-reportLengthMax);
    });
    child.once('close', (code, signal) =>
      this.#onEnd(place, place.reason ?? `it ended with ${signal ?? `code ${code}`}`),
    );
    return place;
  }

  #accept(place: Place, given: unknown): void {
    const message = fromProcessSchema.safeParse(given).data;
    if (message?.kind === 'up') {
      place.isUp = true;
      // The clock starts here and not at dispatch: the start of the process is no part of the attempt.
      if (place.job) this.#arm(place, place.job);
      return;
    }
    if (message === undefined || message.outcome.jobId !== place.job?.jobId) {
      this.#options.onFault('a process of the pool sent a message that is not the outcome of its job; it is ended');
      end(place);
      return;
    }
    // The outcome, with the reason of the end, follows when the process is gone (P2).
    if (place.isEnding) return;
    place.job = null;
    place.watch?.clear();
    const idle = setTimeout(() => end(place), idleMsMax).unref();
    place.watch = { clear: () => clearTimeout(idle) };
    if (message.isSpent) end(place);
    this.#deliver(message.outcome);
  }

  #onEnd(place: Place, reason: string): void {
    place.watch?.clear();
    this.#places.delete(place);
    const { job, startBy, startFault, ended, report } = place;
    if (job === null) return;
    if (startFault !== null && ended === null) {
      this.#onNoStart(job, startBy, startFault);
      return;
    }
    this.#deliver(toLostOutcome(job, { place: 'process', ended, isOutOfMemory: outOfMemory.test(report), reason }));
  }

  /** Delivers no outcome at once: the caller of dispatch() is not prepared for one before it returns. */
  #onNoStart(job: PlacedJob, startBy: number, error: unknown): void {
    const isLast = !isPassing(error) || performance.now() + restartPauseMs > startBy;
    const next = (): void => {
      const ended = this.#waiting.get(job.jobId)?.ended ?? null;
      this.#waiting.delete(job.jobId);
      if (!isLast && ended === null) {
        this.#place(job, startBy);
        return;
      }
      const reason = `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
      this.#deliver(toLostOutcome(job, { place: 'process', ended, isOutOfMemory: false, reason }));
    };
    this.#waiting.set(job.jobId, { ended: null, timer: setTimeout(next, isLast ? 0 : restartPauseMs) });
  }

  #deliver(outcome: Outcome): void {
    if (!this.#closed) this.#options.onOutcomes([outcome]);
  }

  #arm(place: Place, job: PlacedJob): void {
    this.#watch(place, job.timeoutMs, () => {
      place.ended ??= 'TIMEOUT';
      end(place);
    });
  }

  #watch(place: Place, ms: number, onEnd: () => void): void {
    place.watch?.clear();
    place.watch = watchOver(ms, lateGraceMs, onEnd);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && passingFaults.has(error.code);
}

/** The parts of a child that can each keep the engine's process alive. `close` comes after the end of all three. */
function partsOf(child: ChildProcess): { ref(): unknown; unref(): unknown }[] {
  const { channel, stderr } = child;
  return [child, ...(channel ? [channel] : []), ...(stderr instanceof Socket ? [stderr] : [])];
}

/** SIGKILL is the one signal that also ends a process in a loop. */
function end(place: Place): void {
  place.isEnding = true;
  // A child of the process may hold its stderr open for longer, and close() waits for the end of that too.
  for (const part of partsOf(place.process)) part.ref();
  // A child that was never started has no pid. Its kill() would signal 0, which is this whole group of processes.
  if (place.process.pid !== undefined) place.process.kill('SIGKILL');
}
