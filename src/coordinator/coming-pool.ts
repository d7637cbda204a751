/**
 * A pool whose threads are still loading: its owner recovers meanwhile, on a thread of its own. Jobs that are dispatched
 * early reach the pool when it is there, in order, cancellations behind them.
 */
import type { Job, PoolPort, PoolStats } from '../contract/job.ts';

export class ComingPool implements PoolPort {
  readonly cpuThreads: number;
  /** Resolves when every thread takes jobs; rejects when one cannot load. */
  readonly ready: Promise<void>;
  readonly #coming: Promise<PoolPort>;
  #pool: PoolPort | null = null;

  constructor(cpuThreads: number, coming: Promise<PoolPort>) {
    this.cpuThreads = cpuThreads;
    this.#coming = coming;
    this.ready = coming.then((pool) => {
      this.#pool = pool;
    });
    // Told by `ready` to whoever waits for it; until somebody does, it is no unhandled rejection.
    this.ready.catch(() => undefined);
  }

  dispatch(jobs: readonly Job[]): void {
    this.#withPool((pool) => pool.dispatch(jobs));
  }

  cancel(jobIds: readonly number[]): void {
    this.#withPool((pool) => pool.cancel(jobIds));
  }

  stats(): PoolStats {
    return this.#pool?.stats() ?? { threads: 0, running: 0 };
  }

  /** A pool that could not start has ended its threads itself. */
  async close(): Promise<void> {
    const pool = await this.#coming.catch(() => null);
    await pool?.close();
  }

  #withPool(work: (pool: PoolPort) => void): void {
    if (this.#pool !== null) work(this.#pool);
    // Whoever started the pool hears of its failure, and nothing runs then.
    else void this.#coming.then(work, () => undefined);
  }
}
