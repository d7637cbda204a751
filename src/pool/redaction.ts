/**
 * Keeps the secrets of a job out of everything that leaves its thread: error messages, logs, outputs. Remote sides echo
 * keys (a 401 that repeats the Authorization header), and what leaves the thread is stored.
 */

/** A value this short is no secret, and replacing it would shred ordinary text. */
const secretLengthMin = 4;

export type Redact = (text: string) => string;

export function createRedaction(secrets: Readonly<Record<string, string>>): Redact {
  const replacements: [needle: string, label: string][] = [];
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
  return (text) => {
    let redacted = text;
    for (const [needle, label] of replacements) {
      if (redacted.includes(needle)) redacted = redacted.replaceAll(needle, () => label);
    }
    return redacted;
  };
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
