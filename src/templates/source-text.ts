/**
 * YAML or JSON text as data, with the way back: where in the text a field stands. Duplicate keys, alias bombs and
 * nesting beyond the engine's bound are refused; tags make no objects. Merge keys (`<<`) work, and fields of the whole
 * whose names begin with `x-` are left out: authors keep anchors and notes there.
 */

import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { toFieldPath, toPlacedFaults } from '../contract/field-errors.ts';
import { limits } from '../contract/limits.ts';
import { type LostNumbers, mayHoldInfinity, withLostNumbers, withoutInfinities } from '../contract/lost-numbers.ts';
import { findJsonComment } from './json-comments.ts';
import { findLostScalars } from './lost-scalars.ts';
import { findTooDeep } from './text-depth.ts';
import { explainThrown, explainYaml, findBareReferences } from './yaml-advice.ts';

export type FieldPath = readonly (string | number)[];

export interface TextPosition {
  line: number;
  column: number;
}

/** One fault of a file: `path` as in `steps[3].dependencies[0]`, `""` for the whole. */
export interface SourceFault {
  path: string;
  message: string;
  position: TextPosition | undefined;
}

export type SourceText =
  | { kind: 'read'; value: unknown; lost: LostNumbers; locate: (path: FieldPath) => TextPosition | undefined }
  | { kind: 'faulty'; faults: SourceFault[] };

export function readSourceText(text: string): SourceText {
  const lines = new LineCounter();
  const comment = findJsonComment(text);
  if (comment !== undefined) return toCommentFault(text, comment);
  const tooDeep = findTooDeep(text, limits.jsonDepthMax);
  if (tooDeep !== undefined) return toDepthFault(toPositionIn(text, tooDeep));
  let document: ReturnType<typeof parseDocument> | undefined;
  let value: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error', merge: true });
    if (document.errors.length === 0) value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Alias bombs end here, and so do aliases without an anchor and nesting that the parser has no stack for.
    const { message, offset } = explainThrown(error, document);
    return {
      kind: 'faulty',
      faults: [{ path: '', message, position: offset === undefined ? undefined : toPosition(lines, offset) }],
    };
  }
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      path: '',
      message: explainYaml(error, text),
      position: toPosition(lines, error.pos[0]),
    }));
    return { kind: 'faulty', faults };
  }
  const bare = findBareReferences(document, text);
  if (bare.length > 0) {
    const faults = bare.map(({ offset, message }) => ({ path: '', message, position: toPosition(lines, offset) }));
    return { kind: 'faulty', faults };
  }
  const locate = (path: FieldPath): TextPosition | undefined => {
    // The nearest field that is there: what is missing has no place of its own.
    for (let length = path.length; length >= 0; length -= 1) {
      const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (hasRange(node)) return toPosition(lines, node.range[0]);
    }
    return undefined;
  };
  if (isDeeperThan(value, limits.jsonDepthMax)) return toDepthFault(undefined);
  if (value === null || value === undefined) {
    const message = 'is empty: a workflow has at least a name and steps, and a template an id too';
    return { kind: 'faulty', faults: [{ path: '', message, position: undefined }] };
  }
  const lost = findLostScalars(document);
  const kept = mayHoldInfinity(lost) ? withoutInfinities(value) : value;
  return { kind: 'read', value: withoutExtensions(kept), lost, locate };
}

function toDepthFault(position: TextPosition | undefined): SourceText {
  const message = `is nested deeper than ${limits.jsonDepthMax} levels`;
  return { kind: 'faulty', faults: [{ path: '', message, position }] };
}

function toCommentFault(text: string, offset: number): SourceText {
  const message =
    'JSON has no comments: take this one out, or keep the note in a field "x-note", or write the file as YAML';
  return { kind: 'faulty', faults: [{ path: '', message, position: toPositionIn(text, offset) }] };
}

function toPositionIn(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function withoutExtensions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !name.startsWith('x-')));
}

/** The faults that a schema found, with their places in the text. */
export function toFaults(
  error: z.ZodError,
  { locate, lost }: Pick<Extract<SourceText, { kind: 'read' }>, 'locate' | 'lost'>,
): SourceFault[] {
  return toPlacedFaults(error.issues).map(({ path, message }) => {
    const place = path.map((part) => (typeof part === 'number' ? part : String(part)));
    const [fault] = withLostNumbers([{ path: toFieldPath(place), message }], lost);
    return { path: toFieldPath(place), message, ...fault, position: locate(place) };
  });
}

function toPosition(lines: LineCounter, offset: number): TextPosition {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}
