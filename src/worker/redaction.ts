/**
 * Keeps the secrets of a job out of everything that leaves its thread: error messages, logs, outputs. Remote sides echo
 * keys (a 401 that repeats the Authorization header), and what leaves the thread is stored.
 */

/** A value this short is no secret, and replacing it would shred ordinary text. */
const secretLengthMin = 4;

export type Redact = (text: string) => string;

export function createRedaction(secrets: Readonly<Record<string, string>>): Redact {
  const replacements = toReplacements(secrets);
  return (text) => replaceAll(text, replacements);
}

export interface PieceRedaction {
  /** What can be passed on of all that was added: no end of it may be the beginning of a secret. */
  add(text: string): string;
  rest(): string;
}

/** The same for a text that comes in pieces: what is passed on, joined, is what the whole would have become. */
export function createPieceRedaction(secrets: Readonly<Record<string, string>>): PieceRedaction {
  const replacements = toReplacements(secrets);
  let held = '';
  return {
    add(text) {
      held += text;
      const end = findSafeEnd(held, replacements);
      const safe = held.slice(0, end);
      held = held.slice(end);
      return replaceAll(safe, replacements);
    },
    rest() {
      const last = held;
      held = '';
      return replaceAll(last, replacements);
    },
  };
}

/** The latest place at which no secret is cut apart, whole ones and those that the next piece may complete. */
function findSafeEnd(text: string, replacements: readonly Replacement[]): number {
  let end = text.length;
  for (const [needle] of replacements) {
    let start = Math.max(0, text.length - needle.length + 1);
    while (start < end && !needle.startsWith(text.slice(start))) start += 1;
    end = Math.min(end, start);
  }
  // A whole one may reach over the end that was found; moving before it may cut another.
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

function toReplacements(secrets: Readonly<Record<string, string>>): Replacement[] {
  const replacements: Replacement[] = [];
  for (const [name, value] of Object.entries(secrets)) {
    // Addresses travel with the keys they belong to and are no secrets: `http://localhost:11434/v1` may stand anywhere.
    if (value.length < secretLengthMin || name.endsWith('_BASE_URL')) continue;
    const bytes = Buffer.from(value);
    const forms = new Set([
      value,
      // Inside JSON text, quotes and backslashes of the value are escaped.
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(bytes.toString()),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]);
    for (const form of forms) replacements.push([form, `[secret ${name}]`]);
  }
  // Longest first: a secret that is the beginning of another one must not leave the other's rest behind.
  replacements.sort(([a], [b]) => b.length - a.length);
  return replacements;
}

function replaceAll(text: string, replacements: readonly Replacement[]): string {
  let redacted = text;
  for (const [needle, label] of replacements) {
    if (redacted.includes(needle)) redacted = redacted.replaceAll(needle, () => label);
  }
  return redacted;
}

/** The same for JSON text: only inside its strings, so that it stays JSON when a secret reads `1234` or `true`. */
export function redactJson(text: string, redact: Redact): string {
  if (redact(text) === text) return text;
  return JSON.stringify(
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value === 'string') return redact(value);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).map(([key, child]) => [redact(key), child]));
    }),
  );
}
