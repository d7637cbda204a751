/** `auth` of `http_request`: the usual headers that carry a secret, by the secret's name. */
import { z } from 'zod';
import type { JsonObject } from '../../contract/json.ts';
import { secretNameSchema } from '../../contract/secret-store.ts';
import { type SentSecrets, TaskFailure } from '../../contract/task.ts';
import { headerName } from './header-name.ts';

const oneLine = z
  .string()
  .max(1_000)
  .regex(/^[^\0\r\n]*$/, 'must be one line');

export const authSchema = z.union([
  secretNameSchema,
  z.strictObject({
    basic: z.strictObject({
      user: oneLine.refine((user) => !user.includes(':'), 'holds a colon, which ends the name of a user'),
      secret: secretNameSchema,
    }),
  }),
  z.strictObject({ header: headerName, secret: secretNameSchema, prefix: oneLine.optional() }),
]);
type Auth = z.infer<typeof authSchema>;

/** The header that `auth` sets, in lower case. */
export function authHeaderOf(auth: Auth): string {
  return typeof auth === 'string' || 'basic' in auth ? 'authorization' : auth.header.toLowerCase();
}

/** Throws `TaskFailure`: MISSING_SECRET, or BAD_PARAMS for a value that no header can carry. */
export function toAuthValue(auth: Auth, sent: SentSecrets | undefined): string {
  const name = typeof auth === 'string' ? auth : 'basic' in auth ? auth.basic.secret : auth.secret;
  if (sent === undefined) throw new TaskFailure('MISSING_SECRET', 'auth: its secret is not named in the definition');
  const value = sent.valueOf(name);
  if (typeof auth !== 'string' && 'basic' in auth) {
    return `Basic ${Buffer.from(`${auth.basic.user}:${value}`).toString('base64')}`;
  }
  if (/[\0\r\n]/.test(value)) {
    throw new TaskFailure('BAD_PARAMS', `auth: the secret ${name} has several lines, which no header can carry`);
  }
  return typeof auth === 'string' ? `Bearer ${value}` : `${auth.prefix ?? ''}${value}`;
}

/** See `SecretTaking`. What is text where an object belongs may be a reference: it is told too, so that it is refused. */
export function namedInAuth({ auth }: JsonObject): { path: string[]; name: string }[] {
  const found: [path: string[], name: unknown][] = [
    [['auth'], auth],
    [['auth', 'secret'], inner(auth, 'secret')],
    [['auth', 'basic'], inner(auth, 'basic')],
    [['auth', 'basic', 'secret'], inner(inner(auth, 'basic'), 'secret')],
  ];
  return found.flatMap(([path, name]) => (typeof name === 'string' ? [{ path, name }] : []));
}

function inner(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
