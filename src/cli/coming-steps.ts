/** The steps that a group makes, told from its definition before any answer shows them. */
import type { EngineEvent } from '../contract/event.ts';
import type { WorkflowStep } from '../contract/workflow.ts';
import { groupAction } from '../core/flow.ts';

interface Group {
  /** Id and action of each inner step; the id is '' where the group's own action runs for each item. */
  readonly inner: readonly { readonly id: string; readonly action: string; readonly group: Group | null }[];
}

interface Written {
  readonly id?: string;
  readonly action?: string | undefined;
  readonly forEach?: unknown;
  readonly repeat?: unknown;
  readonly steps?: unknown;
  readonly body?: unknown;
}

export interface ComingStep {
  readonly id: string;
  readonly action: string;
}

export class ComingSteps {
  readonly #groups = new Map<string, Group>();

  /** A step that an answer shows; one that a group has made shows nothing of its own. */
  note(step: WorkflowStep): void {
    if (this.#groups.has(step.id)) return;
    const group = toGroup(step);
    if (group !== null) this.#groups.set(step.id, group);
  }

  /** The steps that exist since this event. */
  after({ kind, step_id: id, count, round }: EngineEvent): ComingStep[] {
    const group = id === undefined ? undefined : this.#groups.get(id);
    if (id === undefined || group === undefined) return [];
    if (kind === 'step.mapped') return this.#make(id, group, 0, count ?? 0);
    return kind === 'step.repeated' && round !== undefined ? this.#make(id, group, round, round + 1) : [];
  }

  #make(id: string, { inner }: Group, from: number, to: number): ComingStep[] {
    const made: ComingStep[] = [];
    for (let index = from; index < to; index += 1) {
      for (const step of inner) {
        const stepId = step.id === '' ? `${id}.${index}` : `${id}.${index}.${step.id}`;
        if (step.group !== null) this.#groups.set(stepId, step.group);
        made.push({ id: stepId, action: step.action });
      }
    }
    return made;
  }
}

function toGroup({ action = groupAction, forEach, repeat, steps, body }: Written): Group | null {
  if (forEach === undefined && repeat === undefined) return null;
  const written = (steps ?? body) as readonly Written[] | undefined;
  if (written === undefined) return { inner: [{ id: '', action, group: null }] };
  const inner = written.map((step) => ({
    id: step.id ?? '',
    action: step.action ?? groupAction,
    group: toGroup(step),
  }));
  return { inner };
}
