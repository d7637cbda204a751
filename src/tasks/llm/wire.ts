/**
 * The one HTTP exchange of a call: the `fetch` that the client of the models gets from us.
 *
 * Guarantees:
 *   W1  one request, to an address the network rules allow, without a redirect;
 *   W2  at most `answerBytesMax` of an answer are read, counted as they come out of the decoder;
 *   W3  an answer that is refused, too long or no UTF-8 ends in a failure of our own, which `failure` keeps: the client
 *       wraps errors and shows what stood in them.
 */

import type { NetworkRules } from '../../contract/task.ts';
import { TaskFailure } from '../../contract/task.ts';
import { guardedAgent } from '../http/guarded-agent.ts';
import type { Endpoint } from './endpoint.ts';
import { createEventLines } from './event-lines.ts';
import { toRefusedFailure } from './provider-failure.ts';

export const answerBytesMax = 16 * 1024 * 1024;
/** What is read of a refusal, to find its code and message. */
const refusalBytesMax = 64 * 1024;
/** Nothing was sent, so nothing can have been billed. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export interface Wire {
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Why the exchange failed, in our words. */
  readonly failure: TaskFailure | null;
  /** `unsent`: the server saw nothing. `refused`: it answered with a status that is not billed. `open`: nobody knows. */
  readonly fate: 'unsent' | 'refused' | 'open';
  readonly requestId: string | null;
}

interface Exchange {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly network: NetworkRules;
  readonly stream: boolean;
}

export function createWire({ endpoint, model, network, stream }: Exchange): Wire {
  const wire = {
    failure: null as TaskFailure | null,
    fate: 'open' as Wire['fate'],
    requestId: null as string | null,
    async fetch(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
      try {
        const response = await send(String(url), init, network);
        wire.requestId = readRequestId(response.headers);
        if (!response.ok) {
          if (!isLost(response.status)) wire.fate = 'refused';
          throw toRefusedFailure(await readRefusal(response), endpoint, model, Date.now());
        }
        const type = response.headers.get('content-type');
        if (stream) return toStream(response, type, init.signal);
        return new Response(await readWhole(response), { headers: { 'content-type': 'application/json' } });
      } catch (error) {
        throw keep(error, init.signal);
      }
    },
  };

  function keep(error: unknown, signal: RequestInit['signal']): TaskFailure {
    const found = toFailure(error, endpoint);
    // An exchange that was given up has not failed; who gave it up knows why.
    if (signal?.aborted) return found.failure;
    if (found.unsent) wire.fate = 'unsent';
    wire.failure ??= found.failure;
    return found.failure;
  }

  function toStream(response: UndiciResponse, type: string | null, signal: RequestInit['signal']): Response {
    if (type !== null && !/^text\/event-stream\b/i.test(type)) {
      void response.body?.cancel().catch(() => {});
      throw new TaskFailure(
        'ANSWER_INVALID',
        `${endpoint.label} was asked for a stream and answered ${toMediaType(type)}; leave out stream if it knows none`,
      );
    }
    return new Response(ReadableStream.from(readEvents(response, signal)), {
      headers: { 'content-type': 'text/event-stream' },
    });
  }

  async function* readEvents(response: UndiciResponse, signal: RequestInit['signal']) {
    const lines = createEventLines();
    try {
      for await (const text of check(response, endpoint)) yield Buffer.from(lines.add(text));
      yield Buffer.from(lines.rest());
    } catch (error) {
      throw keep(error, signal);
    }
  }

  async function readWhole(response: UndiciResponse): Promise<string> {
    const parts: string[] = [];
    for await (const text of check(response, endpoint)) parts.push(text);
    return parts.join('');
  }

  return wire;
}

/** Someone in between waited in vain: the provider may have answered, and billed. */
function isLost(status: number): boolean {
  return status === 408 || status === 502 || status === 504 || (status >= 520 && status <= 527);
}

type UndiciResponse = Awaited<ReturnType<typeof send>>;

async function send(url: string, init: RequestInit, network: NetworkRules) {
  const { fetch } = await import('undici');
  const agent = await guardedAgent(network);
  return fetch(url, {
    method: 'POST',
    headers: toHeaders(new Headers(init.headers)),
    body: String(init.body),
    redirect: 'manual',
    signal: init.signal ?? null,
    // The attempt's own deadline ends a silent server; it may be longer than what undici would wait.
    dispatcher: agent.compose(
      (dispatch) => (options, handler) => dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
    ),
  });
}

/** The client adds what it knows of this machine; a server gets what the call needs. */
function toHeaders(given: Headers): Record<string, string> {
  const authorization = given.get('authorization');
  return {
    'content-type': 'application/json',
    accept: given.get('accept') ?? 'application/json',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'hybrid-engine',
    ...(authorization === null ? {} : { authorization }),
  };
}

/** The text of an answer as it comes, bounded, and an error where its bytes are no UTF-8. */
async function* check(response: UndiciResponse, { label }: Endpoint): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw new TaskFailure('ANSWER_INVALID', `the answer of ${label} is not valid UTF-8`);
    }
  };
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) {
      throw new TaskFailure(
        'OUTPUT_TOO_LARGE',
        `the answer of ${label} is longer than ${answerBytesMax} bytes, the most that is read`,
      );
    }
    yield decode(chunk);
  }
  yield decode();
}

async function readRefusal(response: UndiciResponse) {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > refusalBytesMax) break;
      parts.push(chunk);
    }
  } catch {
    // The status has arrived and decides; what else would have been said is lost.
  }
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after') ?? undefined,
    retryAfterMs: response.headers.get('retry-after-ms') ?? undefined,
    text: Buffer.concat(parts).toString(),
  };
}

function readRequestId(headers: UndiciResponse['headers']): string | null {
  const id = headers.get('x-request-id') ?? headers.get('request-id');
  return id !== null && /^[\x21-\x7e]{1,200}$/.test(id) ? id : null;
}

function toMediaType(contentType: string): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}/.exec(contentType)?.[0] ?? 'another type';
}

/** Only an error's code is told: messages of the client repeat what was sent. */
function toFailure(error: unknown, { label }: Endpoint): { failure: TaskFailure; unsent: boolean } {
  const chain = toChain(error);
  const own = chain.find((link) => link.name === 'TaskFailure') as TaskFailure | undefined;
  if (own !== undefined) return { failure: own, unsent: own.code === 'TARGET_REFUSED' };
  const code =
    chain.map((link) => ('code' in link ? String(link.code) : '')).findLast((text) => text !== '') ?? 'no code';
  const isTls = /CERT|^ERR_TLS|^ERR_SSL|^EPROTO$|^UNABLE_TO/.test(code);
  return {
    failure: new TaskFailure('NETWORK', `the call to ${label} failed: ${explain(code, isTls)}`),
    unsent: unsentCodes.has(code) || isTls,
  };
}

function toChain(error: unknown): Error[] {
  const chain: Error[] = [];
  // Errors name their causes a few deep; a ring of causes must not hold us.
  for (let link = error; link instanceof Error && chain.length < 8; link = link.cause) chain.push(link);
  return chain;
}

function explain(code: string, isTls: boolean): string {
  if (isTls) return `its certificate or TLS is not acceptable (${code})`;
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `its name could not be resolved (${code})`;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within 10 seconds (${code})`;
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR_')) return `its compressed answer is damaged (${code})`;
  return `the exchange broke off (${code})`;
}
