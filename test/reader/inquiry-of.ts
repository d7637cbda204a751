/** Inquiries from values, each value in a blob of its own, as a step's outputs are. */
import { createHash } from 'node:crypto';
import type { BlobPiece, InquiryBatch, InquirySource, ListInquiry } from '../../src/contract/inquiry.ts';
import type { ConditionScope } from '../../src/core/condition.ts';

export class BlobsOf {
  readonly blobs = new Map<string, Uint8Array>();

  piece(value: unknown): BlobPiece {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const blob = createHash('sha256').update(bytes).digest('hex');
    this.blobs.set(blob, bytes);
    return { blob, bytes: bytes.length };
  }

  source(value: unknown): InquirySource {
    return { json: [this.piece(value)] };
  }

  sources(values: Readonly<Record<string, unknown>>): Record<string, InquirySource> {
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, this.source(value)]));
  }
}

export function conditionBatch(condition: string, { params, steps, items, previous, ...rest }: ConditionScope) {
  const of = new BlobsOf();
  const toSteps = (all: ConditionScope['steps']) =>
    Object.fromEntries(Object.entries(all).map(([id, step]) => [id, { ...step, outputs: of.source(step.outputs) }]));
  const scope = {
    ...rest,
    params: of.sources(params),
    steps: toSteps(steps),
    items: of.sources(items),
    ...(previous === undefined ? {} : { previous: toSteps(previous) }),
  };
  const batch: InquiryBatch = {
    inquiries: [{ kind: 'condition', condition, scope }],
    blobs: of.blobs,
    texts: new Map(),
  };
  return batch;
}

/** A list inquiry that asks for nothing but what is given. */
export function listInquiry(given: Partial<ListInquiry>): ListInquiry {
  return {
    kind: 'list',
    forEach: { value: [] },
    batch: null,
    label: null,
    names: { forEach: [], label: ['item', 'index'] },
    params: {},
    outputs: {},
    items: {},
    previous: {},
    workflow: null,
    ...given,
  };
}
