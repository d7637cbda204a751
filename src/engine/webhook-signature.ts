/**
 * Whether a delivery is the sender's: Standard Webhooks, GitHub, Stripe, or a bearer token.
 *
 * Rules, numbered for tests:
 *   WS1  what can be judged by the headers alone is judged before the body is read: a header that is missing, comes twice
 *        or has another form, and a signed time that is more than `toleranceS` away in either direction;
 *   WS2  the bytes of the body are signed, as they came; the algorithm is fixed, whatever the headers name;
 *   WS3  comparing takes constant time: both sides are digests of one length;
 *   WS4  a delivery is identified by what is signed and stays the same when it is sent again (ADR 49);
 *   WS5  whatever is wrong, the caller reads the same words. `why` is for the log.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { secretLengthMin } from '../contract/secret-values.ts';
import type { TemplateWebhook } from '../contract/webhook.ts';

/** Seconds, as the specification of Standard Webhooks and the libraries of Stripe have it. */
export const toleranceS = 300;
const signaturesMax = 16;
const idLengthMax = 256;

type Wrong = { readonly why: string };

export interface Verified {
  /** What identifies the delivery, given its body as JSON: 43 characters; null where nothing does (WS4). */
  idOf(body: unknown): string | null;
}

/** A delivery whose headers are plausible. */
export interface Plausible {
  /** After the body was read. */
  verify(bytes: Uint8Array): Verified | Wrong;
}

