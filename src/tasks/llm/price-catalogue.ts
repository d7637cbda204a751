/** The price list of the package `@pydantic/genai-prices`: its providers under our names, their models and rates. */
import type { MatchLogic, ModelPrice } from '@pydantic/genai-prices';
import type { Usage } from './usage.ts';

/** The version that package.json pins, and the day on which it was released; a test holds the version to it. */
export const catalogue = { name: '@pydantic/genai-prices 0.1.8', date: '2026-09-23' } as const;

export interface Catalogue {
  /** US dollars; undefined where the list does not know the model. */
  costOf(provider: string, model: string, usage: Usage, at: Date): number | undefined;
  /** The rates by unit (`input_mtok`, …), some of them in tiers; undefined where the list does not know the model. */
  ratesOf(provider: string, model: string, at: Date): ModelPrice | undefined;
  /** Whether the model's id stands in the list letter by letter, not by a pattern. */
  hasExactly(provider: string, model: string): boolean;
  /** The ids of a provider's models, in the order of the list; empty for a provider it does not know. */
  modelsOf(provider: string): readonly string[];
  hasProvider(provider: string): boolean;
  /** The provider's own page of prices. */
  pageOf(provider: string): string | undefined;
  sellerAt(baseUrl: string): { readonly name: string; readonly isListed: boolean };
}

/** Our names where the list has another. */
const listNames: Readonly<Record<string, string>> = { gemini: 'google' };
const ourNames: Readonly<Record<string, string>> = { google: 'gemini' };

/** By base URL: the list is searched with the pattern of each of its providers. */
const sellers = new Map<string, { name: string; isListed: boolean }>();
const sellersMax = 1_000;

let genaiPrices: Promise<typeof import('@pydantic/genai-prices')> | undefined;

export async function loadCatalogue(): Promise<Catalogue> {
  genaiPrices ??= import('@pydantic/genai-prices');
  const { calcPrice, findProvider } = await genaiPrices;
  const idOf = (provider: string) => listNames[provider] ?? provider;
  const find = (provider: string) => findProvider({ providerId: idOf(provider) });
  const calc = (provider: string, model: string, usage: Record<string, number>, at: Date) =>
    calcPrice(usage, model, { providerId: idOf(provider), timestamp: at });
  return {
    costOf: (provider, model, usage, at) => {
      const units = {
        input_tokens: usage.inputTokens,
        cache_read_tokens: usage.cachedInputTokens,
        cache_write_tokens: usage.cacheWriteTokens,
        output_tokens: usage.outputTokens,
      };
      return calc(provider, model, units, at)?.total_price;
    },
    ratesOf: (provider, model, at) => calc(provider, model, { input_tokens: 1, output_tokens: 1 }, at)?.model_price,
    hasExactly: (provider, model) =>
      find(provider)?.models.some(({ id, match }) => id === model || namesExactly(match, model)) ?? false,
    modelsOf: (provider) => find(provider)?.models.map(({ id }) => id) ?? [],
    pageOf: (provider) => find(provider)?.pricing_urls?.[0],
    hasProvider: (provider) => find(provider)?.id === idOf(provider),
    sellerAt: (baseUrl) => {
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

function namesExactly(match: MatchLogic | undefined, model: string): boolean {
  if (match === undefined) return false;
  if ('equals' in match) return match.equals === model;
  return 'or' in match ? (match.or?.some((part) => namesExactly(part, model)) ?? false) : false;
}
