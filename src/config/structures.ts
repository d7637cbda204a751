/** Settings that are YAML or JSON, as text or in a file. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import { type Budget, budgetSchema } from '../contract/budget.ts';
import { toFieldErrors } from '../contract/field-errors.ts';
import { type LimitsByModel, limitsByModelSchema } from '../contract/model-limits.ts';
import { type ModelServers, modelServersSchema, modelServersSetting } from '../contract/model-servers.ts';
import { type Prices, pricesSchema } from '../contract/prices.ts';
import { StartError } from '../contract/store.ts';
import { errorCode, refuse, withoutKeys } from './refusal.ts';

/** Loaded for a setting that needs it: with it every start would take a twentieth of a second more. */
const loadYaml = () => createRequire(import.meta.url)('yaml') as typeof import('yaml');
const loadGenaiPrices = () =>
  createRequire(import.meta.url)('@pydantic/genai-prices') as typeof import('@pydantic/genai-prices');

/** Prices of models in YAML or JSON. A wrong one would be noticed on the bill, so all of it is checked here. */
export function readPricesFile(cwd: string, value: string | undefined): Prices {
  if (value === undefined) return {};
  const allowed = 'a readable YAML or JSON file of prices by <provider>/<model>';
  const prices = readStructure('PRICES_FILE', value, allowed, pricesSchema, () => readYaml(cwd, value));
  const fault = findAliasFault(prices);
  if (fault === undefined) return prices;
  throw refuse('PRICES_FILE', value, `${allowed} (${fault.path}: ${fault.message})`);
}

/** A host's prices are those of a provider that nobody knows: every call there would be without a price, in silence. */
export function findAliasFault(prices: Prices): { path: string; message: string } | undefined {
  for (const [host, entry] of Object.entries(prices)) {
    if (!('as' in entry)) continue;
    const id = entry.as === 'gemini' ? 'google' : entry.as;
    if (loadGenaiPrices().findProvider({ providerId: id })?.id === id) continue;
    return { path: `${host}.as`, message: `the price list knows no "${entry.as}"; openai, deepseek or gemini, say` };
  }
  return undefined;
}

/** Limits of models: a file in YAML or JSON, or the same as text. A wrong one would be noticed in the provider's refusals. */
export function readLimits(cwd: string, value: string | undefined): LimitsByModel {
  if (value === undefined) return {};
  const allowed = 'limits by <provider>/<model>, in YAML or JSON, or a readable file of them';
  return readStructure('LIMITS', value, allowed, limitsByModelSchema, () => readYamlOrFile(cwd, value));
}

/** Keys stand in it: what is wrong is named by its place alone. */
export function readModelServersSetting(cwd: string, value: string | undefined): ModelServers | undefined {
  if (value === undefined) return undefined;
  const allowed =
    'by address {key, headers, query}, in YAML or JSON, or a readable file of them (its value is not shown)';
  let written: unknown;
  try {
    written = readYamlOrFile(cwd, value);
  } catch (cause) {
    const code = errorCode(cause);
    const why = /^E[A-Z]+$/.test(code) ? code : 'no YAML';
    throw new StartError(`${modelServersSetting} is not usable (${why}); allowed: ${allowed}`, 1);
  }
  const parsed = parseBounded(modelServersSchema, written);
  if (parsed.success) return parsed.data;
  const [first] = toFieldErrors(parsed.error.issues);
  throw new StartError(
    `${modelServersSetting} is not usable (${withoutKeys(first?.path || 'the whole')}: ${first?.message}); allowed: ${allowed}`,
    1,
  );
}

export function isModelServers(text: string): boolean {
  try {
    return modelServersSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

export function readDailyBudget(value: string | undefined): Budget | undefined {
  if (value === undefined) return undefined;
  const allowed = 'a budget such as {usd: 5, tokens: 2000000, calls: 1000}, of which one is enough';
  return readStructure('DAILY_BUDGET', value, allowed, budgetSchema, () => loadYaml().parse(value));
}

/** What is a single word to YAML is the name of a file. */
export function readYamlOrFile(cwd: string, value: string): unknown {
  const read: unknown = loadYaml().parse(value);
  return typeof read === 'string' ? readYaml(cwd, value) : read;
}

export function readYaml(cwd: string, path: string): unknown {
  return loadYaml().parse(readFileSync(resolve(cwd, path), 'utf8'));
}

export function readStructure<Value>(
  name: string,
  value: string,
  allowed: string,
  schema: z.ZodType<Value>,
  read: () => unknown,
): Value {
  let written: unknown;
  try {
    written = read();
  } catch (cause) {
    throw refuse(name, value, `${allowed} (${errorCode(cause).split('\n')[0]})`, cause);
  }
  const parsed = parseBounded(schema, written);
  if (parsed.success) return parsed.data;
  const [first] = toFieldErrors(parsed.error.issues);
  throw refuse(name, value, `${allowed} (${first?.path || 'the whole'}: ${first?.message})`);
}
