/** A cached answer as the result of a step: the same outputs, a usage of 0, and metadata that name the source. */
import type { CacheEntry } from '../contract/cache-entry.ts';
import type { JsonObject } from '../contract/json.ts';
import { toCachedMetrics } from './ledger.ts';

/** Fields of a model step's metadata that describe its call. */
const usedFields = ['tokens', 'prompt_tokens', 'completion_tokens', 'cost', 'duration_ms'];

export interface CachedResult {
  readonly outputsJson: string;
  readonly metadata: JsonObject;
  readonly metrics: JsonObject | null;
  readonly logs: string[];
}

export function toCachedResult({ from, metadata, metrics, outputsJson }: CacheEntry): CachedResult {
  const { workflow, step, at } = from;
  const named = (metadata ?? {}) as JsonObject;
  const unused = usedFields.filter((field) => Object.hasOwn(named, field)).map((field) => [field, 0] as const);
  return {
    outputsJson,
    metadata: { ...named, ...Object.fromEntries(unused), cache: { hit: true, from: { workflow, step, at } } },
    metrics: toCachedMetrics(metrics as JsonObject | null),
    logs: [`Taken from the cache: step "${step}" of workflow ${workflow} at ${at}`],
  };
}