export interface SignedHeaders {
  readonly rawHeaders: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What is wrong with a secret for this use; null: it can be used. The message shows no part of it. */
export function findSecretFault(verify: TemplateWebhook['verify'], secret: string): string | null {
  if (verify === 'standard' && toStandardKey(secret) === null) {
    return 'is no secret of Standard Webhooks: whsec_ and 24 to 64 bytes in base64';
  }
  if (verify === 'token' && !/^[\x21-\x7e]+$/.test(secret)) return 'holds what no Authorization header can hold';
  return secret.length < secretLengthMin ? `has fewer than ${secretLengthMin} characters` : null;
}

/** WS1. */
export function readSignature(
  verify: TemplateWebhook['verify'],
  secret: string,
  given: SignedHeaders,
): Plausible | Wrong {
  switch (verify) {
    case 'standard':
      return readStandard(secret, given);
    case 'github':
      return readGithub(secret, given);
    case 'stripe':
      return readStripe(secret, given);
    case 'token':
      return readToken(secret, given);
  }
}

function readStandard(secret: string, given: SignedHeaders): Plausible | Wrong {
  const id = onlyHeader(given, 'webhook-id');
  const time = onlyHeader(given, 'webhook-timestamp');
  const signature = onlyHeader(given, 'webhook-signature');
  if (id === null || time === null || signature === null) return wrong('a header is missing, or comes twice');
  // A dot would leave open where the id ends and the time begins.
  if (!/^[\x21-\x2d\x2f-\x7e]+$/.test(id) || id.length > idLengthMax) return wrong('the id has another form');
  const late = findTimeFault(time, given.now);
  if (late !== null) return wrong(late);
  const candidates = signature.split(' ').flatMap((each) => /^v1,([A-Za-z0-9+/]{43}=)$/.exec(each)?.[1] ?? []);
  const fault = findCountFault(candidates);
  if (fault !== null) return wrong(fault);
  const key = toStandardKey(secret);
  if (key === null) return wrong('the secret has another form');
  return {
    verify(bytes) {
      const expected = createHmac('sha256', key).update(`${id}.${time}.`).update(bytes).digest('base64');
      return isAnyEqual(candidates, expected) ? { idOf: () => toId('id', id) } : wrong('no signature fits');
    },
  };
}

function readGithub(secret: string, given: SignedHeaders): Plausible | Wrong {
  const signature = onlyHeader(given, 'x-hub-signature-256');
  const hex = signature === null ? null : (/^sha256=([0-9a-f]{64})$/.exec(signature)?.[1] ?? null);
  if (hex === null) return wrong('the signature is missing, comes twice, or has another form');
  return {
    verify(bytes) {
      const expected = createHmac('sha256', secret).update(bytes).digest('hex');
      return isAnyEqual([hex], expected) ? { idOf: () => toId('body', bytes) } : wrong('no signature fits');
    },
  };
}

function readStripe(secret: string, given: SignedHeaders): Plausible | Wrong {
  const header = onlyHeader(given, 'stripe-signature');
  if (header === null) return wrong('the signature is missing, or comes twice');
  const parts = header.split(',').map((part) => part.trim());
  const times = parts.filter((part) => part.startsWith('t='));
  const [time = ''] = times.map((part) => part.slice(2));
  if (times.length !== 1) return wrong('there is not one time');
  const late = findTimeFault(time, given.now);
  if (late !== null) return wrong(late);
  const candidates = parts.flatMap((part) => /^v1=([0-9a-f]{64})$/.exec(part)?.[1] ?? []);
  const fault = findCountFault(candidates);
  if (fault !== null) return wrong(fault);
  return {
    verify(bytes) {
      const expected = createHmac('sha256', secret).update(`${time}.`).update(bytes).digest('hex');
      if (!isAnyEqual(candidates, expected)) return wrong('no signature fits');
      return {
        idOf(body) {
          const event = readEventId(body);
          return event === null ? toId('body', bytes) : toId('id', event);
        },
      };
    },
  };
}

function readToken(secret: string, given: SignedHeaders): Plausible | Wrong {
  const authorization = onlyHeader(given, 'authorization');
  const token = authorization === null ? null : (/^Bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? null);
  if (token === null || !isAnyEqual([token], secret)) return wrong('the token is missing, or is another');
  const ids = ['webhook-id', 'idempotency-key'].flatMap((name) => {
    const values = headerValues(given, name);
    return values.length === 0 ? [] : [values];
  });
  const [sent] = ids;
  if (sent === undefined) return { verify: () => ({ idOf: () => null }) };
  const [id = ''] = sent;
  if (sent.length > 1 || id === '' || id.length > idLengthMax) return wrong('the id comes twice, or has another form');
  return { verify: () => ({ idOf: () => toId('id', id) }) };
}

function wrong(why: string): Wrong {
  return { why };
}

function headerValues({ rawHeaders }: SignedHeaders, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

/** null where it is missing or empty, or comes more than once: readers would not agree on which counts. */
function onlyHeader(given: SignedHeaders, name: string): string | null {
  const [value = '', ...more] = headerValues(given, name);
  return value === '' || more.length > 0 ? null : value;
}

/** A time is written in one way alone: `time` is signed as text. */
function findTimeFault(time: string, now: number): string | null {
  if (!/^(0|[1-9]\d{0,11})$/.test(time)) return 'the time has another form';
  return Math.abs(Number(time) - Math.floor(now / 1_000)) > toleranceS ? 'the time is too far away' : null;
}

function findCountFault(candidates: readonly string[]): string | null {
  if (candidates.length === 0) return 'there is no signature of the right kind';
  return candidates.length > signaturesMax ? `there are more than ${signaturesMax} signatures` : null;
}

/** WS3. All are compared, also after one has fitted. */
function isAnyEqual(candidates: readonly string[], expected: string): boolean {
  const wanted = digest(expected);
  let isEqual = false;
  for (const candidate of candidates) isEqual = timingSafeEqual(digest(candidate), wanted) || isEqual;
  return isEqual;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** WS4. `what`: an id and a body with the same text are not the same. */
function toId(what: 'id' | 'body', value: string | Uint8Array): string {
  return createHash('sha256').update(`${what}\n`).update(value).digest('base64url');
}

/** null: 24 to 64 bytes are demanded by the specification. */
function toStandardKey(secret: string): Buffer | null {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret;
  const key = Buffer.from(text, 'base64');
  const isBase64 = key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  return isBase64 && key.length >= 24 && key.length <= 64 ? key : null;
}

/** An event of Stripe says its id at the top. */
function readEventId(body: unknown): string | null {
  const id = typeof body === 'object' && body !== null && 'id' in body ? body.id : null;
  return typeof id === 'string' && id !== '' && id.length <= idLengthMax ? id : null;
}
