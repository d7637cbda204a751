/** The texts of running attempts, as far as the stream has told them. */
import type { TokenEvent } from '../../src/contract/event.ts';

interface LiveText {
  readonly attempt: number;
  readonly text: string;
}

/** A step's text is kept up to here; the whole is in its outputs when it has ended. */
const lengthMax = 256 * 1024;
/** Texts that have ended are forgotten when there are so many. */
const textsMax = 200;

export class LiveTexts {
  readonly #texts = new Map<string, LiveText>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /**
   * `offset` 0 begins anew; a piece that was told before is left out; one that does not fit waits for a new
   * beginning.
   */
  take({ step_id, attempt, offset, text }: TokenEvent): void {
    const known = this.#texts.get(step_id);
    const isSame = known?.attempt === attempt;
    if (offset !== 0 && (!isSame || known.text.length !== offset)) return;
    const whole = offset === 0 ? text : (known?.text ?? '') + text;
    this.#texts.delete(step_id);
    this.#texts.set(step_id, { attempt, text: whole.slice(0, lengthMax) });
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= textsMax) break;
      this.#texts.delete(oldest);
    }
    this.#changed();
  }

  /** What the attempt has said so far. */
  of(stepId: string, attempt: number): string | null {
    const known = this.#texts.get(stepId);
    return known?.attempt === attempt ? known.text : null;
  }
}
