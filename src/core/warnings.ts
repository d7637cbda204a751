/**
 * What a definition says that is allowed and is seldom meant. A workflow keeps these lines as its `warnings`; `validate`
 * prints them as notes.
 *
 * Rules, numbered for tests:
 *   WA1  `{{…}}` that is not a reference stays as it is: in params, where an action gets it, in what is made of items, and
 *        in names and keys, where no reference is ever replaced;
 *   WA2  `params.x` inside of code is a name of that language, and a reference that is all of the code is no code;
 *   WA3  an action that nobody knows is simulated;
 *   WA4  at most `warningsMax` lines are kept, and one that counts the others; a long path or text is cut in its line;
 *   WA5  what is `told` stands first: numbers of the text of a definition, of a template or of params that a number
 *        cannot hold (`contract/lost-numbers.ts`). The value is gone when this file sees the definition;
 *   WA6  an item of a list is no name of a Liquid template, unless `data` gives it.
 */
import { toFieldPath } from '../contract/field-errors.ts';
import { didYouMean } from '../contract/nearest.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import { isAlone } from './bindings.ts';
import { itemAt } from './item-at.ts';
import { findReferences, type Names, type Place } from './references.ts';
import { findSecrets } from './step-secrets.ts';
import { boundValues, stepsWithin, type Visited } from './steps-within.ts';

const warningsMax = 50;
/** Characters of a text that a line shows, of a key in its path, and of the path. */
const shownMax = 60;
const keyMax = 100;
const pathMax = 300;

export interface WarningSources {
  readonly steps: readonly unknown[];
  readonly finally?: unknown;
  /** Names of the params that a run has. */
  readonly params: Iterable<string>;
  readonly catalogue: ActionCatalogue;
  /** WA3: false where unknown actions are refused, or named elsewhere. */
  readonly namesSimulated: boolean;
  /** Other texts of the workflow, by field: its name, its description. */
  readonly texts?: Readonly<Record<string, unknown>>;
  /** WA5. */
  readonly told?: readonly string[] | undefined;
}

interface Warned extends WarningSources {
  readonly params: ReadonlySet<string>;
  readonly stepIds: ReadonlySet<unknown>;
}

type Path = readonly (string | number)[];

/** Each line begins with the place that it is about, as in `steps[0].params.input: …`. */
export function findWarnings(sources: WarningSources): string[] {
  const visited = [...stepsWithin(sources)];
  const stepIds = new Set(visited.map(({ step }) => step.id));
  const warned: Warned = { ...sources, params: new Set(sources.params), stepIds };
  const lines = (warned.told ?? []).slice(0, warningsMax);
  let count = warned.told?.length ?? 0;
  const add = (path: Path, message: string) => {
    count += 1;
    if (count <= warningsMax) lines.push(`${toShownPath(path)}: ${message}`);
  };
  for (const [field, text] of Object.entries(warned.texts ?? {})) warnOfReference([field], text, add);
  for (const each of visited) warnOfStep(each, warned, add);
  return count <= warningsMax ? lines : [...lines, `and ${count - warningsMax} more like these`];
}

/** Under a key of a megabyte there may lie fifty texts to warn of. */
function toShownPath(path: Path): string {
  return cut(toFieldPath(path.map((part) => (typeof part === 'string' ? cut(part, keyMax) : part))), pathMax);
}

type Add = (path: Path, message: string) => void;

function warnOfStep({ step, path, names, outer }: Visited, warned: Warned, add: Add): void {
  const { name, action, params } = step;
  warnOfReference([...path, 'name'], name, add);
  const info = typeof action === 'string' ? warned.catalogue.get(action) : undefined;
  if (typeof action === 'string' && info === undefined && warned.namesSimulated) {
    const guess = didYouMean(action, warned.catalogue.keys());
    add([...path, 'action'], `no task has the name ${quote(action)}, so the step is simulated${guess}`);
  }
  for (const [field, value] of boundValues(step)) {
    if (field === 'params') continue;
    warnOfValue([...path, field], value, { ...warned, names: field === 'forEach' ? outer : names }, add);
  }
  if (typeof params !== 'object' || params === null) return;
  const code = info?.code ?? [];
  for (const [field, value] of Object.entries(params)) {
    const place = [...path, 'params', field];
    if (code.includes(field) && typeof value === 'string') {
      warnOfCode(
        place,
        value,
        { action: String(action), params: params as Record<string, unknown>, names },
        warned,
        add,
      );
    } else {
      warnOfValue(place, value, { ...warned, names }, add);
    }
  }
}

