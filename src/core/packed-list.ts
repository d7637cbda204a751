/**
 * A list as the JSON texts of its items, one after the other in bytes. Bytes pass from thread to thread without being copied,
 * and an item is parsed when a step needs it.
 */
import type { PackedTexts } from '../contract/inquiry.ts';
import { itemAt } from './item-at.ts';
import type { ItemValues } from './item-list.ts';

/** `values` are JSON. */
export function packList(values: readonly unknown[]): PackedTexts {
  const encoder = new TextEncoder();
  const ends = new Uint32Array(values.length);
  const texts = values.map((value) => encoder.encode(JSON.stringify(value)));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const [i, text] of texts.entries()) {
    bytes.set(text, end);
    end += text.length;
    ends[i] = end;
  }
  return { bytes, ends };
}

export function unpackList({ bytes, ends }: PackedTexts): ItemValues {
  const decoder = new TextDecoder();
  const startOf = (index: number) => (index === 0 ? 0 : itemAt(ends, index - 1));
  const textAt = (index: number) => decoder.decode(bytes.subarray(startOf(index), itemAt(ends, index)));
  return {
    length: ends.length,
    at: (index) => JSON.parse(textAt(index)) as unknown,
    textAt,
    bytesAt: (index) => itemAt(ends, index) - startOf(index),
  };
}
