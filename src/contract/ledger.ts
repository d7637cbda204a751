/** What calls of models have used and cost. Amounts are whole picodollars (10⁻¹² US dollars) as decimal text: no sum of floats. */
import { z } from 'zod';

const count = z.int().min(0);
const pico = z.string().regex(/^\d+$/);

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
  cost_pico: pico,
  /** What had been reserved for calls whose use or price nobody knows. They count as that against a budget, not in costs. */
  held_tokens: count.optional(),
  held_cost_pico: pico.optional(),
});
export type SpendingRow = z.infer<typeof spendingRowSchema>;

/** What an attempt is allowed to use: its most likely upper bound, set aside before its call is sent. */
export const reservationSchema = z
  .object({
    action: z.string().optional(),
    model: z.string(),
    calls: count,
    tokens: count,
    /** null where the price is not known, or nobody asked for it. */
    cost_pico: pico.nullable(),
  })
  .readonly();
export type Reservation = z.infer<typeof reservationSchema>;

const dayText = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a day such as 2026-01-31')
  .refine(isDay, 'is no day of the calendar');

/** What a row of costs can stand for. */
export const costsByOptions = ['day', 'model', 'action', 'workflow'] as const;

const costsQueryFields = z.object({
  from: dayText.optional().meta({ format: 'date', description: 'first day, UTC; from the beginning when absent' }),
  to: dayText.optional().meta({ format: 'date', description: 'last day, UTC, included; up to now when absent' }),
  by: z.enum(costsByOptions).default('day').meta({ description: 'what a row stands for' }),
});
export const costsQuerySchema = costsQueryFields.refine(({ from, to }) => !from || !to || from <= to, {
  path: ['to'],
  message: 'is before from',
});
export type CostsQuery = z.infer<typeof costsQuerySchema>;

const costSumFields = {
  calls: count,
  unpriced_calls: count.meta({ description: 'of the calls, those whose price is not known' }),
  tokens: count,
  input_tokens: count,
  cached_input_tokens: count.meta({ description: 'part of input_tokens' }),
  cache_write_tokens: count.meta({ description: 'part of input_tokens' }),
  output_tokens: count,
  reasoning_tokens: count.meta({ description: 'part of output_tokens' }),
  cost: z.number().meta({ description: 'US dollars' }),
  cost_is_floor: z.boolean().meta({ description: 'true when a price was not known' }),
};

export const costsReplySchema = z
  .object({
    from: z.string().nullable(),
    to: z.string().nullable(),
    by: z.enum(costsByOptions),
    rows: z.array(
      z.object({ key: z.string().meta({ description: 'the day, model, action or workflow' }), ...costSumFields }),
    ),
    total: z.object(costSumFields).meta({ description: 'the sum of the rows, to the last digit' }),
  })
  .meta({ id: 'Costs' });
export type CostsReply = z.infer<typeof costsReplySchema>;

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00.000Z`);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(text);
}
