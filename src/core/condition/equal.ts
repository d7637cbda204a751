/** Equality and membership as CEL has them, over values of JSON, counted. */
import type { Work } from './work.ts';

/** Characters that two texts are compared by in the time of one unit. */
const comparedPerUnit = 256;
/** What it takes to list a name of an object. Names cannot be counted otherwise. */
const unitsPerName = 2;

/** What JSON calls an object: fields by name. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Values of different kinds are not equal; 1 and 1.0 are. */
export function isEqual(a: unknown, b: unknown, work: Work, level = 0): boolean {
  work.spend(1);
  // A double and an int of the same value are equal, as in CEL.
  if (isNumber(a) && isNumber(b)) return a >= b && a <= b;
  if (typeof a === 'string' && typeof b === 'string') return areTextsEqual(a, b, work);
  if (Array.isArray(a) && Array.isArray(b)) return areListsEqual(a, b, work, level + 1);
  if (isObject(a) && isObject(b)) return areObjectsEqual(a, b, work, level + 1);
  return a === b;
}

function areTextsEqual(a: string, b: string, work: Work): boolean {
  if (a.length !== b.length) return false;
  work.readText(a.length, comparedPerUnit);
  return a === b;
}

function areListsEqual(a: readonly unknown[], b: readonly unknown[], work: Work, level: number): boolean {
  if (a.length !== b.length) return false;
  work.descend(level);
  work.lookThrough(a.length);
  return a.every((element, i) => isEqual(element, b[i], work, level));
}

type Fields = Readonly<Record<string, unknown>>;

function areObjectsEqual(a: Fields, b: Fields, work: Work, level: number): boolean {
  work.descend(level);
  const names = namesOf(a, work);
  if (names.length !== namesOf(b, work).length) return false;
  work.lookThrough(names.length);
  return names.every((name) => Object.hasOwn(b, name) && isEqual(a[name], b[name], work, level));
}

export function namesOf(value: Fields, work: Work): string[] {
  const names = Object.keys(value);
  work.spend(names.length * unitsPerName);
  return names;
}

export function compareTexts(a: string, b: string, work: Work): number {
  work.readText(Math.min(a.length, b.length), comparedPerUnit);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Up to this length the engine's own search is used. Its time can be the product of the lengths. */
const shortMax = 8;
/** Comparisons of characters in the time of one unit: by the engine's search, and by the one below. */
const comparedPerUnitNatively = 40;
const searchedPerUnit = 6;

/** Whether a text holds another. The work is in proportion to the sum of their lengths, whatever they are. */
export function holds(text: string, part: string, work: Work): boolean {
  if (part.length > text.length) return false;
  const isShort = part.length <= shortMax;
  work.readText(text.length, isShort ? comparedPerUnitNatively / Math.max(part.length, 1) : searchedPerUnit);
  return isShort ? text.includes(part) : findLinearly(text, part);
}

/** Knuth, Morris and Pratt: no character of the text is read twice. */
function findLinearly(text: string, part: string): boolean {
  const borders = new Int32Array(part.length + 1);
  borders[0] = -1;
  for (let i = 0, border = -1; i < part.length; i += 1) {
    while (border >= 0 && part.charCodeAt(border) !== part.charCodeAt(i)) border = borders[border] as number;
    border += 1;
    borders[i + 1] = border;
  }
  for (let i = 0, found = 0; i < text.length; i += 1) {
    while (found >= 0 && part.charCodeAt(found) !== text.charCodeAt(i)) found = borders[found] as number;
    found += 1;
    if (found === part.length) return true;
  }
  return false;
}
