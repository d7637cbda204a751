/**
 * `http_request`: one HTTP exchange, redirects included, with a machine the network rules allow (http/target.ts).
 *
 * It never repeats a request by itself: that is the engine's part, which the failure's code and `retryAfterMs` inform.
 */
import { z } from 'zod';
import type { FieldError } from '../contract/failures.ts';
import { type Rehearsal, standInBeginning } from '../contract/rehearsal.ts';
import { type Task, type TaskContext, TaskFailure, type TaskResult } from '../contract/task.ts';
import { toAddress, withQuery } from './http/address.ts';
import { authHeaderOf, authSchema, namedInAuth, toAuthValue } from './http/auth.ts';
import {
  type Answer,
  type Exchange,
  headerOf,
  methods,
  nameOf,
  type Sent,
  send,
  toFailure,
  toLateFailure,
  toStatusFailure,
} from './http/exchange.ts';
import { headerName } from './http/header-name.ts';
import { toContent } from './http/outputs.ts';
import { acceptedEncodings, readBody } from './http/read-body.ts';
import { redirectOf, redirectsMax, toRedirected } from './http/redirect.ts';
import { rehearseTarget } from './http/rehearse-target.ts';
import { base64Pattern, findBodyFaults, isBase64, toRequestBody } from './http/request-body.ts';

const responseBytesMax = 16 * 1024 * 1024;
/** What is read of an unwanted answer, to show its beginning. */
const refusalBytesMax = 64 * 1024;
const refusalShownMax = 300;

const statusClass = z.string().regex(/^[1-5]xx$/, 'must be a status such as 201 or a class such as "2xx"');
const expected = z.union([z.int().min(100).max(599), statusClass]);
const queryValue = z.union([z.string(), z.number(), z.boolean()]);

const fields = z.strictObject({
  url: z
    .string()
    .max(16_384)
    .refine((url) => URL.canParse(url), 'must be a whole address such as https://example.com/path')
    .meta({ description: 'Address with http: or https:. Private and loopback targets need HTTP_ALLOW_HOSTS.' }),
  method: z.enum(methods).default('GET').meta({ description: 'GET when not given.' }),
  headers: z
    .record(
      headerName,
      z
        .string()
        .max(16_384)
        .regex(/^[^\0\r\n]*$/, 'must be one line'),
    )
    .default({})
    .meta({
      description:
        'Request headers. When a redirect leaves the origin, only accept, content-type and the like are sent on.',
    }),
  auth: authSchema.optional().meta({
    description:
      'A secret of the store as a header: its NAME for `Authorization: Bearer`, {basic: {user, secret: NAME}}, or {header, secret: NAME, prefix}.',
  }),
  query: z
    .record(z.string(), z.union([queryValue, z.array(queryValue)]))
    .default({})
    .meta({ description: 'Added to the query of the address; a list repeats its name.' }),
  body: z.json().optional().meta({
    description:
      'A string is sent as it is. Anything else is sent as JSON, or as the form that the content-type header names: application/x-www-form-urlencoded, multipart/form-data. Not for GET and HEAD.',
  }),
  body_base64: z
    .string()
    .regex(base64Pattern, 'must be base64')
    .refine(isBase64, { message: 'must be base64', abort: true, when: ({ issues }) => issues.length === 0 })
    .optional()
    .meta({ description: 'In place of body: bytes, such as file.base64 of another http_request.' }),
  expect: z
    .union([expected, z.array(expected).min(1)])
    .default('2xx')
    .meta({
      description: 'Statuses that count as success: 200, "2xx", [200, 404]. A redirect named here is not followed.',
    }),
});
type Params = z.infer<typeof fields>;

/** What depends on several fields. A field that holds a reference is judged when it is bound. */
const params = fields.superRefine((request, refinement) => {
  for (const { path, message } of findFaults(request)) {
    refinement.addIssue({ code: 'custom', path: path.split('.'), message });
  }
});

