/**
 * A part of a step's outputs, named by a JSON pointer (RFC 6901). A part that is larger than was asked for comes as the
 * beginning of its text, with what it takes to go deeper.
 */
import { invalid, Refusal } from '../contract/failures.ts';
import type { OutputPart } from '../contract/run-view.ts';
import { quoted } from './problem.ts';

const keysShownMax = 1_000;

export function toOutputPart(outputs: unknown, pointer: string, bytesMax: number): OutputPart {
  const value = resolvePointer(outputs, pointer);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  const cut = bytes > bytesMax;
  const shown = cut ? cutToBytes(text, bytesMax) : text;
  return {
    pointer,
    type: toType(value),
    bytes,
    cut,
    ...(typeof value === 'string' || cut ? { text: shown } : { value }),
    ...toChildren(value, cut),
  };
}

function toType(value: unknown): OutputPart['type'] {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as OutputPart['type']);
}

function toChildren(value: unknown, cut: boolean): Pick<OutputPart, 'children' | 'keys'> {
  if (typeof value !== 'object' || value === null) return {};
  if (Array.isArray(value)) return { children: value.length };
  const keys = Object.keys(value);
  return { children: keys.length, ...(cut ? { keys: keys.slice(0, keysShownMax) } : {}) };
}

/** The value that the pointer names. Throws a Refusal: INVALID for what is no pointer, NOT_FOUND where nothing is. */
function resolvePointer(outputs: unknown, pointer: string): unknown {
  if (pointer === '') return outputs;
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    const message = 'must be a JSON pointer (RFC 6901), as in /items/0/name: "/" is written as ~1, "~" as ~0';
    throw invalid('The query is not valid', [{ path: 'pointer', message }]);
  }
  let at: unknown = outputs;
  for (const part of pointer.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere =
      typeof at === 'object' &&
      at !== null &&
      (Array.isArray(at) ? /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < at.length : Object.hasOwn(at, key));
    if (!isThere) throw new Refusal({ code: 'NOT_FOUND', detail: `The outputs have nothing at ${quoted(pointer)}` });
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** As much of a text as so many bytes of UTF-8 hold; no character is split. */
function cutToBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, 'utf8').subarray(0, bytesMax);
  return new TextDecoder().decode(bytes, { stream: true });
}
