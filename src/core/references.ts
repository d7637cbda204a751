/**
 * The grammar of references, the one place that defines it:
 *
 *     reference = "{{" source { "??" source } [ "??" value ] "}}"      spaces may surround each
 *     source    = "params" path
 *               | "steps" id ".outputs" [path]
 *               | item [path]               the name of an item, `index` or `round`: within the steps of a group
 *               | "previous." id ".outputs" [path]                       within the steps of a loop
 *               | "workflow." field         within `finally`
 *     value     = a JSON number, true, false, null, [], text in double quotes, or text in single quotes
 *     id        = "." step id  |  "[" quoted "]"
 *     path      = step { step }             at most 16 steps, and 34 quoted ones in a reference
 *     step      = "." name  |  "[" digits "]"  |  "[" quoted "]"
 *     name      = characters other than white space and . [ ] { } |
 *     quoted    = '"' text '"'  |  "'" text "'"     with the escapes of JSON, and \'
 *
 * A quoted key reaches every key: `{{params.user["first name"]}}`, `{{steps.fetch.outputs.headers["x-a.b"]}}`.
 *
 * Rules, numbered for tests:
 *   RE1  `{{…}}` that begins with neither `params.`, `params[`, `steps.`, `steps[` nor a name that is known where it
 *        stands is not a reference and stays as written (Liquid uses it); neither is text with a brace or a bar outside
 *        of quoted keys;
 *   RE2  what begins like a reference, and ends like one, but is none, is malformed: it is refused, never guessed at;
 *   RE3  the time to search a text grows with its length and no faster;
 *   RE4  of several sources the first that is there and not null counts; a value can only be the last.
 */
import { itemAt } from './item-at.ts';

