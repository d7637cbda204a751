/**
 * Numbers of a JSON text that a JavaScript number does not hold as they were written: integers beyond 2^53, `1e400`,
 * amounts with more than 17 digits. The value stays the one that `JSON.parse` gives, and null where that is infinite,
 * because JSON has no infinity. People are told of it.
 */
import type { FieldError } from './failures.ts';
import { toFieldPath } from './field-errors.ts';

export interface LostNumber {
  /** `orders[0].id`; empty for the whole text. Long names in it are cut. */
  readonly path: string;
  /** As it stands in the text; a long one is cut. */
  readonly written: string;
  /** What it became: null where it is too large for any number. */
  readonly kept: number | null;
}

/** The first ones in the order of the text, and whether there are others: they are not looked for. */
export interface LostNumbers {
  readonly first: readonly LostNumber[];
  readonly more: boolean;
}

export const noLostNumbers: LostNumbers = { first: [], more: false };

/** What a person can do about it: where a text is sent, where it is a file, and where a server or a model wrote it. */
export const toKeepIt = {
  sent: 'send it as text to keep it',
  file: 'put it into quotes to keep it',
  answered: 'content has it as it was sent',
} as const;

/** More would push other lines out of a log or a list. */
const firstMax = 20;
/** Longer texts and names are cut where they are shown. */
const writtenMax = 60;
const keyMax = 100;
const pathMax = 300;
/** A fraction with more digits was not written by a computer that calculates as this one does. */
const fractionDigitsMax = 17;
/** Up to so many characters without an exponent, every number comes out as it was written. */
const safeLength = 15;

