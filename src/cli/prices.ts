/** `prices`: what calls of models are priced with now, from which list, and how old it is. Asks nobody. */
import { resolve } from 'node:path';
import { readSettings } from '../config.ts';
import { listPrices, type PriceRow, type ShownRate } from '../tasks/llm/price-rows.ts';
import type { CliContext } from './context.ts';
import { CommandError } from './exit.ts';
import { toTable } from './table.ts';

export interface PricesOptions {
  json?: boolean;
}

export async function prices(model: string | undefined, { json }: PricesOptions, context: CliContext): Promise<void> {
  const { env, cwd, stdout } = context;
  const { engine } = readSettings(env, resolve(cwd));
  const rows = await listPrices({
    model,
    overrides: engine.prices ?? {},
    now: new Date(),
  });
  if (rows.length === 0) {
    throw new CommandError(
      `no price is known for the model "${model}"; without a model, prices lists those that are; PRICES_FILE adds one`,
    );
  }
  if (json) {
    stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  stdout.write('US dollars for a million tokens, now\n');
  stdout.write(toTable(['MODEL', 'INPUT', 'CACHED', 'OUTPUT', 'LIST', 'DATE', 'AGE', 'SOURCE'], rows.map(toCells)));
}

function toCells(row: PriceRow): string[] {
  const { provider, model, list, date, age_days: age, source } = row;
  return [
    `${provider}/${model}`,
    toText(row.input_per_million),
    toText(row.cached_input_per_million ?? row.input_per_million),
    toText(row.output_per_million),
    list,
    date ?? '-',
    age === null ? '-' : `${age} d`,
    source,
  ];
}

/** `1.25, over 200000: 2.5`: what input beyond so many tokens costs. */
function toText(rate: ShownRate | null): string {
  if (rate === null) return '-';
  if (typeof rate === 'number') return String(rate);
  return [String(rate.base), ...rate.tiers.map(({ over, rate: more }) => `over ${over}: ${more}`)].join(', ');
}