function findFaults(request: Params): FieldError[] {
  const { auth, headers } = request;
  const header = auth && authHeaderOf(auth);
  const isTwice = Object.keys(headers).some((name) => name.toLowerCase() === header);
  const ofAuth = isTwice ? [{ path: 'auth', message: `sets ${header}, which headers set too: leave one out` }] : [];
  return [...findTwice(Object.keys(headers)), ...ofAuth, ...findFaultsOfBody(request)];
}

/** Names that differ in their case alone are one header, and one of the values would be lost. */
function findTwice(names: readonly string[]): FieldError[] {
  const seen = new Map<string, string>();
  return names.flatMap((name) => {
    const first = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    return first === undefined ? [] : [{ path: `headers.${name}`, message: `is given twice: as ${first} too` }];
  });
}

function findFaultsOfBody({ headers, body, body_base64: base64 }: Params): FieldError[] {
  if (body === undefined) return [];
  if (base64 !== undefined) return [{ path: 'body_base64', message: 'give body or body_base64, not both' }];
  const contentType = contentTypeOf(headers);
  return contentType?.includes('{{') ? [] : findBodyFaults(body, contentType);
}

function contentTypeOf(headers: Params['headers']): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}

export const httpRequest: Task<Params> = {
  action: 'http_request',
  lane: 'io',
  description:
    'Sends one HTTP request and returns status, headers, text and, where the answer is JSON, its value. An answer that is no text comes as base64 in file. At most 16 MiB, decoded, are read and 20 redirects followed. Requests other than GET and HEAD carry an Idempotency-Key that is the same for every attempt of the step. A POST or PATCH that has reached its server is repeated only where the step says retry.attemptsMax.',
  params,
  addresses: ['url'],
  goesOut: true,
  takesSecrets: { address: 'url', named: namedInAuth },
  timeoutMs: 30_000,
  async run(request, context) {
    const sent: Sent = { unsafe: null };
    try {
      return await runExchanges(request, sent, context);
    } catch (error) {
      if (context.signal.aborted) throw toLateFailure(sent) ?? error;
      throw error;
    }
  },
  async rehearse({ auth: _, ...request }, context) {
    const exchange = await toExchange(request, context);
    await rehearseTarget(exchange.address.url, context.network);
    const [expect] = [request.expect].flat();
    const { origin, pathname, search } = exchange.address.url;
    return {
      outputs: {
        status: typeof expect === 'number' ? expect : Number(`${expect?.[0] ?? 2}00`),
        headers: {},
        // The link is for those that go where a page leads to.
        content: `${standInBeginning}${nameOf(exchange)} was not sent. This text stands in for its answer, with <a href="made-up">a link</a>.`,
      },
      metadata: {
        rehearsal: {
          kind: 'request',
          method: exchange.method,
          // Secrets stay names: no value is there.
          url: `${origin}${pathname.replace(/%7B%7B(secrets\.\w+)%7D%7D/g, '{{$1}}')}${search === '' ? '' : '?…'}`,
          // What a server answers, nobody knows.
          open: ['headers', 'json'],
        } satisfies Rehearsal,
      },
    };
  },
};

async function runExchanges(request: Params, sent: Sent, context: TaskContext): Promise<TaskResult> {
  let exchange = await toExchange(request, context);
  for (let redirects = 0; ; redirects += 1) {
    const answer = await send(exchange, sent, context);
    const location = isExpected(answer.status, request.expect) ? undefined : redirectOf(answer);
    if (location === undefined) return toResult(request, exchange, answer, sent, context);
    await answer.body.dump({ limit: refusalBytesMax, signal: context.signal });
    if (redirects === redirectsMax) {
      throw new TaskFailure('HTTP_STATUS', `${nameOf(exchange)} was redirected more than ${redirectsMax} times`);
    }
    exchange = follow(exchange, answer, location, sent, context);
  }
}

