/** What all model actions do: one call, its bill, and an answer that was found to be one. */
import { type TaskContext, TaskFailure, type TaskResult } from '../../contract/task.ts';
import { createBill } from './bill.ts';
import { callModel } from './call.ts';
import type { Endpoint } from './endpoint.ts';
import type { ModelAnswer } from './hearing.ts';
import { type Asked, type Judged, judgeAnswer } from './judge.ts';
import { keepAnswer } from './kept-answer.ts';
import { type ChatParams, jsonFormatOf, toRequestBody } from './params.ts';
import type { PriceList, Seller } from './prices.ts';
import type { ProviderWays } from './provider.ts';
import { createWire } from './wire.ts';

export interface ModelQuestion {
  readonly params: ChatParams;
  readonly model: string;
  readonly endpoint: Endpoint;
  /** Under which the call is shown. */
  readonly provider: string;
  readonly seller: Seller;
  readonly ways: ProviderWays;
  readonly prices: PriceList;
}

export async function askModel(question: ModelQuestion, context: TaskContext): Promise<TaskResult> {
  const { params, model, endpoint, provider, seller, ways, prices } = question;
  const { network, signal, account, say, log } = context;
  const at = new Date();
  const startedMs = performance.now();
  const body = toRequestBody(params, model, ways);
  const wire = createWire({ endpoint, model, network, stream: params.stream });
  const bill = createBill({ provider, seller, ways, model, at, prices, account });
  const call = { endpoint, body, network, signal, onUsage: bill.use, onText: say };
  const known = () => ({ provider, model, request_id: wire.requestId, timestamp: at.toISOString() });
  let answer: ModelAnswer;
  try {
    answer = await callModel(call, wire);
  } catch (error) {
    if (wire.fate === 'refused') bill.refused();
    if (wire.fate === 'unsent') bill.unsent();
    throw withMetadata(error, known());
  }
  if (wire.isRepaired) log('Warning: bytes of the answer are not valid UTF-8; U+FFFD stands in their place');
  const isBounded = params.max_tokens !== undefined || 'max_completion_tokens' in body;
  const asked = { label: endpoint.label, format: jsonFormatOf(params), isBounded, log };
  const judged = judgeOrKeep(answer, asked, known());
  if (judged.truncated) log(`The answer was cut by max_tokens (finish_reason ${answer.finishReason})`);
  const { tokens, input_tokens, output_tokens, cost } = bill.metrics;
  return {
    outputs: {
      ...judged,
      finish_reason: judged.truncated ? 'length' : 'stop',
      model,
      ...(answer.reasoning === '' ? {} : { reasoning: answer.reasoning }),
    },
    metadata: {
      provider,
      model,
      response_model: answer.responseModel,
      tokens,
      prompt_tokens: input_tokens,
      completion_tokens: output_tokens,
      cost,
      ...bill.priceList,
      duration_ms: Math.round(performance.now() - startedMs),
      timestamp: at.toISOString(),
      finish_reason: answer.finishReason,
      request_id: wire.requestId,
    },
    metrics: bill.metrics,
  };
}

function judgeOrKeep(answer: ModelAnswer, asked: Asked, known: Record<string, unknown>): Judged {
  try {
    return judgeAnswer(answer, asked);
  } catch (error) {
    const failure = error instanceof Error && error.name === 'TaskFailure' ? (error as TaskFailure) : undefined;
    if (failure === undefined) throw error;
    throw withMetadata(keepAnswer(failure, answer), { ...known, response_model: answer.responseModel });
  }
}

/** What is known of the call stands beside the text that was kept; where none was, nothing does. */
function withMetadata(error: unknown, known: Record<string, unknown>): unknown {
  if (!(error instanceof Error) || error.name !== 'TaskFailure') return error;
  const { code, message, retryAfterMs, cause, metadata } = error as TaskFailure;
  if (metadata === undefined) return error;
  return new TaskFailure(code, message, { retryAfterMs, cause, metadata: { ...known, ...metadata } });
}
