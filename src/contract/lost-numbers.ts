/**
 * Numbers of a JSON text that a JavaScript number does not hold as they were written: integers beyond 2^53, `1e400`,
 * amounts with more than 17 digits. The value stays the one that `JSON.parse` gives; people are told of it.
 */
import { toFieldPath } from './field-errors.ts';

export interface LostNumber {
  /** `orders[0].id`; empty for the whole text. */
  readonly path: string;
  /** As it stands in the text. */
  readonly written: string;
  /** What it became. JSON has no infinity, so a number that is too large is null. */
  readonly kept: number | null;
}

/** Longer ones are cut where they are shown. */
const shownMax = 60;
/** A fraction with more digits was not written by a computer that calculates as this one does. */
const fractionDigitsMax = 17;

/** Linear, and false for nearly every text: no number has 16 digits, nor an exponent of three. */
const suspect = /(?:^|[:,[\s])-?(?:[\d.]{16}|[\d.]{1,15}[eE][+-]?\d{3})/;

/** The lost numbers of a well-formed JSON text, in order. At most `most`. */
export function findLostNumbers(text: string, most: number): LostNumber[] {
  const found: LostNumber[] = [];
  if (!suspect.test(text)) return found;
  eachNumber(text, (written, path) => {
    if (isLost(written)) found.push({ path: path(), written, kept: toKept(written) });
    return found.length < most;
  });
  return found;
}

/** One line for a person. `place` says what the path begins in, such as `json`. */
export function toLostNumberText({ path, written, kept }: LostNumber, place = ''): string {
  const separator = place === '' || path === '' || path.startsWith('[') ? '' : '.';
  const shown = written.length > shownMax ? `${written.slice(0, shownMax)}…` : written;
  const became = kept === null ? 'null' : String(kept);
  return `${place}${separator}${path}: ${shown} cannot be held as a number and became ${became}; send it as text to keep it`;
}

/** The value with null in place of infinities, which no JSON text can hold. */
export function withoutInfinities(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(withoutInfinities);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutInfinities(item)]));
}

function toKept(written: string): number | null {
  const value = Number(written);
  return Number.isFinite(value) ? value : null;
}

/** True when the number, as it is shown from now on, is another than the one that was written. */
function isLost(written: string): boolean {
  const value = Number(written);
  if (!Number.isFinite(value)) return true;
  const before = toDecimal(written);
  const after = toDecimal(String(value));
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
  return toFieldPath(open.map(({ key, index }) => (key === null ? index : String(JSON.parse(key)))));
}
