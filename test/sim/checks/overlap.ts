/** G5 and MAX_PARALLEL_NODES: never two attempts of a step at once, never more attempts than slots. */
import type { Job, Outcome } from '../../../src/contract/job.ts';
import { type Check, type Execution, Violation } from '../check.ts';

export class OverlapCheck implements Check {
  readonly #slotsMax: number;
  readonly #cpuMax: number;
  readonly #running = new Map<number, Job>();

  constructor({ slotsMax, cpuMax }: { slotsMax: number; cpuMax: number }) {
    this.#slotsMax = slotsMax;
    this.#cpuMax = Math.min(cpuMax, slotsMax);
  }

  dispatched({ job }: Execution): void {
    if (this.#running.has(job.jobId)) throw new Violation('G5', `job ${job.jobId} is given out twice`);
    let cpu = job.lane === 'cpu' ? 1 : 0;
    for (const other of this.#running.values()) {
      if (other.workflowId === job.workflowId && other.stepId === job.stepId)
        throw new Violation('G5', `${job.workflowId}/${job.stepId}: attempt ${job.attempt} beside ${other.attempt}`);
      if (other.lane === 'cpu') cpu += 1;
    }
    this.#running.set(job.jobId, job);
    if (this.#running.size > this.#slotsMax)
      throw new Violation('MAX_PARALLEL_NODES', `${this.#running.size} attempts at once, ${this.#slotsMax} allowed`);
    if (cpu > this.#cpuMax) throw new Violation('POOL_THREADS', `${cpu} attempts of the CPU lane at once`);
  }

  ended({ job }: Execution, _: Outcome, isFirst: boolean): void {
    if (isFirst) this.#running.delete(job.jobId);
  }

  lifeEnded(): void {
    this.#running.clear();
  }
}
