/**
 * `{{secrets.NAME}}` in a step's params: which definitions may say it, and how it comes to the worker. No value is ever here.
 *
 * Rules, numbered for tests:
 *   SE1  `{{secrets` and a `.` or `[` begin one, and only `{{secrets.NAME}}` is one: what begins so and is none is refused;
 *   SE2  only params of an action that takes secrets hold them. In all other fields of a step they are refused, but not in
 *        code, where the name is one of that language. Where a param names a secret by itself, no reference may stand;
 *   SE3  a secret stands behind the host of an address. A secret without hosts of its own needs an address whose scheme and
 *        host the definition writes as text;
 *   SE4  binding leaves the marker in the text and tells where it stands. A value is never searched for one.
 */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import type { JsonObject } from '../contract/json.ts';
import {
  mayGoTo,
  type SecretHosts,
  type SecretPlace,
  type SecretUse,
  secretNameAllowed,
  secretNamePattern,
  tellHosts,
  toMarker,
} from '../contract/secret-store.ts';
import type { SecretTaking } from '../contract/task.ts';
import { BindingError } from './binding-error.ts';

type Path = readonly (string | number)[];

/** A secret in a text: its place, braces included. `name` is null where SE1 refuses it. */
export interface SecretMention {
  readonly start: number;
  readonly end: number;
  readonly name: string | null;
  /** As it is written; a long one is cut. */
  readonly text: string;
}

/** Each is an entry of the job; no request needs so many. */
const placesMax = 1_000;
const tooManyPlaces = `a step names secrets at most ${placesMax} times`;

/** Characters of a text that a message shows. */
const shownMax = 100;

const mention = /\{\{\s*secrets\s*[.[][^{}]*\}\}/g;

/** SE1: those of a text, in order. */
export function findSecrets(text: string): SecretMention[] {
  if (!text.includes('{{')) return [];
  return [...text.matchAll(mention)].map((match) => {
    const [found] = match;
    const name = found.slice(2, -2).trim().slice('secrets.'.length);
    const isOne = toMarker(name) === found.replace(/\s/g, '') && secretNamePattern.test(name);
    const text = found.length > shownMax ? `${found.slice(0, shownMax)}…` : found;
    return { start: match.index, end: match.index + found.length, name: isOne ? name : null, text };
  });
}

/** A bound text with the markers of secrets in it. A class: no value from outside can be one. */
export class SecretText {
  text = '';
  readonly marks: Omit<SecretPlace, 'path'>[] = [];

  add(text: string): void {
    this.text += text;
  }

  addSecret(name: string, form: SecretPlace['form']): void {
    this.marks.push({ name, at: this.text.length, form });
    this.text += toMarker(name);
  }
}

/** SE4: bound params as text alone, and what the worker puts into them; `use` is absent where there is nothing. */
export interface BoundParams {
  readonly params: JsonObject;
  readonly use?: SecretUse;
}

/** `bound` is what `bindParams` made of `written`. Throws BindingError. */
export function toBoundParams(bound: JsonObject, written: JsonObject, taking: SecretTaking | undefined): BoundParams {
  if (taking === undefined) return { params: bound };
  const named = taking.named(written).flatMap(({ name }) => (secretNamePattern.test(name) ? [name] : []));
  const holds = holdsSecret(written);
  if (!holds && named.length === 0) return { params: bound };
  const places: SecretPlace[] = [];
  const params = holds ? (takeOut(bound, [], places) as JsonObject) : bound;
  if (places.length > placesMax) throw new BindingError(tooManyPlaces);
  return { params, use: { places, named, origin: toWrittenOrigin(written[taking.address]) } };
}

function takeOut(value: unknown, path: Path, places: SecretPlace[]): unknown {
  if (value instanceof SecretText) {
    for (const mark of value.marks) places.push({ ...mark, path: [...path] });
    return value.text;
  }
  if (Array.isArray(value)) return value.map((item, i) => takeOut(item, [...path, i], places));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, takeOut(item, [...path, key], places)] as const),
  );
}

function holdsSecret(value: unknown): boolean {
  let holds = false;
  eachText(value, [], (text) => {
    holds ||= findSecrets(text).length > 0;
  });
  return holds;
}

function eachText(value: unknown, path: Path, visit: (text: string, path: Path) => void): void {
  if (typeof value === 'string') visit(value, path);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) eachText(item, [...path, i], visit);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) eachText(item, [...path, key], visit);
  }
}

