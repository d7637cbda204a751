/**
 * The store of secrets: values that steps send to other machines and that definitions name as `{{secrets.NAME}}`. Keys of
 * models are none of them.
 *
 * Rule, numbered for tests:
 *   SO1  a secret with hosts goes to these alone. One without goes only to the origin that the step's definition writes as
 *        text. `host` means https on its port 443; `host:port` means that port, and only https where it is 443.
 */
import { z } from 'zod';

export const secretNamePattern = /^(?!.*_HOSTS$)[A-Z][A-Z0-9_]{0,63}$/;
export const secretNameAllowed = 'capital letters, digits and _, a letter first, at most 64, not ending in _HOSTS';
export const secretValueLengthMax = 65_536;
const secretsMax = 200;

export const secretNameSchema = z
  .string()
  .regex(secretNamePattern, `must be the name of a secret: ${secretNameAllowed}`);

const storedSecretSchema = z.strictObject({
  value: z
    .string()
    .min(1)
    .max(secretValueLengthMax)
    .refine((value) => !/\0|\p{Surrogate}/u.test(value), 'must be text that UTF-8 can hold, without NUL'),
  /** `host` or `host:port` in the spelling of URLs; empty: see SO1. */
  hosts: z.array(z.string().min(1).max(300)).max(50).default([]),
});

/** By name. Library users may leave `hosts` out. */
export const secretStoreSchema = z
  .record(secretNameSchema, storedSecretSchema)
  .refine((store) => Object.keys(store).length <= secretsMax, `must be at most ${secretsMax} secrets`);
export type SecretStore = Readonly<z.input<typeof secretStoreSchema>>;
/** What a check of a definition needs: names and hosts, no values. */
export type SecretHosts = Readonly<Record<string, { readonly hosts?: readonly string[] | undefined }>>;

/** SO1. `origin` is the one that the step's definition writes; null where a value decides. */
export function mayGoTo({ hosts = [] }: SecretHosts[string], url: URL, origin: string | null): boolean {
  if (hosts.length === 0) return url.origin === origin;
  return hosts.some((entry) => isHost(entry, url));
}

function isHost(entry: string, { protocol, hostname, port }: URL): boolean {
  const wanted = /:\d+$/.test(entry) ? entry : `${entry}:443`;
  const isSecure = protocol === 'https:';
  const given = `${hostname}:${port || (isSecure ? '443' : '80')}`;
  return given === wanted && (isSecure || !wanted.endsWith(':443'));
}

/** `GITHUB_TOKEN goes to api.github.com alone`, for a message. */
export function tellHosts(name: string, { hosts = [] }: SecretHosts[string]): string {
  return hosts.length === 0
    ? `the secret ${name} has no hosts, so it goes only where the step's url writes scheme and host as text`
    : `the secret ${name} goes to ${hosts.map((entry) => entry.replace(/:443$/, '')).join(', ')} alone`;
}

/** Where a text of a step's params takes the value of a secret. */
export const secretPlaceSchema = z.object({
  /** Keys that lead to the text. */
  path: z.array(z.union([z.string(), z.number()])),
  name: z.string(),
  /** Where its marker begins in the text (UTF-16 units); `toMarker(name)` is what stands there. */
  at: z.int(),
  /** How the value is written there: as it is, or encoded for the path or the query of an address. */
  form: z.enum(['plain', 'path', 'query']),
});
export type SecretPlace = Readonly<z.infer<typeof secretPlaceSchema>>;

/** Which secrets an attempt sends. Names and places, no values. */
export const secretUseSchema = z.object({
  places: z.array(secretPlaceSchema),
  /** Names that params give outside of texts, as `auth` does. */
  named: z.array(z.string()),
  /** SO1. */
  origin: z.string().nullable(),
});
export type SecretUse = Readonly<z.infer<typeof secretUseSchema>>;

/** What stands in bound params in place of a value: the reference as it is written. */
export function toMarker(name: string): string {
  return `{{secrets.${name}}}`;
}

/** A value as it is written at its place. In a path, segments stay apart, and what may stand in one stays as it is. */
export function encodeSecret(value: string, form: SecretPlace['form']): string {
  if (form === 'plain') return value;
  const encoded = encodeURIComponent(value);
  // RFC 3986, 3.3: `pchar`, and the slash between segments.
  return form === 'query' ? encoded : encoded.replace(/%(?:2F|3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}
