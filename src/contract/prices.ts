/**
 * Prices that a user adds to those the engine knows, or puts in their place (PRICES_FILE): US dollars for a million tokens,
 * by `<provider>/<model>`, or `<provider>/*` for all of a provider's models. A host alone (`gateway.local`) says whose
 * prices a gateway has.
 */
import { z } from 'zod';
import { parseBounded } from './bounded-parse.ts';

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

/** Another server's prices are those of this provider: `openai`, `deepseek`, `gemini`, or another id of the price list. */
const aliasSchema = z.strictObject({ as: z.string().regex(/^[\w.-]{1,64}$/, 'must be the id of a provider') });

export const pricesSchema = z.record(z.string(), z.unknown()).transform((written, context) => {
  const prices: Record<string, PriceRates | z.infer<typeof aliasSchema>> = {};
  for (const [key, value] of Object.entries(written)) {
    const isHost = isAlias(value) && /^[^/\s]+$/.test(key);
    if (!isHost && !/^[^/\s]+\/\S+$/.test(key)) {
      const message =
        'its name must read <provider>/<model>, as in openai/gpt-4o or localhost:11434/*; or be a host, with {as: openai}';
      context.addIssue({ code: 'custom', path: [key], message });
      continue;
    }
    const parsed = parseBounded(isHost ? aliasSchema : ratesSchema, value);
    if (parsed.success) prices[isHost ? key.toLowerCase() : key] = parsed.data;
    // As they are: their kind decides how they are told.
    else {
      for (const { path, ...issue } of parsed.error.issues) {
        // As it is: its kind decides how it is told.
        context.issues.push({ ...issue, input: value, path: [key, ...path] } as (typeof context.issues)[number]);
      }
    }
  }
  return prices;
});
export type Prices = Readonly<z.infer<typeof pricesSchema>>;

function isAlias(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'as' in value;
}

/** The rates under a key with a slash. */
export function ratesAt(prices: Prices, key: string): PriceRates | undefined {
  const found = prices[key];
  return found === undefined || 'as' in found ? undefined : found;
}

/** Whose prices the server of this host, or host and port, has by the user's word. */
export function aliasOf(prices: Prices, host: string): string | undefined {
  const found = prices[host] ?? prices[host.replace(/:\d+$/, '')];
  return found !== undefined && 'as' in found ? found.as : undefined;
}
