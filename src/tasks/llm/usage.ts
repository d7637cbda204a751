/** What a call has used, read from the `usage` object of an answer. The providers agree on its name and little else. */
import { z } from 'zod';
import type { ProviderWays } from './provider.ts';

export interface Usage {
  /** All of the input, what was read from or written to a cache included. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  /** All of the output, reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Parts of the above that are not text and have prices of their own. */
  readonly audioTokens: number;
}

/** Above what any provider counts, below where adding numbers loses digits. */
const count = z.int().min(0).max(1_000_000_000_000);
const optionalCount = count.nullish();

const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: optionalCount,
  prompt_tokens_details: z
    .object({ cached_tokens: optionalCount, cache_write_tokens: optionalCount, audio_tokens: optionalCount })
    .nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: optionalCount, audio_tokens: optionalCount }).nullish(),
  prompt_cache_hit_tokens: optionalCount,
});

const anthropicSchema = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: optionalCount,
  cache_creation_input_tokens: optionalCount,
});

/** Cohere's own form: what is billed, beside what was counted. */
const cohereSchema = z.object({ billed_units: z.object({ input_tokens: count, output_tokens: count }) });

/** Anthropic counts what was read from a cache and written to it beside its input, not within it. */
function readOtherForms(usage: unknown): Usage | null {
  const cohere = cohereSchema.safeParse(usage);
  const parsed = anthropicSchema.safeParse(cohere.success ? cohere.data.billed_units : usage);
  if (!parsed.success) return null;
  const { input_tokens: fresh, output_tokens: outputTokens } = parsed.data;
  const cachedInputTokens = parsed.data.cache_read_input_tokens ?? 0;
  const cacheWriteTokens = parsed.data.cache_creation_input_tokens ?? 0;
  const inputTokens = fresh + cachedInputTokens + cacheWriteTokens;
  return { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens: 0, audioTokens: 0 };
}

/**
 * null where the numbers are missing, impossible (negative, broken, endless) or contradict each other: from such numbers
 * no bill can be made.
 *
 * OpenAI counts cached input in `prompt_tokens_details` and reasoning within `completion_tokens`. DeepSeek says
 * `prompt_cache_hit_tokens`. Gemini leaves its thoughts out of `completion_tokens` and counts them in `total_tokens` alone,
 * xAI names its reasoning beside it: both are billed as output. Any other total beyond the two contradicts them.
 */
export function readUsage(
  usage: unknown,
  { hidesReasoningInTotal }: Pick<ProviderWays, 'hidesReasoningInTotal'>,
): Usage | null {
  const parsed = usageSchema.safeParse(usage);
  if (!parsed.success) return isOpenAiForm(usage) ? null : readOtherForms(usage);
  const { prompt_tokens: inputTokens, completion_tokens: answered, total_tokens: total } = parsed.data;
  const { prompt_tokens_details: input, completion_tokens_details: output } = parsed.data;
  const cachedInputTokens = input?.cached_tokens ?? parsed.data.prompt_cache_hit_tokens ?? 0;
  const cacheWriteTokens = input?.cache_write_tokens ?? 0;
  const beyond = Math.max(0, (total ?? 0) - inputTokens - answered);
  if (beyond > 0 && !hidesReasoningInTotal && output?.reasoning_tokens !== beyond) return null;
  const outputTokens = answered + beyond;
  const reasoningTokens = output?.reasoning_tokens ?? beyond;
  if (cachedInputTokens + cacheWriteTokens > inputTokens || reasoningTokens > outputTokens) return null;
  return {
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    audioTokens: (input?.audio_tokens ?? 0) + (output?.audio_tokens ?? 0),
  };
}

/** Where both names stand, numbers that are wrong under one are not looked for under the other. */
function isOpenAiForm(usage: unknown): boolean {
  return typeof usage === 'object' && usage !== null && ('prompt_tokens' in usage || 'completion_tokens' in usage);
}
