/** What calls of models have used and cost. Amounts are whole picodollars (10⁻¹² US dollars) as decimal text: no sum of floats. */
import { z } from 'zod';

const count = z.int().min(0);

/** All calls of one workflow on one day by one action to one model. */
export const spendingRowSchema = z.object({
  /** The day on which the calls ended, UTC: `2026-01-31`. */
  day: z.string(),
  action: z.string(),
  model: z.string(),
  calls: count,
  /** Of them, those whose price was not known: the cost is a floor. */
  unpriced_calls: count,
  tokens: count,
  input_tokens: count,
  cached_input_tokens: count,
  cache_write_tokens: count,
  output_tokens: count,
  reasoning_tokens: count,
  cost_pico: z.string().regex(/^\d+$/),
});
export type SpendingRow = z.infer<typeof spendingRowSchema>;