const beginning = /^https?:\/\/[^\s/?#\\@{}|<>%]+(?=[/?#]|$)/i;

const behindHost = /^https?:\/\/[^\s/?#\\@{}|<>%]+[/?#]/i;

/** Scheme, host and port of an address, where its definition writes them as text; null otherwise. */
export function toWrittenOrigin(address: unknown): string | null {
  const [written = ''] = (typeof address === 'string' && beginning.exec(address.trim())) || [];
  return URL.canParse(written) ? new URL(written).origin : null;
}

export interface SecretCheck {
  /** undefined for an action that takes no secrets. */
  readonly taking: SecretTaking | undefined;
  /** Names of params that are code. */
  readonly code: readonly string[];
  readonly action: string;
  /** Names of the actions that take secrets, for a message. */
  readonly takers: string;
  /** The secrets that there are; undefined where that is not known here. */
  readonly store: SecretHosts | undefined;
  /** `; did you mean "X"?`, or nothing. */
  suggest(name: string, names: () => Iterable<string>): string;
}

type AddFault = (fault: FieldError) => void;

/** SE1 to SE3 for the params of one step, at `prefix`. Returns the paths of texts that hold a secret, within the params. */
export function checkStepSecrets(params: JsonObject, prefix: Path, check: SecretCheck, addFault: AddFault): Path[] {
  const places: Path[] = [];
  let count = 0;
  const { taking } = check;
  const origin = taking ? toWrittenOrigin(params[taking.address]) : null;
  const add = (path: Path, message: string | undefined) => {
    if (message !== undefined) addFault({ path: toFieldPath([...prefix, ...path]), message });
  };
  for (const [field, value] of Object.entries(params)) {
    if (check.code.includes(field)) continue;
    eachText(value, [field], (text, path) => {
      const found = findSecrets(text);
      if (found.length > 0) places.push(path);
      count += found.length;
      for (const one of found) {
        const isAddress = taking !== undefined && path.length === 1 && field === taking.address;
        add(path, (isAddress ? findHostFault(text, one) : undefined) ?? findFault(one.name, one.text, origin, check));
      }
    });
  }
  for (const { path, name } of taking?.named(params) ?? []) {
    if (secretNamePattern.test(name)) add(path, findFault(name, name, origin, check));
    else if (name.includes('{{')) add(path, 'names a secret: write the name itself, a reference cannot choose one');
  }
  if (count > placesMax) add([], tooManyPlaces);
  return places;
}

function findHostFault(address: string, { start, text }: SecretMention): string | undefined {
  const before = address.slice(0, start);
  // What a reference makes of it is seen when it is bound.
  if (before.includes('{{') || behindHost.test(before.trimStart())) return undefined;
  return `${text} stands in the host of an address, and would be told to name servers; a secret stands in the path or in the query`;
}

function findFault(name: string | null, shown: string, origin: string | null, check: SecretCheck): string | undefined {
  const { taking, store, action, takers } = check;
  if (taking === undefined) {
    return `${shown}: "${action}" takes no secrets (${takers} does); text that is meant as it stands comes in by {{params.<name>}}`;
  }
  if (name === null) return `${shown} is not a secret: write {{secrets.NAME}}; a name is ${secretNameAllowed}`;
  if (store === undefined) return undefined;
  const secret = Object.hasOwn(store, name) ? store[name] : undefined;
  if (secret === undefined) {
    return `there is no secret "${name}"; GET /api/secrets lists those there are, and SECRET_${name}=… in the engine's environment adds it${check.suggest(name, () => Object.keys(store))}`;
  }
  const { hosts = [] } = secret;
  // With hosts of its own, where it goes is seen at the latest when the address is bound.
  const mayGo = origin === null ? hosts.length > 0 : mayGoTo(secret, new URL(origin), origin);
  return mayGo ? undefined : `${tellHosts(name, secret)}; SECRET_${name}_HOSTS names its hosts`;
}

/** SE2: fields of a step that take no secret, such as a condition or a label. */
export function findMisplacedSecrets(value: unknown, prefix: Path): FieldError[] {
  const faults: FieldError[] = [];
  eachText(value, prefix, (text, path) => {
    for (const { text: shown } of findSecrets(text)) {
      faults.push({ path: toFieldPath(path), message: `${shown}: a secret stands in params of steps alone` });
    }
  });
  return faults;
}
