/**
 * `text_split`: a long text in chunks that a model can take, cut where a reader would pause.
 *
 * Guarantees: no chunk is longer than `size`; every character but white space between chunks is in one at least; no
 * surrogate pair is torn; the work is linear in the text.
 */
import { z } from 'zod';
import type { Task } from '../contract/task.ts';

const textLengthMax = 8 * 1024 * 1024;
/** More chunks than this no list holds sensibly; it bounds what a tiny `size` can make of a large text. */
const sizeMin = 16;

const params = z
  .strictObject({
    text: z.string().max(textLengthMax).meta({ description: 'At most 8 Mi characters.' }),
    size: z
      .int()
      .min(sizeMin)
      .max(1_000_000)
      .default(2_000)
      .meta({ description: 'Longest chunk in characters (UTF-16 code units); 2,000 when not given.' }),
    overlap: z.int().min(0).optional().meta({
      description: 'About how many characters a chunk repeats of the one before; a tenth of size when not given.',
    }),
  })
  .refine(({ size, overlap = 0 }) => overlap <= size / 2, {
    path: ['overlap'],
    message: 'must be at most half of size',
  });

export const textSplit: Task<z.infer<typeof params>> = {
  action: 'text_split',
  lane: 'cpu',
  description:
    'Splits a text into chunks of at most `size` characters, at the borders of paragraphs, sentences or words where there are any, each repeating about `overlap` characters of the one before.',
  params,
  timeoutMs: 60_000,
  run: ({ text, size, overlap = Math.floor(size / 10) }) => ({ outputs: { chunks: splitText(text, size, overlap) } }),
};

function splitText(text: string, size: number, overlap: number): string[] {
  return findRanges(text, size, overlap)
    .map(({ start, end }) => text.slice(start, end).trim())
    .filter((chunk) => chunk !== '');
}

/** Each range begins within or right behind the one before, and ends behind its end. */
export function findRanges(text: string, size: number, overlap: number): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.length - start <= size ? text.length : findCut(text, start + Math.ceil(size / 2), start + size);
    ranges.push({ start, end });
    start = end === text.length ? end : findStart(text, end - overlap, end);
  }
  return ranges;
}

/** The last good border in (from, to]: of a paragraph, else a sentence, else a line, else a word, else anywhere. */
function findCut(text: string, from: number, to: number): number {
  const borders: ((at: number) => boolean)[] = [
    (at) => text[at - 1] === '\n' && text[at - 2] === '\n',
    (at) => /[。！？]/.test(text[at - 1] ?? '') || (isSpace(text[at]) && /[.!?…]/.test(text[at - 1] ?? '')),
    (at) => text[at - 1] === '\n',
    (at) => isSpace(text[at]) || isSpace(text[at - 1]),
  ];
  for (const isBorder of borders) {
    for (let at = to; at > from; at -= 1) if (isBorder(at)) return at;
  }
  return splitsPair(text, to) ? to - 1 : to;
}

/** Where the next chunk begins: at a word, so that what is repeated can be read. */
function findStart(text: string, from: number, to: number): number {
  for (let at = from; at < to; at += 1) if (isSpace(text[at - 1])) return at;
  return splitsPair(text, from) ? from + 1 : from;
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}

function splitsPair(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
