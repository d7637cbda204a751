/**
 * Makes inquiries: names what a condition or a list reads, with its texts and blobs. Nothing is parsed here. Large params and
 * items become text in slices, so that no turn takes long.
 */
import type { BlobPiece, Inquiry, InquirySource, InquiryStep } from '../../contract/inquiry.ts';
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { conditionUses } from '../../core/condition.ts';
import { type Context, loopAround, toMadeId, toNames, toScopedId, toWorkflowValue } from '../../core/context.ts';
import { isGroup, toItemNames } from '../../core/flow.ts';
import { jsonLengthWithin } from '../../core/json-length.ts';
import { jsonSlices } from '../../core/json-slices.ts';
import { eachReference, type Reference } from '../../core/references.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import { type GatheredFields, gatheredText, toPiece } from './gathered-text.ts';
import { conditionScopeOf, itemOf, itemTextOf } from './step-scope.ts';

/** Values up to so many characters of JSON are sent as they are; of longer ones slices of so many are made in a turn. */
const sliceCharsMax = 16 * 1024;

export interface DraftInquiry {
  readonly inquiry: Inquiry;
  readonly blobs: readonly BlobPiece[];
  /** By key, each in slices. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** Of all that it reads, about. */
  readonly bytes: number;
}

/** Names in conditions that are no items. */
const enginesRoots: ReadonlySet<string> = new Set(['index', 'round', 'previous', 'workflow']);

/** Large params as text, made once. */
const paramTexts = new WeakMap<JsonObject, Map<string, readonly string[]>>();

/** Resolves when others have had a turn. */
export type Pause = () => Promise<void>;

export async function draftCondition(
  state: WorkflowState,
  context: Context,
  step: Pick<StepState, 'flow'>,
  condition: string,
  pause: Pause,
): Promise<DraftInquiry> {
  const parts = new Parts(state, pause);
  const { params: names, ...use } = conditionUses(condition);
  const previous = use.outputPaths.flatMap((path) => (path.root === 'previous' ? [path.step] : []));
  const read = (ref: OutputsRef) => parts.source([toPiece(ref)]);
  const roots = use.roots.filter((root) => enginesRoots.has(root));
  const { previous: before, ...seen } = conditionScopeOf(state, context, step, { ...use, roots, previous }, read);
  // Before anything is waited for: the lists around are in memory now.
  const values = use.roots
    .filter((root) => !enginesRoots.has(root))
    .map((name) => [name, toItem(state, context, name)] as const);
  const items = await parts.items(values);
  const params = await parts.params(names);
  const toSteps = (of: Readonly<Record<string, { readonly outputs: unknown }>>) =>
    Object.fromEntries(Object.entries(of).map(([id, each]) => [id, toInquiryStep(each as SeenStep)]));
  const scope = {
    ...seen,
    params,
    steps: toSteps(seen.steps),
    items,
    ...(before === undefined ? {} : { previous: toSteps(before) }),
  };
  return parts.draft({ kind: 'condition', condition, scope });
}

type SeenStep = Omit<InquiryStep, 'outputs'> & { readonly outputs: unknown };

/** Outputs of a step that did not run are `{}`; others are a source already. */
function toInquiryStep(step: SeenStep): InquiryStep {
  const outputs = step.outputs as InquirySource | Record<string, never>;
  return { ...step, outputs: Object.keys(outputs).length === 0 ? { value: {} } : (outputs as InquirySource) };
}

export async function draftList(state: WorkflowState, group: StepState, pause: Pause): Promise<DraftInquiry> {
  const parts = new Parts(state, pause);
  const { forEach, batch, label, isFinal } = group.flow;
  const own = new Set([...toItemNames(group.flow), 'index']);
  const within: Context = { step: group.id, index: 0 };
  const names = { forEach: toNames(state, group.of, isFinal), label: toNames(state, within, isFinal) };
  const asked = new Asked();
  const look = (value: unknown, context: Context, known: ReadonlySet<string>) => {
    const isStep = (id: string) => state.index.has(toScopedId(state, context, id));
    eachReference(value, { isStep, names: known }, (source) => asked.add(source));
  };
  look(forEach, group.of, names.forEach);
  const outer = new Set(asked.items);
  look(label, within, names.label);
  // Before anything is waited for: the lists around are in memory now, and the outputs are those of now.
  const values = [...asked.items]
    .filter((name) => outer.has(name) || !own.has(name))
    .map((name) => [name, toItem(state, group.of, name)] as const);
  const gather = (id: string, fields: GatheredFields): InquirySource => {
    const step = state.step(id);
    const text = step && (isGroup(step.flow) ? gatheredText(state, step, fields) : ownText(step));
    return text === undefined ? { value: undefined } : parts.source(text);
  };
  const outputs = Object.fromEntries(
    [...asked.steps].map(([id, fields]) => [id, gather(toScopedId(state, group.of, id), fields)]),
  );
  const loop = loopAround(state, group.of);
  const previous = Object.fromEntries(
    [...asked.previous].map(([id, fields]) => [
      id,
      loop === undefined || loop.index === 0
        ? { value: undefined }
        : gather(toMadeId(loop.group, loop.index - 1, id), fields),
    ]),
  );
  const items = await parts.items(values);
  const params = await parts.params([...asked.params]);
  return parts.draft({
    kind: 'list',
    forEach: await parts.value(forEach),
    batch,
    label,
    names: { forEach: [...names.forEach], label: [...names.label] },
    params,
    outputs,
    items,
    previous,
    workflow: asked.isWorkflow ? { ...toWorkflowValue(state) } : null,
  });
}