const pathDepthMax = 16;
/** Sources of one reference, and quoted keys of all of them. */
const alternativesMax = 8;
const quotedKeysMax = 2 * (pathDepthMax + 1);
const named = /\{\{\s*(?:(?=(?:params|steps)[.[])|([A-Za-z_][A-Za-z0-9_]*)(?=[\s.[}?]))/g;
const beginning = /\{\{\s*(?=(?:params|steps)[.[])/g;
const plain = /[^{}|[]*/y;
const quotedKey = /\[\s*(?:"[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^'\\]*(?:\\[\s\S][^'\\]*)*')\s*\]/y;

export type Reference =
  | { readonly kind: 'params'; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'step'; readonly stepId: string; readonly path: readonly string[]; readonly text: string }
  /** The item of a list, or its place; the number of a round. */
  | { readonly kind: 'item'; readonly name: string; readonly path: readonly string[]; readonly text: string }
  /** Outputs of a step in the round before. */
  | { readonly kind: 'previous'; readonly stepId: string; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'workflow'; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'value'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'malformed'; readonly text: string; readonly reason: string };

/** The names that begin a reference where it stands, besides `params` and `steps`. */
export type Names = ReadonlySet<string>;

const noNames: Names = new Set();

/** A reference in a text: its place, braces included, and what stands between the braces. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly inner: string;
}

/** RE1: the references of a text, malformed ones included, in order. */
export function findReferences(text: string, names: Names = noNames): Place[] {
  const places: Place[] = [];
  const pattern = names.size === 0 ? beginning : named;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const from = match.index + match[0].length;
    const to = match[1] === undefined || names.has(match[1]) ? findEnd(text, from) : -1;
    if (to === -1) {
      // The next one may begin inside of it.
      pattern.lastIndex = match.index + 1;
      continue;
    }
    places.push({ start: match.index, end: to + 2, inner: text.slice(match.index + 2, to) });
    pattern.lastIndex = to + 2;
  }
  return places;
}

/** Where the closing braces are; -1 when a brace or a bar comes first. */
function findEnd(text: string, from: number): number {
  let at = from;
  // RE3: no reference has more quoted keys, so none is read further than that.
  for (let keys = 0; keys <= quotedKeysMax; ) {
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

/**
 * RE4: the sources between the braces, in order. `isStep` decides where a step id ends, since it may hold dots; `names` are
 * those known where the reference stands.
 */
export function readReferences(inner: string, isStep: (id: string) => boolean, names: Names = noNames): Reference[] {
  const parts = splitSources(inner);
  if (parts.length === 1) return [readSource(inner.trim(), isStep, names)];
  if (parts.length > alternativesMax) {
    const reason = `at most ${alternativesMax} sources may stand in for each other`;
    return [{ kind: 'malformed', text: inner.trim(), reason }];
  }
  return parts.map((part, i) => {
    const value = i === parts.length - 1 ? readValue(part) : undefined;
    return value === undefined ? readSource(part, isStep, names) : { kind: 'value', value: value.value, text: part };
  });
}

/** Split at `??` outside of quoted keys; text in quotes is always the last. */
function splitSources(inner: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < inner.length) {
    if (inner[at] === '[') {
      quotedKey.lastIndex = at;
      at = quotedKey.test(inner) ? quotedKey.lastIndex : at + 1;
    } else if (inner.startsWith('??', at)) {
      parts.push(inner.slice(start, at).trim());
      at += 2;
      start = at;
      if (/^\s*["']/.test(inner.slice(at, at + 100))) break;
    } else {
      at += 1;
    }
  }
  return [...parts, inner.slice(start).trim()];
}

function readValue(text: string): { value: unknown } | undefined {
  if (/^'[^'{}|]*'$/.test(text)) return { value: text.slice(1, -1) };
  if (!/^(?:["\-0-9]|true$|false$|null$|\[\s*\]$)/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function readSource(text: string, isStep: (id: string) => boolean, names: Names): Reference {
  const root = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text)?.[0] ?? '';
  if (root === 'params') {
    const path = readPath(text.slice('params'.length));
    return path ? { kind: 'params', path, text } : { kind: 'malformed', text, reason: 'write {{params.<name>}}' };
  }
  if (root === 'steps') return readStepSource(text, isStep);
  if (!names.has(root)) {
    const reason = `"${text.slice(0, 60)}" is neither a reference nor a value; text stands in single quotes`;
    return { kind: 'malformed', text, reason };
  }
  const rest = text.slice(root.length);
  if (root === 'previous') {
    const found = readDottedStep(rest.slice(1), text, isStep);
    if (!rest.startsWith('.') || found?.kind !== 'step') {
      return { kind: 'malformed', text, reason: 'write {{previous.<id>.outputs.<path>}}' };
    }
    return { ...found, kind: 'previous' };
  }
  const path = rest === '' ? [] : readPath(rest);
  if (path === undefined) return { kind: 'malformed', text, reason: `write {{${root}}} or {{${root}.<path>}}` };
  return root === 'workflow' ? { kind: 'workflow', path, text } : { kind: 'item', name: root, path, text };
}

function readStepSource(text: string, isStep: (id: string) => boolean): Reference {
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

/** `sources`: all of the reference, this one at place `i`; those behind it stand in where it is not there. */
type Visit = (
  reference: Reference,
  path: readonly (string | number)[],
  sources: readonly Reference[],
  i: number,
) => void;

export interface ReferenceSearch {
  readonly isStep: (id: string) => boolean;
  readonly names?: Names;
  /** Fields at the top of the value in which no names are known: the code of an action. */
  readonly code?: readonly string[];
}

/** Calls `visit` for each source of each reference, with the place of its string in the value. */
export function eachReference(
  value: unknown,
  search: ReferenceSearch,
  visit: Visit,
  path: readonly (string | number)[] = [],
): void {
  visitReferences(value, search, visit, [...path]);
}

/** `path` is one array for the whole walk: a list may have 20,000 items, and most hold no reference. */
function visitReferences(value: unknown, search: ReferenceSearch, visit: Visit, path: (string | number)[]): void {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return;
    const isCode = path.length === 1 && search.code?.includes(String(path[0])) === true;
    const names = isCode ? noNames : search.names;
    const place = [...path];
    for (const { inner } of findReferences(value, names)) {
      const sources = readReferences(inner, search.isStep, names);
      sources.forEach((source, i) => {
        visit(source, place, sources, i);
      });
    }
  } else if (Array.isArray(value)) {
    const last = path.push(0) - 1;
    for (let i = 0; i < value.length; i += 1) {
      path[last] = i;
      visitReferences(value[i], search, visit, path);
    }
    path.pop();
  } else if (value !== null && typeof value === 'object') {
    const last = path.push('') - 1;
    for (const [key, item] of Object.entries(value)) {
      path[last] = key;
      visitReferences(item, search, visit, path);
    }
    path.pop();
  }
}
