/**
 * What the engine sends to a server of models besides the call itself, by the server's address (MODEL_SERVERS): a key,
 * headers and a query. They are settings, never params: params are stored.
 */
import { z } from 'zod';

const printable = z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'must be printable ASCII characters without spaces');
const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'must be the name of a header')
  .refine(
    (name) =>
      !/^(?:host|connection|content-.*|transfer-encoding|accept-encoding|te|upgrade|trailer|expect)$/i.test(name),
    'is set by the engine itself',
  );
const headerValue = z.string().regex(/^[\x20-\x7e]{1,4096}$/, 'must be printable ASCII characters');

const serverSchema = z.strictObject({
  key: printable.optional(),
  headers: z.record(headerName, headerValue).optional(),
  query: z.record(z.string().min(1).max(200), z.string().max(4_096)).optional(),
});
export type ModelServer = z.infer<typeof serverSchema>;

export const modelServersSchema = z.record(
  z.string().refine(isAddress, 'must be an http or https address without credentials, query or fragment'),
  serverSchema,
);
export type ModelServers = Readonly<z.infer<typeof modelServersSchema>>;

/** The setting's name; among the secrets its value stands as JSON text. */
export const modelServersSetting = 'MODEL_SERVERS';

export function readModelServers(secrets: Readonly<Record<string, string>>): ModelServers {
  const text = secrets[modelServersSetting];
  return text === undefined ? {} : (JSON.parse(text) as ModelServers);
}

/** The entry of the longest address with which the base URL begins, by whole segments of the path; {} without one. */
export function serverAt(servers: ModelServers, baseUrl: string): ModelServer {
  const wanted = toPrefix(baseUrl);
  const [found] = Object.entries(servers)
    .filter(([address]) => wanted.startsWith(toPrefix(address)))
    .sort(([a], [b]) => toPrefix(b).length - toPrefix(a).length);
  return found?.[1] ?? {};
}

/** Headers and query fields that are known to hold no secret; the value of any other one is taken out of texts. */
const openNames = new Set([
  'api-version',
  'version',
  'region',
  'deployment',
  'http-referer',
  'referer',
  'x-title',
  'user-agent',
  'openai-organization',
  'openai-project',
  'openai-beta',
  'anthropic-version',
  'anthropic-beta',
]);

/** The values of MODEL_SERVERS that are secrets. */
export function secretsOfServers(servers: ModelServers): string[] {
  return Object.values(servers).flatMap(({ key, headers = {}, query = {} }) => [
    ...(key === undefined ? [] : [key]),
    ...Object.entries({ ...headers, ...query }).flatMap(([name, value]) => {
      // `Bearer abc` is found by its second word, wherever that stands.
      return openNames.has(name.toLowerCase()) ? [] : [value.replace(/^(?:Bearer|Basic|Token) +/i, '')];
    }),
  ]);
}

function toPrefix(address: string): string {
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname.replace(/\/*$/, '/')}`;
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && `${username}${password}${search}${hash}` === '';
}
