/** Why a condition has no value. The words are made when they are asked for: most faults are never shown. */
export class Fault {
  readonly say: () => string;

  constructor(say: () => string) {
    this.say = say;
  }
}

export function fault(say: () => string): Fault {
  return new Fault(say);
}

const shownMax = 40;

/** A value in a few words: a text up to 40 characters of it, a list by its size. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') {
    return `the text ${JSON.stringify(value.length > shownMax ? `${value.slice(0, shownMax)}…` : value)}`;
  }
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `the whole number ${value}`;
  if (typeof value === 'number') return `the number ${value}`;
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
}
