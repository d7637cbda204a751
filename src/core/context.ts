/**
 * Where a value of a definition is bound: at the top of the workflow, or within an item or a round of a group. It decides
 * which step a name means and which items are known.
 */
import { isGroup, toItemNames } from './flow.ts';
import { toInnerId } from './groups.ts';
import type { Names } from './references.ts';
import type { WorkflowState } from './state.ts';
import { endOf, type StepState } from './step-state.ts';

/** The item or round around the value; null at the top. */
export type Context = { readonly step: string; readonly index: number } | null;

/** The groups around a context, the nearest first, each with the place within it. */
export function* around(state: WorkflowState, context: Context): Generator<{ group: StepState; index: number }> {
  for (let at = context; at !== null; ) {
    const group = state.stepOf(at.step);
    yield { group, index: at.index };
    at = group.of;
  }
}

/** The id of a step of an item or a round. Of a loop with an action of its own, that step has the loop's name. */
export function toMadeId(group: StepState, index: number, id: string): string {
  const { flow, of } = group;
  const isOwn = flow.repeat !== null && flow.body === null && id === (of === null ? group.id : toInnerId(group.id, of));
  return isOwn ? `${group.id}.${index}` : `${group.id}.${index}.${id}`;
}

/** The step that an id means: the nearest one around that has it. */
export function toScopedId(state: WorkflowState, context: Context, id: string): string {
  for (const { group, index } of around(state, context)) {
    const scoped = toMadeId(group, index, id);
    if (state.index.has(scoped)) return scoped;
  }
  return id;
}

/** The names that are known in a context, besides `params` and `steps`. */
export function toNames(state: WorkflowState, context: Context, isFinal: boolean): Names {
  const names = new Set<string>(isFinal ? ['workflow'] : []);
  for (const { group } of around(state, context)) {
    for (const name of toItemNames(group.flow)) names.add(name);
    if (group.flow.forEach !== null) names.add('index');
    else for (const name of ['round', 'previous']) names.add(name);
  }
  return names;
}

/** The nearest loop around, and the round within it. */
export function loopAround(state: WorkflowState, context: Context): { group: StepState; index: number } | undefined {
  for (const at of around(state, context)) if (at.group.flow.repeat !== null) return at;
  return undefined;
}

/** The nearest map around, and the place of the item. */
export function mapAround(state: WorkflowState, context: Context): { group: StepState; index: number } | undefined {
  for (const at of around(state, context)) if (at.group.flow.forEach !== null) return at;
  return undefined;
}

/** What `workflow` is in `finally`: counted over the steps of the definition outside of it. */
export function toWorkflowValue({ header, steps }: WorkflowState): { id: string; outcome: string; failed: string[] } {
  const failed: string[] = [];
  // A loop: there may be 20,000 steps, and conditions ask for this (CD2).
  for (const { id, status, of, flow } of steps) {
    if (status === 'FAILED' && of === null && !flow.isFinal) failed.push(id);
  }
  return { id: header.id, outcome: failed.length > 0 ? 'failed' : 'completed', failed };
}

/** How a step has ended, as conditions see it; `waiting` before that. */
export function toOutcome(step: StepState): string {
  const end = endOf(step);
  if (end === null) return 'waiting';
  return end === 'lost' ? (step.status === 'FAILED' ? 'failed' : 'stopped') : end;
}

export function toKind({ flow }: StepState): 'plain' | 'group' | 'repeat' {
  if (!isGroup(flow)) return 'plain';
  return flow.repeat === null ? 'group' : 'repeat';
}
