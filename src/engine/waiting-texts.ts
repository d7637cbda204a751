/**
 * Pieces of text on their way to one reader. Pieces of the same attempt are joined while they wait, so a slow reader
 * costs no more memory than the texts themselves. When the waiting texts together pass `limits.liveTextsWaitingMax`,
 * they are dropped and marked as cut.
 */
import type { TokenEvent } from '../contract/event.ts';
import { limits } from '../contract/limits.ts';

export class WaitingTexts {
  /** By attempt. Each is also in the reader's queue of events. */
  readonly #waiting = new Map<string, TokenEvent>();
  /** Attempts that have lost a piece. The reader gets nothing more of their text. */
  readonly #cut = new Set<string>();
  #length = 0;

  /**
   * Returns the event to put in the reader's queue, or null when the queue holds it already or the text is cut. Texts
   * made before the reader came (`isFound`) do not count against the limit: live-texts.ts bounds them all together.
   */
  add(event: TokenEvent, isFound: boolean): TokenEvent | null {
    const key = `${event.workflow_id}/${event.step_id}/${event.attempt}`;
    if (this.#cut.has(key)) return null;
    const before = this.#waiting.get(key);
    const own = before ?? { ...event };
    if (before) {
      before.text += event.text;
      if (event.cut) before.cut = true;
    }
    this.#waiting.set(key, own);
    if (!isFound) this.#length += event.text.length;
    if (this.#length > limits.liveTextsWaitingMax) this.#cutAll();
    return before ? null : own;
  }

  /** The reader has taken the waiting pieces: later pieces are new events. */
  clear(): void {
    this.#waiting.clear();
    this.#length = 0;
  }

  #cutAll(): void {
    for (const [key, event] of this.#waiting) {
      event.text = '';
      event.cut = true;
      this.#cut.add(key);
    }
    this.clear();
  }
}
