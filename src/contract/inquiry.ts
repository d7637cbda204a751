/**
 * Inquiries: conditions and lists whose data is too large for the coordinator's thread. Its data goes to the reader's
 * thread as bytes and texts, is parsed there, and what comes back is small, or bytes again.
 */

/**
 * JSON of a value. `json`: its text, in pieces; a piece may be a blob. `shared`: a text of the batch that several
 * inquiries refer to: it is parsed once.
 */
export type InquirySource =
  | { readonly json: readonly (string | BlobPiece)[] }
  | { readonly shared: string }
  /** A small value as it is. */
  | { readonly value: unknown };

export interface BlobPiece {
  /** SHA-256 of its bytes, hex. */
  readonly blob: string;
  readonly bytes: number;
}

export interface InquiryStep {
  readonly status: string;
  readonly outcome: string;
  readonly error: string | null;
  readonly outputs: InquirySource;
  readonly kind?: 'plain' | 'group' | 'repeat';
}

/** What a condition sees; `src/core/condition.ts` has the same with its values. */
export interface InquiryScope {
  readonly params: Readonly<Record<string, InquirySource>>;
  readonly steps: Readonly<Record<string, InquiryStep>>;
  readonly items: Readonly<Record<string, InquirySource>>;
  readonly index?: number;
  readonly round?: number;
  readonly previous?: Readonly<Record<string, InquiryStep>>;
  readonly workflow?: { readonly id: string; readonly outcome: string; readonly failed: readonly string[] };
}

export interface ConditionInquiry {
  readonly kind: 'condition';
  readonly condition: string;
  readonly scope: InquiryScope;
}

export interface ListInquiry {
  readonly kind: 'list';
  readonly forEach: InquirySource;
  readonly batch: number | null;
  /** What each item is called; null: nothing. */
  readonly label: string | null;
  /** Names that references know, besides `params` and `steps`: of `forEach`, and of `label`. */
  readonly names: { readonly forEach: readonly string[]; readonly label: readonly string[] };
  readonly params: Readonly<Record<string, InquirySource>>;
  /** Outputs of steps, by the ids that references name. */
  readonly outputs: Readonly<Record<string, InquirySource>>;
  /** Items and places around the group. */
  readonly items: Readonly<Record<string, InquirySource>>;
  readonly previous: Readonly<Record<string, InquirySource>>;
  readonly workflow: { readonly [field: string]: unknown } | null;
}

export type Inquiry = ConditionInquiry | ListInquiry;

/** JSON texts in UTF-8, one after the other; `ends[i]` is where the text of item i ends. */
export interface PackedTexts {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

export type InquiryAnswer =
  | { readonly kind: 'verdict'; readonly value: boolean }
  /** The lists by name, in the order of the definition; labels of all their items where asked for. */
  | {
      readonly kind: 'list';
      readonly lists: readonly (readonly [name: string, list: PackedTexts])[];
      readonly labels: readonly string[] | null;
    }
  /** It cannot be decided from this data: why. */
  | { readonly kind: 'fault'; readonly fault: string };

export interface InquiryBatch {
  readonly inquiries: readonly Inquiry[];
  /** Bytes of blobs by name, which the reader checks against it; shared texts by key, in slices. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly texts: ReadonlyMap<string, readonly string[]>;
}

/** A batch has no answers. `memory`, `time`: it took more than there is; `lost`: the reader ended for another reason. */
export class ReaderEndedError extends Error {
  readonly reason: 'memory' | 'time' | 'lost';

  constructor(reason: ReaderEndedError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Answers inquiries. An answer follows from its inquiry and the batch's bytes alone, and nothing is written: a batch that is
 * lost with the process is asked again.
 */
export interface DataReader {
  /** Answers in the order of the inquiries. One batch at a time. Rejects with ReaderEndedError. */
  read(batch: InquiryBatch): Promise<readonly InquiryAnswer[]>;
  close(): Promise<void>;
}
