/**
 * A provider of models for tests, demos and load: speaks OpenAI's chat API on a port of this machine, answers or fails as
 * it is told, keeps its rate limits and an invoice.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expired, selfSigned } from './certificates.ts';
import { Invoice, type InvoiceLine, listedRates, type Rates } from './invoice.ts';
import { type Limits, Throttle } from './throttle.ts';

export interface Call {
  readonly number: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** {} where it was no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly stream: boolean;
}

/** Fields of an answer; what is left out is made up. */
export interface Answer {
  content?: string | null;
  finishReason?: string | null;
  /** The whole message instead of `{role, content}`. */
  message?: Record<string, unknown>;
  /** The answer's usage object as it stands; null leaves it out. */
  usage?: unknown;
  /** A stream carries usage in its last chunk, in every chunk, or nowhere. */
  usageIn?: 'last' | 'every';
  /** How the invoice reads the call; estimated from the texts where it is not given. */
  cachedTokens?: number;
  delayMs?: number;
  /** Breaks the connection off after this many pieces of a stream. */
  cutAfter?: number;
  /** Goes silent after this many pieces of a stream. */
  stallAfter?: number;
  headers?: Record<string, string>;
}

/** Takes the response over. What it sends is not on the invoice. */
export type Fault = (response: ServerResponse, call: Call, request: IncomingMessage) => void;

export type Behaviour = Answer | Fault;

export interface StandInOptions {
  limits?: Limits;
  /** Milliseconds, for the limits. */
  now?: () => number;
  /** What a call gets that `next` has nothing for. */
  behaviour?: (call: Call) => Behaviour;
  rates?: Readonly<Record<string, Rates>>;
  tls?: 'self-signed' | 'expired';
}

const pieces = /\s*\S+/g;

export class StandIn {
  readonly invoice: Invoice;
  readonly calls: Call[] = [];
  readonly origin: string;
  /** Calls that were refused by the limits. */
  throttled = 0;
  /** The most calls that were open at once. */
  openMax = 0;
  #open = 0;
  readonly #server: ReturnType<typeof createServer>;
  readonly #throttle: Throttle;
  readonly #behaviour: (call: Call) => Behaviour;
  readonly #next: Behaviour[] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const server = options.tls ? createTlsServer(options.tls === 'expired' ? expired : selfSigned) : createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1_024, resolve));
    return new StandIn(server, options);
  }

  private constructor(server: ReturnType<typeof createServer>, options: StandInOptions) {
    const { limits = {}, now = Date.now, behaviour = () => ({}), rates = listedRates, tls } = options;
    this.#server = server;
    this.#throttle = new Throttle(limits, now);
    this.#behaviour = behaviour;
    this.invoice = new Invoice(rates);
    this.origin = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#take(request, response));
  }

  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  /** What the next calls get, one each. */
  next(...behaviours: Behaviour[]): this {
    this.#next.push(...behaviours);
    return this;
  }

  /** Resolves when this many calls have come in all. */
  async untilCalls(count: number): Promise<void> {
    if (this.calls.length >= count) return;
    await new Promise<void>((resolve) => void this.#waiting.push({ count, resolve }));
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open += 1;
    this.openMax = Math.max(this.openMax, this.#open);
    response.on('close', () => {
      this.#open -= 1;
    });
    const text = await readAll(request).catch(() => '');
    const body = parseObject(text);
    const call: Call = {
      number: this.calls.length + 1,
      path: request.url ?? '',
      headers: request.headers,
      body,
      model: String(body.model ?? ''),
      stream: body.stream === true,
    };
    this.calls.push(call);
    for (const waiting of this.#waiting) if (this.calls.length >= waiting.count) waiting.resolve();
    const behaviour = this.#next.shift() ?? this.#behaviour(call);
    if (typeof behaviour === 'function') behaviour(response, call, request);
    else this.#answer(behaviour, call, response);
  }

  #answer(answer: Answer, call: Call, response: ServerResponse): void {
    const content = answer.content === undefined ? `Answer ${call.number}.` : answer.content;
    const inputTokens = toTokens(JSON.stringify(call.body.messages ?? ''));
    const outputTokens = toTokens(content ?? '');
    const waitMs = this.#throttle.take(inputTokens + outputTokens);
    if (waitMs > 0) {
      this.throttled += 1;
      const error = { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' };
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': String(Math.ceil(waitMs)) });
      response.end(JSON.stringify({ error }));
      return;
    }
    const line = this.invoice.begin(call, { inputTokens, cachedTokens: answer.cachedTokens ?? 0, outputTokens });
    const send = () =>
      call.stream
        ? this.#stream(answer, content, call, line, response)
        : sendWhole(answer, content, call, line, response);
    if (answer.delayMs === undefined) send();
    else this.#later(answer.delayMs, send);
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #stream(answer: Answer, content: string | null, call: Call, line: InvoiceLine, response: ServerResponse): void {
    const { usage = toUsage(line), usageIn = 'last', cutAfter, stallAfter, finishReason = 'stop' } = answer;
    response.writeHead(200, { 'content-type': 'text/event-stream', ...answer.headers });
    const send = (choices: unknown[], withUsage: boolean) => {
      const chunk = {
        ...toHead(call, 'chat.completion.chunk'),
        choices,
        ...(withUsage && usage !== null ? { usage } : {}),
      };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    const deltas =
      answer.message === undefined
        ? ((content ?? '').match(pieces) ?? []).map((text) => ({ content: text }))
        : [answer.message];
    for (const [at, delta] of deltas.entries()) {
      // In the turn of the writes Node 24.22 and 26 would send none of them.
      if (at === cutAfter) return void setImmediate(() => response.socket?.destroySoon());
      if (at === stallAfter) return;
      send([{ index: 0, delta, finish_reason: null }], usageIn === 'every');
    }
    if (finishReason !== null) send([{ index: 0, delta: {}, finish_reason: finishReason }], usageIn === 'every');
    if (usageIn === 'last') send([], true);
    line.fate = 'answered';
    response.end('data: [DONE]\n\n');
  }
}

function sendWhole(
  answer: Answer,
  content: string | null,
  call: Call,
  line: InvoiceLine,
  response: ServerResponse,
): void {
  const { usage = toUsage(line), finishReason = 'stop', message = { role: 'assistant', content } } = answer;
  response.writeHead(200, {
    'content-type': 'application/json',
    'x-request-id': `req-${call.number}`,
    ...answer.headers,
  });
  const choices = [{ index: 0, message, finish_reason: finishReason }];
  response.end(JSON.stringify({ ...toHead(call, 'chat.completion'), choices, ...(usage === null ? {} : { usage }) }));
  line.fate = 'answered';
}

function toHead({ number, model }: Call, object: string) {
  return { id: `chatcmpl-${number}`, object, created: 1_700_000_000, model: `${model}-2026-01-01` };
}

function toUsage({ inputTokens, cachedTokens, outputTokens }: InvoiceLine) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** Four characters are about a token. */
function toTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // A request of another kind than the API's, of http_request for one.
    return {};
  }
}
