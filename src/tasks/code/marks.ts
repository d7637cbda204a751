/**
 * Marks: names that stand in code where its references stood, so that the language's own parser says what each is
 * there. A variable of that name then gets the value; in a text literal the value becomes part of the text that was
 * parsed. The parser never sees a value.
 *
 * Rules, numbered for tests:
 *   MK1  a mark is a name that nobody who wrote the code or a value could know, and is nowhere else in the code;
 *   MK2  a mark is as long as its reference, so that an error's place in the code is the place in what was written.
 */
import { randomBytes } from 'node:crypto';
import { type CodePieces, toInlineText } from '../../contract/code-text.ts';

/** A reference stands where its language has no place for a value. The message names it and the way out. */
export class UnbindableError extends Error {}

export class Marks {
  /** The code with a mark, after `sigil`, in place of each reference. */
  readonly code: string;
  readonly #references: readonly string[];
  readonly #names: readonly string[];
  readonly #sigil: string;
  readonly #one: RegExp;
  readonly #all: RegExp;
  readonly #cut: RegExp;

  /** `sigil`: what begins a variable in this language. */
  constructor({ strings, references }: CodePieces, sigil: '' | '$') {
    this.#references = references.map((reference) => reference.trim());
    this.#sigil = sigil;
    const stem = toStem(strings);
    this.#names = references.map((reference, i) => {
      const short = `${stem}_${i}_`;
      return `${short.padEnd(reference.length + '{{}}'.length - sigil.length - 1, '_')}z`;
    });
    this.code = strings.map((text, i) => (i === 0 ? text : `${sigil}${this.#names[i - 1]}${text}`)).join('');
    this.#one = new RegExp(`^${stem}_(\\d+)_+z$`);
    // A parser may cut the code that it quotes in a message.
    this.#cut = new RegExp(`\\$?${stem}(?:_(\\d+)_*z?)?`, 'g');
    this.#all = new RegExp(`\\$?${stem}_(\\d+)_+z`, 'g');
  }

  /** Each variable with its value. */
  toEntries(values: readonly unknown[]): [string, unknown][] {
    return this.#names.map((name, i) => [name, values[i]]);
  }

  /** Which reference a variable of this name stands for; undefined when it is no mark. */
  placeOf(name: string): number | undefined {
    const match = this.#one.exec(name);
    return match === null ? undefined : Number(match[1]);
  }

  /** The reference of the first mark in a text, as it is written; undefined when it holds none. */
  referenceIn(text: string): string | undefined {
    const [match] = text.matchAll(this.#all);
    return match && `{{${this.#references[Number(match[1])]}}}`;
  }

  /** A text of the parsed code with the values in place of their marks. */
  fill(text: string, values: readonly unknown[]): string {
    // The sigil is part of the mark only where the language has one.
    return text.replace(this.#all, (found, i: string) => {
      const before = this.#sigil === '' && found.startsWith('$') ? '$' : '';
      return before + toInlineText(values[Number(i)]);
    });
  }

  /** A message of the parser, with the references in place of their marks. */
  show(message: string): string {
    return message.replace(this.#cut, (_, i: string | undefined) =>
      i === undefined ? '{{…' : `{{${this.#references[Number(i)]}}}`,
    );
  }
}

/** MK1. */
function toStem(strings: readonly string[]): string {
  for (;;) {
    const stem = `r${randomBytes(3).toString('hex')}`;
    if (!strings.some((text) => text.includes(stem))) return stem;
  }
}
