/**
 * The pool: attempts on threads of this process, behind `PoolPort`. Runs in the main thread or in a worker thread.
 *
 * The I/O lane puts many attempts on each of a few threads, the CPU lane one attempt on a thread. Neither keeps a
 * backlog: who dispatches knows how many slots there are.
 */
import type { Job, PoolOptions, PoolPort } from '../contract/job.ts';
import { bundleJobsMax } from './bundle.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { toExecArgv } from './source-loader.ts';

/** P3 gives a second from the deadline to the end; a quarter of it is left for ending the thread. */
const graceMs = 750;

/** Old-space bounds of one thread. A page of 4 MiB needs some 300 MB to be extracted; answers are at most 16 MiB each. */
const cpuHeapMbMax = 512;
const ioHeapMbMax = 1_024;

export interface ThreadOptions {
  /** A module whose default export was made by `createBundleRunner`. */
  readonly threadUrl?: URL;
  readonly cpuHeapMbMax?: number;
}

/** Rejects when a thread cannot load its module. */
export async function createPool(options: PoolOptions, thread: ThreadOptions = {}): Promise<PoolPort> {
  const threadUrl = thread.threadUrl ?? new URL(`./thread${sourceExtension}`, import.meta.url);
  const shared = {
    threadUrl,
    execArgv: toExecArgv(threadUrl),
    network: options.network,
    onOutcomes: options.onOutcomes,
    onFault: options.onFault,
  } satisfies Partial<LaneOptions>;
  const io = new Lane({ ...shared, threads: options.ioThreads, sharing: 'shared', graceMs, heapMbMax: ioHeapMbMax });
  const cpu = new Lane({
    ...shared,
    threads: options.cpuThreads,
    sharing: 'exclusive',
    graceMs: 0,
    heapMbMax: thread.cpuHeapMbMax ?? cpuHeapMbMax,
  });
  const close = async (): Promise<void> => {
    await Promise.all([io.close(), cpu.close()]);
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
    cpuThreads: options.cpuThreads,
    dispatch(jobs) {
      for (const bundle of toBundles(jobs, options.ioThreads)) io.dispatch(bundle);
      for (const job of jobs) if (job.lane === 'cpu') cpu.dispatch([job]);
    },
    cancel(jobIds) {
      for (const jobId of jobIds) {
        io.cancel(jobId);
        cpu.cancel(jobId);
      }
    },
    stats: () => ({ threads: io.threads + cpu.threads, running: io.runningCount + cpu.runningCount }),
    close,
  };
}

/** Spread over the threads, at most `bundleJobsMax` in each. */
function toBundles(jobs: readonly Job[], threads: number): Job[][] {
  const ioJobs = jobs.filter((job) => job.lane === 'io');
  const size = Math.min(bundleJobsMax, Math.ceil(ioJobs.length / threads));
  const bundles: Job[][] = [];
  for (let i = 0; i < ioJobs.length; i += size) bundles.push(ioJobs.slice(i, i + size));
  return bundles;
}

/** The same file runs from source and from the build. */
const sourceExtension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
