/**
 * G15: who is in flight at three deaths of the engine in a row runs alone from then on, and who is in flight at one more
 * fails; nobody is blamed with fewer. What was in flight for certain is known from the pool. What may have been is more: a
 * start can be recorded in the moment of a death, before anybody is told.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { Outcome } from '../../../src/contract/job.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Check, type Execution, type SentCall, Violation } from '../check.ts';
import type { Families } from '../families.ts';

const deathsMax = 3;

export class CrashLoopCheck implements Check {
  readonly #families: Families;
  /** Deaths with an attempt in flight, in a row, by step. */
  readonly #certain = new Map<string, number>();
  /** How many deaths there had been when the step's last outcome was recorded. */
  readonly #deathsBefore = new Map<string, number>();
  #deaths = 0;
  readonly #running = new Map<string, Execution>();
  /** Their attempts live on for a moment, and count no longer. */
  readonly #stopped = new Set<string>();
  readonly #wasAlone = new Set<string>();
  readonly #revived = new Set<string>();

  constructor(families: Families) {
    this.#families = families;
  }

  sent(call: SentCall): void {
    const { id } = call;
    if ((call.kind !== 'retry' && call.kind !== 'resume') || id === null) return;
    this.#revived.add(id);
    const isBelow = (key: string) => this.#families.lineOf(key.slice(0, id.length)).includes(id);
    for (const key of this.#certain.keys()) if (isBelow(key)) this.#certain.delete(key);
    for (const key of this.#wasAlone) if (isBelow(key)) this.#wasAlone.delete(key);
  }

  event({ kind, workflow_id: id, step_id: stepId, stopped_steps: stopped = [] }: EngineEvent): void {
    for (const each of stopped) this.#stopped.add(`${id}/${each}`);
    if (kind !== 'step.completed' && kind !== 'step.retrying' && kind !== 'step.failed') return;
    this.#certain.delete(`${id}/${stepId}`);
    this.#deathsBefore.set(`${id}/${stepId}`, this.#deaths);
  }

  dispatched(execution: Execution): void {
    const key = keyOf(execution);
    if (this.#wasAlone.has(key)) throw new Violation('G15', `${key} was alone when the engine died, and runs again`);
    for (const [other] of this.#running) {
      const suspect = [key, other].find((each) => (this.#certain.get(each) ?? 0) >= deathsMax);
      if (suspect !== undefined) throw new Violation('G15', `${key} runs beside ${other}, and ${suspect} is a suspect`);
    }
    this.#running.set(key, execution);
    this.#stopped.delete(key);
  }

  ended(execution: Execution, _: Outcome, isFirst: boolean): void {
    if (!isFirst) return;
    this.#running.delete(keyOf(execution));
    // It may or may not be recorded when the engine dies next.
    this.#certain.delete(keyOf(execution));
  }

  lifeEnded({ isClean }: { isClean: boolean }): void {
    if (!isClean) {
      this.#deaths += 1;
      for (const key of this.#running.keys()) {
        if (this.#stopped.has(key)) continue;
        const deaths = this.#certain.get(key) ?? 0;
        if (deaths >= deathsMax) this.#wasAlone.add(key);
        this.#certain.set(key, deaths + 1);
      }
    }
    this.#running.clear();
  }

  document(workflow: Workflow): void {
    for (const step of workflow.steps) {
      if (step.error?.startsWith('CRASH_LOOP') !== true || step.status !== 'FAILED') continue;
      const key = `${workflow.id}/${step.id}`;
      const possible = this.#deaths - (this.#deathsBefore.get(key) ?? 0);
      const isRevived = this.#families.lineOf(workflow.id).some((id) => this.#revived.has(id));
      if (possible <= deathsMax && !isRevived) throw new Violation('G15', `${key} is blamed after ${possible} deaths`);
    }
  }
}

function keyOf({ job }: Execution): string {
  return `${job.workflowId}/${job.stepId}`;
}
