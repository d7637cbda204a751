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
}

export function planCall(params: JsonObject, { provider, baseUrl, defaultModel }: Destination): PlannedCall | null {
  const model = params.model === undefined ? defaultModel : params.model;
  if (typeof model !== 'string') return null;
  const { prompt, messages, system, response_format: format = '', extra } = params;
  const more = typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? extra : {};
  const bounds = [params.max_tokens, params.max_completion_tokens, more.max_completion_tokens];
  const bound = bounds.find((tokens) => typeof tokens === 'number' && tokens > 0);
  return {
    provider,
    // One that an earlier step is to name is known when its outputs are read.
    model: model.includes('{{') ? 'unknown' : model,
    baseUrl,
    ...estimateTokens([system, prompt, messages, JSON.stringify(format)], bound as number | undefined),
  };
}
