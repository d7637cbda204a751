/**
 * Prices that a user adds to those the engine knows, or puts in their place (PRICES_FILE): US dollars for a million tokens,
 * by `<provider>/<model>`, or `<provider>/*` for all of a provider's models.
 */
import { z } from 'zod';

/** A millionth of a dollar for a million tokens is a picodollar for one: what is finer could not be added up exactly. */
const rate = z
  .number()
  .min(0)
  .max(1_000_000)
  .refine((dollars) => Math.abs(dollars * 1e6 - Math.round(dollars * 1e6)) < 1e-4, 'has more than six decimals');

const ratesSchema = z.strictObject({
  input_per_million: rate,
  /** Of input read from a cache; input_per_million where it is not given. */
  cached_input_per_million: rate.optional(),
  /** Of input written to a cache; input_per_million where it is not given. */
  cache_write_per_million: rate.optional(),
  output_per_million: rate,
});
export type PriceRates = z.infer<typeof ratesSchema>;

export const pricesSchema = z.record(
  z.string().regex(/^[^/\s]+\/\S+$/, 'must read <provider>/<model>, as in openai/gpt-4o or localhost:11434/*'),
  ratesSchema,
);
export type Prices = Readonly<z.infer<typeof pricesSchema>>;
