/**
 * What the references and conditions of a step see: outputs of other steps, what groups have gathered (F4), the items of
 * lists, and the round before. Outputs are read by a function that is given, because some lie in blobs.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { limits } from '../../contract/limits.ts';
import { BindingError, type BindingSources, bindAny } from '../../core/bindings.ts';
import type { ConditionScope } from '../../core/condition.ts';
import {
  around,
  type Context,
  loopAround,
  mapAround,
  toKind,
  toMadeId,
  toNames,
  toOutcome,
  toScopedId,
  toWorkflowValue,
} from '../../core/context.ts';
import { toItemNames } from '../../core/flow.ts';
import { isItemSkipped, standsFor } from '../../core/groups.ts';
import { type ItemList, toItemList, toNamed } from '../../core/item-list.ts';
import { jsonLengthWithin } from '../../core/json-length.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';

/** The value of outputs. Throws where they lie in a blob that has not been read. */
export type ReadOutputs = (outputs: OutputsRef) => unknown;

/** Lists of a workflow that are kept while its items begin. */
const listsMax = 16;
const lists = new WeakMap<WorkflowState, Map<string, ItemList>>();
/** Of dry runs; they stay while their workflow does, because nothing can make them again. */
const madeUp = new WeakMap<WorkflowState, Map<string, ItemList>>();

/** The list of a group that is in memory, if it is. */
export function knownList(state: WorkflowState, group: StepState): ItemList | undefined {
  const kept = lists.get(state);
  const list = kept?.get(group.id);
  // Used now, so that it is not the next to be forgotten: a list within it may be read right after.
  if (list !== undefined && kept?.delete(group.id)) kept.set(group.id, list);
  return madeUp.get(state)?.get(group.id) ?? list;
}

/** From now on `listOf` gives this list; of many the one is forgotten that was not used for longest. */
export function keepList(state: WorkflowState, group: StepState, list: ItemList): void {
  const kept = lists.get(state) ?? new Map<string, ItemList>();
  lists.set(state, kept);
  kept.set(group.id, list);
  for (const oldest of kept.keys()) if (kept.size > listsMax) kept.delete(oldest);
}

/** The list that a group goes through. Throws BindingError. */
export function listOf(state: WorkflowState, group: StepState, read: ReadOutputs): ItemList {
  const known = knownList(state, group);
  if (known) return known;
  const { forEach, batch } = group.flow;
  const bound = bindAny(forEach, sourcesOf(state, group.of, group, read));
  const list = toItemList(toNamed(forEach, bound), batch);
  keepList(state, group, list);
  return list;
}

/** The list may be another one now: the group runs again. */
export function forgetList(state: WorkflowState, group: StepState): void {
  lists.get(state)?.delete(group.id);
}

/** From now on the group goes through this list. */
export function makeUpList(state: WorkflowState, group: StepState, list: ItemList): void {
  madeUp.set(state, (madeUp.get(state) ?? new Map<string, ItemList>()).set(group.id, list));
}

/** What references see in a context: `step.of` for the params of a step. */
export function sourcesOf(
  state: WorkflowState,
  context: Context,
  { flow }: Pick<StepState, 'flow'>,
  read: ReadOutputs,
): BindingSources {
  const names = toNames(state, context, flow.isFinal);
  return {
    params: state.header.params,
    isStep: (id) => state.index.has(toScopedId(state, context, id)),
    outputsOf: (id, path) => outputsOf(state, toScopedId(state, context, id), path, read),
    ...(names.size === 0 ? {} : { names }),
    itemOf: (name) => itemOf(state, context, name, read),
    previousOf: (id, path) => {
      const loop = loopAround(state, context);
      if (loop === undefined || loop.index === 0) return undefined;
      return outputsOf(state, toMadeId(loop.group, loop.index - 1, id), path, read);
    },
    workflow: () => toWorkflowValue(state) as unknown as JsonObject,
  };
}

/** The value of an item's name, of `index` or `round`; undefined where there is none. */
export function itemOf(state: WorkflowState, context: Context, name: string, read: ReadOutputs): unknown {
  if (name === 'index') return mapAround(state, context)?.index;
  if (name === 'round') return loopAround(state, context)?.index;
  for (const { group, index } of around(state, context)) {
    if (group.flow.forEach === null) continue;
    const values = listOf(state, group, read).valuesAt(index);
    if (values.has(name)) return values.get(name);
  }
  return undefined;
}

/** The same as JSON text, where the value would have to be parsed. */
export function itemTextOf(state: WorkflowState, context: Context, name: string): string | undefined {
  for (const { group, index } of around(state, context)) {
    const text = group.flow.forEach === null ? undefined : knownList(state, group)?.textAt?.(index, name);
    if (text !== undefined) return text;
    if (toItemNames(group.flow).includes(name)) return undefined;
  }
  return undefined;
}

/** undefined for a step that is not there, or has done nothing. A group gathers as much as `path` asks for. */
function outputsOf(state: WorkflowState, id: string, path: readonly string[], read: ReadOutputs): unknown {
  const step = state.step(id);
  if (step === undefined || step.outputs === null || step.outcome !== null) return undefined;
  const own = read(step.outputs);
  const [field, place] = path;
  if (step.flow.forEach !== null && (field === 'items' || field === 'errors')) {
    return { ...(own as object), [field]: gather(state, step, field, place, read) };
  }
  if (step.flow.repeat !== null && field === 'last') return { ...(own as object), last: lastRound(state, step, read) };
  return own;
}

