/**
 * The one HTTP exchange of a call: the `fetch` that the client of the models gets from us.
 *
 * Guarantees:
 *   LW1  one request, to an address the network rules allow, without a redirect;
 *   LW3  an answer that is refused, too long or no JSON ends in a failure of our own, which `failure` keeps: the client
 *        wraps errors and shows their text.
 * LW2 and LW4 to LW8, on the bytes of an answer, are kept by `answer-body.ts`.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { NetworkRules } from '../../contract/task.ts';
import { TaskFailure } from '../../contract/task.ts';
import { guardedAgent } from '../http/guarded-agent.ts';
import { AnswerBody } from './answer-body.ts';
import type { Endpoint } from './endpoint.ts';
import { toRefusedFailure } from './provider-failure.ts';
import { readRefusal, refusalWaitMsMax } from './refusal.ts';

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
  /** The answer has said that it is over, or has come as one JSON value. */
  readonly isWhole: boolean;
  /** Bytes of the answer were not valid UTF-8. */
  readonly isRepaired: boolean;
  /** A piece of the answer was meant to be JSON and is none. */
  readonly isBroken: boolean;
}

interface Exchange {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly network: NetworkRules;
  readonly stream: boolean;
  /** The longest wait for what a refusal says besides its status. */
  readonly refusalWaitMs?: number;
}

export function createWire({ endpoint, model, network, stream, refusalWaitMs = refusalWaitMsMax }: Exchange): Wire {
  let isAnswered = false;
  let body: AnswerBody | undefined;
  const wire = {
    get isWhole() {
      return body?.isWhole ?? false;
    },
    get isRepaired() {
      return body?.isRepaired ?? false;
    },
    get isBroken() {
      return body?.isBroken ?? false;
    },
    failure: null as TaskFailure | null,
    fate: 'open' as Wire['fate'],
    requestId: null as string | null,
    async fetch(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
      try {
        const response = await send(String(url), init, network, endpoint);
        isAnswered = true;
        wire.requestId = readRequestId(response.headers);
        if (response.statusCode < 200 || response.statusCode > 299) {
          if (!isLost(response.statusCode)) wire.fate = 'refused';
          throw toRefusedFailure(await readRefusal(response, refusalWaitMs), endpoint, model, Date.now());
        }
        body = new AnswerBody(response, endpoint.label);
        return stream ? toStream(body, init.signal) : toJsonResponse(await body.json());
      } catch (error) {
        throw keep(error, init.signal);
      }
    },
  };

  function keep(error: unknown, signal: RequestInit['signal']): TaskFailure {
    const found = toFailure(error, endpoint);
    // An exchange that was given up has not failed; who gave it up knows why.
    if (signal?.aborted) return found.failure;
    // Where headers have come the request has arrived: what breaks off then may have been billed.
    if (found.unsent && !isAnswered) wire.fate = 'unsent';
    wire.failure ??= found.failure;
    return found.failure;
  }

  function toStream(body: AnswerBody, signal: RequestInit['signal']): Response {
    return new Response(ReadableStream.from(readEvents(body, signal)), {
      headers: { 'content-type': 'text/event-stream' },
    });
  }

  async function* readEvents(body: AnswerBody, signal: RequestInit['signal']) {
    try {
      yield* body.events();
    } catch (error) {
      throw keep(error, signal);
    }
  }

  return wire;
}

/** Someone in between waited in vain: the provider may have answered, and billed. */
function isLost(status: number): boolean {
  return status === 408 || status === 502 || status === 504 || (status >= 520 && status <= 527);
}

/** Made when it is first asked for: Node loads its own undici then, a tenth of a second that no start is to wait for. */
let jsonHeaders: Headers | undefined;

/** What the client asks of an answer that has been read. A real Response would copy it through a stream. */
function toJsonResponse(value: unknown): Response {
  jsonHeaders ??= new Headers({ 'content-type': 'application/json' });
  const answer: Partial<Response> = {
    ok: true,
    status: 200,
    url: '',
    headers: jsonHeaders,
    body: null,
    text: async () => JSON.stringify(value),
    json: async () => value,
  };
  return answer as Response;
}

interface ServerResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

let undici: Promise<typeof import('undici')> | undefined;

async function send(
  url: string,
  init: RequestInit,
  network: NetworkRules,
  { headers: extra = {}, query = '' }: Endpoint,
): Promise<ServerResponse> {
  undici ??= import('undici');
  const { request } = await undici;
  // As undici's own fetch would, at a third of its cost; redirects are not followed unless one asks for it.
  const { statusCode, headers, body } = await request(query === '' ? url : `${url}?${query}`, {
    method: 'POST',
    headers: {
      ...toHeaders(init.headers instanceof Headers ? init.headers : new Headers(init.headers)),
      ...toLowerCase(extra),
    },
    body: String(init.body),
    dispatcher: await guardedAgent(network),
    signal: init.signal ?? null,
    // The attempt's own deadline ends a silent server; it may be longer than what undici would wait.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return { statusCode, headers: toPlain(headers), body };
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

/** A header that a setting gives stands in the place of ours, whatever its case. */
function toLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function readRequestId(headers: ServerResponse['headers']): string | null {
  const id = headers['x-request-id'] ?? headers['request-id'] ?? '';
  return /^[\x21-\x7e]{1,200}$/.test(id) ? id : null;
}

function toPlain(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
}

/** Only an error's code is told: messages of the client repeat what was sent. */
function toFailure(error: unknown, { label }: Endpoint): { failure: TaskFailure; unsent: boolean } {
  const chain = toChain(error);
  const own = chain.find((link) => link.name === 'TaskFailure') as TaskFailure | undefined;
  if (own !== undefined) return { failure: own, unsent: own.code === 'TARGET_REFUSED' };
  const code =
    chain.map((link) => ('code' in link ? String(link.code) : '')).findLast((text) => text !== '') ?? 'no code';
  const isTls = /CERT|^ERR_TLS|^ERR_SSL|^EPROTO$|^UNABLE_TO/.test(code);
  // An end that came too early may be another one the next time; bytes that are no gzip are paid for once (LW8).
  if (/^Z_(?!BUF_ERROR)|^ERR__ERROR_|^ERR_BROTLI/.test(code)) {
    const message = `the compressed answer of ${label} is damaged (${code})`;
    return { failure: new TaskFailure('ANSWER_INVALID', message), unsent: false };
  }
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
  if (code === 'Z_BUF_ERROR') return `its compressed answer ended too early (${code})`;
  return `the exchange broke off (${code})`;
}
