/**
 * Inquiries on their way: each waits until the reader is free, together with others of its workflow, so that a blob that
 * many of them read is read and parsed once. Nothing of an inquiry is recorded. Its answer is, in the turn that takes it.
 *
 * Rules, numbered for tests:
 *   IQ1  each inquiry has one answer, whatever becomes of the reader: one that ends it is asked alone, and then its data is
 *        at fault;
 *   IQ2  no more than `inquiryBytesMax` are read for a batch, and none for an inquiry that waits.
 */
import { type DataReader, type InquiryAnswer, ReaderEndedError } from '../../contract/inquiry.ts';
import { limits } from '../../contract/limits.ts';
import type { Clock } from '../clock.ts';
import type { DraftInquiry } from './inquiry-parts.ts';
import type { StepOutputs } from './step-outputs.ts';

/** Some conditions take a millisecond each. */
const batchInquiriesMax = 1_000;
/** A reader that ends for another reason than the data is tried so often, with a pause between. */
const lostMax = 3;
const lostPauseMs = 1_000;

interface Waiting {
  readonly workflowId: string;
  readonly draft: DraftInquiry;
  answer(answer: InquiryAnswer): void;
}

export interface InquiriesOptions {
  readonly reader: DataReader;
  readonly outputs: Pick<StepOutputs, 'readBytes'>;
  readonly clock: Pick<Clock, 'timer'>;
  onFatal(error: unknown): void;
}

export class Inquiries {
  readonly #options: InquiriesOptions;
  #waiting: Waiting[] = [];
  #isReading = false;
  #isHalted = false;
  #cancelPause: (() => void) | null = null;

  constructor(options: InquiriesOptions) {
    this.#options = options;
  }

  /** Never resolves after `halt`: the next life asks again. */
  ask(workflowId: string, draft: DraftInquiry): Promise<InquiryAnswer> {
    if (draft.bytes > limits.inquiryBytesMax) {
      const most = `at most ${limits.inquiryBytesMax} are read to decide one step`;
      return Promise.resolve({ kind: 'fault', fault: `it reads ${draft.bytes} bytes of JSON; ${most}` });
    }
    return new Promise((answer) => {
      this.#waiting.push({ workflowId, draft, answer });
      if (!this.#isReading) this.#read().catch(this.#options.onFatal);
    });
  }

  halt(): void {
    this.#isHalted = true;
    this.#cancelPause?.();
    this.#waiting = [];
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    // Those that are asked in the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isHalted) await this.#answerAll(this.#take());
    this.#isReading = false;
  }

  /** IQ2: the first that waits, and others of its workflow. */
  #take(): Waiting[] {
    const batch: Waiting[] = [];
    const blobs = new Set<string>();
    let bytes = 0;
    const left: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const { workflowId, draft } = waiting;
      const first = batch[0];
      const shared = draft.blobs.reduce((sum, piece) => sum + (blobs.has(piece.blob) ? piece.bytes : 0), 0);
      const added = draft.bytes - shared;
      const isTaken =
        first === undefined ||
        (batch.length < batchInquiriesMax &&
          workflowId === first.workflowId &&
          bytes + added <= limits.inquiryBytesMax);
      if (!isTaken) {
        left.push(waiting);
        continue;
      }
      batch.push(waiting);
      bytes += added;
      for (const piece of draft.blobs) blobs.add(piece.blob);
    }
    this.#waiting = left;
    return batch;
  }

  async #answerAll(batch: readonly Waiting[], lost = 0): Promise<void> {
    const { reader } = this.#options;
    const { blobs, unread } = await this.#readBlobs(batch);
    if (this.#isHalted) return;
    const asked: Waiting[] = [];
    for (const waiting of batch) {
      const missing = waiting.draft.blobs.find((piece) => unread.has(piece.blob));
      if (missing === undefined) asked.push(waiting);
      else waiting.answer({ kind: 'fault', fault: toUnread(unread.get(missing.blob)) });
    }
    if (asked.length === 0) return;
    const texts = new Map(asked.flatMap(({ draft }) => [...draft.texts]));
    try {
      const answers = await reader.read({ inquiries: asked.map(({ draft }) => draft.inquiry), blobs, texts });
      if (!this.#isHalted) for (const [i, waiting] of asked.entries()) waiting.answer(answers[i] ?? noAnswer);
    } catch (error) {
      if (!(error instanceof ReaderEndedError)) throw error;
      if (!this.#isHalted) await this.#onEnded(error, asked, lost);
    }
  }

  /** IQ1. */
  async #onEnded(error: ReaderEndedError, asked: readonly Waiting[], lost: number): Promise<void> {
    if (error.reason === 'lost' && lost < lostMax) {
      await this.#pause();
      if (!this.#isHalted) await this.#answerAll(asked, lost + 1);
    } else if (asked.length > 1) {
      for (const waiting of asked) if (!this.#isHalted) await this.#answerAll([waiting]);
    } else {
      for (const waiting of asked) waiting.answer({ kind: 'fault', fault: toEndedFault(error, waiting.draft.bytes) });
    }
  }

  async #readBlobs(batch: readonly Waiting[]) {
    const blobs = new Map<string, Uint8Array>();
    const unread = new Map<string, unknown>();
    for (const { workflowId, draft } of batch) {
      for (const { blob } of draft.blobs) {
        if (blobs.has(blob) || unread.has(blob)) continue;
        try {
          blobs.set(blob, await this.#options.outputs.readBytes(workflowId, blob));
        } catch (error) {
          unread.set(blob, error);
        }
      }
    }
    return { blobs, unread };
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#cancelPause = this.#options.clock.timer(lostPauseMs, resolve);
    });
  }
}

const noAnswer: InquiryAnswer = { kind: 'fault', fault: 'the reader gave no answer' };

function toUnread(error: unknown): string {
  return `outputs that the step refers to cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

function toEndedFault({ reason, message }: ReaderEndedError, bytes: number): string {
  if (reason === 'lost') return `its ${bytes} bytes of data cannot be read: ${message}`;
  return `to parse its ${bytes} bytes of data ${message}; let a transform step make less of them`;
}
