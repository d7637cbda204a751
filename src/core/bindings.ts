/**
 * Puts values in place of the references in a step's params. `references.ts` has their grammar.
 *
 * Rules, numbered for tests:
 *   N1  a string that is one reference takes the value with its type, also where line breaks stand around it, as in a
 *       block of YAML; inside a longer string the value becomes text (a string as it is, null as nothing, anything
 *       else as JSON);
 *   N2  a path walks own properties and array places only;
 *   N3  references are replaced in one pass: a value that replaced one is never searched for references;
 *   N4  in a param that is code (`Task.code`) no value becomes part of the text: strings and values stay apart;
 *   N5  all values that replace references have at most `limits.stepParamsBytesMax` characters together. A reference
 *       that would exceed this is refused before the text is built: a few references to one large output could fill
 *       memory.
 */
import { type CodePieces, type CodeText, toInlineText } from '../contract/code-text.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { toMarker } from '../contract/secret-store.ts';
import { type AddressPart, joinAddress } from './address.ts';
import { BindingError } from './binding-error.ts';
import { itemAt } from './item-at.ts';
import { findReferences, type Names, type Place, type Reference, readReferences } from './references.ts';
import { findSecrets, type SecretMention, SecretText } from './step-secrets.ts';

export { BindingError } from './binding-error.ts';

/** Params that references are replaced in with a rule of their own, by name. */
export interface ParamKinds {
  /** N4. */
  readonly code?: readonly string[] | undefined;
  /** AD1 to AD4. */
  readonly addresses?: readonly string[] | undefined;
  /** SE4: there for an action whose params may hold secrets. Default: `{{secrets.…}}` is text. */
  readonly takesSecrets?: object | undefined;
}

export interface BindingSources {
  readonly params: JsonObject;
  isStep(id: string): boolean;
  /**
   * The parsed outputs of a completed step; undefined when there are none. `path` says what is asked of them: a group
   * gathers no more than that.
   */
  outputsOf(stepId: string, path: readonly string[]): unknown;
  /** The names known where the step stands, besides `params` and `steps`. Default: none. */
  readonly names?: Names | undefined;
  /** The value of an item's name, of `index` or `round`. */
  itemOf?(name: string): unknown;
  /** The outputs of a step in the round before; undefined in the first. */
  previousOf?(innerId: string, path: readonly string[]): unknown;
  /** What `workflow` is in `finally`. */
  workflow?(): JsonObject;
  /** True when references to the outputs of this step stay as they are written. Default: none does. */
  isLeft?(stepId: string): boolean;
}

/** Any value with every reference replaced, as a list or an output of a group. Throws BindingError. */
export function bindAny(value: unknown, sources: BindingSources): unknown {
  return bindValue(value, { sources, charsLeft: limits.stepParamsBytesMax, takesSecrets: false });
}

export interface ShownParams {
  readonly params: JsonObject;
  /** Why texts stay as they are written, one line each; at most `unboundShownMax`. */
  readonly unbound: readonly string[];
}

const unboundShownMax = 20;

/**
 * Params as a person may read them: a text whose references cannot be replaced, or would take all values together beyond
 * `charsMax` characters, stays as it is written, as code does (N4) and what names a secret.
 */
export function bindShown(
  params: JsonObject,
  sources: BindingSources,
  { charsMax, code = [] }: { charsMax: number; code?: readonly string[] | undefined },
): ShownParams {
  const binding: Binding = { sources, charsLeft: charsMax, charsMax, takesSecrets: false };
  const unbound: string[] = [];
  const bind = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(bind);
    if (value !== null && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bind(item)]));
    }
    if (typeof value !== 'string') return value;
    const before = binding.charsLeft;
    try {
      return bindString(value, binding);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      binding.charsLeft = before;
      if (unbound.length < unboundShownMax) unbound.push(error.message);
      return value;
    }
  };
  const bound = Object.entries(params).map(([key, value]) => [key, code.includes(key) ? value : bind(value)]);
  return { params: Object.fromEntries(bound) as JsonObject, unbound };
}

