/** What all model actions do: one call, its bill, and an answer that was found to be one. */
import type { TaskContext, TaskResult } from '../../contract/task.ts';
import { createBill } from './bill.ts';
import { callModel } from './call.ts';
import type { Endpoint } from './endpoint.ts';
import { judgeAnswer } from './judge.ts';
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
  const { network, signal, account, say } = context;
  const at = new Date();
  const startedMs = performance.now();
  const body = toRequestBody(params, model, ways);
  const wire = createWire({ endpoint, model, network, stream: params.stream });
  const bill = createBill({ provider, seller, ways, model, at, prices, account });
  const answer = await callModel({ endpoint, body, network, signal, onUsage: bill.use, onText: say }, wire).catch(
    (error: unknown) => {
      if (wire.fate === 'refused') bill.refused();
      if (wire.fate === 'unsent') bill.unsent();
      throw error;
    },
  );
  const isBounded = params.max_tokens !== undefined || 'max_completion_tokens' in body;
  const judged = judgeAnswer(answer, { label: endpoint.label, format: jsonFormatOf(params), isBounded });
  if (judged.truncated) context.log('The answer was cut by max_tokens (finish_reason length)');
  const { tokens, input_tokens, output_tokens, cost } = bill.metrics;
  return {
    outputs: {
      ...judged,
      finish_reason: answer.finishReason ?? 'stop',
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
      duration_ms: Math.round(performance.now() - startedMs),
      timestamp: at.toISOString(),
      finish_reason: answer.finishReason,
      request_id: wire.requestId,
    },
    metrics: bill.metrics,
  };
}