function follow(exchange: Exchange, { status }: Answer, location: string, sent: Sent, context: TaskContext): Exchange {
  const { exchange: next, dropped } = toRedirected(exchange, status, location);
  // Who sends method and body on has not used them.
  if (next.method === exchange.method) sent.unsafe = null;
  const isOwnKey = exchange.headers['idempotency-key'] === context.idempotencyKey;
  const headers = { ...next.headers };
  // Our own key is none that opens anything.
  if (isOwnKey && dropped.includes('idempotency-key')) headers['idempotency-key'] = context.idempotencyKey;
  const left = dropped.filter((name) => headers[name] === undefined);
  if (left.length > 0) {
    context.log(`The redirect to ${next.address.url.origin} left the origin; not sent on: ${left.sort().join(', ')}`);
  }
  return { ...next, headers };
}

async function toExchange(request: Params, context: TaskContext): Promise<Exchange> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  if (isReading && (request.body ?? request.body_base64) !== undefined) {
    throw new TaskFailure('BAD_PARAMS', `body: a ${request.method} request has none; use query or POST`);
  }
  let body: Exchange['body'];
  if (request.body_base64 !== undefined) {
    body = Buffer.from(request.body_base64, 'base64');
    headers['content-type'] ??= 'application/octet-stream';
  } else if (request.body !== undefined) {
    const { bytes, contentType } = await toRequestBody(request.body, headers['content-type']);
    body = bytes;
    headers['content-type'] = contentType;
  }
  if (request.auth !== undefined) headers[authHeaderOf(request.auth)] = toAuthValue(request.auth, context.sentSecrets);
  if (!isReading) headers['idempotency-key'] ??= context.idempotencyKey;
  headers['accept-encoding'] = acceptedEncodings;
  headers['user-agent'] ??= 'hybrid-engine';
  headers.accept ??= '*/*';
  const address = withQuery(toAddress(request.url), request.query);
  return { address, method: request.method, headers, body, carried: toCarried(request, context) };
}

function toCarried({ auth }: Params, { sentSecrets: sent }: TaskContext): Exchange['carried'] {
  if (sent === undefined) return undefined;
  const headers = sent.paths.flatMap(([field, name]) => (field === 'headers' ? [String(name).toLowerCase()] : []));
  return {
    headers: new Set(auth === undefined ? headers : [...headers, authHeaderOf(auth)]),
    isInBody: sent.paths.some(([field]) => field === 'body' || field === 'body_base64'),
    isIn: (text) => sent.isIn(text),
  };
}

async function toResult(
  request: Params,
  exchange: Exchange,
  answer: Answer,
  sent: Sent,
  context: TaskContext,
): Promise<TaskResult> {
  const { status, headers, body } = answer;
  const read = (bytesMax: number) => readBody(body, headerOf(headers, 'content-encoding'), bytesMax, context.signal);
  const contentType = headerOf(headers, 'content-type');
  if (!isExpected(status, request.expect)) {
    const bytes = await read(refusalBytesMax).catch(() => Buffer.alloc(0));
    const { content } = await toContent(bytes, contentType, () => {});
    const text = context.redact?.(content) ?? content;
    throw toStatusFailure(exchange, answer, toShown(exchange, text), sent);
  }
  const bytes = await read(responseBytesMax).catch((error: unknown) => {
    throw toFailure(exchange, error, sent);
  });
  return { outputs: { status, headers, ...(await toContent(bytes, contentType, context.log)) } };
}

function toShown({ headers }: Exchange, text: string): string {
  return withoutValuesOf(headers, text.slice(0, 4 * refusalShownMax))
    .trim()
    .slice(0, refusalShownMax);
}

/** Servers repeat the key that they refuse. */
function withoutValuesOf(headers: Exchange['headers'], text: string): string {
  let cleaned = text;
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'accept' || name === 'accept-encoding' || name === 'content-type' || name === 'user-agent') continue;
    for (const part of [value, ...value.split(/\s+/)]) {
      if (part.length >= 6) cleaned = cleaned.replaceAll(part, () => `[${name}]`);
    }
  }
  return cleaned;
}

function isExpected(status: number, expect: Params['expect']): boolean {
  const statuses = Array.isArray(expect) ? expect : [expect];
  return statuses.some((entry) => entry === status || entry === `${Math.floor(status / 100)}xx`);
}
