/**
 * One call of a model through the OpenAI client, streamed or not, to what the provider really said. The client serialises,
 * addresses and takes streams apart; it never repeats (`maxRetries: 0`), its own timeout is out of the way, and what it
 * throws is never shown. One client serves all calls to an address: a call's key and its wire come with the call, and stay
 * with it.
 */
import type { OpenAI } from 'openai';
import type { ChatCompletionCreateParamsBase } from 'openai/resources/chat/completions';
import { limits } from '../../contract/limits.ts';
import { type NetworkRules, TaskFailure } from '../../contract/task.ts';
import { readAnswerShape } from './answer-shape.ts';
import type { Endpoint } from './endpoint.ts';
import { createHearing, type Hearing, type ModelAnswer, type UsageSaid } from './hearing.ts';
import { keepAnswer } from './kept-answer.ts';
import { toBrokenOffFailure } from './provider-failure.ts';
import type { Wire } from './wire.ts';

export interface ModelCall {
  readonly endpoint: Endpoint;
  readonly body: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly network: NetworkRules;
  readonly signal: AbortSignal;
  /** As soon as the answer says what it has used; a stream may say it more than once, and the last word counts. */
  onUsage(said: UsageSaid): void;
  /** Of a stream, each piece of the answer's text as it comes. */
  onText(text: string): void;
}

/** Asked of the loader once: from source, each time costs a message to another thread. */
let openai: Promise<typeof import('openai')> | undefined;

const clientsMax = 100;
const clients = new Map<string, OpenAI>();

/** What the client passes on of a call's `fetchOptions`. */
type WiredInit = RequestInit & { readonly wire: Wire };

/** Rejects with a TaskFailure that keeps the text which had come (`metadata.answer`). */
export async function callModel(call: ModelCall, wire: Wire): Promise<ModelAnswer> {
  const { endpoint, body, signal } = call;
  const isStream = (body as { stream?: unknown }).stream === true;
  // An answer that was asked for whole is told by its outputs alone, also where the server streams it.
  const hearing = createHearing(call.endpoint, isStream ? call.onText : () => undefined);
  try {
    const { completions } = (await clientFor(endpoint.baseUrl)).chat;
    const options = {
      signal,
      headers: endpoint.apiKey === null ? {} : { Authorization: `Bearer ${endpoint.apiKey}` },
      fetchOptions: { wire } as object,
    };
    const asked = body as unknown as ChatCompletionCreateParamsBase;
    if (isStream) {
      await assemble(await completions.create({ ...asked, stream: true }, options), call, hearing);
    } else {
      const answer: unknown = await completions.create({ ...asked, stream: false }, options);
      await assemble(isChunks(answer) ? answer : [answer], call, hearing);
    }
    hearing.endStream(wire);
    return hearing.whole();
  } catch (error) {
    const failure = isOurs(error) ? error : (wire.failure ?? toFailure(error, endpoint));
    // What comes behind the end of an answer changes nothing about it, and asking again would be paid again.
    if (hearing.isComplete() && !signal.aborted && !wire.isBroken) return hearing.whole(failure.message);
    throw keepAnswer(failure, hearing.heard());
  }
}

/** A server that was asked for a whole answer and streamed one: the wire has made a list of its chunks. */
function isChunks(answer: unknown): answer is unknown[] {
  return Array.isArray(answer) && answer.length > 1;
}

/** One for each address, not for each call. It knows no key: that comes with each call, as its wire does. */
async function clientFor(baseUrl: string): Promise<OpenAI> {
  openai ??= import('openai');
  const { default: Client } = await openai;
  const known = clients.get(baseUrl);
  if (known !== undefined) return known;
  if (clients.size >= clientsMax) clients.clear();
  const client = new Client({
    baseURL: baseUrl,
    // The client insists on a key; a server that has none of ours gets none.
    apiKey: 'none',
    defaultHeaders: { Authorization: null },
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: 2 * limits.timeoutMsMax,
    logLevel: 'off',
    fetch: (url, init) => (init as WiredInit).wire.fetch(url, init),
  });
  clients.set(baseUrl, client);
  return client;
}

async function assemble(chunks: AsyncIterable<unknown> | Iterable<unknown>, call: ModelCall, hearing: Hearing) {
  for await (const chunk of chunks) {
    const shape = readAnswerShape(chunk);
    if (shape.usage !== undefined && shape.usage !== null) call.onUsage(hearing.addUsage(shape));
    hearing.add(chunk, shape);
    if (shape.error !== null) throw toBrokenOffFailure(shape.error, call.endpoint);
  }
}

/** By name, as the pool does it: a module that is loaded twice has two classes of one name. */
function isOurs(error: unknown): error is TaskFailure {
  return error instanceof Error && error.name === 'TaskFailure';
}

function toFailure(error: unknown, endpoint: Endpoint): TaskFailure {
  // An error inside a stream reaches us as the client's own, with what was sent in `error`.
  if (error instanceof Error && 'error' in error && error.error)
    return toBrokenOffFailure({ error: error.error }, endpoint);
  if (error instanceof SyntaxError) {
    return new TaskFailure('NETWORK', `a piece of the stream of ${endpoint.label} is no JSON, or is cut`);
  }
  const name = error instanceof Error ? error.constructor.name : typeof error;
  return new TaskFailure('NETWORK', `the call to ${endpoint.label} broke off (${name})`);
}
