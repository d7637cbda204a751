/**
 * One HTTP request and its answer, and what is known when there is none.
 *
 * Rules, numbered for tests:
 *   EX1  no failure message holds a header's value or an address's query, because both carry keys;
 *   EX2  a request that is not idempotent (POST, PATCH) and has left for its server is never in a failure that is
 *        repeated by itself, unless the server has said that it did not carry it out;
 *   EX3  only failures that repeating can cure are repeated by themselves.
 */
import type { Dispatcher } from 'undici';
import { type TaskContext, TaskFailure } from '../../contract/task.ts';
import type { RequestAddress } from './address.ts';
import { guardedAgent, toPassing } from './guarded-agent.ts';
import { readRetryAfterMs } from './retry-after.ts';
import { checkUrl } from './target.ts';

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof methods)[number];

export interface Exchange {
  readonly address: RequestAddress;
  readonly method: Method;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  /** RD3. Absent where it carries no secrets. */
  readonly carried?: CarriedSecrets | undefined;
}

/** Where a request carries secrets of the store. */
export interface CarriedSecrets {
  /** Names in lower case. */
  readonly headers: ReadonlySet<string>;
  readonly isInBody: boolean;
  isIn(text: string): boolean;
}

/** By name, in lower case. `set-cookie` is a list: its values hold commas. */
export type AnswerHeaders = Record<string, string | string[]>;

/** What an attempt has sent that must not be sent twice. */
export interface Sent {
  /** The request that a server may have carried out, such as `POST https://host/path`. */
  unsafe: string | null;
}

const unsafeMethods = new Set<Method>(['POST', 'PATCH']);

export function nameOf({ method, address }: Exchange): string {
  return `${method} ${address.url.origin}${address.url.pathname}`;
}

export type Answer = Awaited<ReturnType<typeof send>>;

/** `sent` learns of the request when it leaves, not before. Throws `TaskFailure`. */
export async function send(exchange: Exchange, sent: Sent, { network, signal }: TaskContext) {
  const { url, target } = exchange.address;
  checkUrl(url);
  const onStart = () => {
    if (unsafeMethods.has(exchange.method)) sent.unsafe = nameOf(exchange);
  };
  try {
    const agent = (await guardedAgent(network)).compose(watchStart(onStart));
    // Not undici's own request(): that one would write the address anew.
    const { statusCode, headers, body } = await agent.request({
      origin: url.origin,
      path: target,
      method: exchange.method,
      headers: exchange.headers,
      body: exchange.body ?? null,
      signal,
      // The attempt's own deadline ends a silent server; it may be longer than what undici would wait.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { status: statusCode, headers: toHeaders(headers), body };
  } catch (error) {
    throw toFailure(exchange, error, sent);
  }
}

/** `onStart` is called when the connection is there and the request is about to be written to it. */
function watchStart(onStart: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      ...toPassing(handler),
      onRequestStart(controller, context) {
        onStart();
        handler.onRequestStart?.(controller, context);
      },
    });
}

function toHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): AnswerHeaders {
  const entries = Object.entries(headers).filter(([name]) => name !== '__proto__');
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const values = [value ?? ''].flat();
      return [name, name === 'set-cookie' ? values : values.join(', ')];
    }),
  );
}

