/**
 * CH1 to CH3 and CP1 to CP3, from events and documents alone: a child has one parent, a step one child at a time; a stop goes
 * down at once; in the end both ends say the same, and what a child has used counts once.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import { isTerminal, type JobStatus, type Workflow, type WorkflowStep } from '../../../src/contract/workflow.ts';
import type { Effect } from '../../../src/coordinator/effects.ts';
import { type Check, Violation } from '../check.ts';

export class FamilyCheck implements Check {
  /** By step, as `<workflow>/<step>`: its latest child. */
  readonly #children = new Map<string, string>();
  readonly #placeOf = new Map<string, string>();
  readonly #statuses = new Map<string, JobStatus>();
  /** How many ends of children were told. */
  returned = 0;

  effects(effects: readonly Effect[]): void {
    const events = effects.flatMap((effect) => (effect.kind === 'publish' ? [effect.event] : []));
    for (const event of events) this.#note(event);
    for (const event of events) {
      if (event.kind === 'workflow.stopped') this.#checkStopped(event.workflow_id);
    }
  }

  #note({ kind, workflow_id: id, parent_id: parentId, parent_step_id: stepId, status }: EngineEvent): void {
    if (kind === 'step.returned') this.returned += 1;
    if (kind === 'workflow.created' && parentId !== undefined) {
      const place = `${parentId}/${stepId}`;
      const before = this.#children.get(place);
      if (before !== undefined && !isTerminal(this.#statuses.get(before) ?? 'STOPPED'))
        throw new Violation('CH1', `${place} has started ${id} while ${before} is ${this.#statuses.get(before)}`);
      this.#place(id, place);
    }
    this.#statuses.set(id, kind === 'workflow.deleted' ? 'STOPPED' : status);
  }

  #place(id: string, place: string): void {
    const known = this.#placeOf.get(id);
    if (known !== undefined && known !== place)
      throw new Violation('CH1', `${id} is the child of ${known} and ${place}`);
    this.#placeOf.set(id, place);
    this.#children.set(place, id);
  }

  /** CP3: nothing below is under way when the batch is durable. */
  #checkStopped(id: string): void {
    if (this.#statuses.get(id) !== 'STOPPED') return;
    for (const [place, child] of this.#children) {
      const status = this.#statuses.get(child);
      if (place.startsWith(`${id}/`) && status !== undefined && !isTerminal(status))
        throw new Violation('CP3', `${id} was stopped, and its child ${child} is ${status}`);
    }
  }

  lifeEnded(): void {
    // What a batch had told when the engine died may be more than what is durable, or less.
    this.#statuses.clear();
  }

  document(workflow: Workflow): void {
    const { id, children = [] } = workflow;
    const ids = children.map((child) => child.id);
    if (new Set(ids).size < ids.length) throw new Violation('CH1', `${id} lists a child twice`);
    for (const { id: child, stepId } of children) this.#place(child, `${id}/${stepId}`);
    for (const step of workflow.steps) {
      if (step.child === undefined) continue;
      const listed = children.find((child) => child.id === step.child);
      if (listed?.stepId !== step.id) throw new Violation('CH1', `${id} does not list the child of ${step.id}`);
    }
  }

  /** CH2, CH3, CP1: all is at its end. */
  calm(workflows: ReadonlyMap<string, Workflow>): void {
    for (const workflow of workflows.values()) {
      for (const step of workflow.steps) {
        const child = step.child === undefined ? undefined : workflows.get(step.child);
        if (child !== undefined) this.#checkEnds(workflow, step, child);
      }
    }
  }

  #checkEnds({ id, children = [] }: Workflow, step: WorkflowStep, child: Workflow): void {
    const where = `${step.id} of ${id} is ${step.status}`;
    if (child.parentId !== id || child.parentStepId !== step.id)
      throw new Violation('CH1', `${where}; its child ${child.id} names ${child.parentId}/${child.parentStepId}`);
    if (!isTerminal(child.status)) throw new Violation('CH2', `${where}, and its child ${child.id} ${child.status}`);
    const hasRun = step.status === 'COMPLETED' && step.outcome === undefined;
    if (!hasRun) return;
    if (child.status !== 'COMPLETED') throw new Violation('CH2', `${where}, and its child ${child.id} ${child.status}`);
    const isOnly = children.filter((each) => each.stepId === step.id).length === 1;
    const used = Number(step.execution_metrics?.tokens ?? 0);
    if (isOnly && used !== child.metrics.total_tokens)
      throw new Violation('CH3', `${where} with ${used} tokens; its child has used ${child.metrics.total_tokens}`);
    if (step.outputs?.blob !== undefined) return;
    const { workflow_id: of, steps } = step.outputs as { workflow_id: string; steps: Record<string, unknown> };
    if (of !== child.id) throw new Violation('CH2', `${where} with the results of ${of}, and ${child.id} is its child`);
    for (const inner of child.steps) {
      if (inner.of !== undefined || inner.count !== undefined || inner.outputs?.blob !== undefined) continue;
      const wanted = inner.status === 'COMPLETED' && inner.outcome === undefined ? inner.outputs : undefined;
      // Data that comes later adds a step.
      if (steps[inner.id] === undefined && inner.params.source === 'browser_extension') continue;
      if (JSON.stringify(steps[inner.id]) !== JSON.stringify(wanted ?? undefined))
        throw new Violation('CH2', `${where} with other results of ${inner.id} than ${child.id} has`);
    }
  }
}
