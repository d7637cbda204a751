/**
 * The captures on this machine: those without a target, those on their way, and those that the engine refused.
 *
 * Guarantees, numbered for tests:
 *   QC1  a capture is sent under the key that was made with it, and under no other until the engine has refused it: however
 *        often it is sent, the engine takes it once;
 *   QC2  it leaves the queue only when the engine has said that it has it, or a person drops it;
 *   QC3  captures go in the order in which they were made; the engine being away stops all, a refusal stops one;
 *   QC4  at most `rowsMax` captures of `bytesMax` in all are kept; what finds no room is refused aloud.
 */
import type { Capture } from './capture.ts';
import type { SendOutcome } from './engine.ts';
import { type CaptureRequest, tooLarge, toRequest } from './request.ts';
import type { Target } from './target.ts';

/** A capture without its content, which may be large. */
export interface CaptureRow {
  readonly id: string;
  /** Its Idempotency-Key. */
  readonly key: string;
  readonly title: string;
  readonly url: string;
  readonly kind: Capture['kind'];
  readonly capturedAt: string;
  readonly bytes: number;
  /** Null: nobody has said where it is to go. */
  readonly target: Target | null;
  /** It was sent, and nobody has said what became of it. */
  readonly isTried: boolean;
  /** Why the engine refused it; null where it has not. */
  readonly refusal: string | null;
}

/** Both parts of a capture are written and removed together. */
export interface CaptureStore {
  /** The oldest first. */
  rows(): Promise<CaptureRow[]>;
  row(id: string): Promise<CaptureRow | undefined>;
  content(id: string): Promise<Capture | undefined>;
  add(row: CaptureRow, content: Capture): Promise<void>;
  update(row: CaptureRow): Promise<void>;
  remove(id: string): Promise<void>;
}

export const rowsMax = 50;
export const bytesMax = 64 * 1024 * 1024;

export interface SentCapture {
  readonly row: CaptureRow;
  readonly outcome: SendOutcome;
}

export class Captures {
  readonly #store: CaptureStore;
  readonly #newKey: () => string;

  constructor(store: CaptureStore, newKey: () => string = () => crypto.randomUUID()) {
    this.#store = store;
    this.#newKey = newKey;
  }

  rows(): Promise<CaptureRow[]> {
    return this.#store.rows();
  }

  /** Keeps it, and resolves with its row. Rejects with an Error whose message is for the person where it is too large. */
  async add(capture: Capture, target: Target | null): Promise<CaptureRow> {
    checkSize(capture, target);
    const bytes = 2 * (capture.html.length + capture.text.length);
    const rows = await this.#store.rows();
    if (rows.length >= rowsMax) throw new Error(`${rowsMax} captures are kept already: send or drop some`);
    if (rows.reduce((sum, row) => sum + row.bytes, bytes) > bytesMax) {
      throw new Error('The captures kept here hold 64 MiB already: send or drop some');
    }
    const { title, url, kind, capturedAt } = capture;
    const row: CaptureRow = {
      ...{ id: this.#newKey(), key: this.#newKey(), title, url, kind, capturedAt, bytes, target },
      ...{ isTried: false, refusal: null },
    };
    await this.#store.add(row, capture);
    return row;
  }

  /** Gives a capture another target. Rejects while it may be with the engine already. */
  async aim(id: string, target: Target): Promise<void> {
    const row = await this.#store.row(id);
    const content = await this.#store.content(id);
    if (row === undefined || content === undefined) throw new Error('This capture is not here any more');
    if (row.isTried) throw new Error('This capture is on its way already');
    checkSize(content, target);
    // A refusal keeps no key at the engine, but the next target must not meet one that a lost answer left behind.
    const key = row.refusal === null ? row.key : this.#newKey();
    await this.#store.update({ ...row, key, target, refusal: null });
  }

  drop(id: string): Promise<void> {
    return this.#store.remove(id);
  }

  /** Sends what has a target, one after the other. Two of these must not run at once. Resolves with what became of each. */
  async drain(send: (request: CaptureRequest, key: string) => Promise<SendOutcome>): Promise<SentCapture[]> {
    const sent: SentCapture[] = [];
    for (const { id } of await this.#store.rows()) {
      // Read anew: a person may have dropped it while another was sent.
      const row = await this.#store.row(id);
      if (row === undefined || row.target === null || row.refusal !== null) continue;
      const content = await this.#store.content(id);
      if (content === undefined) continue;
      const tried = { ...row, isTried: true };
      await this.#store.update(tried);
      const outcome = await send(toRequest(content, row.target), row.key);
      sent.push({ row: tried, outcome });
      if (outcome.kind === 'sent') await this.#store.remove(id);
      else if (outcome.kind === 'refused') {
        await this.#store.update({ ...tried, isTried: false, refusal: outcome.detail });
      } else break;
    }
    return sent;
  }
}

/** Without a target it is measured as one that a step would get. */
function checkSize(capture: Capture, target: Target | null): void {
  const asked = target ?? ({ kind: 'step', workflowId: '', stepId: '', name: '' } as const);
  const fault = tooLarge(capture, toRequest(capture, asked));
  if (fault !== null) throw new Error(fault);
}
