/** The rates that calls of now would be priced with, for people to read: whose they are, from which list, and how old. */
import { type PriceRates, type Prices, ratesAt } from '../../contract/prices.ts';
import { providers } from './endpoint.ts';
import { type Catalogue, catalogue, loadCatalogue } from './price-catalogue.ts';
import { correctedRates, priceCorrections } from './price-corrections.ts';
import { correctionsName } from './prices.ts';

/** US dollars for a million tokens; in tiers, `base` counts until the input has more tokens than `over`. */
export type ShownRate = number | { readonly base: number; readonly tiers: readonly { over: number; rate: number }[] };

export interface PriceRow {
  readonly provider: string;
  readonly model: string;
  readonly input_per_million: ShownRate | null;
  /** null where cached input costs what input costs. */
  readonly cached_input_per_million: ShownRate | null;
  readonly output_per_million: ShownRate | null;
  readonly list: string;
  /** YYYY-MM-DD; null for PRICES_FILE, which has none. */
  readonly date: string | null;
  readonly age_days: number | null;
  /** The page that has the rates, or PRICES_FILE. */
  readonly source: string;
}

export interface PriceQuestion {
  /** `gpt-4o` or `openai/gpt-4o`; all models of the three providers where it is not given. */
  readonly model?: string | undefined;
  readonly overrides: Prices;
  readonly now: Date;
}

const dayMs = 86_400_000;

/** Empty where no price is known. */
export async function listPrices({ model, overrides, now }: PriceQuestion): Promise<PriceRow[]> {
  const listed = await loadCatalogue();
  const wanted = model === undefined ? allModels(listed, overrides) : readName(model, listed, overrides);
  return wanted.flatMap(([provider, name]) => {
    return rowFromFile(provider, name, overrides) ?? rowFromLists(provider, name, listed, now) ?? [];
  });
}

type Named = readonly [provider: string, model: string];

function allModels(listed: Catalogue, overrides: Prices): Named[] {
  const own = Object.keys(overrides).flatMap((key): Named[] => {
    const at = key.indexOf('/');
    return at === -1 ? [] : [[key.slice(0, at), key.slice(at + 1)]];
  });
  const known = providers.flatMap(({ name }): Named[] => [
    ...priceCorrections.filter(({ provider }) => provider === name).flatMap(({ models }) => models.map(toNamed(name))),
    // Google sells others' models at the same place, which its own action does not reach.
    ...listed
      .modelsOf(name)
      .filter((id) => name !== 'gemini' || id.startsWith('gemini'))
      .map(toNamed(name)),
  ]);
  const seen = new Set<string>();
  return [...own, ...known]
    .filter((named) => seen.size !== seen.add(named.join('/')).size)
    .sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)));
}

/** A name before the first slash that is a provider's, or a server's in PRICES_FILE, says whose model it is. */
function readName(model: string, listed: Catalogue, overrides: Prices): Named[] {
  const at = model.indexOf('/');
  const before = model.slice(0, Math.max(0, at));
  const isProvider =
    providers.some(({ name }) => name === before) ||
    (before !== '' && listed.hasProvider(before)) ||
    Object.keys(overrides).some((key) => key.startsWith(`${before}/`));
  if (at > 0 && isProvider) return [[before, model.slice(at + 1)]];
  return providers.map(({ name }) => [name, model]);
}

function rowFromFile(provider: string, model: string, overrides: Prices): PriceRow | undefined {
  const rates = ratesAt(overrides, `${provider}/${model}`) ?? ratesAt(overrides, `${provider}/*`);
  if (rates === undefined) return undefined;
  const list = 'PRICES_FILE';
  return { ...toRow(provider, model, rates), list, date: null, age_days: null, source: list };
}

function rowFromLists(provider: string, model: string, listed: Catalogue, now: Date): PriceRow | undefined {
  const corrected = correctedRates(provider, model, now);
  if (corrected !== undefined) {
    const { source, checked } = corrected.correction;
    const row = toRow(provider, model, corrected.rates);
    return { ...row, list: correctionsName, date: checked, age_days: ageOf(checked, now), source };
  }
  const found = listed.ratesOf(provider, model, now);
  if (found === undefined || (found.input_mtok === undefined && found.output_mtok === undefined)) return undefined;
  const { name: list, date } = catalogue;
  return {
    provider,
    model,
    input_per_million: toShown(found.input_mtok),
    cached_input_per_million: toShown(found.cache_read_mtok),
    output_per_million: toShown(found.output_mtok),
    list,
    date,
    age_days: ageOf(date, now),
    source: listed.pageOf(provider) ?? list,
  };
}

function toRow(provider: string, model: string, rates: PriceRates) {
  return {
    provider,
    model,
    input_per_million: rates.input_per_million,
    cached_input_per_million: rates.cached_input_per_million ?? null,
    output_per_million: rates.output_per_million,
  };
}

function toShown(rate: unknown): ShownRate | null {
  if (typeof rate === 'number') return rate;
  if (typeof rate !== 'object' || rate === null || !('base' in rate)) return null;
  const { base, tiers } = rate as { base: number; tiers: { start: number; price: number }[] };
  return { base, tiers: tiers.map(({ start, price }) => ({ over: start, rate: price })) };
}

function ageOf(date: string, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - Date.parse(`${date}T00:00:00Z`)) / dayMs));
}

function toNamed(provider: string): (model: string) => Named {
  return (model) => [provider, model];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
