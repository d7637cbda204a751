/**
 * F5 by the events alone: no attempt of an item or a round starts, or still runs, once a step of `finally` has begun or the
 * workflow has ended. What a life knew is forgotten with it, and what it knew of a workflow when a call sets that going
 * again: items may run once more then.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import { isTerminal } from '../../../src/contract/workflow.ts';
import { type Check, Violation } from '../check.ts';
import { lastStep } from '../flow-definitions.ts';

/** More steps than these are not named in an event. */
const namedMax = 100;

class Progress {
  /** Steps of items and rounds of which an attempt runs. */
  readonly running = new Set<string>();
  /** Why none may run any more. */
  over: string | null = null;
}

export class LastStepsCheck implements Check {
  readonly #workflows = new Map<string, Progress>();

  lifeEnded(): void {
    this.#workflows.clear();
  }

  event(event: EngineEvent): void {
    const { workflow_id: id, kind, step_id: step, status, stopped_steps: stopped = [] } = event;
    if (kind === 'workflow.retried' || kind === 'workflow.resumed' || stopped.length >= namedMax) {
      this.#workflows.delete(id);
      return;
    }
    const progress = this.#workflows.get(id) ?? new Progress();
    this.#workflows.set(id, progress);
    if (kind === 'workflow.recovered') progress.running.clear();
    for (const each of stopped) progress.running.delete(each);
    if (step !== undefined) this.#stepEvent(event, step, progress);
    if (!isTerminal(status)) return;
    progress.over = `the workflow is ${status}`;
    refuse(id, progress);
  }

  #stepEvent({ workflow_id: id, kind, step_status: status }: EngineEvent, step: string, progress: Progress): void {
    const isMade = step.includes('.');
    if (status !== 'RUNNING') progress.running.delete(step);
    if (kind !== 'step.started') return;
    if (isMade) progress.running.add(step);
    if (step === lastStep) {
      progress.over = `its step ${step} has begun`;
    }
    refuse(id, progress);
  }
}

function refuse(id: string, { running, over }: Progress): void {
  if (over !== null && running.size > 0)
    throw new Violation('F5', `${[...running].join(', ')} of ${id} run, and ${over}`);
}
