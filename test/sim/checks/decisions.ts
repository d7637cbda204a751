/**
 * A decision is recorded once, and the first one wins: who was told that theirs counts sees it in every document, one that
 * came later is refused, and what is shown was asked for, or came of itself when the time was over.
 */
import type { CoordinatorCalls } from '../../../src/contract/coordinator.ts';
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { Workflow, WorkflowStep } from '../../../src/contract/workflow.ts';
import { type Answer, type Check, type DocumentSource, type SentCall, Violation } from '../check.ts';
import type { Families } from '../families.ts';

interface Decided {
  readonly by: unknown;
  readonly approved: unknown;
  readonly expired: unknown;
}

export class DecisionsCheck implements Check {
  readonly #families: Families;
  readonly #sent = new Map<string, { key: string; approved: boolean }>();
  readonly #decided = new Map<string, Decided>();
  readonly #told = new Map<string, number>();
  readonly #retried = new Set<string>();

  constructor(families: Families) {
    this.#families = families;
  }

  sent(call: SentCall): void {
    if (call.kind === 'retry' && call.id !== null) this.#retried.add(call.id);
    if (call.kind !== 'decide') return;
    const { id, stepId, approved } = call.args as CoordinatorCalls['decide']['args'];
    this.#sent.set(call.mark, { key: `${id}/${stepId}`, approved });
  }

  answered(call: SentCall, answer: Answer): void {
    if (call.kind !== 'decide' || call.id === null) return;
    const { json, replayed } = answer as { json: string; replayed: boolean };
    const step = JSON.parse(json) as WorkflowStep;
    if (step.outputs?.by !== call.mark)
      throw new Violation(
        'G1',
        `decision "${call.mark}" was accepted, and the step says ${JSON.stringify(step.outputs)}`,
      );
    if (!replayed) this.#note(call.id, step);
  }

  event({ kind, workflow_id: id, step_id: stepId }: EngineEvent): void {
    if (kind !== 'step.decided' || this.#mayAgain(id)) return;
    const count = (this.#told.get(`${id}/${stepId}`) ?? 0) + 1;
    this.#told.set(`${id}/${stepId}`, count);
    if (count > 1) throw new Violation('G4', `${id}/${stepId} was decided ${count} times`);
  }

  document(workflow: Workflow, _: string, source: DocumentSource): void {
    if (source === 'replay') return;
    for (const step of workflow.steps) {
      if (
        step.action === 'approval' &&
        step.status === 'COMPLETED' &&
        step.outcome === undefined &&
        step.count === undefined
      )
        this.#note(workflow.id, step);
    }
  }

  #note(id: string, { id: stepId, outputs }: WorkflowStep): void {
    const key = `${id}/${stepId}`;
    const { by, approved, expired } = outputs as unknown as Decided;
    const before = this.#decided.get(key);
    if (before && !this.#mayAgain(id) && (before.by !== by || before.approved !== approved))
      throw new Violation('G1', `${key} was decided by ${before.by}, and then by ${by}`);
    this.#decided.set(key, { by, approved, expired });
    if (expired === true) return;
    const asked = this.#sent.get(String(by));
    // A branch has it from its parent.
    if (asked === undefined || asked.approved !== approved)
      throw new Violation('G10', `${key} shows a decision that nobody has made: ${JSON.stringify(outputs)}`);
  }

  /** A retry runs again what a failure has let run, approvals too. */
  #mayAgain(id: string): boolean {
    return this.#families.lineOf(id).some((each) => this.#retried.has(each));
  }
}