interface Binding {
  readonly sources: BindingSources;
  /** How many more characters may replace references (N5). */
  charsLeft: number;
  /** Default: that of N5. */
  readonly charsMax?: number;
  readonly takesSecrets: boolean;
}

/**
 * The params with every reference replaced; those that are code and hold references become a `CodeText` (N4), texts that
 * hold secrets a `SecretText` (SE4). Throws BindingError, which names a reference that leads nowhere, exceeds N5, or does
 * not fit into an address.
 */
export function bindParams(
  params: JsonObject,
  sources: BindingSources,
  { code = [], addresses = [], takesSecrets }: ParamKinds = {},
): JsonObject {
  const binding = { sources, charsLeft: limits.stepParamsBytesMax, takesSecrets: takesSecrets !== undefined };
  if (code.length === 0 && addresses.length === 0) return bindValue(params, binding) as JsonObject;
  const bind = (key: string, value: unknown): unknown => {
    if (code.includes(key)) return bindCode(key, value, binding);
    if (addresses.includes(key) && typeof value === 'string') return bindAddress(value, binding);
    return bindValue(value, binding);
  };
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, bind(key, value)])) as JsonObject;
}

function bindAddress(text: string, binding: Binding): unknown {
  const secrets = binding.takesSecrets ? findSecrets(text) : [];
  const places = text.includes('{{') ? findReferences(text, binding.sources.names) : [];
  const [first] = places;
  if (secrets.length === 0 && (first === undefined || isAlone(first, text))) return bindString(text, binding);
  const bound = new SecretText();
  const all = [...places, ...secrets].sort((a, b) => a.start - b.start);
  const parts = splitAt(text, all).flatMap((written, i): AddressPart[] => {
    if (i === 0) return [{ written }];
    const place = itemAt(all, i - 1);
    if (!('inner' in place)) return [toSecretPart(toName(place), bound), { written }];
    const { value, text: valueText, isLeft } = takeValue(place.inner, binding);
    const part = { value: valueText, name: place.inner.trim(), isNull: value === null };
    return [isLeft ? { written: valueText } : part, { written }];
  });
  const address = joinAddress(parts);
  if (secrets.length === 0) return address;
  bound.text = address;
  return bound;
}

function toSecretPart(name: string, { marks }: SecretText): AddressPart {
  return { secret: toMarker(name), mark: (form, at) => void marks.push({ name, at, form }) };
}

function toName({ name, text }: SecretMention): string {
  if (name !== null) return name;
  throw new BindingError(`${text} is not a secret: write {{secrets.NAME}}`);
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
  const secrets = binding.takesSecrets ? findSecrets(text) : [];
  if (secrets.length > 0) return bindSecrets(text, secrets, binding);
  const places = findReferences(text, binding.sources.names);
  const [first] = places;
  if (first === undefined) return text;
  if (isAlone(first, text)) return takeValue(first.inner, binding).value;
  return bindInline(text, places, binding);
}

/** SE4. */
function bindSecrets(text: string, secrets: readonly SecretMention[], binding: Binding): SecretText {
  const bound = new SecretText();
  const first = itemAt(secrets, 0);
  if (isAlone(first, text)) {
    bound.addSecret(toName(first), 'plain');
    return bound;
  }
  for (const [i, piece] of splitAt(text, secrets).entries()) {
    if (i > 0) bound.addSecret(toName(itemAt(secrets, i - 1)), 'plain');
    bound.add(bindInline(piece, findReferences(piece), binding));
  }
  return bound;
}

function bindInline(text: string, places: readonly Place[], binding: Binding): string {
  return splitAt(text, places)
    .map((piece, i) => (i === 0 ? piece : takeValue(itemAt(places, i - 1).inner, binding).text + piece))
    .join('');
}