/** One header's values as one text. */
export function headerOf(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function toAdvice(unsafe: string): string {
  return `The server may have carried out ${unsafe}, so it is not repeated by itself; to repeat it, give the step "retry": {"attemptsMax": 3}`;
}

/** Only the error's code is told: messages of the client repeat what was sent. */
export function toFailure(exchange: Exchange, error: unknown, sent: Sent): TaskFailure {
  if (error instanceof TaskFailure) return error;
  const code = codeOf(error);
  const name = nameOf(exchange);
  if (code === 'UND_ERR_INVALID_ARG') {
    return new TaskFailure('BAD_PARAMS', `${name} cannot be sent: its headers or address are not valid HTTP`);
  }
  const { reason, isLasting } = explainProxy(error) ?? explain(code);
  const message = `${name} failed: ${reason}${toWay(error)}`;
  if (sent.unsafe === null || isLasting)
    return new TaskFailure('NETWORK', message, { onlyIfAsked: isLasting, cause: error });
  return new TaskFailure('NETWORK', `${message}. ${toAdvice(sent.unsafe)}`, { onlyIfAsked: true, cause: error });
}

function toWay(error: unknown): string {
  return error instanceof Error && 'proxy' in error ? `, through the proxy ${error.proxy}` : '';
}

/** A proxy that did not open a tunnel: its status is all that is known. */
function explainProxy(error: unknown): Explained | undefined {
  const status = error instanceof Error ? /^Proxy response \((\d{3})\)/.exec(error.message)?.[1] : undefined;
  if (status === undefined) return undefined;
  const advice = status === '407' ? '; put its name and password into HTTP_PROXY and HTTPS_PROXY' : '';
  return { reason: `the proxy opened no tunnel and answered ${status}${advice}`, isLasting: Number(status) < 500 };
}

interface Explained {
  reason: string;
  /** True for what is the same at the next attempt (EX3). */
  isLasting: boolean;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no code';
  if ('code' in error && error.code !== undefined) return String(error.code);
  return error.name === 'HTTPParserError' ? error.name : 'no code';
}

function explain(code: string): Explained {
  const passing = (reason: string) => ({ reason: `${reason} (${code})`, isLasting: false });
  const lasting = (reason: string, advice = '') => ({ reason: `${reason} (${code})${advice}`, isLasting: true });
  if (code === 'ECONNREFUSED') return passing('nothing listens there');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return passing('its name could not be resolved');
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return passing('no connection within 10 seconds');
  if (/CERT|^UNABLE_TO|^ERR_TLS|^ERR_SSL|^EPROTO$|^UND_ERR_PRX_TLS$/.test(code)) {
    const advice = '; a certificate authority of your own is added by NODE_EXTRA_CA_CERTS';
    return lasting('its certificate or TLS is not acceptable', advice);
  }
  // Z_BUF_ERROR is an end that came too early, as when a connection breaks off.
  if (/^Z_(?!BUF_ERROR)|^ERR__ERROR_|^ERR_BROTLI/.test(code)) return lasting('its compressed body is damaged');
  if (code === 'Z_BUF_ERROR') return passing('its compressed body ended too early');
  if (/^HPE_(?!INVALID_EOF_STATE|CLOSED)|^HTTPParserError$|^UND_ERR_HEADERS_OVERFLOW$/.test(code)) {
    return lasting('its answer is not valid HTTP');
  }
  return passing('the exchange broke off');
}

/** Of these the server says that it has carried out nothing. 503 says so where it names a time. */
function isRefusal(status: number, retryAfterMs: number | undefined): boolean {
  return status === 425 || status === 429 || (status === 503 && retryAfterMs !== undefined);
}

/** Whether repeating can cure it. A method or a version of HTTP that a server lacks, it lacks the next time. */
function isPassing(status: number): boolean {
  return (
    status === 408 || status === 425 || status === 429 || (status >= 500 && ![501, 505, 506, 510, 511].includes(status))
  );
}

/** The failure of a status that is not expected. `shown` is the beginning of the answer's text, without keys. */
export function toStatusFailure(exchange: Exchange, answer: Answer, shown: string, sent: Sent): TaskFailure {
  const { status, headers } = answer;
  const message = `${nameOf(exchange)} answered ${status}${shown && `: ${shown}`}`;
  if (!isPassing(status)) return new TaskFailure('HTTP_STATUS', message);
  const retryAfterMs = readRetryAfterMs(
    { 'retry-after': headerOf(headers, 'retry-after'), 'retry-after-ms': headerOf(headers, 'retry-after-ms') },
    Date.now(),
  );
  const options = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (sent.unsafe === null || (unsafeMethods.has(exchange.method) && isRefusal(status, retryAfterMs))) {
    return new TaskFailure('HTTP_RETRYABLE', message, options);
  }
  const end = /[.!?]$/.test(message) ? '' : '.';
  const told = `${message}${end} ${toAdvice(sent.unsafe)}`;
  return new TaskFailure('HTTP_RETRYABLE', told, { ...options, onlyIfAsked: true });
}

/** The failure of an attempt whose time is over; undefined when it may be repeated. */
export function toLateFailure(sent: Sent): TaskFailure | undefined {
  return sent.unsafe === null ? undefined : new TaskFailure('TIMEOUT', toAdvice(sent.unsafe), { onlyIfAsked: true });
}
