/**
 * Which outputs have to be read before references can be replaced or a condition be asked, and whether that is much.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import { around, type Context, loopAround, toMadeId, toNames, toScopedId } from '../../core/context.ts';
import { isGroup } from '../../core/flow.ts';
import { standsFor } from '../../core/groups.ts';
import { jsonLengthWithin } from '../../core/json-length.ts';
import { eachReference } from '../../core/references.ts';
import type { WorkflowState } from '../../core/state.ts';
import { endOf, type StepState } from '../../core/step-state.ts';
import { stepsWithin } from '../../core/steps-within.ts';
import { knownList } from './step-scope.ts';

/** Characters of JSON that the coordinator's thread parses itself to ask one condition: some 0.15 ms. */
const conditionCharsMax = 16 * 1024;
/** The same to read one list, which is done once for all of its items. */
const listCharsMax = limits.outputsInlineBytesMax;

/** The outputs that references in a value need, those behind items and gathered outputs included. */
export class NeededOutputs {
  readonly #state: WorkflowState;
  readonly #isApart: boolean;
  readonly found = new Set<OutputsRef>();
  /** With `listsApart`: groups whose lists are large and not in memory, the outermost first. */
  readonly farLists = new Set<StepState>();
  /** The group whose list is asked for, if one is. */
  #own: string | null = null;
  /** Bytes of items that are parsed when they are taken from a list in memory, and of params that make a list. */
  #otherBytes = 0;

  /** `listsApart`: what a large list is made of is not needed, but the list. Default: it is needed. */
  constructor(state: WorkflowState, { listsApart = false }: { listsApart?: boolean } = {}) {
    this.#state = state;
    this.#isApart = listsApart;
  }

  /** Bytes of JSON that have to be parsed. */
  get bytes(): number {
    let sum = this.#otherBytes;
    for (const ref of this.found) sum += 'json' in ref ? ref.json.length : ref.bytes;
    return sum;
  }

  /** True for a condition that the reader asks: its data is in blobs, or takes time to parse. */
  get isFar(): boolean {
    return this.#isBeyond(conditionCharsMax);
  }

  /** The same for a list. */
  get isFarList(): boolean {
    return this.#isBeyond(listCharsMax);
  }

