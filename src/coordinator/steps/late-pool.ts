/**
 * A pool whose threads load while the engine already takes calls. It gets no job before `start` resolves.
 */
import { broken } from '../../contract/broken.ts';
import type { Capacity, Job, PoolOptions, PoolPort, PoolStats } from '../../contract/job.ts';

/** Receives the outcomes of jobs, the pieces of text that running jobs send, and word that the capacity has changed. */
export type PoolHearer = Required<Pick<PoolOptions, 'onOutcomes' | 'onSaid' | 'onCapacity'>>;

export class LatePool implements PoolPort {
  /** Until the pool is there. */
  readonly #expected: Capacity;
  readonly #create: (hearer: PoolHearer) => Promise<PoolPort>;
  #starting: Promise<PoolPort> | null = null;
  #pool: PoolPort | null = null;

  constructor(expected: Capacity, create: (hearer: PoolHearer) => Promise<PoolPort>) {
    this.#expected = expected;
    this.#create = create;
  }

  /** Resolves when every thread takes jobs; rejects when one cannot load, and then no job ever runs. */
  async start(hearer: PoolHearer): Promise<void> {
    this.#starting = this.#create(hearer);
    this.#pool = await this.#starting;
    hearer.onCapacity();
  }

  capacity(): Capacity {
    return this.#pool?.capacity() ?? this.#expected;
  }

  dispatch(jobs: readonly Job[]): void {
    this.#started.dispatch(jobs);
  }

  cancel(jobIds: readonly number[]): void {
    this.#started.cancel(jobIds);
  }

  recorded(jobIds: readonly number[]): void {
    this.#started.recorded?.(jobIds);
  }

  stats(): PoolStats {
    return this.#pool?.stats() ?? { threads: 0, running: 0 };
  }

  /** Closes the pool. A pool that could not start has already ended its threads. */
  async close(): Promise<void> {
    const pool = await this.#starting?.catch(() => null);
    await pool?.close();
  }

  get #started(): PoolPort {
    return this.#pool ?? broken('P1', 'a job for the pool before its threads are there');
  }
}