function ownText({ outputs, outcome }: StepState) {
  return outputs === null || outcome !== null ? undefined : [toPiece(outputs)];
}

type Item = { readonly text: string } | { readonly value: unknown };

/** An item as its text where it would have to be parsed: it may be large. */
function toItem(state: WorkflowState, context: Context, name: string): Item {
  const text = itemTextOf(state, context, name);
  return text === undefined ? { value: itemOf(state, context, name, parseInline) } : { text };
}

/** A list around that is not in memory is small, and its data inline. */
function parseInline(ref: OutputsRef): unknown {
  return 'json' in ref ? JSON.parse(ref.json) : undefined;
}

interface AskedFields {
  items: Set<number> | 'all';
  errors: boolean;
  last: boolean;
}

/** What the references of a value ask for. */
class Asked {
  readonly params = new Set<string>();
  readonly steps = new Map<string, AskedFields>();
  readonly previous = new Map<string, AskedFields>();
  readonly items = new Set<string>();
  isWorkflow = false;

  add(source: Reference): void {
    if (source.kind === 'params' && source.path[0] !== undefined) this.params.add(source.path[0]);
    if (source.kind === 'item') this.items.add(source.name);
    if (source.kind === 'workflow') this.isWorkflow = true;
    if (source.kind === 'step') addFields(this.steps, source.stepId, source.path);
    if (source.kind === 'previous') addFields(this.previous, source.stepId, source.path);
  }
}

function addFields(of: Map<string, AskedFields>, id: string, [field, place]: readonly string[]): void {
  const fields = of.get(id) ?? { items: new Set<number>(), errors: false, last: false };
  of.set(id, fields);
  if (field === 'errors') fields.errors = true;
  if (field === 'last') fields.last = true;
  if (field !== 'items') return;
  const index = Number(place);
  if (place === undefined || !Number.isInteger(index)) fields.items = 'all';
  else if (fields.items !== 'all') fields.items.add(index);
}

class Parts {
  readonly #state: WorkflowState;
  readonly #pause: Pause;
  readonly #blobs = new Map<string, BlobPiece>();
  readonly #texts = new Map<string, readonly string[]>();
  #chars = 0;

  constructor(state: WorkflowState, pause: Pause) {
    this.#state = state;
    this.#pause = pause;
  }

  draft(inquiry: Inquiry): DraftInquiry {
    const blobs = [...this.#blobs.values()];
    const bytes = blobs.reduce((sum, piece) => sum + piece.bytes, this.#chars);
    return { inquiry, blobs, texts: this.#texts, bytes };
  }

  source(json: readonly (string | BlobPiece)[]): InquirySource {
    for (const piece of json) {
      if (typeof piece === 'string') this.#chars += piece.length;
      else this.#blobs.set(piece.blob, piece);
    }
    return { json };
  }

  async value(value: unknown): Promise<InquirySource> {
    if (value === undefined || jsonLengthWithin(value, sliceCharsMax) !== null) return { value };
    return this.source(await this.#slice(value));
  }

  async items(named: readonly (readonly [string, Item])[]): Promise<Record<string, InquirySource>> {
    const sources: [string, InquirySource][] = [];
    for (const [name, item] of named) {
      sources.push([name, 'text' in item ? this.source([item.text]) : await this.value(item.value)]);
    }
    return Object.fromEntries(sources);
  }

  /** Those of the workflow's params that there are. */
  async params(names: readonly string[]): Promise<Record<string, InquirySource>> {
    const { params } = this.#state.header;
    const texts = paramTexts.get(params) ?? new Map<string, readonly string[]>();
    paramTexts.set(params, texts);
    const sources: [string, InquirySource][] = [];
    for (const name of names) {
      if (!Object.hasOwn(params, name)) continue;
      const value = params[name];
      if (jsonLengthWithin(value, sliceCharsMax) !== null) {
        sources.push([name, { value }]);
        continue;
      }
      const text = texts.get(name) ?? (await this.#slice(value));
      texts.set(name, text);
      this.#texts.set(`params.${name}`, text);
      for (const slice of text) this.#chars += slice.length;
      sources.push([name, { shared: `params.${name}` }]);
    }
    return Object.fromEntries(sources);
  }

  async #slice(value: unknown): Promise<string[]> {
    const slices: string[] = [];
    let sinceTurn = 0;
    for (const slice of jsonSlices(value, sliceCharsMax)) {
      slices.push(slice);
      sinceTurn += slice.length;
      if (sinceTurn < sliceCharsMax) continue;
      sinceTurn = 0;
      await this.#pause();
    }
    return slices;
  }
}
