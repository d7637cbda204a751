/**
 * `http_request`: one HTTP exchange, redirects included, with a machine the network rules allow (http/target.ts).
 *
 * It never repeats a request by itself: that is the engine's part, which the failure's code and `retryAfterMs` inform.
 * No failure message holds a header's value or a URL's query, because both carry keys.
 */
import { z } from 'zod';
import type { Rehearsal } from '../contract/rehearsal.ts';
import { type Task, type TaskContext, TaskFailure } from '../contract/task.ts';
import { guardedAgent } from './http/guarded-agent.ts';
import { decodeText, readBody } from './http/read-body.ts';
import { rehearseTarget } from './http/rehearse-target.ts';
import { readRetryAfterMs } from './http/retry-after.ts';
import { checkUrl } from './http/target.ts';

const responseBytesMax = 16 * 1024 * 1024;
/** What is read of an unwanted answer, to show its beginning. */
const refusalBytesMax = 64 * 1024;
const refusalShownMax = 300;
const redirectsMax = 3;

/** Framing and routing of the message are ours; `host` could name another machine than the one that was checked. */
const ownHeaders = new Set([
  'host',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Not passed on to another origin. */
const credentialHeaders = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-auth-token',
]);

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/, 'is not the name of a header');
const statusClass = z.string().regex(/^[1-5]xx$/, 'must be a status such as 201 or a class such as "2xx"');
const expected = z.union([z.int().min(100).max(599), statusClass]);
const queryValue = z.union([z.string(), z.number(), z.boolean()]);

const params = z.strictObject({
  url: z
    .string()
    .max(16_384)
    .refine((url) => URL.canParse(url), 'must be a whole address such as https://example.com/path')
    .meta({ description: 'Address with http: or https:. Private and loopback targets need HTTP_ALLOW_HOSTS.' }),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    .default('GET')
    .meta({ description: 'GET when not given.' }),
  headers: z
    .record(
      headerName.refine((name) => !ownHeaders.has(name.toLowerCase()), 'is a header that is set by the engine'),
      z
        .string()
        .max(16_384)
        .regex(/^[^\0\r\n]*$/, 'must be one line'),
    )
    .default({})
    .meta({
      description: 'Request headers. Authorization and the like are dropped when a redirect leaves the origin.',
    }),
  query: z
    .record(z.string(), z.union([queryValue, z.array(queryValue)]))
    .default({})
    .meta({ description: 'Added to the query of the address; a list repeats its name.' }),
  body: z
    .json()
    .optional()
    .meta({ description: 'A string is sent as it is, anything else as JSON. Not for GET and HEAD.' }),
  expect: z
    .union([expected, z.array(expected).min(1)])
    .default('2xx')
    .meta({
      description: 'Statuses that count as success: 200, "2xx", [200, 404]. A redirect named here is not followed.',
    }),
});
type Params = z.infer<typeof params>;

export const httpRequest: Task<Params> = {
  action: 'http_request',
  lane: 'io',
  description:
    'Sends one HTTP request and returns status, headers, text and, where the answer is JSON, its value. At most 16 MiB, decoded, are read and 3 redirects followed. Requests other than GET and HEAD carry an Idempotency-Key that is the same for every attempt of the step.',
  params,
  goesOut: true,
  timeoutMs: 30_000,
  async run(request, context) {
    let exchange = toExchange(request, context);
    for (let redirects = 0; ; redirects += 1) {
      const response = await send(exchange, context);
      const location = isExpected(response.status, request.expect) ? undefined : redirectOf(response);
      if (location === undefined) return toResult(request, exchange, response, context);
      await response.body.dump({ limit: refusalBytesMax, signal: context.signal });
      if (redirects === redirectsMax) {
        throw new TaskFailure('HTTP_STATUS', `${nameOf(exchange)} was redirected more than ${redirectsMax} times`);
      }
      exchange = toRedirected(exchange, response.status, location);
    }
  },
  async rehearse(request, context) {
    const exchange = toExchange(request, context);
    await rehearseTarget(exchange.url, context.network);
    const [expect] = [request.expect].flat();
    const { origin, pathname } = exchange.url;
    return {
      outputs: {
        status: typeof expect === 'number' ? expect : Number(`${expect?.[0] ?? 2}00`),
        headers: {},
        content: `Dry run: ${nameOf(exchange)} was not sent. This text stands in for its answer.`,
      },
      metadata: {
        rehearsal: {
          kind: 'request',
          method: exchange.method,
          url: `${origin}${pathname}`,
          // What a server answers, nobody knows.
          open: ['headers', 'json'],
        } satisfies Rehearsal,
      },
    };
  },
};

