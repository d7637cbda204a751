/**
 * Processes of their own for jobs that could take a whole process down: one job at a time on each, started when a job finds
 * none that is free, ended after a minute without work. Keeps P1–P4 of `contract/job.ts` for its jobs.
 *
 * The processes belong to this lane and not to a thread of the pool: a thread that is ended cannot end its child, and
 * nobody but the thread would ever collect what is left of it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Job, Outcome } from '../contract/job.ts';
import { type AbortReason, fromProcessSchema, type ToProcess } from '../contract/pool-messages.ts';
import { toLostOutcome } from './loss.ts';
import { type Watch, watchOver } from './watch.ts';

export interface ProcessLaneOptions {
  readonly heapMbMax: number;
  readonly processUrl: URL;
  readonly execArgv: readonly string[];
  onOutcomes(outcomes: Outcome[]): void;
  onFault(message: string): void;
}

/** Starting takes a tenth of a second; on a machine that swaps, far longer. */
const startMsMax = 30_000;
const idleMsMax = 60_000;
/** For an answer that was under way while this process was halted. */
const lateGraceMs = 250;
/** What other processes and open files use up, and give back. */
const passingFaults = new Set<unknown>(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
const restartPauseMs = 250;
/** V8 writes why it gave up, then a trace of a few thousand characters. */
const reportLengthMax = 16_384;
/** The heap was full; one object was larger than any may be. */
const outOfMemory = /out of memory|Fatal JavaScript invalid size/i;

/** A job between two tries to start a process for it. */
interface Waiting {
  ended: AbortReason | null;
  readonly timer: NodeJS.Timeout;
}

interface Place {
  readonly process: ChildProcess;
  readonly gone: Promise<void>;
  job: Job | null;
  /** When its job is no longer tried again where no process can be started. */
  startBy: number;
  /** Set where there never was a process. */
  startFault: Error | null;
  ended: AbortReason | null;
  isUp: boolean;
  /** Told to end, and not gone yet. */
  isEnding: boolean;
  /** The end of its start, of its job, or of its idleness. */
  watch: Watch | undefined;
  /** Set where the lane ended it for what is no part of the attempt. */
  reason: string | null;
  /** The end of what it wrote during its job. */
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

  dispatch(job: Job): void {
    if (!this.#closed) this.#place(job, performance.now() + Math.min(job.timeoutMs, startMsMax));
  }

  #place(job: Job, startBy: number): void {
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
    // One that could not be started has no channel; one that is gone by now says so with its end.
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
      // One without a channel has ended, and that has yet to be told.
      ({ process, job, isUp, isEnding }) => process.connected && job === null && isUp && !isEnding,
    );
  }

  #start(): Place {
    const { processUrl, execArgv, heapMbMax } = this.#options;
    const child = fork(fileURLToPath(processUrl), [], {
      // The young generation's size differs from one Node to the next (24 gives it four times as much as 20 does).
      execArgv: [`--max-old-space-size=${heapMbMax}`, '--max-semi-space-size=16', ...execArgv],
      // Nothing of the engine's environment, API keys above all, is for tasks to see.
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const place: Place = {
      process: child,
      // Comes after the last message that the process sent, and after its end has been collected.
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
    // Alone they do not keep the engine's process; the watch over a job does.
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
      // The clock starts here and not at dispatch: starting is no part of the attempt.
      if (place.job) this.#arm(place, place.job);
      return;
    }
    if (message === undefined || message.outcome.jobId !== place.job?.jobId) {
      this.#options.onFault('a process of the pool sent what is not the outcome of its job; it is ended');
      end(place);
      return;
    }
    // What ended it is told when it is gone.
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

  /** Tells nothing at once: who dispatches is in the middle of something. */
  #onNoStart(job: Job, startBy: number, error: unknown): void {
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

  #arm(place: Place, job: Job): void {
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

/** What can keep the engine's process, each for itself; `close` comes after the end of all three. */
function partsOf(child: ChildProcess): { ref(): unknown; unref(): unknown }[] {
  const { channel, stderr } = child;
  return [child, ...(channel ? [channel] : []), ...(stderr instanceof Socket ? [stderr] : [])];
}

/** By the one signal that a process in a loop cannot miss. */
function end(place: Place): void {
  place.isEnding = true;
  // Its stderr may outlive it, held by what it started, and who closes the pool waits for that end too.
  for (const part of partsOf(place.process)) part.ref();
  // A child that was never started has no pid, and its kill would signal 0: this whole group of processes.
  if (place.process.pid !== undefined) place.process.kill('SIGKILL');
}
