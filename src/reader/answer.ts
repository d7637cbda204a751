/**
 * Answers inquiries: parses their data, asks the condition or reads the list. It is the same code that decides small
 * conditions and lists at the coordinator, and an answer follows from the batch alone.
 *
 * Rule, numbered for tests:
 *   AN1  a condition over data from blobs comes out as it does over the same data in memory, and a list has the same items
 *        in the same order.
 */
import { createHash } from 'node:crypto';
import { toInlineText } from '../contract/code-text.ts';
import type {
  BlobPiece,
  ConditionInquiry,
  Inquiry,
  InquiryAnswer,
  InquiryBatch,
  InquirySource,
  InquiryStep,
  ListInquiry,
} from '../contract/inquiry.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { BindingError, type BindingSources, bindAny } from '../core/bindings.ts';
import { type ConditionScope, evaluateCondition, toConditionFault } from '../core/condition.ts';
import { combineLists, readLists, toNamed } from '../core/item-list.ts';
import { packList } from '../core/packed-list.ts';

/** Each inquiry has its answer, whatever is wrong with the data of another. */
export function answerBatch(batch: InquiryBatch): InquiryAnswer[] {
  const data = new BatchData(batch);
  return batch.inquiries.map((inquiry) => answer(inquiry, data));
}

function answer(inquiry: Inquiry, data: BatchData): InquiryAnswer {
  try {
    return inquiry.kind === 'condition' ? answerCondition(inquiry, data) : answerList(inquiry, data);
  } catch (error) {
    if (error instanceof BindingError) return { kind: 'fault', fault: error.message };
    if (error instanceof UnreadableBlob) {
      return { kind: 'fault', fault: `outputs that the step refers to cannot be read: ${error.message}` };
    }
    throw error;
  }
}

function answerCondition({ condition, scope }: ConditionInquiry, data: BatchData): InquiryAnswer {
  const { params, steps, items, previous, ...rest } = scope;
  const toSteps = (of: Readonly<Record<string, InquiryStep>>) =>
    mapValues(of, (step) => ({ ...step, outputs: data.valueOf(step.outputs) }));
  const whole: ConditionScope = {
    ...rest,
    params: data.valuesOf(params),
    steps: toSteps(steps),
    items: data.valuesOf(items),
    ...(previous === undefined ? {} : { previous: toSteps(previous) }),
  };
  const verdict = evaluateCondition(condition, whole);
  if ('value' in verdict) return { kind: 'verdict', value: verdict.value };
  return { kind: 'fault', fault: toConditionFault(condition, verdict.fault) };
}

function answerList(inquiry: ListInquiry, data: BatchData): InquiryAnswer {
  const { forEach, batch, label, names, outputs, previous, workflow } = inquiry;
  const around = data.valuesOf(inquiry.items);
  const sources: BindingSources = {
    params: data.valuesOf(inquiry.params) as JsonObject,
    isStep: (id) => Object.hasOwn(outputs, id) || Object.hasOwn(previous, id),
    outputsOf: (id) => data.valueAt(outputs, id),
    names: new Set(names.forEach),
    itemOf: (name) => around[name],
    previousOf: (id) => data.valueAt(previous, id),
    workflow: () => workflow as JsonObject,
  };
  const written = data.valueOf(forEach);
  const lists = readLists(toNamed(written, bindAny(written, sources)), batch);
  const { count, valuesAt } = combineLists(lists);
  // More than a workflow has room for: the step fails, and nobody sees their labels.
  const isLabeled = label !== null && count <= limits.stepsMax;
  const toLabel = (index: number) => {
    const values = valuesAt(index);
    const itemOf = (name: string) => (name === 'index' ? index : values.has(name) ? values.get(name) : around[name]);
    const bound = bindAny(label, { ...sources, names: new Set(names.label), itemOf });
    return toInlineText(bound).slice(0, limits.labelShownMax);
  };
  return {
    kind: 'list',
    lists: lists.map(([name, list]) => [name, packList(list)]),
    labels: isLabeled ? Array.from({ length: count }, (_, index) => toLabel(index)) : null,
  };
}

class UnreadableBlob extends Error {}

/** The values of a batch's sources; what several inquiries share is parsed once. */
class BatchData {
  readonly #batch: InquiryBatch;
  readonly #texts = new Map<string, string>();
  readonly #parsed = new Map<string, unknown>();

  constructor(batch: InquiryBatch) {
    this.#batch = batch;
  }

  valueOf(source: InquirySource): unknown {
    if ('value' in source) return source.value;
    if ('shared' in source)
      return this.#once(source.shared, () => (this.#batch.texts.get(source.shared) ?? ['null']).join(''));
    const [first] = source.json;
    if (source.json.length === 1 && first !== undefined && typeof first !== 'string') {
      return this.#once(first.blob, () => this.#textOf(first));
    }
    return JSON.parse(source.json.map((piece) => (typeof piece === 'string' ? piece : this.#textOf(piece))).join(''));
  }

  valueAt(sources: Readonly<Record<string, InquirySource>>, key: string): unknown {
    const source = Object.hasOwn(sources, key) ? sources[key] : undefined;
    return source === undefined ? undefined : this.valueOf(source);
  }

  valuesOf(sources: Readonly<Record<string, InquirySource>>): Record<string, unknown> {
    return mapValues(sources, (source) => this.valueOf(source));
  }

  #once(key: string, read: () => string): unknown {
    if (!this.#parsed.has(key)) this.#parsed.set(key, JSON.parse(read()));
    return this.#parsed.get(key);
  }

  /** V2: checked against its name, here and not at the coordinator. */
  #textOf({ blob }: BlobPiece): string {
    const known = this.#texts.get(blob);
    if (known !== undefined) return known;
    const bytes = this.#batch.blobs.get(blob);
    if (bytes === undefined) throw new UnreadableBlob(`blob ${blob} has not been read`);
    if (createHash('sha256').update(bytes).digest('hex') !== blob) {
      throw new UnreadableBlob(`blob ${blob} is damaged: its bytes have another SHA-256`);
    }
    const text = new TextDecoder().decode(bytes);
    this.#texts.set(blob, text);
    return text;
  }
}

/** fromEntries defines own properties, so a key named __proto__ stays a key. */
function mapValues<V, W>(values: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