/** N1: nothing is beside it on its line, and nothing but white space on other lines. */
export function isAlone({ start, end }: Span, text: string): boolean {
  if (start === 0 && end === text.length) return true;
  const around = `${text.slice(0, start)}${text.slice(end)}`;
  return around.trim() === '' && /[\r\n]/.test(around);
}

type Span = Pick<Place, 'start' | 'end'>;

function splitAt(text: string, places: readonly Span[]): string[] {
  const starts = [...places.map(({ start }) => start), text.length];
  return starts.map((start, i) => text.slice(i === 0 ? 0 : itemAt(places, i - 1).end, start));
}

/** N4. Code without references stays a string. */
function bindCode(key: string, value: unknown, binding: Binding): unknown {
  // CT1: what is no text is refused by the action's schema; it must not pass for the engine's own form.
  if (typeof value !== 'string') {
    if (value === null || typeof value !== 'object') return value;
    throw new BindingError(`"${key}" has to be text: it is code, and is not made from references`);
  }
  const pieces = toCodePieces(value);
  if (pieces === null) return value;
  const values = pieces.references.map((inner) => takeValue(inner, binding).value);
  return { ...pieces, values } satisfies CodeText;
}

/** Code taken apart at its references; null when it has none. */
export function toCodePieces(text: string): CodePieces | null {
  const places = text.includes('{{') ? findReferences(text) : [];
  if (places.length === 0) return null;
  return { strings: splitAt(text, places), references: places.map(({ inner }) => inner) };
}

interface Taken {
  readonly value: unknown;
  readonly text: string;
  readonly isLeft?: true;
}

/** RE4 (references.ts). A source that is not there counts as null as long as another one follows. */
function takeValue(inner: string, binding: Binding): Taken {
  const sources = readReferences(inner, binding.sources.isStep, binding.sources.names);
  for (const source of sources.slice(0, -1)) {
    try {
      const taken = takeOne(source, inner, binding);
      if (taken.value !== null) return taken;
    } catch (error) {
      if (!(error instanceof BindingError) || source.kind === 'malformed') throw error;
    }
  }
  return takeOne(itemAt(sources.slice(-1), 0), inner, binding);
}

function takeOne(source: Reference, inner: string, binding: Binding): Taken {
  if (source.kind === 'step' && binding.sources.isLeft?.(source.stepId)) {
    const text = `{{${inner}}}`;
    return { value: text, text, isLeft: true };
  }
  const value = resolve(source, binding.sources);
  const text = toInlineText(value);
  binding.charsLeft -= text.length;
  if (binding.charsLeft < 0) {
    const advice = 'refer to less of it, or split the step';
    throw new BindingError(
      `{{${source.text}}} takes the params beyond ${binding.charsMax ?? limits.stepParamsBytesMax} characters; ${advice}`,
    );
  }
  return { value, text };
}

function resolve(reference: Reference, sources: BindingSources): unknown {
  if (reference.kind === 'malformed')
    throw new BindingError(`{{${reference.text}}} is not a reference: ${reference.reason}`);
  if (reference.kind === 'value') return reference.value;
  let value = rootOf(reference, sources);
  for (const key of reference.path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) {
      throw new BindingError(`{{${reference.text}}} leads nowhere: there is no "${key}"`);
    }
    value = (value as Record<string, unknown>)[key];
  }
  if (value === undefined) throw new BindingError(`{{${reference.text}}} leads nowhere: the step has no outputs`);
  return value;
}

function rootOf(reference: Exclude<Reference, { kind: 'malformed' | 'value' }>, sources: BindingSources): unknown {
  switch (reference.kind) {
    case 'params':
      return sources.params;
    case 'step':
      return sources.outputsOf(reference.stepId, reference.path);
    case 'item':
      return sources.itemOf?.(reference.name);
    case 'previous':
      return sources.previousOf?.(reference.stepId, reference.path);
    case 'workflow':
      return sources.workflow?.();
  }
}
