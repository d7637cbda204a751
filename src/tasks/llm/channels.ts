/**
 * The channels of an answer in the form that gpt-oss writes ("harmony"), where a server passes its marks on:
 * `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>`. The answer is what
 * stands in the channel `final`; the others are thinking.
 */

const begins = /^\s*(?:<\|start\|>\s*assistant\s*)?<\|channel\|>/i;
/** A format may stand between: `final <|constrain|>json<|message|>`. */
const final = /<\|channel\|>\s*final\b[^<]{0,64}(?:<\|constrain\|>[^<]{0,64})?<\|message\|>/i;
/** Longer than any match of `final`. */
const finalLengthMax = 200;
const ends = /<\|(?:return|end|call|start|channel)\|>/i;
const marks = /<\|(?:start|channel|constrain|message|end|return|call)\|>/gi;
/** Characters of the longest of `ends`, less one. */
const endLengthMax = '<|channel|>'.length - 1;

export interface Channels {
  readonly text: string;
  readonly thinking: string;
  /** The channel `final` has begun. */
  readonly isFinal: boolean;
}

/** undefined where the text does not begin with a channel. */
export function splitChannels(whole: string): Channels | undefined {
  if (!begins.test(whole.slice(0, finalLengthMax))) return undefined;
  const found = final.exec(whole);
  if (found === null) return { text: whole, thinking: toThinking(whole), isFinal: false };
  const body = whole.slice(found.index + found[0].length);
  const end = ends.exec(body)?.index ?? body.length;
  return { text: body.slice(0, end).trimStart(), thinking: toThinking(whole.slice(0, found.index)), isFinal: true };
}

/** `analysis` and `commentary`, each without its marks. */
function toThinking(text: string): string {
  return text
    .split(/<\|channel\|>/i)
    .map((part) => part.replace(/^\s*[^<]{0,64}(?:<\|constrain\|>[^<]{0,64})?<\|message\|>/i, ''))
    .map((part) =>
      part
        .replace(/<\|start\|>[^<]{0,64}/gi, '')
        .replace(marks, '')
        .trim(),
    )
    .filter((part) => part !== '')
    .join('\n');
}

/** For those who follow: what of each piece is in the channel `final`. */
export class FinalChannel {
  #held = '';
  #state: 'before' | 'first' | 'within' | 'after' = 'before';

  /** Whether the text may begin, or begins, with a channel; undefined while that is not known. */
  static begins(text: string): boolean | undefined {
    if (begins.test(text.slice(0, finalLengthMax))) return true;
    const start = text.trimStart().slice(0, finalLengthMax).toLowerCase().replace(/\s+/g, '');
    const isStart = ['<|channel|>', '<|start|>assistant<|channel|>'].some((mark) => mark.startsWith(start));
    return isStart ? undefined : false;
  }

  add(piece: string): string {
    this.#held += piece;
    if (this.#state === 'before') {
      const found = final.exec(this.#held);
      if (found === null) {
        this.#held = this.#held.slice(-finalLengthMax);
        return '';
      }
      this.#held = this.#held.slice(found.index + found[0].length);
      this.#state = 'first';
    }
    if (this.#state === 'after') this.#held = '';
    if (this.#state === 'first') {
      this.#held = this.#held.trimStart();
      if (this.#held !== '') this.#state = 'within';
    }
    return this.#take();
  }

  /** What was held back because it might have been a mark. */
  rest(): string {
    const left = this.#state === 'within' ? this.#held : '';
    this.#held = '';
    return left;
  }

  #take(): string {
    const end = ends.exec(this.#held)?.index;
    if (end !== undefined) {
      this.#state = 'after';
      const last = this.#held.slice(0, end);
      this.#held = '';
      return last;
    }
    // What may be the beginning of a mark waits for what follows.
    const keep = /<[|\w]*$/.exec(this.#held.slice(-endLengthMax))?.[0].length ?? 0;
    const passed = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return passed;
  }
}
