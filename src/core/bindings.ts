/**
 * References in a step's params: `{{params.<path>}}` and `{{steps.<id>.outputs.<path>}}`.
 *
 * Rules, numbered for tests:
 *   N1  a string that is one reference takes the value with its type; inside a longer string the value becomes text
 *       (a string as it is, anything else as JSON);
 *   N2  a path walks own properties and array places only, at most 16 deep;
 *   N3  references are replaced in one pass: a value that replaced one is never searched for references;
 *   N4  `{{…}}` that begins with neither `params.` nor `steps.` is not a reference and stays as written (Liquid uses
 *       it);
 *   N5  all values that replace references have at most `limits.stepParamsBytesMax` characters together. A reference
 *       that would exceed this is refused before the text is built: a few references to one large output could fill
 *       memory.
 */
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { itemAt } from './item-at.ts';

const pathDepthMax = 16;
// Linear: no nested quantifiers, and neither braces nor bars can occur inside a reference.
const referencePattern = /\{\{\s*((?:params|steps)\.[^{}|]*)\}\}/g;

export type Reference =
  | { readonly kind: 'params'; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'step'; readonly stepId: string; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: 'malformed'; readonly text: string; readonly reason: string };

/** Step ids may hold dots: `isStep` decides where the id ends. */
export function readReference(text: string, isStep: (id: string) => boolean): Reference {
  const trimmed = text.trim();
  if (trimmed.startsWith('params.')) {
    const path = readPath(trimmed.slice('params.'.length));
    return path
      ? { kind: 'params', path, text: trimmed }
      : { kind: 'malformed', text: trimmed, reason: 'write {{params.<name>}}' };
  }
  const rest = trimmed.slice('steps.'.length);
  let fallback: Reference | undefined;
  for (let at = rest.indexOf('.outputs'); at !== -1; at = rest.indexOf('.outputs', at + 1)) {
    const tail = rest.slice(at + '.outputs'.length);
    if (tail !== '' && tail[0] !== '.' && tail[0] !== '[') continue;
    const path = tail === '' ? [] : readPath(tail[0] === '.' ? tail.slice(1) : tail);
    const stepId = rest.slice(0, at);
    if (!path || stepId === '') continue;
    const reference: Reference = { kind: 'step', stepId, path, text: trimmed };
    if (isStep(stepId)) return reference;
    fallback ??= reference;
  }
  return fallback ?? { kind: 'malformed', text: trimmed, reason: 'write {{steps.<id>.outputs.<path>}}' };
}

// Linear: each part begins with a character that cannot occur in the part before it.
const pathPattern = /^(?:\[\d+\]|[^\s.[\]]+)(?:\.[^\s.[\]]+|\[\d+\])*$/;

/** `a.b[0].c` → ['a','b','0','c']; undefined when the text is not a path. */
function readPath(text: string): string[] | undefined {
  if (!pathPattern.test(text)) return undefined;
  const parts = text.split(/[.[\]]+/).filter((part) => part !== '');
  return parts.length <= pathDepthMax ? parts : undefined;
}

/** Calls `visit` for each reference, with the place of its string in the params. */
export function eachReference(
  value: unknown,
  isStep: (id: string) => boolean,
  visit: (reference: Reference, path: readonly (string | number)[]) => void,
  path: readonly (string | number)[] = [],
): void {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return;
    for (const match of value.matchAll(referencePattern)) visit(readReference(itemAt(match, 1), isStep), path);
  } else if (Array.isArray(value)) {
    value.forEach((item, i) => {
      eachReference(item, isStep, visit, [...path, i]);
    });
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) eachReference(item, isStep, visit, [...path, key]);
  }
}

export class BindingError extends Error {}

export interface BindingSources {
  readonly params: JsonObject;
  isStep(id: string): boolean;
  /** The parsed outputs of a completed step; undefined when there are none. */
  outputsOf(stepId: string): unknown;
  /** True when references to the outputs of this step stay as they are written. Default: none does. */
  isLeft?(stepId: string): boolean;
}

interface Binding {
  readonly sources: BindingSources;
  /** How many more characters may replace references (N5). */
  charsLeft: number;
}

/**
 * The params with every reference replaced. Throws BindingError, which names a reference that leads nowhere or
 * exceeds N5.
 */
export function bindParams(params: JsonObject, sources: BindingSources): JsonObject {
  return bindValue(params, { sources, charsLeft: limits.stepParamsBytesMax }) as JsonObject;
}

function bindValue(value: unknown, binding: Binding): unknown {
  if (typeof value === 'string') return bindString(value, binding);
  if (Array.isArray(value)) return value.map((item) => bindValue(item, binding));
  if (value !== null && typeof value === 'object') {
    // fromEntries defines own properties, so a key named __proto__ stays a key.
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bindValue(item, binding)]));
  }
  return value;
}

function bindString(text: string, binding: Binding): unknown {
  if (!text.includes('{{')) return text;
  const whole = /^\{\{\s*((?:params|steps)\.[^{}|]*)\}\}$/.exec(text);
  if (whole) return takeValue(itemAt(whole, 1), binding).value;
  return text.replace(referencePattern, (_, inner: string) => takeValue(inner, binding).text);
}

function takeValue(inner: string, binding: Binding): { value: unknown; text: string } {
  const reference = readReference(inner, binding.sources.isStep);
  if (reference.kind === 'step' && binding.sources.isLeft?.(reference.stepId)) {
    const text = `{{${inner}}}`;
    return { value: text, text };
  }
  const value = resolve(reference, binding.sources);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  binding.charsLeft -= text.length;
  if (binding.charsLeft < 0) {
    const advice = 'refer to less of it, or split the step';
    throw new BindingError(
      `{{${reference.text}}} takes the params beyond ${limits.stepParamsBytesMax} characters; ${advice}`,
    );
  }
  return { value, text };
}

function resolve(reference: Reference, sources: BindingSources): unknown {
  if (reference.kind === 'malformed')
    throw new BindingError(`{{${reference.text}}} is not a reference: ${reference.reason}`);
  let value = reference.kind === 'params' ? (sources.params as unknown) : sources.outputsOf(reference.stepId);
  for (const key of reference.path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) {
      throw new BindingError(`{{${reference.text}}} leads nowhere: there is no "${key}"`);
    }
    value = (value as Record<string, unknown>)[key];
  }
  if (value === undefined) throw new BindingError(`{{${reference.text}}} leads nowhere: the step has no outputs`);
  return value;
}
