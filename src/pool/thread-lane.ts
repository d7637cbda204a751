/**
 * One Piscina instance and the bundles that run on it. Keeps P1–P4 of `contract/job.ts` for its lane.
 *
 * It relies on two facts: messages that a thread posted before it died can still be read from the bundle's port, and
 * a thread has ended when `terminate()` resolves. So the lane settles a bundle in this order: read the port; if a job
 * has no outcome yet, end the thread and read the port again; then declare the remaining jobs lost.
 *
 * The lane replaces dead threads itself. Piscina stops doing so once a single thread has died while it started.
 * Piscina also offers the balancer threads that are still starting: a bundle placed on such a thread and aborted
 * there kills it.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { Piscina, queueOptionsSymbol } from 'piscina';
import type { Outcome, Said } from '../contract/job.ts';
import {
  type AbortReason,
  fromThreadSchema,
  type PlacedJob,
  type ThreadData,
  type ToThread,
} from '../contract/pool-messages.ts';
import { toLostOutcome } from './loss.ts';
import { importOnly, type ThreadLaneOptions, toLoaderArgv } from './thread-setup.ts';
import { type Watch, watchOver } from './watch.ts';

/** Why a thread died while it started mostly lasts for a while: a file that is gone, a full machine. */
const restartPauseMs = 1_000;

interface Bundle {
  readonly running: Map<number, Running>;
  readonly port: MessagePort;
  readonly abort: AbortController;
  /** Counts for its thread when the balancer compares threads. */
  readonly load: number;
  /** null until the bundle is placed on a thread. */
  thread: Worker | null;
}

interface Running {
  readonly job: PlacedJob;
  readonly bundle: Bundle;
  ended: AbortReason | null;
  watch: Watch | undefined;
}

export class ThreadLane {
  readonly #options: ThreadLaneOptions;
  readonly #piscina: Piscina<Extract<ToThread, { kind: 'bundle' }>, void>;
  readonly #running = new Map<number, Running>();
  readonly #unsettled = new Map<Bundle, Promise<void>>();
  readonly #loads = new WeakMap<Worker, number>();
  /** Threads that have loaded their module. The first ones are in it from the start, and `start()` waits for them. */
  readonly #ready: Set<Worker>;
  #restart: NodeJS.Timeout | undefined;
  /** Threads that died while they started, since the last thread that came up. */
  #failedStarts = 0;
  #started = false;
  #closed = false;

