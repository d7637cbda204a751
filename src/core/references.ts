/**
 * The grammar of references, the one place that defines it:
 *
 *     reference = "{{" source "}}"          spaces may surround the source
 *     source    = "params" path
 *               | "steps" id ".outputs" [path]
 *     id        = "." step id  |  "[" quoted "]"
 *     path      = step { step }             at most 16 steps
 *     step      = "." name  |  "[" digits "]"  |  "[" quoted "]"
 *     name      = characters other than white space and . [ ] { } |
 *     quoted    = '"' text '"'  |  "'" text "'"     with the escapes of JSON, and \'
 *
 * A quoted key reaches every key: `{{params.user["first name"]}}`, `{{steps.fetch.outputs.headers["x-a.b"]}}`.
 *
 * Rules, numbered for tests:
 *   RE1  `{{…}}` that begins with neither `params.`, `params[`, `steps.` nor `steps[` is not a reference and stays as
 *        written (Liquid uses it); neither is text with a brace or a bar outside of quoted keys;
 *   RE2  what begins like a reference, and ends like one, but is none, is malformed: it is refused, never guessed at;
 *   RE3  the time to search a text grows with its length and no faster.
 */
import { itemAt } from './item-at.ts';

const pathDepthMax = 16;
const beginning = /\{\{\s*(?=(?:params|steps)[.[])/g;
const plain = /[^{}|[]*/y;
const quotedKey = /\[\s*(?:"[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^'\\]*(?:\\[\s\S][^'\\]*)*')\s*\]/y;

export type Reference =
  | { readonly kind: 'params'; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'step'; readonly stepId: string; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'malformed'; readonly text: string; readonly reason: string };

/** A reference in a text: its place, braces included, and what stands between the braces. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly inner: string;
}

/** RE1: the references of a text, malformed ones included, in order. */
export function findReferences(text: string): Place[] {
  const places: Place[] = [];
  beginning.lastIndex = 0;
  for (let match = beginning.exec(text); match !== null; match = beginning.exec(text)) {
    const from = match.index + match[0].length;
    const to = findEnd(text, from);
    if (to === -1) {
      // The next one may begin inside of it.
      beginning.lastIndex = match.index + 1;
      continue;
    }
    places.push({ start: match.index, end: to + 2, inner: text.slice(match.index + 2, to) });
    beginning.lastIndex = to + 2;
  }
  return places;
}

/** Where the closing braces are; -1 when a brace or a bar comes first. */
function findEnd(text: string, from: number): number {
  let at = from;
  // RE3: no source has more quoted keys than a path has steps, so none is read further than that.
  for (let keys = 0; keys <= pathDepthMax + 1; ) {
    plain.lastIndex = at;
    plain.exec(text);
    at = plain.lastIndex;
    if (text[at] !== '[') return text.startsWith('}}', at) ? at : -1;
    quotedKey.lastIndex = at;
    const isKey = quotedKey.test(text);
    keys += isKey ? 1 : 0;
    at = isKey ? quotedKey.lastIndex : at + 1;
  }
  return -1;
}

/** `inner` is what stands between the braces. Step ids may hold dots: `isStep` decides where the id ends. */
export function readReference(inner: string, isStep: (id: string) => boolean): Reference {
  const text = inner.trim();
  if (text.startsWith('params')) {
    const path = readPath(text.slice('params'.length));
    return path ? { kind: 'params', path, text } : { kind: 'malformed', text, reason: 'write {{params.<name>}}' };
  }
  const rest = text.slice('steps'.length);
  const step = rest.startsWith('.') ? readDottedStep(rest.slice(1), text, isStep) : readQuotedStep(rest, text);
  return step ?? toMalformedStep(text);
}

function toMalformedStep(text: string): Reference {
  return { kind: 'malformed', text, reason: 'write {{steps.<id>.outputs.<path>}}' };
}

/** `["a step"].outputs.x`; undefined when the id is not quoted. */
function readQuotedStep(rest: string, text: string): Reference | undefined {
  const key = readQuotedKey(rest, 0);
  if (key === undefined) return undefined;
  const tail = rest.slice(key.end);
  if (!tail.startsWith('.outputs')) return toMalformedStep(text);
  const path = readOutputsPath(tail.slice('.outputs'.length));
  return path ? { kind: 'step', stepId: key.key, path, text } : toMalformedStep(text);
}

function readDottedStep(rest: string, text: string, isStep: (id: string) => boolean): Reference | undefined {
  let fallback: Reference | undefined;
  for (let at = rest.indexOf('.outputs'); at !== -1; at = rest.indexOf('.outputs', at + 1)) {
    const path = readOutputsPath(rest.slice(at + '.outputs'.length));
    const stepId = rest.slice(0, at);
    if (!path || stepId === '') continue;
    const reference: Reference = { kind: 'step', stepId, path, text };
    if (isStep(stepId)) return reference;
    fallback ??= reference;
  }
  return fallback;
}

/** What follows `.outputs`: nothing, or a path. */
function readOutputsPath(tail: string): string[] | undefined {
  return tail === '' ? [] : readPath(tail);
}

const nameOrPlace = /\.([^\s.[\]{}|]+)|\.?\[(\d+)\]/y;

/** `.a.b[0]["c d"]` → ['a', 'b', '0', 'c d']; undefined when the text is not a path. */
function readPath(text: string): string[] | undefined {
  const path: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (path.length === pathDepthMax) return undefined;
    nameOrPlace.lastIndex = at;
    const step = nameOrPlace.exec(text);
    if (step) {
      path.push(step[1] ?? itemAt(step, 2));
      at = nameOrPlace.lastIndex;
      continue;
    }
    const key = readQuotedKey(text, text.startsWith('.[', at) ? at + 1 : at);
    if (key === undefined) return undefined;
    path.push(key.key);
    at = key.end;
  }
  return path.length === 0 ? undefined : path;
}

function readQuotedKey(text: string, at: number): { key: string; end: number } | undefined {
  quotedKey.lastIndex = at;
  const match = quotedKey.exec(text);
  if (match === null) return undefined;
  const key = unquote(match[0].slice(1, -1).trim());
  return key === undefined ? undefined : { key, end: quotedKey.lastIndex };
}

/** undefined when an escape is none of JSON's. */
function unquote(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  // In single quotes a double quote stands for itself, and `\'` for a single one.
  const json = quoted.startsWith('"') ? inner : inner.replace(/\\[\s\S]|"/g, toJsonEscape);
  try {
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return undefined;
  }
}

function toJsonEscape(found: string): string {
  if (found === '"') return '\\"';
  return found === "\\'" ? "'" : found;
}

type Visit = (reference: Reference, path: readonly (string | number)[]) => void;

/** Calls `visit` for each reference, with the place of its string in the params. */
export function eachReference(
  value: unknown,
  isStep: (id: string) => boolean,
  visit: Visit,
  path: readonly (string | number)[] = [],
): void {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return;
    for (const { inner } of findReferences(value)) visit(readReference(inner, isStep), path);
  } else if (Array.isArray(value)) {
    value.forEach((item, i) => {
      eachReference(item, isStep, visit, [...path, i]);
    });
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) eachReference(item, isStep, visit, [...path, key]);
  }
}
