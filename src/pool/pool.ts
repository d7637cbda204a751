/**
 * The pool: runs attempts on threads and child processes of this process, behind `PoolPort`. It works in the main
 * thread and in a worker thread.
 *
 * The I/O lane puts many attempts on each of a few threads. The CPU lane puts one attempt on a thread, or in a
 * process when the job is isolated. No lane keeps a backlog: the coordinator dispatches no more jobs than there are
 * slots.
 */
import type { PoolOptions, PoolPort } from '../contract/job.ts';
import { bundleJobsMax, type PlacedJob } from '../contract/pool-messages.ts';
import * as entries from '../worker/entries.ts';
import { ProcessLane } from './process-lane.ts';
import { toExecArgv, toProcessExecArgv } from './source-loader.ts';
import { ThreadLane } from './thread-lane.ts';
import type { ThreadLaneOptions } from './thread-setup.ts';

/** As the watchdog of the engine's own threads: one that has not answered for so long does not answer any more. */
const stuckMs = 30_000;

/**
 * Old-space bounds of one thread or process. Extracting a page of 8 MiB takes some 420 MB; an answer that a task
 * reads has 16 MiB at most.
 */
const cpuHeapMbMax = 512;
const ioHeapMbMax = 1_024;

export interface WorkerSetup {
  /** A module whose default export was made by `createBundleRunner`. */
  readonly threadUrl?: URL;
  /** A module that calls `serveIsolatedJobs`. */
  readonly processUrl?: URL;
  readonly cpuHeapMbMax?: number;
  /** Of threads of the I/O lane. */
  readonly stuckMs?: number;
}

/** Rejects when a thread cannot load its module. */
export async function createPool(options: PoolOptions, setup: WorkerSetup = {}): Promise<PoolPort> {
  const { threadUrl = entries.threadUrl, processUrl = entries.processUrl } = setup;
  const reports = { onOutcomes: options.onOutcomes, onFault: options.onFault };
  const shared = {
    ...reports,
    onSaid: options.onSaid ?? (() => undefined),
    network: options.network,
    prices: options.prices,
    threadUrl,
    execArgv: toExecArgv(threadUrl),
  } satisfies Partial<ThreadLaneOptions>;
  const io = new ThreadLane({
    ...shared,
    threads: options.ioThreads,
    sharing: 'shared',
    secretStore: options.secretStore,
    stuckMs: setup.stuckMs ?? stuckMs,
    heapMbMax: ioHeapMbMax,
  });
  const cpu = new ThreadLane({
    ...shared,
    threads: options.cpuThreads,
    sharing: 'exclusive',
    stuckMs: 0,
    heapMbMax: setup.cpuHeapMbMax ?? cpuHeapMbMax,
  });
  const processes = new ProcessLane({
    ...reports,
    processUrl,
    execArgv: toProcessExecArgv(processUrl),
    heapMbMax: setup.cpuHeapMbMax ?? cpuHeapMbMax,
  });
  const close = async (): Promise<void> => {
    await Promise.all([io.close(), cpu.close(), processes.close()]);
  };
  try {
    await Promise.all([io.start(), cpu.start()]);
  } catch (error) {
    await close();
    throw new Error(`the pool's threads cannot start: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return {
    capacity: () => ({ attemptsMax: Number.POSITIVE_INFINITY, cpuAttemptsMax: options.cpuThreads }),
    dispatch(given) {
      const jobs = given.map((job) => ({ ...job, secrets: options.secretsOf?.(job) ?? {} }));
      for (const bundle of toBundles(jobs, options.ioThreads)) io.dispatch(bundle);
      for (const job of jobs) {
        if (job.lane !== 'cpu') continue;
        if (job.isolated) processes.dispatch(job);
        else cpu.dispatch([job]);
      }
    },
    cancel(jobIds) {
      for (const jobId of jobIds) {
        io.cancel(jobId);
        cpu.cancel(jobId);
        processes.cancel(jobId);
      }
    },
    stats: () => ({
      threads: io.threads + cpu.threads,
      running: io.runningCount + cpu.runningCount + processes.runningCount,
    }),
    close,
  };
}

/** Spreads the jobs of the I/O lane over its threads, at most `bundleJobsMax` in a bundle. */
function toBundles(jobs: readonly PlacedJob[], threads: number): PlacedJob[][] {
  const ioJobs = jobs.filter((job) => job.lane === 'io');
  const size = Math.min(bundleJobsMax, Math.ceil(ioJobs.length / threads));
  const bundles: PlacedJob[][] = [];
  for (let i = 0; i < ioJobs.length; i += size) bundles.push(ioJobs.slice(i, i + size));
  return bundles;
}
