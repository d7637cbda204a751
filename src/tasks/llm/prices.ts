/**
 * What a call has cost, in whole picodollars (a millionth of a millionth of a dollar), the unit in which
 * core/metrics.ts adds up.
 *
 * Guarantees:
 *   LP1  a price that is not known is null, never 0; a model of one's own costs 0 only where PRICES_FILE says so;
 *        the list is asked for no server but those whose address it knows: it takes any name that holds a provider's;
 *   LP2  cached input is billed once, at its own rate;
 *   LP3  the rates are those of the time of the call: some providers have prices by the hour;
 *   LP4  a gateway has its provider's prices where PRICES_FILE says so (`as`), and a provider action's own gateway has
 *        them for models whose id is exactly one that the list has.
 */

import { aliasOf, type PriceRates, type Prices, ratesAt } from '../../contract/prices.ts';
import type { PlannedCall } from '../../contract/task.ts';
import { type Catalogue, catalogue, loadCatalogue } from './price-catalogue.ts';
import { correctedRates } from './price-corrections.ts';
import type { Usage } from './usage.ts';

/** Whose prices apply. */
export interface Seller {
  /** `openai`, `deepseek`, `gemini`, another id of the price list, or the host and port of a server it does not know. */
  readonly name: string;
  /** Whether the price list knows it. A host may be named as a provider is, and sells nothing for it. */
  readonly isListed: boolean;
  /** The provider in front of which a server that is not listed stands, as far as the action and its setting say. */
  readonly gatewayOf?: string | undefined;
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
  /** The list that has the rates. */
  readonly list?: string;
  /** The day of that list (YYYY-MM-DD); absent for PRICES_FILE, which has none. */
  readonly date?: string;
  /** The provider whose prices a gateway's call has got. */
  readonly pricedAs?: string;
}

export interface PriceList {
  priceOf(call: PricedCall): Price;
  /** Who takes the money at an address. `gatewayOf` names the provider that the address was set for. */
  sellerAt(baseUrl: string, gatewayOf?: string): Seller;
}

const picoPerDollar = 1_000_000_000_000;
const picoPerToken = 1_000_000;
const unknown: Price = { cost: null, source: null };
const pricedTiers = new Set(['default', 'auto', 'standard', 'on_demand']);

/** Name of the list that holds our corrections, in metadata and in `hybrid-engine prices`. */
export const correctionsName = 'corrections of hybrid-engine';

export async function loadPriceList(overrides: Prices = {}): Promise<PriceList> {
  const listed = await loadCatalogue();

  const fromFile = (provider: string, models: readonly string[], usage: Usage): Price | undefined => {
    for (const key of [...models, '*']) {
      const rates = ratesAt(overrides, `${provider}/${key}`);
      if (rates === undefined) continue;
      return { cost: toDollars(sumOf(rates, usage)), source: 'prices_file', list: 'PRICES_FILE' };
    }
    return undefined;
  };

  const fromLists = (provider: string, model: string, usage: Usage, at: Date): Price | undefined => {
    const corrected = correctedRates(provider, model, at);
    if (corrected !== undefined) {
      const { rates, correction } = corrected;
      const cost = toDollars(sumOf(rates, usage));
      return { cost, source: 'catalogue', list: correctionsName, date: correction.checked };
    }
    const dollars = listed.costOf(provider, model, usage, at);
    // The list's rates are whole picodollars a token, but it adds them up as floats; up to some thousand dollars a
    // float is closer to the true sum than half a picodollar, so rounding finds it.
    return dollars === undefined
      ? undefined
      : {
          cost: toDollars(BigInt(Math.round(dollars * picoPerDollar))),
          source: 'catalogue',
          list: catalogue.name,
          date: catalogue.date,
        };
  };

  return {
    priceOf(call) {
      const { seller, model, responseModel, serviceTier, usage, at } = call;
      if (usage.audioTokens > 0) return unknown;
      const own = fromFile(seller.name, [model, ...(responseModel ? [responseModel] : [])], usage);
      if (own !== undefined) return own;
      const place = findPlace(call, overrides, listed);
      if (place === undefined) return unknown;
      const { provider, models, isGateway } = place;
      const gateway = isGateway ? { pricedAs: provider } : {};
      const given = isGateway ? fromFile(provider, models, usage) : undefined;
      if (given !== undefined) return { ...given, ...gateway };
      if (typeof serviceTier === 'string' && !pricedTiers.has(serviceTier)) return unknown;
      for (const name of models) {
        const price = fromLists(provider, name, usage, at);
        if (price !== undefined) return { ...price, ...gateway };
      }
      return unknown;
    },
    sellerAt(baseUrl, gatewayOf) {
      const seller = listed.sellerAt(baseUrl);
      return seller.isListed || gatewayOf === undefined ? seller : { ...seller, gatewayOf };
    },
  };
}

interface Place {
  /** Whose prices count. */
  readonly provider: string;
  /** The models that may be looked up, in this order. */
  readonly models: readonly string[];
  readonly isGateway: boolean;
}

/** LP1, LP4. undefined where nobody's prices may be taken. */
function findPlace(call: PricedCall, overrides: Prices, listed: Catalogue): Place | undefined {
  const { seller, model, responseModel, at } = call;
  const models = [model, ...(responseModel && responseModel !== model ? [responseModel] : [])];
  const alias = aliasOf(overrides, seller.name);
  if (alias !== undefined) return { provider: alias, models, isGateway: true };
  if (seller.isListed) return { provider: seller.name, models, isGateway: false };
  const { gatewayOf } = seller;
  if (gatewayOf === undefined) return undefined;
  const isExact =
    listed.hasExactly(gatewayOf, model) ||
    correctedRates(gatewayOf, model, at) !== undefined ||
    ratesAt(overrides, `${gatewayOf}/${model}`) !== undefined;
  return isExact ? { provider: gatewayOf, models: [model], isGateway: true } : undefined;
}

/** Exact: rates have at most six decimals, so a token costs whole picodollars. */
function sumOf(rates: PriceRates, usage: Usage): bigint {
  const plain = usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens;
  const pico = (tokens: number, dollarsPerMillion: number) =>
    BigInt(tokens) * BigInt(Math.round(dollarsPerMillion * picoPerToken));
  return (
    pico(plain, rates.input_per_million) +
    pico(usage.cachedInputTokens, rates.cached_input_per_million ?? rates.input_per_million) +
    pico(usage.cacheWriteTokens, rates.cache_write_per_million ?? rates.input_per_million) +
    pico(usage.outputTokens, rates.output_per_million)
  );
}

function toDollars(pico: bigint): number {
  return Number(pico) / picoPerDollar;
}

/** US dollars; null where the price is not known. */
export async function loadCallPricer(overrides: Prices = {}): Promise<(call: PlannedCall) => number | null> {
  const prices = await loadPriceList(overrides);
  return ({ baseUrl, model, inputTokens, outputTokens, gatewayOf }) => {
    const none = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, audioTokens: 0 };
    const usage = { inputTokens, outputTokens, ...none };
    return prices.priceOf({ seller: prices.sellerAt(baseUrl, gatewayOf), model, usage, at: new Date() }).cost;
  };
}
