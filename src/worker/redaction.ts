/**
 * Keeps secrets out of everything that leaves a thread: error messages, logs, outputs. Remote sides echo keys (a 401
 * that repeats the Authorization header), and what leaves the thread is stored.
 */
import { createNeedles, type Needles } from '../contract/needles.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import { searchedSecrets, searchedStore } from '../contract/secret-values.ts';
import { toSecretForms } from './secret-forms.ts';

export type Redact = (text: string) => string;

type Secrets = Readonly<Record<string, string>>;

/** `secrets`: those of a job. `store`: more that are searched for. */
export function createRedaction(secrets: Secrets, store?: SecretStore): Redact {
  const replacements = toReplacements(secrets);
  if (store === undefined) return (text) => replaceAll(text, replacements);
  const stored = ofStore(store);
  return (text) => {
    const redacted = replaceAll(text, replacements);
    return stored.needles.isIn(redacted) ? replaceAll(redacted, stored.replacements) : redacted;
  };
}

export interface PieceRedaction {
  /** Returns what can be passed on. Text whose end may be the beginning of a secret is kept back. */
  add(text: string): string;
  rest(): string;
}

/** Redacts a text that comes in pieces. The results, joined, are what createRedaction makes of the whole text. */
export function createPieceRedaction(secrets: Secrets): PieceRedaction {
  const replacements = toReplacements(secrets);
  let pending = '';
  return {
    add(text) {
      pending += text;
      const end = findSafeEnd(pending, replacements);
      const safe = pending.slice(0, end);
      pending = pending.slice(end);
      return replaceAll(safe, replacements);
    },
    rest() {
      const last = pending;
      pending = '';
      return replaceAll(last, replacements);
    },
  };
}

/**
 * The latest index at which the text can be cut without cutting a secret, or one that the next piece may complete.
 */
function findSafeEnd(text: string, replacements: readonly Replacement[]): number {
  let end = text.length;
  for (const [needle] of replacements) {
    let start = Math.max(0, text.length - needle.length + 1);
    while (start < end && !needle.startsWith(text.slice(start))) start += 1;
    end = Math.min(end, start);
  }
  // A whole secret may reach over this index. The index moves before it, and may then lie in another secret.
  for (let before = -1; before !== end; ) {
    before = end;
    for (const [needle] of replacements) {
      const at = text.indexOf(needle, Math.max(0, end - needle.length + 1));
      if (at !== -1 && at < end && end < text.length) end = at;
    }
  }
  return end;
}

type Replacement = readonly [needle: string, label: string];

function toReplacements(secrets: Secrets, store?: SecretStore): Replacement[] {
  const replacements = searchedSecrets(secrets).flatMap(toReplacementsOf);
  // Longest first: when one secret begins another, the shorter must not leave the rest of the longer behind.
  return [...replacements, ...(store ? ofStore(store).replacements : [])].sort(longestFirst);
}

function longestFirst([a]: Replacement, [b]: Replacement): number {
  return b.length - a.length;
}

interface Stored {
  readonly replacements: readonly Replacement[];
  readonly needles: Needles;
}

/** The store of a thread stays the same, and has many forms. */
const known = new WeakMap<SecretStore, Stored>();

function ofStore(store: SecretStore): Stored {
  const before = known.get(store);
  if (before !== undefined) return before;
  const replacements = searchedStore(store).flatMap(toReplacementsOf).sort(longestFirst);
  const stored = { replacements, needles: createNeedles(replacements.map(([needle]) => needle)) };
  known.set(store, stored);
  return stored;
}

function toReplacementsOf([name, value]: readonly [string, string]): Replacement[] {
  return toSecretForms(value).map((form) => [form, `[secret ${name}]`]);
}

function replaceAll(text: string, replacements: readonly Replacement[]): string {
  let redacted = text;
  for (const [needle, label] of replacements) {
    if (redacted.includes(needle)) redacted = redacted.replaceAll(needle, () => label);
  }
  return redacted;
}

/** Redacts only the strings of JSON text, so that it stays JSON when a secret is `1234` or `true`. */
export function redactJson(text: string, redact: Redact): string {
  return redact(text) === text ? text : redactStrings(text, redact);
}

function redactStrings(text: string, redact: Redact, redactValue: Redact = redact): string {
  return JSON.stringify(
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value === 'string') return redactValue(value);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).map(([key, child]) => [redact(key), child]));
    }),
  );
}

/** Fewer characters of a secret say nothing: they would cost ordinary words their last letter. */
const secretBeginningMin = 4;

/**
 * The same for texts that something has cut off, as those of a stream that broke off: each is left out from where a secret
 * begins that its end has cut.
 */
export function redactCutJson(text: string, secrets: Secrets, store?: SecretStore): string {
  const replacements = toReplacements(secrets, store);
  const redact = (value: string) => replaceAll(value, replacements);
  return redactStrings(text, redact, (value) => redact(value.slice(0, findCutSecret(value, replacements))));
}

/** Where the earliest secret begins of which the text ends in the middle; the length where there is none. */
function findCutSecret(text: string, replacements: readonly Replacement[]): number {
  let end = text.length;
  for (const [needle] of replacements) {
    for (let length = needle.length - 1; length >= secretBeginningMin; length -= 1) {
      if (text.endsWith(needle.slice(0, length))) {
        end = Math.min(end, text.length - length);
        break;
      }
    }
  }
  return end;
}