function warnOfValue(path: Path, value: unknown, warned: Warned & { names: Names }, add: Add): void {
  if (typeof value === 'string') {
    if (value.includes('{'))
      for (const stray of new Set(findStray(value, warned.names))) add(path, explainStray(stray, warned));
  } else if (Array.isArray(value)) {
    value.forEach((item, i) => {
      warnOfValue([...path, i], item, warned, add);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      warnOfReference([...path, key], key, add);
      warnOfValue([...path, key], item, warned, add);
    }
  }
}

/** WA1 for texts in which references are not replaced. */
function warnOfReference(path: Path, text: unknown, add: Add): void {
  if (typeof text !== 'string' || !text.includes('{{')) return;
  const [place] = [...findReferences(text), ...findSecrets(text)];
  if (place === undefined) return;
  const shown = cut(text.slice(place.start, place.end));
  add(path, `${shown} stays as it is here; references are replaced in the values of a step's params alone`);
}

const strayBraces = /\{\{[^{}]{0,200}(?:\}\})?|\$?\{\s*(?:params|steps)\.[^{}\s]{1,200}\}/g;

function* findStray(text: string, names: Names): Generator<string> {
  // Where a secret may not stand it is a fault.
  const places = [...findReferences(text, names), ...findSecrets(text)].sort((a, b) => a.start - b.start);
  for (const piece of toPieces(text, places)) {
    for (const [stray] of piece.matchAll(strayBraces)) yield stray;
  }
}

/** What is between references. */
function toPieces(text: string, places: readonly Pick<Place, 'start' | 'end'>[]): string[] {
  const starts = [...places.map(({ start }) => start), text.length];
  return starts.map((start, i) => text.slice(i === 0 ? 0 : itemAt(places, i - 1).end, start));
}

function explainStray(stray: string, warned: Warned): string {
  return `${cut(stray)} is no reference and stays as it is; ${toAdvice(stray, warned)}`;
}

function toAdvice(stray: string, { params }: Warned): string {
  const inner = stray.replace(/^\$?\{+\s*/, '').replace(/\s*\}*$/, '');
  if (/^(?:params|steps)\.[^|]*\|/.test(inner)) return 'a reference takes no filter: the action render has those';
  if (!stray.startsWith('{{')) return `write {{${cut(inner)}}}`;
  const name = /^(?:[A-Za-z]+\.)?([^.|\s]+)$/.exec(inner)?.[1];
  if (name !== undefined && params.has(name)) return `write {{params.${name}}}`;
  return 'write {{params.<name>}} or {{steps.<id>.outputs.<path>}}';
}

interface CodeStep {
  readonly action: string;
  readonly params: Record<string, unknown>;
  readonly names: Names;
}

/** WA2 and WA6. */
function warnOfCode(path: Path, text: string, step: CodeStep, warned: Warned, add: Add): void {
  const places = findReferences(text);
  const [first] = places;
  if (first !== undefined && isAlone(first, text)) {
    const shown = cut(text.slice(first.start, first.end));
    add(path, `${shown} is data here and is not run; write the ${path.at(-1)} itself into the definition`);
    return;
  }
  const pieces = toPieces(text, places);
  const found = step.action === 'render' ? findInTags(pieces, step) : findInExpression(pieces, warned);
  if (found !== undefined) {
    const scope = step.action === 'render' ? 'a name in `data`' : 'a field of `input`';
    if (found.startsWith('secrets'))
      add(path, `${cut(found)} is ${scope} there; no action but those that send secrets gets one`);
    else add(path, `${cut(found)} is ${scope} there, not one of the workflow's; write {{${cut(found)}}}`);
  }
  const item = step.action === 'render' ? findItemName(pieces, step) : undefined;
  if (item !== undefined) add(path, `${item} is no name of this template: write data: { ${item}: '{{${item}}}' }`);
}

const literal = /"[^"]*"|'[^']*'/g;
const tag = /\{[{%][^{}]{0,2000}[}%]\}/g;
const name = /(?<![\w.$"'\]])(params|steps|secrets)[.[][\w.[\]-]{0,100}/g;

function findInTags(pieces: readonly string[], { params: { data } }: CodeStep): string | undefined {
  // A reference: nobody knows yet what it holds.
  if (typeof data === 'string') return undefined;
  const known = new Set(Object.keys((data ?? {}) as object));
  for (const piece of pieces) {
    for (const [text] of piece.matchAll(tag)) {
      for (const match of text.replace(literal, '').matchAll(name)) if (!known.has(String(match[1]))) return match[0];
    }
  }
  return undefined;
}

/** The engine's own names, `index` and `round` apart, hold nothing that a template prints. */
const enginesNames: Names = new Set(['previous', 'workflow']);
const word = /(?<![\w.$-])(?<!\|\s*)[A-Za-z_][\w-]*(?!\s*:|[\w-])/g;
const ownName = /\{%-?\s*(?:for|tablerow|assign|capture|increment|decrement)\s+([A-Za-z_][\w-]*)/g;

/** WA6: what the template would print, `forEach` gives and `data` does not. */
function findItemName(pieces: readonly string[], { params: { data }, names }: CodeStep): string | undefined {
  if (names.size === 0 || typeof data === 'string') return undefined;
  const known = new Set(Object.keys((data ?? {}) as object));
  for (const piece of pieces) for (const [, own = ''] of piece.matchAll(ownName)) known.add(own);
  for (const piece of pieces) {
    for (const [text] of piece.matchAll(tag)) {
      for (const [found] of text.replace(literal, '').matchAll(word)) {
        if (names.has(found) && !enginesNames.has(found) && !known.has(found)) return found;
      }
    }
  }
  return undefined;
}

/** Of an expression's fields only what has the name of a param counts: any input may hold a field called `params`. */
function findInExpression(pieces: readonly string[], { params, stepIds }: Warned): string | undefined {
  for (const piece of pieces) {
    for (const [text] of piece.replace(literal, '').matchAll(name)) {
      const [scope, first] = text.split(/[.[\]]/);
      if (scope !== 'secrets' && first !== undefined && (scope === 'params' ? params : stepIds).has(first)) return text;
    }
  }
  return undefined;
}

function cut(text: string, max = shownMax): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

function quote(text: string): string {
  return JSON.stringify(cut(text));
}
