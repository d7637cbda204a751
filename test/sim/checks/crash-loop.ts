/**
 * G15: who is in flight at three deaths of the engine in a row runs alone from then on, and who is in flight at one more
 * fails; nobody else is blamed. Deaths are counted here from what the pool saw, which may be one less than the engine's
 * own count: a start can be recorded without having reached the pool, an outcome reach the engine without being recorded.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { Outcome } from '../../../src/contract/job.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Check, type Execution, type SentCall, Violation } from '../check.ts';

const deathsMax = 3;

interface Record {
  /** Deaths with an attempt that the pool had and that had not ended. */
  certain: number;
  /** Deaths with an attempt recorded as started. */
  possible: number;
}

export class CrashLoopCheck implements Check {
  readonly #records = new Map<string, Record>();
  readonly #running = new Map<string, Execution>();
  readonly #started = new Set<string>();
  readonly #wasAlone = new Set<string>();
  readonly #revived = new Set<string>();
  #hasGap = false;

  sent(call: SentCall): void {
    if ((call.kind !== 'retry' && call.kind !== 'resume') || call.id === null) return;
    this.#revived.add(call.id);
    for (const key of this.#records.keys()) if (key.startsWith(call.id)) this.#records.delete(key);
    for (const key of this.#wasAlone) if (key.startsWith(call.id)) this.#wasAlone.delete(key);
  }

  event({ kind, workflow_id: id, step_id: stepId }: EngineEvent): void {
    const key = `${id}/${stepId}`;
    if (kind === 'step.started') this.#started.add(key);
    if (kind === 'step.completed' || kind === 'step.retrying' || kind === 'step.failed') {
      this.#started.delete(key);
      this.#records.delete(key);
    }
  }

  gap(): void {
    this.#hasGap = true;
  }

  dispatched(execution: Execution): void {
    const key = keyOf(execution);
    if (this.#wasAlone.has(key)) throw new Violation('G15', `${key} was alone when the engine died, and runs again`);
    for (const [other] of this.#running) {
      const suspect = [key, other].find((each) => this.#certain(each) >= deathsMax);
      if (suspect !== undefined) throw new Violation('G15', `${key} runs beside ${other}, and ${suspect} is a suspect`);
    }
    this.#running.set(key, execution);
  }

  ended(execution: Execution, _: Outcome, isFirst: boolean): void {
    if (!isFirst) return;
    this.#running.delete(keyOf(execution));
    // It may or may not be recorded when the engine dies next.
    this.#records.delete(keyOf(execution));
  }

  lifeEnded({ isClean }: { isClean: boolean }): void {
    if (!isClean) {
      for (const key of new Set([...this.#started, ...this.#running.keys()])) {
        const record = this.#records.get(key) ?? { certain: 0, possible: 0 };
        this.#records.set(key, record);
        if (this.#running.has(key)) {
          if (record.certain >= deathsMax) this.#wasAlone.add(key);
          record.certain += 1;
        }
        record.possible += 1;
      }
    }
    this.#running.clear();
    this.#started.clear();
  }

  document(workflow: Workflow): void {
    for (const step of workflow.steps) {
      if (step.error?.startsWith('CRASH_LOOP') !== true || step.status !== 'FAILED') continue;
      const key = `${workflow.id}/${step.id}`;
      const possible = this.#records.get(key)?.possible ?? 0;
      if (possible <= deathsMax && !this.#hasGap && !this.#revived.has(workflow.id))
        throw new Violation('G15', `${key} is blamed after ${possible} deaths`);
    }
  }

  #certain(key: string): number {
    return this.#records.get(key)?.certain ?? 0;
  }
}

function keyOf({ job }: Execution): string {
  return `${job.workflowId}/${job.stepId}`;
}
