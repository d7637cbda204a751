/** Which workflow runs for a step of which other one, for checkers: what is asked of a parent is asked of all below it. */
import type { EngineEvent } from '../../src/contract/event.ts';
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import type { Effect } from '../../src/coordinator/effects.ts';
import type { Check } from './check.ts';

export class Families implements Check {
  readonly #parents = new Map<string, string>();

  /** The workflow, its parent, and so on. */
  lineOf(id: string): string[] {
    const line: string[] = [];
    for (let at: string | undefined = id; at !== undefined; at = this.#parents.get(at)) line.push(at);
    return line;
  }

  isChild(id: string): boolean {
    return this.#parents.has(id);
  }

  document({ id, parentId, parentStepId, children = [] }: Workflow): void {
    if (parentId !== null && parentStepId !== undefined) this.#parents.set(id, parentId);
    for (const child of children) this.#parents.set(child.id, id);
  }

  summaries(items: readonly WorkflowSummary[]): void {
    for (const { id, parentId, parentStepId } of items) {
      if (parentId !== null && parentStepId !== undefined) this.#parents.set(id, parentId);
    }
  }

  effects(effects: readonly Effect[]): void {
    for (const effect of effects) if (effect.kind === 'publish') this.event(effect.event);
  }

  event({ workflow_id: id, parent_id: parentId }: EngineEvent): void {
    if (parentId !== undefined) this.#parents.set(id, parentId);
  }
}