/** All that a group has: recorded and gathered. For answers, and where an item is a group itself. */
export function wholeOutputs(state: WorkflowState, step: StepState, read: ReadOutputs): unknown {
  const own = step.outputs === null ? null : read(step.outputs);
  if (own === null || step.outcome !== null) return own;
  if (step.flow.forEach !== null) {
    const items = gather(state, step, 'items', undefined, read);
    return { ...(own as object), items, errors: gather(state, step, 'errors', undefined, read) };
  }
  return step.flow.repeat === null ? own : { ...(own as object), last: lastRound(state, step, read) };
}

/** What the `output` of a group makes of its items has no room. */
export class TooMuchGathered extends BindingError {
  constructor(groupId: string) {
    const advice = 'refer to less of it, or let its output be smaller';
    super(`the items of step "${groupId}" have more than ${limits.stepParamsBytesMax} characters; ${advice}`);
  }
}

function gather(
  state: WorkflowState,
  group: StepState,
  field: 'items' | 'errors',
  place: string | undefined,
  read: ReadOutputs,
): unknown[] {
  const { count } = group;
  const wanted = field === 'items' && place !== undefined ? [Number(place)] : [...Array(count ?? 0).keys()];
  if (field === 'items') {
    const items: unknown[] = [];
    let charsLeft: number = limits.stepParamsBytesMax;
    for (const index of wanted) {
      if (!(index < (count ?? 0))) continue;
      const item = itemOutputs(state, group, index, read);
      items[index] = item;
      // N5 bounds each; an `output` may hold one large value again and again.
      if (group.flow.output === undefined) continue;
      const length = jsonLengthWithin(item, charsLeft);
      if (length === null) throw new TooMuchGathered(group.id);
      charsLeft -= length;
    }
    return items;
  }
  const tally = state.tallies.get(state.placeOf(group.id));
  return wanted.flatMap((index) => {
    if (tally?.isFailed(index) !== true) return [];
    return [
      { index, error: errorOfItem(state, tally.places[index] ?? []), item: itemValue(state, group, index, read) },
    ];
  });
}

/** null where the item failed or was skipped. */
function itemOutputs(state: WorkflowState, group: StepState, index: number, read: ReadOutputs): unknown {
  const tally = state.tallies.get(state.placeOf(group.id));
  if (tally === undefined || index >= tally.count || tally.isFailed(index)) return null;
  if (isItemSkipped(state, group.flow, tally, index)) return null;
  const { output } = group.flow;
  if (output === undefined) return wholeOutputs(state, state.stepAt(standsFor(tally, index)), read);
  return bindAny(output, sourcesOf(state, { step: group.id, index }, group, read));
}

export function errorOfItem(state: WorkflowState, places: readonly number[]): string | null {
  const failed = places
    .map((i) => state.stepAt(i))
    .find(({ error, outcome, status }) => error !== null && (status === 'FAILED' || outcome === 'tolerated'));
  return failed?.error ?? null;
}

/** One item as it is: of several lists, the values by name. */
export function itemValue(state: WorkflowState, group: StepState, index: number, read: ReadOutputs): unknown {
  const values = [...listOf(state, group, read).valuesAt(index)];
  return values.length === 1 ? values[0]?.[1] : Object.fromEntries(values);
}

/** The outputs of the last round, by inner step. */
function lastRound(state: WorkflowState, loop: StepState, read: ReadOutputs): unknown {
  const tally = state.tallies.get(state.placeOf(loop.id));
  const last = tally?.places[(loop.count ?? 0) - 1] ?? [];
  const outputs = last.map((i) => {
    const step = state.stepAt(i);
    return [
      step.id.slice(`${loop.id}.${(loop.count ?? 0) - 1}.`.length),
      step.outcome === null ? wholeOutputs(state, step, read) : null,
    ];
  });
  // The own action of a loop stands for its round.
  return loop.flow.body === null ? (outputs[0]?.[1] ?? null) : Object.fromEntries(outputs);
}

/** What a condition sees that names these steps. */
export function conditionScopeOf(
  state: WorkflowState,
  context: Context,
  { flow }: Pick<StepState, 'flow'>,
  use: { readonly steps: readonly string[]; readonly roots: readonly string[]; readonly previous: readonly string[] },
  read: ReadOutputs,
): ConditionScope {
  const toStep = (id: string) => {
    const step = state.step(id);
    if (step === undefined) return undefined;
    const outputs = step.outputs === null || step.outcome !== null ? {} : read(step.outputs);
    return { status: step.status, outcome: toOutcome(step), error: step.error, outputs, kind: toKind(step) };
  };
  const toSteps = (ids: readonly string[], scoped: (id: string) => string) =>
    Object.fromEntries(
      ids.flatMap((id) => {
        const step = toStep(scoped(id));
        return step === undefined ? [] : [[id, step] as const];
      }),
    );
  const loop = loopAround(state, context);
  const map = mapAround(state, context);
  const items = use.roots.filter((root) => !['index', 'round', 'previous', 'workflow'].includes(root));
  return {
    params: state.header.params,
    steps: toSteps(use.steps, (id) => toScopedId(state, context, id)),
    items: Object.fromEntries(items.map((name) => [name, itemOf(state, context, name, read)])),
    ...(map === undefined ? {} : { index: map.index }),
    ...(loop === undefined ? {} : { round: loop.index }),
    ...(loop === undefined
      ? {}
      : {
          previous: loop.index === 0 ? {} : toSteps(use.previous, (id) => toMadeId(loop.group, loop.index - 1, id)),
        }),
    ...(flow.isFinal ? { workflow: toWorkflowValue(state) } : {}),
  };
}
