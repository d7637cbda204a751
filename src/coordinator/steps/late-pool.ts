/**
 * A pool whose threads are not there yet: its owner recovers, and takes work, before they have loaded. Nothing is given to
 * it before `start` resolves.
 */
import type { Job, PoolPort, PoolStats } from '../../contract/job.ts';

export class ComingPool implements PoolPort {
  readonly cpuAttemptsMax: number;
  readonly #create: () => Promise<PoolPort>;
  #coming: Promise<PoolPort> | null = null;
  #pool: PoolPort | null = null;

  constructor(cpuAttemptsMax: number, create: () => Promise<PoolPort>) {
    this.cpuAttemptsMax = cpuAttemptsMax;
    this.#create = create;
  }

  /** Resolves when every thread takes jobs; rejects when one cannot load, and then no job ever runs. */
  async start(): Promise<void> {
    this.#coming = this.#create();
    this.#pool = await this.#coming;
  }

  dispatch(jobs: readonly Job[]): void {
    this.#started.dispatch(jobs);
  }

  cancel(jobIds: readonly number[]): void {
    this.#started.cancel(jobIds);
  }

  stats(): PoolStats {
    return this.#pool?.stats() ?? { threads: 0, running: 0 };
  }

  /** A pool that could not start has ended its threads itself. */
  async close(): Promise<void> {
    const pool = await this.#coming?.catch(() => null);
    await pool?.close();
  }

  get #started(): PoolPort {
    if (this.#pool === null) throw new Error('the pool was given work before its threads were there');
    return this.#pool;
  }
}
