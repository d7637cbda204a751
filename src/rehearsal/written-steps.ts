/** What the definition says of a step, also of one that a group has made, for the summary of a dry run. */
import { readDuration } from '../contract/flow.ts';
import type { Rehearsal } from '../contract/rehearsal.ts';
import type { WorkflowStep } from '../contract/workflow.ts';

type Written = Partial<Omit<WorkflowStep, 'body'>> & { readonly steps?: unknown; readonly body?: unknown };

export class WrittenSteps {
  readonly #steps: ReadonlyMap<string, WorkflowStep>;

  constructor(steps: readonly WorkflowStep[]) {
    this.#steps = new Map(steps.map((step) => [step.id, step]));
  }

  /** An item of a group whose own action runs for each has what the group says, but not when and how often. */
  of(step: WorkflowStep): Written {
    const group = step.of === undefined ? undefined : this.#steps.get(step.of.step);
    // The steps of a workflow that a step has started say themselves what they are.
    if (group === undefined || step.of === undefined || group.child !== undefined) return step;
    const { steps, body = steps, action, params } = this.of(group);
    if (!Array.isArray(body)) return { ...(action === undefined ? {} : { action }), ...(params ? { params } : {}) };
    const inner = step.id.slice(`${group.id}.${step.of.index}.`.length);
    return (body as Written[]).find(({ id }) => id === inner) ?? {};
  }

  /** Whether steps are made from it; its own action runs in these alone. */
  isGroup(step: WorkflowStep): boolean {
    const { forEach, repeat } = this.of(step);
    return forEach !== undefined || repeat !== undefined;
  }

  /** The product of the rounds that the loops around it may have. */
  timesOf(step: WorkflowStep): number {
    const group = step.of === undefined ? undefined : this.#steps.get(step.of.step);
    if (group === undefined) return 1;
    return (this.of(group).repeat?.max ?? 1) * this.timesOf(group);
  }
}

/** A `delay` that has a time of its own; a dry run does not wait for it. */
export function toWait(step: WorkflowStep, written: WrittenSteps): Rehearsal | null {
  const { action, params } = written.of(step);
  const ms = action === 'delay' && typeof params?.for === 'string' ? readDuration(params.for) : null;
  return ms === null ? null : { kind: 'wait', ms, open: [] };
}

/** What a dry run had to assume. */
export function toFlowNotes(steps: readonly WorkflowStep[], written: WrittenSteps): string[] {
  return steps.flatMap((step) => {
    const { id, count } = step;
    const { forEach, repeat } = written.of(step);
    if (repeat !== undefined && count !== undefined) {
      return [`step ${id} runs one round here and at most ${repeat.max} in a run: its calls are counted as often`];
    }
    if (forEach === undefined || count === undefined) return [];
    if (count === 0) return [`the list of step ${id} is empty here: its steps were not tried`];
    if (!isMadeUp(steps, id)) return [];
    const items = count === 1 ? 'one made-up item' : `${count} made-up items`;
    return [`nobody can know the list of step ${id} yet: it has ${items} (--items)`];
  });
}

/** The coordinator calls such items so (`made-up-list.ts`). */
function isMadeUp(steps: readonly WorkflowStep[], groupId: string): boolean {
  const first = steps.find(({ of }) => of?.step === groupId && of.index === 0);
  return first?.name === 'made up' || first?.name.endsWith(': made up') === true;
}