  #isBeyond(charsMax: number): boolean {
    return this.farLists.size > 0 || this.blobs.length > 0 || this.bytes > charsMax;
  }

  /** Blobs by name. */
  get blobs(): string[] {
    return [...this.found].flatMap((ref) => ('blob' in ref ? [ref.blob] : []));
  }

  addValue(value: unknown, context: Context, { flow }: Pick<StepState, 'flow'>, code?: readonly string[]): void {
    const state = this.#state;
    const names = toNames(state, context, flow.isFinal);
    const search = {
      isStep: (id: string) => state.index.has(toScopedId(state, context, id)),
      names,
      ...(code ? { code } : {}),
    };
    eachReference(value, search, (source) => {
      if (source.kind === 'step') this.addStep(toScopedId(state, context, source.stepId), source.path);
      if (source.kind === 'previous') this.addPrevious(source.stepId, source.path, context);
      if (source.kind === 'item') this.addItem(source.name, context);
    });
  }

  /** What a list is made of, its length as it is written and that of params included. */
  addList(group: StepState): void {
    const { forEach, label, isFinal } = group.flow;
    this.addValue(forEach, group.of, group);
    // Its label names its own items.
    this.#own = group.id;
    if (label !== null) this.addValue(label, { step: group.id, index: 0 }, group);
    this.#otherBytes += jsonLengthWithin(forEach, listCharsMax) ?? listCharsMax + 1;
    const isStep = () => true;
    eachReference(forEach, { isStep, names: toNames(this.#state, group.of, isFinal) }, (source) => {
      if (source.kind !== 'params') return;
      const value = valueAt(this.#state.header.params, source.path);
      this.#otherBytes += jsonLengthWithin(value, listCharsMax) ?? listCharsMax + 1;
    });
  }

  addPrevious(id: string, path: readonly string[], context: Context): void {
    const loop = loopAround(this.#state, context);
    if (loop !== undefined && loop.index > 0) this.addStep(toMadeId(loop.group, loop.index - 1, id), path);
  }

  addItem(name: string, context: Context): void {
    if (name === 'index' || name === 'round') return;
    for (const { group, index } of around(this.#state, context)) {
      this.#addList(group);
      this.#otherBytes += knownList(this.#state, group)?.bytesAt?.(index) ?? 0;
    }
  }

  #addList(group: StepState): void {
    if (group.flow.forEach === null || group.id === this.#own || knownList(this.#state, group) !== undefined) return;
    const apart = this.#isApart ? neededForList(this.#state, group) : null;
    if (apart?.isFarList) {
      for (const outer of apart.farLists) this.farLists.add(outer);
      this.farLists.add(group);
    } else {
      this.addValue(group.flow.forEach, group.of, group);
    }
  }

  addStep(id: string, [field, place]: readonly string[]): void {
    const step = this.#state.step(id);
    if (step === undefined || step.outputs === null || endOf(step) !== 'ran') return;
    this.found.add(step.outputs);
    const isMap = step.flow.forEach !== null;
    if (isMap && field === 'items') this.#addItems(step, place);
    else if (isMap && field === 'errors') this.#addList(step);
    else if (step.flow.repeat !== null && field === 'last') this.#addLast(step);
  }

  /** What `wholeOutputs` reads. */
  addWhole(step: StepState): void {
    if (step.flow.forEach !== null) {
      this.addStep(step.id, ['items']);
      this.addStep(step.id, ['errors']);
    } else {
      this.addStep(step.id, step.flow.repeat === null ? [] : ['last']);
    }
  }

  #addItems(group: StepState, place: string | undefined): void {
    const state = this.#state;
    const tally = state.tallies.get(state.placeOf(group.id));
    const wanted = place === undefined ? [...(tally?.places.keys() ?? [])] : [Number(place)];
    for (const index of wanted) {
      if (tally === undefined || !(index < tally.count) || tally.isFailed(index)) continue;
      if (group.flow.output === undefined) this.addWhole(state.stepAt(standsFor(tally, index)));
      else this.addValue(group.flow.output, { step: group.id, index }, group);
    }
  }

  #addLast(loop: StepState): void {
    const state = this.#state;
    const places = state.tallies.get(state.placeOf(loop.id))?.places[(loop.count ?? 0) - 1] ?? [];
    for (const i of places) this.addWhole(state.stepAt(i));
  }
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    value = isThere ? (value as Record<string, unknown>)[key] : null;
  }
  return value;
}

/** What the list of a group, and the labels of its items, are made of; lists around apart. */
export function neededForList(state: WorkflowState, group: StepState): NeededOutputs {
  const needed = new NeededOutputs(state, { listsApart: true });
  needed.addList(group);
  return needed;
}

/**
 * Whether the reader can make the list: not where it is gathered from what a group makes of its items by `output`, because
 * that is bound at the coordinator.
 */
export function isReadable(state: WorkflowState, group: StepState): boolean {
  return !refersToMade(state, group);
}

function refersToMade(state: WorkflowState, group: StepState): boolean {
  const { forEach, label, isFinal } = group.flow;
  let isMade = false;
  const look = (value: unknown, context: Context) => {
    const isStep = (id: string) => state.index.has(toScopedId(state, context, id));
    eachReference(value, { isStep, names: toNames(state, context, isFinal) }, (source) => {
      if (source.kind !== 'step' && source.kind !== 'previous') return;
      const loop = source.kind === 'previous' ? loopAround(state, context) : undefined;
      const id =
        loop === undefined ? toScopedId(state, context, source.stepId) : toMadeId(loop.group, 0, source.stepId);
      const step = state.step(id);
      if (step !== undefined && isGroup(step.flow)) isMade ||= makesOutputs(step.flow);
    });
  };
  look(forEach, group.of);
  look(label, { step: group.id, index: 0 });
  return isMade;
}

function makesOutputs({ output, body }: StepState['flow']): boolean {
  if (output !== undefined) return true;
  for (const { step } of stepsWithin({ steps: body ?? [] })) if (step.output !== undefined) return true;
  return false;
}
