/**
 * Pieces of text on their way to one reader. Those that wait are joined, one for each attempt, so that a slow reader costs
 * no more than the texts are long; and where the texts together are too long for that, they are left out and told to be cut.
 */
import type { TokenEvent } from '../contract/event.ts';
import { limits } from '../contract/limits.ts';

export class WaitingTexts {
  /** By attempt; they stand among the reader's other events as well. */
  readonly #waiting = new Map<string, TokenEvent>();
  /** Attempts of which a piece was left out. */
  readonly #cut = new Set<string>();
  #length = 0;

  /**
   * Returns what is to stand among the reader's events; null where nothing new is. Texts that were there when the reader came
   * (`isFound`) take none of the room: all of them together are bounded where they are held.
   */
  add(event: TokenEvent, isFound: boolean): TokenEvent | null {
    const key = `${event.step_id}/${event.attempt}`;
    if (this.#cut.has(key)) return null;
    const before = this.#waiting.get(key);
    const own = before ?? { ...event };
    if (before) {
      before.text += event.text;
      if (event.cut) before.cut = true;
    }
    this.#waiting.set(key, own);
    if (!isFound) this.#length += event.text.length;
    if (this.#length > limits.liveTextsWaitingMax) this.#leaveOut();
    return before ? null : own;
  }

  /** The reader has taken them: what comes now stands behind. */
  clear(): void {
    this.#waiting.clear();
    this.#length = 0;
  }

  #leaveOut(): void {
    for (const [key, event] of this.#waiting) {
      event.text = '';
      event.cut = true;
      this.#cut.add(key);
    }
    this.clear();
  }
}