/** Linear, and false for nearly every text: no number has 16 digits, nor an exponent of three. */
const suspect = /(?:^|[:,[\s])-?(?:[\d.]{16}|[\d.]{1,15}[eE][+-]?\d{3})/;

/** The lost numbers of a well-formed JSON text. `place` stands before each path, as in `params`. */
export function findLostNumbers(text: string, place = ''): LostNumbers {
  if (!suspect.test(text)) return noLostNumbers;
  const found = new LostNumberList();
  eachNumber(text, (written, path) => {
    if (isLostNumber(written)) found.add(written, () => joinPath(place, path()));
    return !found.isFull;
  });
  return found.toLostNumbers();
}

/** Takes lost numbers in the order of their text. */
export class LostNumberList {
  readonly #first: LostNumber[] = [];
  #more = false;

  /** `path` is asked only where it is kept. */
  add(written: string, path: () => string, value = Number(written)): void {
    if (this.#first.length === firstMax) {
      this.#more = true;
      return;
    }
    const kept = Number.isFinite(value) ? value : null;
    this.#first.push({ path: cut(path(), pathMax), written: cut(written, writtenMax), kept });
  }

  /** Nothing changes from now on. */
  get isFull(): boolean {
    return this.#more;
  }

  toLostNumbers(): LostNumbers {
    return { first: this.#first, more: this.#more };
  }
}

/** One line for each of the first, and one where there are others. */
export function toLostNumberLines({ first, more }: LostNumbers, advice: string = toKeepIt.sent): string[] {
  const lines = first.map(({ path, written, kept }) => {
    const place = path === '' ? '' : `${path}: `;
    return `${place}${written} cannot be held as a number and became ${kept}; ${advice}`;
  });
  return more ? [...lines, 'and more numbers that cannot be held'] : lines;
}

/** True for the lines of `toLostNumberLines` that name a place. */
export function isLostNumberLine(line: string): boolean {
  return / cannot be held as a number and became \S+; /.test(line);
}

/** The faults, where a lost number is at fault with what was written there. */
export function withLostNumbers(errors: readonly FieldError[], { first }: LostNumbers): FieldError[] {
  return errors.map((error) => {
    const lost = first.find(({ path }) => path === error.path);
    return lost ? { ...error, message: `${error.message} (${lost.written} cannot be held as a number)` } : error;
  });
}

/** True when lost numbers may have become infinite in the value of their text. */
export function mayHoldInfinity({ first, more }: LostNumbers): boolean {
  return more || first.some(({ kept }) => kept === null);
}

/** The value with null in place of infinities, which no JSON text can hold. Objects and arrays are changed in place. */
export function withoutInfinities(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  // Not by recursion: a text may be nested deeper than the stack.
  const open = new Set<unknown>([value]);
  for (const container of open) {
    if (typeof container !== 'object' || container === null) continue;
    for (const [key, item] of Object.entries(container)) {
      if (typeof item !== 'number') open.add(item);
      // An assignment to `__proto__` would be none.
      else if (!Number.isFinite(item)) Object.defineProperty(container, key, { value: null });
    }
  }
  return value;
}

/** True when the number, as it is shown from now on, is another than the one that was written. */
export function isLostNumber(written: string): boolean {
  if (written.length <= safeLength && !/e/i.test(written)) return false;
  const value = Number(written);
  if (!Number.isFinite(value)) return true;
  const shown = String(value);
  if (shown === written) return false;
  // Neither has an exponent, a fraction or a leading zero: they differ in their digits.
  if (!shown.includes('e') && /^-?[1-9]\d*$/.test(written)) return true;
  const before = toDecimal(written);
  const after = toDecimal(shown);
  if (before.digits === after.digits && before.exponent === after.exponent) return false;
  // 0.10000000000000001 is how some machines write 0.1.
  return before.exponent >= 0 || before.digits.length > fractionDigitsMax || value === 0;
}

/** The number is digits × 10^exponent; the digits end and begin with none that is 0. */
function toDecimal(written: string): { digits: string; exponent: number } {
  const [mantissa = '', exponent = '0'] = written.replace('-', '').toLowerCase().split('e');
  return toTrimmed(mantissa, written.toLowerCase().includes('e') ? Number(exponent) : 0);
}

function toTrimmed(mantissa: string, exponent: number): { digits: string; exponent: number } {
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  let from = 0;
  while (from < all.length && all[from] === '0') from += 1;
  let to = all.length;
  while (to > from && all[to - 1] === '0') to -= 1;
  if (from === to) return { digits: '', exponent: 0 };
  return { digits: all.slice(from, to), exponent: exponent - fraction.length + (all.length - to) };
}

interface Level {
  /** null in an array. */
  key: string | null;
  index: number;
}

/** Calls `visit` for each number until it returns false. The text is well-formed. */
function eachNumber(text: string, visit: (written: string, path: () => string) => boolean): void {
  const open: Level[] = [];
  const path = () => toPath(open);
  const token = /["{}[\],]|-?\d[\d.eE+-]*/g;
  let isKey = false;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    const level = open.at(-1);
    switch (found) {
      case '"': {
        const from = match.index;
        token.lastIndex = afterString(text, from);
        if (isKey && level) level.key = text.slice(from, token.lastIndex);
        isKey = false;
        break;
      }
      case '{':
      case '[':
        isKey = found === '{';
        open.push({ key: isKey ? '' : null, index: 0 });
        break;
      case '}':
      case ']':
        isKey = false;
        open.pop();
        break;
      case ',':
        if (level) level.index += 1;
        isKey = level?.key !== null;
        break;
      default:
        if (!visit(found, path)) return;
    }
  }
}

function afterString(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function toPath(open: readonly Level[]): string {
  return toFieldPath(open.map(({ key, index }) => (key === null ? index : toName(key))));
}

/** `key` is the text of a string, with its quotes. A long one is cut before anything is made of it. */
function toName(key: string): string {
  return key.length > keyMax ? `${key.slice(1, keyMax)}…` : String(JSON.parse(key));
}

function joinPath(place: string, path: string): string {
  return `${place}${place === '' || path === '' || path.startsWith('[') ? '' : '.'}${path}`;
}

function cut(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}
