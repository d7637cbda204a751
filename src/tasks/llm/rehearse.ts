/**
 * What stands in for a call of a model in a dry run: what it would take and cost, and an answer made up in the shape that was
 * asked for. The text is as long as the answer is reckoned to be, so that what later steps would send is reckoned too.
 */
import type { Rehearsal } from '../../contract/rehearsal.ts';
import { type TaskContext, TaskFailure, type TaskResult } from '../../contract/task.ts';
import { rehearseTarget } from '../http/rehearse-target.ts';
import type { ModelQuestion } from './ask-model.ts';
import type { Endpoint } from './endpoint.ts';
import { estimateTokens, toCharacters } from './estimate.ts';
import { type JsonFormat, readJsonAnswer } from './json-answer.ts';
import { jsonFormatOf, toRequestBody } from './params.ts';
import { readExtent } from './planned-call.ts';
import { toSample } from './sample.ts';

export interface RehearsedModelQuestion extends Omit<ModelQuestion, 'endpoint'> {
  readonly baseUrl: string;
  /** As the call would find its key. */
  open(): Endpoint;
}

const textLengthMax = 64 * 1024;
const askedShownMax = 300;

export async function rehearseModel(question: RehearsedModelQuestion, context: TaskContext): Promise<TaskResult> {
  const { params, model, baseUrl, open, provider, seller, ways, prices } = question;
  const url = new URL(baseUrl);
  const obstacle = findObstacle(open);
  if (obstacle !== null) context.log(`Warning: ${obstacle}`);
  await rehearseTarget(url, context.network);
  const { messages, response_format: asked } = toRequestBody(params, model, ways);
  const { bound, answers, tools } = readExtent(params);
  // Schema and tools are paid for as the question is, wherever they stand in the request.
  const sent = [messages, asked === undefined ? '' : JSON.stringify(asked), tools];
  const { inputTokens, outputTokens: answerTokens } = estimateTokens(sent, bound);
  const outputTokens = answerTokens * answers;
  const usage = {
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    audioTokens: 0,
  };
  const { cost } = prices.priceOf({ seller, model, usage, at: new Date() });
  const format = jsonFormatOf(params);
  const answer = format === null ? { content: toText(model, messages, answerTokens) } : toJson(format, context);
  return {
    outputs: { ...answer, finish_reason: 'stop', model },
    metadata: {
      rehearsal: {
        kind: 'model_call',
        provider,
        model,
        address: url.host,
        input_tokens: inputTokens,
        output_tokens: outputTokens,
        cost,
        obstacle,
        open: format !== null && format.schema === null ? ['json'] : [],
      } satisfies Rehearsal,
    },
  };
}

/** A key that is not set yet is told, and does not end the rehearsal. */
function findObstacle(open: () => Endpoint): string | null {
  try {
    open();
    return null;
  } catch (error) {
    if (error instanceof TaskFailure && error.code === 'MISSING_SECRET') return error.message;
    throw error;
  }
}

function toText(model: string, messages: unknown, tokens: number): string {
  const asked = String((messages as { content?: unknown }[]).at(-1)?.content ?? '');
  const shown = asked.length > askedShownMax ? `${asked.slice(0, askedShownMax)}…` : asked;
  const head = `Dry run: ${model} was not asked. The question ends so: ${shown}\n\n`;
  const filler = 'This sentence stands in for the answer of the model. ';
  const length = Math.min(toCharacters(tokens), textLengthMax);
  return head + filler.repeat(Math.ceil(length / filler.length)).slice(0, Math.max(0, length - head.length));
}

function toJson(format: JsonFormat, { log }: TaskContext): { content: string; json: unknown } {
  const json = format.schema === null ? {} : toSample(format.schema);
  const content = JSON.stringify(json, null, 2);
  try {
    readJsonAnswer(content, format, log);
  } catch (error) {
    log(`Warning: no fitting answer could be made up: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { content, json };
}
