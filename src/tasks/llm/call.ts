/**
 * One call of a model through the OpenAI client, streamed or not, to what the provider really said. The client serialises,
 * addresses and takes streams apart; it never repeats (`maxRetries: 0`), its own timeout is out of the way, and what it
 * throws is never shown. One client serves all calls to an address: a call's key and its wire come with the call, and stay
 * with it.
 */
import type { OpenAI } from 'openai';
import type { ChatCompletionChunk, ChatCompletionCreateParamsBase } from 'openai/resources/chat/completions';
import { z } from 'zod';
import { limits } from '../../contract/limits.ts';
import { type NetworkRules, TaskFailure } from '../../contract/task.ts';
import type { Endpoint } from './endpoint.ts';
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

export interface UsageSaid {
  readonly usage: unknown;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
}

/** What was said, checked for its shape alone. */
export interface ModelAnswer {
  readonly responseModel: string | null;
  readonly content: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly calledTool: boolean;
  readonly finishReason: string | null;
}

const text = z.string().nullish();

const piece = {
  content: text,
  refusal: text,
  reasoning_content: text,
  tool_calls: z.array(z.unknown()).nullish(),
  function_call: z.unknown().optional(),
};
const answerSchema = z.object({
  choices: z.array(z.object({ finish_reason: text, message: z.object(piece) })).min(1),
});
const chunkSchema = z.object({
  choices: z.array(z.object({ finish_reason: text, delta: z.object(piece).nullish() })).nullish(),
});
type Piece = z.infer<z.ZodObject<typeof piece>>;

/** Asked of the loader once: from source, each time costs a message to another thread. */
let openai: Promise<typeof import('openai')> | undefined;

const clientsMax = 100;
const clients = new Map<string, OpenAI>();

/** What the client passes on of a call's `fetchOptions`. */
type WiredInit = RequestInit & { readonly wire: Wire };

export async function callModel(call: ModelCall, wire: Wire): Promise<ModelAnswer> {
  const { endpoint, body, signal } = call;
  const { completions } = (await clientFor(endpoint.baseUrl)).chat;
  const options = {
    signal,
    headers: endpoint.apiKey === null ? {} : { Authorization: `Bearer ${endpoint.apiKey}` },
    fetchOptions: { wire } as object,
  };
  try {
    const asked = body as unknown as ChatCompletionCreateParamsBase;
    if (asked.stream === true) {
      return await assemble(await completions.create({ ...asked, stream: true }, options), call);
    }
    return readWhole(await completions.create({ ...asked, stream: false }, options), call);
  } catch (error) {
    throw isOurs(error) ? error : (wire.failure ?? toFailure(error, endpoint));
  }
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

function readWhole(answer: unknown, call: ModelCall): ModelAnswer {
  const said = readUsageSaid(answer);
  if (said !== null) call.onUsage(said);
  throwIfError(answer, call.endpoint);
  const parsed = answerSchema.safeParse(answer);
  const choice = parsed.data?.choices[0];
  if (choice === undefined) {
    throw new TaskFailure('ANSWER_INVALID', `${call.endpoint.label} answered JSON that holds no model's answer`);
  }
  const parts = createParts();
  parts.add(choice.message);
  return { ...parts.whole(), responseModel: said?.responseModel ?? null, finishReason: choice.finish_reason ?? null };
}

async function assemble(stream: AsyncIterable<ChatCompletionChunk>, call: ModelCall): Promise<ModelAnswer> {
  const parts = createParts();
  let finishReason: string | null = null;
  let responseModel: string | null = null;
  for await (const chunk of stream as AsyncIterable<unknown>) {
    const said = readUsageSaid(chunk);
    responseModel = said?.responseModel ?? responseModel;
    if (said !== null && said.usage !== undefined && said.usage !== null) call.onUsage({ ...said, responseModel });
    throwIfError(chunk, call.endpoint);
    const parsed = chunkSchema.safeParse(chunk);
    if (!parsed.success) {
      throw new TaskFailure(
        'ANSWER_INVALID',
        `${call.endpoint.label} streamed a piece that is none of a model's answer`,
      );
    }
    // Only the first choice is the answer; the last chunk may have none and bring the usage.
    const choice = parsed.data.choices?.[0];
    if (choice === undefined) continue;
    finishReason = choice.finish_reason ?? finishReason;
    if (!choice.delta) continue;
    parts.add(choice.delta);
    if (choice.delta.content) call.onText(choice.delta.content);
  }
  if (finishReason === null) {
    throw new TaskFailure(
      'ANSWER_INVALID',
      `the stream of ${call.endpoint.label} ended before its answer did, after ${parts.whole().content.length} characters`,
    );
  }
  return { ...parts.whole(), responseModel, finishReason };
}

function createParts() {
  const content: string[] = [];
  const reasoning: string[] = [];
  const refusal: string[] = [];
  let calledTool = false;
  return {
    add(part: Piece): void {
      if (part.content) content.push(part.content);
      if (part.reasoning_content) reasoning.push(part.reasoning_content);
      if (part.refusal) refusal.push(part.refusal);
      if ((part.tool_calls ?? []).length > 0 || (part.function_call ?? null) !== null) calledTool = true;
    },
    whole: () => ({
      content: content.join(''),
      reasoning: reasoning.join(''),
      refusal: refusal.join(''),
      calledTool,
    }),
  };
}

/** Read before all else: an answer that is of no use has been paid for all the same. */
function readUsageSaid(answer: unknown): UsageSaid | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const { usage, model, service_tier: tier } = answer as Record<string, unknown>;
  return {
    usage,
    responseModel: typeof model === 'string' && model !== '' && model.length <= 200 ? model : null,
    serviceTier: typeof tier === 'string' ? tier : null,
  };
}

function throwIfError(answer: unknown, endpoint: Endpoint): void {
  if (typeof answer === 'object' && answer !== null && 'error' in answer && answer.error) {
    throw toBrokenOffFailure(answer, endpoint);
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
    return new TaskFailure('ANSWER_INVALID', `the answer of ${endpoint.label} is no JSON, or is cut`);
  }
  const name = error instanceof Error ? error.constructor.name : typeof error;
  return new TaskFailure('NETWORK', `the call to ${endpoint.label} broke off (${name})`);
}
