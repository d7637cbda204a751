/**
 * What a user allows for calls of a model (LIMITS), by `<provider>/<model>`, `<provider>/*` for each of a provider's models that
 * has no entry of its own, or `*` for each model that has neither. Limits count for one model each, never for several together.
 */
import { z } from 'zod';

/** Bounds against slips of the keyboard: far above what any provider allows. */
const concurrencyMax = 10_000;
const requestsPerMinuteMax = 1_000_000;
const tokensPerMinuteMax = 10_000_000_000;

const modelLimitsSchema = z
  .strictObject({
    /** Calls under way at once. */
    concurrency: z.int().min(1).max(concurrencyMax).optional(),
    requestsPerMinute: z.int().min(1).max(requestsPerMinuteMax).optional(),
    /** Input and output together. */
    tokensPerMinute: z.int().min(1).max(tokensPerMinuteMax).optional(),
  })
  .refine((limits) => Object.keys(limits).length > 0, 'needs concurrency, requestsPerMinute or tokensPerMinute');
export type ModelLimits = Readonly<z.infer<typeof modelLimitsSchema>>;

export const limitsByModelSchema = z.record(
  z.string().regex(/^(?:\*|[^/\s]+\/\S+)$/, 'must read <provider>/<model>, <provider>/* or *, as in openai/gpt-4o'),
  modelLimitsSchema,
);
export type LimitsByModel = Readonly<z.infer<typeof limitsByModelSchema>>;
