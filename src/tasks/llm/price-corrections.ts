/**
 * Rates that the price list of the package has wrong, or does not have yet, each with the time from which it holds and
 * the page that says so. A correction goes before the list, and PRICES_FILE before both. To add one: append it here, and
 * a bill worked out by hand to `test/tasks/llm/price-corrections.test.ts`.
 *
 * OpenAI and Gemini have none: for the models that were compared, the list of September 2026 had the published rates.
 */
import type { PriceRates } from '../../contract/prices.ts';

export interface PriceCorrection {
  readonly provider: string;
  /** Exactly these names of models. */
  readonly models: readonly string[];
  /** ISO time, UTC, from which the rates hold, until the next correction of the same model. */
  readonly from: string;
  readonly rates: PriceRates;
  /** Within these hours of the day (UTC, the last one excluded) the rates are multiplied. */
  readonly peak?: Peak;
  readonly source: string;
  /** The day on which the source was last read. */
  readonly checked: string;
}

interface Peak {
  readonly factor: number;
  readonly hours: readonly (readonly [from: number, until: number])[];
  /** Saturday and Sunday have none. */
  readonly weekdaysOnly: boolean;
}

const deepseekPage = 'https://api-docs.deepseek.com/quick_start/pricing';
const rates = (input: number, cached: number, output: number): PriceRates => ({
  input_per_million: input,
  cached_input_per_million: cached,
  output_per_million: output,
});
const beijingOffice = [
  [1, 4],
  [6, 10],
] as const;
const everyDay: Peak = { factor: 2, hours: beijingOffice, weekdaysOnly: false };
const weekdays: Peak = { factor: 2, hours: beijingOffice, weekdaysOnly: true };

const oldNames = ['deepseek-chat', 'deepseek-reasoner'];
const flash = ['deepseek-v4-flash', 'deepseek-v4-flash-vision-exp'];
const pro = ['deepseek-v4-pro'];
const known = { provider: 'deepseek', source: deepseekPage, checked: '2026-10-27' };

/** DeepSeek has no peak on Chinese holidays either; on those days the peak's rates are an upper bound. */
export const priceCorrections: readonly PriceCorrection[] = [
  {
    ...known,
    models: oldNames,
    from: '2025-09-29T00:00:00Z',
    rates: rates(0.28, 0.028, 0.42),
    checked: '2025-12-09',
  },
  { ...known, models: flash, from: '2026-04-24T00:00:00Z', rates: rates(0.14, 0.0028, 0.28) },
  { ...known, models: flash, from: '2026-08-16T16:00:00Z', rates: rates(0.22, 0.007, 0.66), peak: everyDay },
  { ...known, models: flash, from: '2026-08-22T16:00:00Z', rates: rates(0.22, 0.007, 0.66), peak: weekdays },
  {
    ...known,
    models: ['deepseek-flash', ...flash],
    from: '2026-09-10T04:00:00Z',
    rates: rates(0.15, 0.003, 0.6),
    peak: weekdays,
  },
  { ...known, models: pro, from: '2026-05-22T00:00:00Z', rates: rates(0.435, 0.003625, 0.87) },
  { ...known, models: pro, from: '2026-08-16T16:00:00Z', rates: rates(0.66, 0.022, 1.98), peak: everyDay },
  { ...known, models: pro, from: '2026-08-22T16:00:00Z', rates: rates(0.66, 0.022, 1.98), peak: weekdays },
];

export interface CorrectedRates {
  readonly rates: PriceRates;
  readonly correction: PriceCorrection;
}

/** undefined where the list's own rates stand. */
export function correctedRates(provider: string, model: string, at: Date): CorrectedRates | undefined {
  const correction = priceCorrections
    .filter(
      (each) => each.provider === provider && each.models.includes(model) && Date.parse(each.from) <= at.getTime(),
    )
    .reduce<PriceCorrection | undefined>((latest, each) => {
      return latest === undefined || Date.parse(each.from) > Date.parse(latest.from) ? each : latest;
    }, undefined);
  if (correction === undefined) return undefined;
  return { correction, rates: isPeak(correction.peak, at) ? times(correction) : correction.rates };
}

function isPeak(peak: Peak | undefined, at: Date): boolean {
  if (peak === undefined) return false;
  const day = at.getUTCDay();
  if (peak.weekdaysOnly && (day === 0 || day === 6)) return false;
  return peak.hours.some(([from, until]) => at.getUTCHours() >= from && at.getUTCHours() < until);
}

function times({ rates: base, peak }: PriceCorrection): PriceRates {
  const factor = peak?.factor ?? 1;
  return Object.fromEntries(Object.entries(base).map(([name, rate]) => [name, (rate ?? 0) * factor])) as PriceRates;
}
