/**
 * A pool whose threads load while the engine recovers and takes work. It gets no job before `start` resolves.
 */
import { broken } from '../../contract/broken.ts';
import type { Job, PoolOptions, PoolPort, PoolStats } from '../../contract/job.ts';

/** Who gets the outcomes of jobs, and the pieces of text that they make. */
export type PoolHearer = Required<Pick<PoolOptions, 'onOutcomes' | 'onSaid'>>;

export class LatePool implements PoolPort {
  readonly cpuAttemptsMax: number;
  readonly #create: (hearer: PoolHearer) => Promise<PoolPort>;
  #coming: Promise<PoolPort> | null = null;
  #pool: PoolPort | null = null;

  constructor(cpuAttemptsMax: number, create: (hearer: PoolHearer) => Promise<PoolPort>) {
    this.cpuAttemptsMax = cpuAttemptsMax;
    this.#create = create;
  }

  /** Resolves when every thread takes jobs; rejects when one cannot load, and then no job ever runs. */
  async start(hearer: PoolHearer): Promise<void> {
    this.#coming = this.#create(hearer);
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
    return this.#pool ?? broken('P1', 'a job for the pool before its threads are there');
  }
}
