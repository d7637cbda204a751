/**
 * A look at a body's bytes before they are parsed, in one pass, as they come: how deep, how many tokens, which keys.
 * JSON nested 5,000 deep parses well and then breaks whatever walks it; a million keys cost memory many times their
 * bytes. It does not judge syntax: what gets through may still fail to parse.
 */
import { limits } from '../contract/limits.ts';
import { type KeyBounds, KeyCount, type KeyFinding } from './key-count.ts';

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/** Keys that mean something to JavaScript objects and nothing to a workflow. */
const refusedKeys = ['__proto__', 'constructor', 'prototype'];
// A key of the longest of them with every character escaped (`\u005f`) is six times as long.
const suspectLengthMax = 'constructor'.length * 6;
const suspectLengthMin = '__proto__'.length;
const stepsLengthMax = 'steps'.length * 6;

export interface ScanBounds extends KeyBounds {
  tokensMax: number;
}

export type ScanFinding =
  | { kind: 'too_deep' }
  | { kind: 'too_many_tokens' }
  | { kind: 'refused_key'; key: string }
  | KeyFinding;

export function scanJson(bytes: Uint8Array, bounds: ScanBounds): ScanFinding | null {
  return new JsonScan(bounds).write(bytes);
}

export class JsonScan {
  readonly #tokensMax: number;
  readonly #keys: KeyCount;
  #depth = 0;
  #tokens = 0;
  #isInString = false;
  #isEscaped = false;
  #isInScalar = false;
  /** The last token was a string: a colon makes it a key. */
  #isAfterString = false;
  /** The last string: what pieces before this one had of it, and where it stands in this one. */
  #carried = '';
  #from = 0;
  #to = 0;

  constructor({ tokensMax, ...keys }: ScanBounds) {
    this.#tokensMax = tokensMax;
    this.#keys = new KeyCount(keys);
  }

  /** The next piece of the text. After a finding there is nothing more to learn. */
  write(bytes: Uint8Array): ScanFinding | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isInString) {
        at = this.#readString(bytes, at);
        continue;
      }
      if (this.#isInScalar) {
        at = afterScalar(bytes, at);
        if (at === bytes.length) break;
        this.#isInScalar = false;
      }
      const byte = bytes[at];
      at += 1;
      if (isSpace(byte)) continue;
      const finding = this.#take(bytes, byte, at);
      if (finding !== null) return finding;
    }
    this.#carry(bytes);
    return null;
  }

  /** A byte outside strings and scalars. `next` is where it ends. */
  #take(bytes: Uint8Array, byte: number | undefined, next: number): ScanFinding | null {
    const isOfKey = byte === colon && this.#isAfterString;
    if (isOfKey) {
      const key = refusedKeyOf(this.#lastString(bytes, suspectLengthMin, suspectLengthMax));
      if (key !== null) return { kind: 'refused_key', key };
    }
    this.#tokens += 1;
    if (this.#tokens > this.#tokensMax) return { kind: 'too_many_tokens' };
    this.#isAfterString = false;
    if (byte === quote) {
      this.#isInString = true;
      this.#carried = '';
      this.#from = next;
      this.#to = next;
    } else if (byte === 0x7b || byte === 0x5b) {
      this.#depth += 1;
      if (this.#depth > limits.jsonDepthMax) return { kind: 'too_deep' };
      this.#keys.open(this.#depth, byte === 0x7b);
    } else if (byte === 0x7d || byte === 0x5d) {
      this.#keys.close(this.#depth);
      this.#depth = Math.max(0, this.#depth - 1);
    } else if (byte === colon) {
      return this.#keys.key(this.#depth, () => isOfKey && readsSteps(this.#lastString(bytes, 0, stepsLengthMax)));
    } else if (byte === 0x2c) {
      return this.#keys.comma(this.#depth);
    } else {
      this.#isInScalar = true;
    }
    return null;
  }

  /** Where it goes on: behind the string, or at the end of this piece. */
  #readString(bytes: Uint8Array, from: number): number {
    let at = from;
    let isEscaped = this.#isEscaped;
    while (at < bytes.length && (isEscaped || bytes[at] !== quote)) {
      isEscaped = !isEscaped && bytes[at] === backslash;
      at += 1;
    }
    this.#isEscaped = isEscaped;
    this.#to = at;
    if (at === bytes.length) return at;
    this.#isInString = false;
    this.#isAfterString = true;
    return at + 1;
  }

  /** The last string as it is written, without its quotes; null where it is shorter or longer than that. */
  #lastString(bytes: Uint8Array, lengthMin: number, lengthMax: number): string | null {
    const length = this.#carried.length + this.#to - this.#from;
    if (length < lengthMin || length > lengthMax) return null;
    return this.#carried + toLatin1(bytes, this.#from, this.#to);
  }

  /** Keeps what the next piece may ask for, as much of it as can be one of the keys. */
  #carry(bytes: Uint8Array): void {
    if (!this.#isInString && !this.#isAfterString) return;
    const to = Math.min(this.#to, this.#from + suspectLengthMax + 1 - this.#carried.length);
    if (to > this.#from) this.#carried += toLatin1(bytes, this.#from, to);
    this.#from = 0;
    this.#to = 0;
  }
}

function toLatin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

function afterScalar(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && !endsScalar(bytes[at])) at += 1;
  return at;
}

function endsScalar(byte: number | undefined): boolean {
  return (
    byte === 0x2c ||
    byte === colon ||
    byte === quote ||
    byte === 0x7b ||
    byte === 0x7d ||
    byte === 0x5b ||
    byte === 0x5d ||
    isSpace(byte)
  );
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** True for the string "steps", however it is escaped. */
function readsSteps(written: string | null): boolean {
  return written === 'steps' || (written?.includes('\\') === true && unescaped(written) === 'steps');
}

function refusedKeyOf(written: string | null): string | null {
  if (written === null) return null;
  const key = written.includes('\\') ? unescaped(written) : written;
  return key !== null && refusedKeys.includes(key) ? key : null;
}

function unescaped(written: string): string | null {
  try {
    return String(JSON.parse(`"${written}"`));
  } catch {
    // A broken escape: not one of the keys, and the parser will refuse the body.
    return null;
  }
}
