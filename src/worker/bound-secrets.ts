/**
 * Puts the values of secrets into the params of a job, right before its task runs.
 *
 * Rules, numbered for tests:
 *   SB1  only the places that came with the job take a value. A text that looks like a marker stays as it is;
 *   SB2  the values are in threads of the I/O lane alone, and never in a job;
 *   SB3  no task sees a value when its address is not one that the secret may go to (SO1).
 */
import type { JsonObject } from '../contract/json.ts';
import {
  encodeSecret,
  mayGoTo,
  type SecretPlace,
  type SecretStore,
  type SecretUse,
  tellHosts,
  toMarker,
} from '../contract/secret-store.ts';
import { type SentSecrets, type Task, TaskFailure } from '../contract/task.ts';
import { createRedaction } from './redaction.ts';

interface WithSecrets {
  readonly params: JsonObject;
  readonly sent: SentSecrets | undefined;
}

/** Throws `TaskFailure`: MISSING_SECRET, or TARGET_REFUSED (SB3). */
export function bindSecrets(
  { takesSecrets }: Task,
  params: JsonObject,
  use: SecretUse | undefined,
  store: SecretStore = {},
): WithSecrets {
  if (use === undefined || takesSecrets === undefined) return { params, sent: undefined };
  const names = new Set([...use.places.map(({ name }) => name), ...use.named]);
  const used: SecretStore = Object.fromEntries([...names].map((name) => [name, find(store, name)]));
  const bound = structuredClone(params);
  for (const places of groupByText(use.places)) fill(bound, places, used);
  checkAddress(bound[takesSecrets.address], used, use.origin);
  const redact = createRedaction({}, used);
  return {
    params: bound,
    sent: {
      valueOf: (name) => find(used, name).value,
      paths: use.places.map(({ path }) => path),
      isIn: (text) => redact(text) !== text,
    },
  };
}

function find(store: SecretStore, name: string): SecretStore[string] {
  const secret = Object.hasOwn(store, name) ? store[name] : undefined;
  if (secret !== undefined) return secret;
  throw new TaskFailure(
    'MISSING_SECRET',
    `there is no secret "${name}": set SECRET_${name}, or a file of SECRETS_DIR or an entry of SECRETS_FILE with its name, and start the engine again`,
  );
}

/** The places of each text together, in the order of the text. */
function groupByText(places: readonly SecretPlace[]): SecretPlace[][] {
  const texts = new Map<string, SecretPlace[]>();
  for (const place of [...places].sort((a, b) => a.at - b.at)) {
    const key = JSON.stringify(place.path);
    const text = texts.get(key);
    if (text === undefined) texts.set(key, [place]);
    else text.push(place);
  }
  return [...texts.values()];
}

/** SB1, for one text. */
function fill(params: JsonObject, places: readonly SecretPlace[], used: SecretStore): void {
  const { path, name: first } = places[0]!;
  let inner: unknown = params;
  for (const key of path.slice(0, -1)) inner = childOf(inner, key);
  const last = path.at(-1) ?? '';
  const text = childOf(inner, last);
  if (typeof text !== 'string') throw lost(first);
  let filled = '';
  let from = 0;
  for (const { name, at, form } of places) {
    const marker = toMarker(name);
    if (at < from || !text.startsWith(marker, at)) throw lost(name);
    filled += text.slice(from, at) + encodeSecret(find(used, name).value, form);
    from = at + marker.length;
  }
  filled += text.slice(from);
  // An assignment would set the prototype where the key is `__proto__`.
  Object.defineProperty(inner, last, { value: filled, enumerable: true, configurable: true, writable: true });
}

function childOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function lost(name: string): TaskFailure {
  return new TaskFailure('TASK_ERROR', `the place of the secret ${name} is not in the params`);
}

/** SB3. What is no address is refused by the action's schema. */
function checkAddress(address: unknown, used: SecretStore, origin: string | null): void {
  if (typeof address !== 'string' || !URL.canParse(address)) return;
  const url = new URL(address);
  for (const [name, secret] of Object.entries(used)) {
    if (mayGoTo(secret, url, origin)) continue;
    throw new TaskFailure('TARGET_REFUSED', `${url.origin} gets no secret of this step: ${tellHosts(name, secret)}`);
  }
}
