/** Steps that were read: the last 50, and no more than 8 million characters of them besides the last one. */
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import type { TreeSource } from './run-messages.ts';
import { restOf } from './step-detail.ts';

const stepsMax = 50;
const charactersMax = 8 * 1024 * 1024;

interface KeptStep {
  readonly step: WorkflowStep;
  readonly size: number;
}

export class KeptSteps {
  readonly #kept = new Map<string, KeptStep>();
  #size = 0;

  keep(stepId: string, step: WorkflowStep, size: number): void {
    this.#forget(stepId);
    this.#kept.set(stepId, { step, size });
    this.#size += size;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size === 1 || (this.#kept.size <= stepsMax && this.#size <= charactersMax)) break;
      this.#forget(oldest);
    }
  }

  get count(): number {
    return this.#kept.size;
  }

  /** What a tree shows: of outputs all but the main text. undefined where the step is not kept any more. */
  treeOf(stepId: string, source: TreeSource): unknown {
    const whole = this.wholeOf(stepId, source);
    return source === 'outputs' ? restOf((whole ?? null) as Record<string, unknown> | null) : whole;
  }

  wholeOf(stepId: string, source: TreeSource): unknown {
    return this.#kept.get(stepId)?.step[source];
  }

  #forget(stepId: string): void {
    this.#size -= this.#kept.get(stepId)?.size ?? 0;
    this.#kept.delete(stepId);
  }
}