  constructor(options: ThreadLaneOptions) {
    this.#options = options;
    this.#piscina = new Piscina<Extract<ToThread, { kind: 'bundle' }>, void>({
      filename: options.threadUrl.href,
      minThreads: options.threads,
      maxThreads: options.threads,
      concurrentTasksPerWorker: options.sharing === 'shared' ? Number.MAX_SAFE_INTEGER : 1,
      // The default would freeze a thread's timers and sockets whenever no bundle is on it.
      atomics: 'disabled',
      recordTiming: false,
      workerHistogram: false,
      // Tasks must not see the engine's environment, above all its API keys.
      env: {},
      execArgv: [...(options.execArgv ?? toLoaderArgv(process.execArgv)), importOnly],
      resourceLimits: { maxOldGenerationSizeMb: options.heapMbMax },
      workerData: {
        network: options.network,
        prices: options.prices,
        sharing: options.sharing,
        secretStore: options.secretStore,
      } satisfies ThreadData,
      loadBalancer: (task, workers) => {
        const bundle = task[queueOptionsSymbol] as Bundle | null;
        if (bundle === null) return null;
        const choice = this.#choose(workers);
        if (choice) this.#assign(bundle, choice.thread);
        return choice?.worker ?? null;
      },
    });
    this.#ready = new Set(this.#piscina.threads);
    this.#piscina.on('workerCreate', ({ id }: { id: number }) => this.#onThreadUp(id));
    // Piscina emits this before it takes the thread off its list and before it replaces it.
    this.#piscina.on('workerDestroy', () => queueMicrotask(() => this.#onThreadEnd()));
    this.#piscina.on('error', (error: unknown) => this.#onThreadFault(error));
  }

  get threads(): number {
    return this.#piscina.threads.length;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Resolves when every thread has loaded its module; rejects with the reason when one cannot. */
  async start(): Promise<void> {
    const probes = Array.from({ length: this.#options.threads }, () => this.#run(this.#createBundle([]), []));
    await Promise.all(probes);
    this.#started = true;
    this.#refill();
  }

  dispatch(jobs: readonly PlacedJob[]): void {
    if (this.#closed) return;
    const bundle = this.#createBundle(jobs);
    const run = this.#run(bundle, jobs);
    this.#unsettled.set(
      bundle,
      run.then(
        () => this.#settle(bundle, null),
        (error: unknown) => this.#settle(bundle, error),
      ),
    );
  }

  cancel(jobId: number): void {
    const running = this.#running.get(jobId);
    if (running === undefined || running.ended !== null) return;
    const { bundle } = running;
    running.ended = 'CANCELLED';
    if (this.#options.sharing === 'exclusive') {
      bundle.abort.abort();
      return;
    }
    bundle.port.postMessage({ kind: 'cancel', jobIds: [jobId] } satisfies ToThread);
    if (bundle.thread) this.#arm(running, this.#options.stuckMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    for (const { watch } of this.#running.values()) watch?.clear();
    this.#running.clear();
    await this.#piscina.destroy();
    await Promise.all(this.#unsettled.values());
  }

  #createBundle(jobs: readonly PlacedJob[]): Bundle & { readonly remote: MessagePort } {
    const { port1, port2 } = new MessageChannel();
    const bundle: Bundle & { remote: MessagePort } = {
      running: new Map(),
      port: port1,
      remote: port2,
      abort: new AbortController(),
      load: Math.max(jobs.length, 1),
      thread: null,
    };
    for (const job of jobs) {
      const running: Running = { job, bundle, ended: null, watch: undefined };
      bundle.running.set(job.jobId, running);
      this.#running.set(job.jobId, running);
    }
    // The outcome of an exclusive job is read when the run has ended: only then is its thread free (P2).
    if (this.#options.sharing === 'shared') port1.on('message', (message: unknown) => this.#accept(bundle, message));
    return bundle;
  }

  async #run(bundle: Bundle & { readonly remote: MessagePort }, jobs: readonly PlacedJob[]): Promise<void> {
    // The property with the symbol is not sent. It tells the balancer which bundle it places.
    const message = { kind: 'bundle' as const, jobs, port: bundle.remote, [queueOptionsSymbol]: bundle };
    try {
      await this.#piscina.run(message, { transferList: [bundle.remote], signal: bundle.abort.signal });
    } finally {
      if (bundle.thread) this.#loads.set(bundle.thread, (this.#loads.get(bundle.thread) ?? 0) - bundle.load);
      if (jobs.length === 0) bundle.port.close();
    }
  }

  #choose<W extends { readonly id: number; readonly currentUsage: number }>(workers: readonly W[]) {
    const threads = new Map([...this.#ready].map((thread) => [thread.threadId, thread]));
    let best: { worker: W; thread: Worker; load: number } | null = null;
    for (const worker of workers) {
      const thread = threads.get(worker.id);
      if (thread === undefined) continue;
      if (this.#options.sharing === 'exclusive') {
        if (worker.currentUsage === 0) return { worker, thread };
        continue;
      }
      const load = this.#loads.get(thread) ?? 0;
      if (best === null || load < best.load) best = { worker, thread, load };
    }
    return best;
  }

  #assign(bundle: Bundle, thread: Worker): void {
    bundle.thread = thread;
    this.#loads.set(thread, (this.#loads.get(thread) ?? 0) + bundle.load);
    // The clock starts here and not at dispatch: a bundle may wait half a second for a thread that starts.
    for (const running of bundle.running.values()) {
      const { stuckMs } = this.#options;
      this.#arm(running, running.ended === 'CANCELLED' ? stuckMs : running.job.timeoutMs + stuckMs);
    }
  }

  /** A thread that is ended too soon takes the attempts of its neighbours with it. */
  #arm(running: Running, ms: number): void {
    running.watch?.clear();
    running.watch = watchOver(ms, this.#options.stuckMs, () => this.#endThread(running));
  }

  #endThread(running: Running | undefined): void {
    if (running === undefined) return;
    running.ended ??= 'TIMEOUT';
    running.bundle.abort.abort();
  }

  /** P1: drops an outcome of a job that has ended or that this lane never had. */
  #accept(bundle: Bundle, given: unknown): void {
    const parsed = fromThreadSchema.safeParse(given);
    if (!parsed.success) {
      this.#options.onFault(`a thread sent a message of no known kind: ${parsed.error.message}`);
      return;
    }
    const message = parsed.data;
    switch (message.kind) {
      case 'outcomes':
        this.#deliver(message.outcomes.filter((outcome) => this.#end(bundle, outcome.jobId)));
        break;
      case 'said':
        this.#hear(bundle, message.said);
        break;
      case 'begun':
        for (const jobId of message.jobIds) this.#rearm(bundle, jobId);
        break;
      case 'deaf':
        for (const jobId of message.jobIds) this.#endThread(bundle.running.get(jobId));
        break;
      default: {
        const never: never = message;
        throw new Error(String(never));
      }
    }
  }

  #rearm(bundle: Bundle, jobId: number): void {
    const running = bundle.running.get(jobId);
    if (running?.ended === null) this.#arm(running, running.job.timeoutMs + this.#options.stuckMs);
  }

  #hear(bundle: Bundle, said: Said[]): void {
    const current = said.filter(({ jobId }) => bundle.running.has(jobId));
    if (current.length > 0 && !this.#closed) this.#options.onSaid(current);
  }

  #end(bundle: Bundle, jobId: number): boolean {
    const running = bundle.running.get(jobId);
    if (running === undefined) return false;
    running.watch?.clear();
    bundle.running.delete(jobId);
    return this.#running.delete(jobId);
  }

  #deliver(outcomes: Outcome[]): void {
    if (outcomes.length > 0 && !this.#closed) this.#options.onOutcomes(outcomes);
  }

  async #settle(bundle: Bundle, error: unknown): Promise<void> {
    this.#drain(bundle);
    if (bundle.running.size > 0) {
      // P2: an abort only begins to end the thread, and Node reports an uncaught error while the thread still
      // unwinds.
      await bundle.thread?.terminate();
      this.#drain(bundle);
    }
    const lost = [...bundle.running.values()].map((running) => toLoss(running, error));
    for (const { jobId } of lost) this.#end(bundle, jobId);
    bundle.port.close();
    this.#unsettled.delete(bundle);
    this.#deliver(lost);
  }

  #drain(bundle: Bundle): void {
    for (let entry = receiveMessageOnPort(bundle.port); entry; entry = receiveMessageOnPort(bundle.port)) {
      this.#accept(bundle, entry.message);
    }
  }

  /** Called for an error of a thread that had no bundle. */
  #onThreadFault(error: unknown): void {
    if (!this.#closed) this.#options.onFault(`a thread of the pool died: ${messageOf(error)}`);
  }

  #onThreadUp(threadId: number): void {
    this.#failedStarts = 0;
    for (const thread of this.#piscina.threads) if (thread.threadId === threadId) this.#ready.add(thread);
  }

  #onThreadEnd(): void {
    if (this.#closed || !this.#started) return;
    const threads = new Set(this.#piscina.threads);
    const ended = [...this.#ready].filter((thread) => !threads.has(thread));
    for (const thread of ended) this.#ready.delete(thread);
    if (ended.length > 0) {
      this.#refill();
    } else if (threads.size < this.#options.threads) {
      // No ready thread has ended, so a starting one has.
      this.#failedStarts += 1;
      this.#restart ??= setTimeout(() => {
        this.#restart = undefined;
        this.#refill();
      }, restartPauseMs);
      if (this.#ready.size === 0 && this.#failedStarts >= this.#options.threads) this.#giveUpWaiting();
    }
  }

  /** Piscina starts a thread for a task that the balancer does not place. The task is withdrawn at once. */
  #refill(): void {
    for (let missing = this.#options.threads - this.#piscina.threads.length; missing > 0; missing -= 1) {
      const withdrawal = new AbortController();
      const { port1, port2 } = new MessageChannel();
      this.#piscina
        .run({ kind: 'bundle', jobs: [], port: port2 }, { signal: withdrawal.signal })
        .catch(() => port1.close());
      withdrawal.abort();
    }
  }

  /** No thread can start: the jobs that wait for one end as lost, and the core decides whether to try them again. */
  #giveUpWaiting(): void {
    for (const bundle of this.#unsettled.keys()) if (bundle.thread === null) bundle.abort.abort();
  }
}

function toLoss({ job, ended }: Running, error: unknown): Outcome {
  const isOutOfMemory = codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY';
  return toLostOutcome(job, { place: 'thread', ended, isOutOfMemory, reason: messageOf(error) });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `it threw ${String(error)}`;
}
