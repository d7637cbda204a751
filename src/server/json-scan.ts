/**
 * A look at a body's bytes before they are parsed, in one pass: how deep, how many tokens, which keys.
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
// A key of the longest of them with every character escaped (`\u005f`) is six times as long, with two quotes.
const suspectLengthMax = 'constructor'.length * 6 + 2;
const suspectLengthMin = '__proto__'.length + 2;

export interface ScanBounds extends KeyBounds {
  tokensMax: number;
}

export type ScanFinding =
  | { kind: 'too_deep' }
  | { kind: 'too_many_tokens' }
  | { kind: 'refused_key'; key: string }
  | KeyFinding;

export function scanJson(bytes: Uint8Array, bounds: ScanBounds): ScanFinding | null {
  const keys = new KeyCount(bounds);
  let depth = 0;
  let stringFrom = 0;
  let stringTo = 0;
  let tokens = 0;
  let at = 0;
  const end = bytes.length;
  while (at < end) {
    const byte = bytes[at];
    if (isSpace(byte)) {
      at += 1;
      continue;
    }
    tokens += 1;
    if (tokens > bounds.tokensMax) return { kind: 'too_many_tokens' };
    if (byte === quote) {
      stringFrom = at;
      at = afterString(bytes, at);
      stringTo = at;
      const key = refusedKeyAt(bytes, stringFrom, stringTo);
      if (key !== null) return { kind: 'refused_key', key };
      continue;
    }
    at += 1;
    if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > limits.jsonDepthMax) return { kind: 'too_deep' };
      keys.open(depth, byte === 0x7b);
    } else if (byte === 0x7d || byte === 0x5d) {
      keys.close(depth);
      depth = Math.max(0, depth - 1);
    } else if (byte === 0x2c || byte === colon) {
      const finding =
        byte === colon ? keys.key(depth, () => readsSteps(bytes, stringFrom, stringTo)) : keys.comma(depth);
      if (finding !== null) return finding;
    } else {
      at = afterScalar(bytes, at);
    }
  }
  return null;
}

function afterString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return Math.min(at + 1, bytes.length);
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
function readsSteps(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > 'steps'.length * 6 + 2) return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  return text === '"steps"' || (text.includes('\\') && unescaped(text) === 'steps');
}

function refusedKeyAt(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from < suspectLengthMin || to - from > suspectLengthMax) return null;
  let next = to;
  while (isSpace(bytes[next])) next += 1;
  if (bytes[next] !== colon) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  const key = text.includes('\\') ? unescaped(text) : text.slice(1, -1);
  return key !== null && refusedKeys.includes(key) ? key : null;
}

function unescaped(text: string): string | null {
  try {
    return String(JSON.parse(text));
  } catch {
    // A broken escape: not one of the keys, and the parser will refuse the body.
    return null;
  }
}