interface Exchange {
  readonly url: URL;
  readonly method: Params['method'];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

function toExchange(request: Params, context: TaskContext): Exchange {
  const url = new URL(request.url);
  for (const [name, value] of Object.entries(request.query)) {
    for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(item));
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  if (request.body !== undefined) {
    if (isReading) throw new TaskFailure('BAD_PARAMS', `body: a ${request.method} request has none; use query or POST`);
    headers['content-type'] ??= typeof request.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  }
  if (!isReading) headers['idempotency-key'] ??= context.idempotencyKey;
  headers['accept-encoding'] = 'gzip, deflate, br';
  headers['user-agent'] ??= 'hybrid-engine';
  headers.accept ??= '*/*';
  const body = typeof request.body === 'string' ? request.body : JSON.stringify(request.body);
  return { url, method: request.method, headers, body };
}

type Response = Awaited<ReturnType<typeof send>>;

async function send(exchange: Exchange, { network, signal }: TaskContext) {
  const { request } = await import('undici');
  checkUrl(exchange.url);
  try {
    const { statusCode, headers, body } = await request(exchange.url, {
      method: exchange.method,
      headers: exchange.headers,
      body: exchange.body ?? null,
      dispatcher: await guardedAgent(network),
      signal,
      // The attempt's own deadline ends a silent server; it may be longer than what undici would wait.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { status: statusCode, headers: toHeaders(headers), body };
  } catch (error) {
    throw toFailure(exchange, error);
  }
}

async function toResult(request: Params, exchange: Exchange, response: Response, context: TaskContext) {
  const { status, headers, body } = response;
  const read = async (bytesMax: number) =>
    decodeText(await readBody(body, headers['content-encoding'], bytesMax, context.signal), headers['content-type']);
  if (!isExpected(status, request.expect)) {
    throw toStatusFailure(exchange, response, await read(refusalBytesMax).catch(() => ''));
  }
  try {
    const content = await read(responseBytesMax);
    const json = readJson(content, headers['content-type'], context);
    return { outputs: { status, headers, content, ...(json === undefined ? {} : { json }) } };
  } catch (error) {
    throw toFailure(exchange, error);
  }
}

function readJson(content: string, contentType: string | undefined, context: TaskContext): unknown {
  if (!/^application\/(?:[\w.-]{1,100}\+)?json\b/i.test(contentType ?? '')) return undefined;
  try {
    return JSON.parse(content, /__proto__|\\u/.test(content) ? dropPrototypes : undefined);
  } catch {
    context.log('The answer says that it is JSON but is not; only its text is kept');
    return undefined;
  }
}

function dropPrototypes(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}

function toStatusFailure(exchange: Exchange, response: Response, text: string): TaskFailure {
  const { status, headers } = response;
  const shown = withoutValuesOf(exchange.headers, text.slice(0, 4 * refusalShownMax))
    .trim()
    .slice(0, refusalShownMax);
  const message = `${nameOf(exchange)} answered ${status}${shown && `: ${shown}`}`;
  if (status !== 408 && status !== 425 && status !== 429 && status < 500)
    return new TaskFailure('HTTP_STATUS', message);
  const retryAfterMs = readRetryAfterMs(headers, Date.now());
  return new TaskFailure('HTTP_RETRYABLE', message, retryAfterMs === undefined ? {} : { retryAfterMs });
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

function redirectOf({ status, headers }: Response): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? headers.location : undefined;
}

function toRedirected(exchange: Exchange, status: number, location: string): Exchange {
  if (!URL.canParse(location, exchange.url.href)) {
    throw new TaskFailure('HTTP_STATUS', `${nameOf(exchange)} was redirected to something that is no address`);
  }
  const url = new URL(location, exchange.url);
  // As every browser does: 303 always becomes a GET, 301 and 302 do for a POST; 307 and 308 keep method and body.
  const becomesGet = status === 303 ? exchange.method !== 'HEAD' : status <= 302 && exchange.method === 'POST';
  const dropped = (name: string) =>
    (url.origin !== exchange.url.origin && credentialHeaders.has(name)) ||
    (becomesGet && (name.startsWith('content-') || name === 'idempotency-key'));
  return {
    url,
    method: becomesGet ? 'GET' : exchange.method,
    headers: Object.fromEntries(Object.entries(exchange.headers).filter(([name]) => !dropped(name))),
    body: becomesGet ? undefined : exchange.body,
  };
}

function toHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name !== '__proto__');
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

/** Only the error's code is told: messages of the client repeat what was sent. */
function toFailure(exchange: Exchange, error: unknown): TaskFailure {
  if (error instanceof TaskFailure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  if (code === 'UND_ERR_INVALID_ARG') {
    return new TaskFailure(
      'BAD_PARAMS',
      `${nameOf(exchange)} cannot be sent: its headers or address are not valid HTTP`,
    );
  }
  return new TaskFailure('NETWORK', `${nameOf(exchange)} failed: ${explain(code)}`, { cause: error });
}

function explain(code: string): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `its name could not be resolved (${code})`;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within 10 seconds (${code})`;
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR_')) return `its compressed body is damaged (${code})`;
  return `the exchange broke off (${code})`;
}

function nameOf({ method, url }: Exchange): string {
  return `${method} ${url.origin}${url.pathname}`;
}
