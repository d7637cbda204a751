/**
 * What a call has cost, in whole picodollars (a millionth of a millionth of a dollar), the unit in which
 * core/metrics.ts adds up.
 *
 * Guarantees:
 *   LP1  a price that is not known is null, never 0; a model of one's own costs 0 only where PRICES_FILE says so;
 *        the list is asked for no server but those whose address it knows: it takes any name that holds a provider's;
 *   LP2  cached input is billed once, at its own rate;
 *   LP3  the rates are those of the time of the call: some providers have prices by the hour.
 */

import type { PriceRates, Prices } from '../../contract/prices.ts';
import type { PlannedCall } from '../../contract/task.ts';
import type { Usage } from './usage.ts';

/** Whose prices apply. */
export interface Seller {
  /** `openai`, `deepseek`, `gemini`, another id of the price list, or the host and port of a server it does not know. */
  readonly name: string;
  /** Whether the price list knows it. A host may be named as a provider is, and sells nothing for it. */
  readonly isListed: boolean;
}

export interface PricedCall {
  readonly seller: Seller;
  /** The model asked for. */
  readonly model: string;
  /** The model that answered: it is priced where the one asked for is an alias the price list does not know. */
  readonly responseModel?: string | null;
  /** As the answer names it. Faster and slower tiers have prices that the list does not hold. */
  readonly serviceTier?: string | null;
  readonly usage: Usage;
  /** When the call began. */
  readonly at: Date;
}

export interface Price {
  /** US dollars; null when not known. */
  readonly cost: number | null;
  readonly source: 'catalogue' | 'prices_file' | null;
}

export interface PriceList {
  priceOf(call: PricedCall): Price;
  /** Who takes the money at an address. */
  sellerAt(baseUrl: string): Seller;
}

const picoPerDollar = 1_000_000_000_000;
const picoPerToken = 1_000_000;
const unknown: Price = { cost: null, source: null };
const pricedTiers = new Set(['default', 'auto', 'standard', 'on_demand']);
/** Our names where the list has another. */
const listNames: Readonly<Record<string, string>> = { gemini: 'google' };
const ourNames: Readonly<Record<string, string>> = { google: 'gemini' };

/** By base URL: the list is searched with the pattern of each of its providers. */
const sellers = new Map<string, Seller>();
const sellersMax = 1_000;

let genaiPrices: Promise<typeof import('@pydantic/genai-prices')> | undefined;

export async function loadPriceList(overrides: Prices = {}): Promise<PriceList> {
  genaiPrices ??= import('@pydantic/genai-prices');
  const { calcPrice, findProvider } = await genaiPrices;

  const fromCatalogue = ({ seller, usage, at }: PricedCall, model: string): Price | undefined => {
    if (!seller.isListed) return undefined;
    const found = calcPrice(
      {
        input_tokens: usage.inputTokens,
        cache_read_tokens: usage.cachedInputTokens,
        cache_write_tokens: usage.cacheWriteTokens,
        output_tokens: usage.outputTokens,
      },
      model,
      { providerId: listNames[seller.name] ?? seller.name, timestamp: at },
    );
    // The list's rates are whole picodollars a token, but it adds them up as floats; up to some thousand dollars a float
    // is closer to the true sum than half a picodollar, so rounding finds it.
    return found ? toPrice(Math.round(found.total_price * picoPerDollar), 'catalogue') : undefined;
  };

  return {
    priceOf(call) {
      const { seller, model, responseModel, serviceTier, usage } = call;
      if (usage.audioTokens > 0) return unknown;
      const models = [model, ...(responseModel && responseModel !== model ? [responseModel] : [])];
      for (const name of models) {
        const rates = overrides[`${seller.name}/${name}`];
        if (rates !== undefined) return fromRates(rates, usage);
      }
      const all = overrides[`${seller.name}/*`];
      if (all !== undefined) return fromRates(all, usage);
      if (typeof serviceTier === 'string' && !pricedTiers.has(serviceTier)) return unknown;
      for (const name of models) {
        const price = fromCatalogue(call, name);
        if (price !== undefined) return price;
      }
      return unknown;
    },
    sellerAt(baseUrl) {
      const known = sellers.get(baseUrl);
      if (known !== undefined) return known;
      if (sellers.size >= sellersMax) sellers.clear();
      const found = findProvider({ providerApiUrl: baseUrl });
      // The list's patterns name how an address begins: `https://api.openai.com` begins `https://api.openai.com.example`.
      const beginning = found && new RegExp(`^(?:${found.api_pattern})(?=[/:]|$)`).test(baseUrl);
      const seller =
        found && beginning
          ? { name: ourNames[found.id] ?? found.id, isListed: true }
          : { name: new URL(baseUrl).host, isListed: false };
      sellers.set(baseUrl, seller);
      return seller;
    },
  };
}

function fromRates(rates: PriceRates, usage: Usage): Price {
  const plain = usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens;
  const pico = (tokens: number, dollarsPerMillion: number) =>
    BigInt(tokens) * BigInt(Math.round(dollarsPerMillion * picoPerToken));
  const sum =
    pico(plain, rates.input_per_million) +
    pico(usage.cachedInputTokens, rates.cached_input_per_million ?? rates.input_per_million) +
    pico(usage.cacheWriteTokens, rates.cache_write_per_million ?? rates.input_per_million) +
    pico(usage.outputTokens, rates.output_per_million);
  return toPrice(Number(sum), 'prices_file');
}

function toPrice(pico: number, source: 'catalogue' | 'prices_file'): Price {
  return { cost: pico / picoPerDollar, source };
}

/** US dollars; null where the price is not known. */
export async function loadCallPricer(overrides: Prices = {}): Promise<(call: PlannedCall) => number | null> {
  const prices = await loadPriceList(overrides);
  return ({ baseUrl, model, inputTokens, outputTokens }) => {
    const none = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, audioTokens: 0 };
    const usage = { inputTokens, outputTokens, ...none };
    return prices.priceOf({ seller: prices.sellerAt(baseUrl), model, usage, at: new Date() }).cost;
  };
}
