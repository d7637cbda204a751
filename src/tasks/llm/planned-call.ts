/**
 * The call that params ask for, told before the step starts: so what they hold need fit no schema, and references to outputs
 * that are not read yet may stand in it.
 */
import type { JsonObject } from '../../contract/json.ts';
import type { PlannedCall } from '../../contract/task.ts';
import { estimateTokens } from './estimate.ts';

/** Where the call goes; `defaultModel` is null where one has to be named. */
interface Destination {
  readonly provider: string;
  readonly baseUrl: string;
  readonly defaultModel: string | null;
  /** See PlannedCall. */
  readonly gatewayOf?: string | undefined;
}

/** More than any model answers with: what lies above is refused when the step runs. */
const answerTokensMax = 10_000_000;
const answersMax = 1_000;

/** Whether it holds what an earlier step is to name, and outputs that are not read yet will tell. */
export function isUnread(text: unknown): boolean {
  return typeof text === 'string' && text.includes('{{');
}

export function planCall(
  params: JsonObject,
  { provider, baseUrl, defaultModel, gatewayOf }: Destination,
): PlannedCall | 'unread' | null {
  const model = params.model === undefined ? defaultModel : params.model;
  if (typeof model !== 'string') return null;
  const { bound, answers, tools, isOpen } = readExtent(params);
  if (isOpen || isUnread(model)) return 'unread';
  const { prompt, messages, system, response_format: format = '' } = params;
  const said = [system, prompt, messages, JSON.stringify(format), tools];
  const { inputTokens, outputTokens } = estimateTokens(said, bound);
  return {
    provider,
    model,
    baseUrl,
    ...(gatewayOf === undefined ? {} : { gatewayOf }),
    inputTokens,
    outputTokens: outputTokens * answers,
  };
}

/** Beside its question, what says how much a call may take. */
export interface CallExtent {
  /** Most tokens of one answer; undefined where nothing is said. */
  readonly bound: number | undefined;
  readonly answers: number;
  /** As they are sent; empty where there are none. */
  readonly tools: string;
  /** Something of it hangs on outputs that are not read yet. */
  readonly isOpen: boolean;
}

export function readExtent(params: Readonly<Record<string, unknown>>): CallExtent {
  const { extra } = params;
  const more = (typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? extra : {}) as JsonObject;
  const all: Record<string, unknown> = { ...params, ...more };
  const bounds = [params.max_tokens, all.max_completion_tokens, more.max_tokens];
  return {
    bound: bounds.map((tokens) => toCount(tokens, answerTokensMax)).find((tokens) => tokens !== null) ?? undefined,
    answers: toCount(all.n, answersMax) ?? 1,
    tools: all.tools === undefined ? '' : JSON.stringify(all.tools),
    isOpen: [extra, all.n, ...bounds].some(isUnread),
  };
}

/** null for what no provider would take: the step fails for it when it runs. */
function toCount(value: unknown, most: number): number | null {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= most ? Number(value) : null;
}
