/**
 * `--param key=value` as the params of a run. A value stays text unless its place wants something else, as the
 * template's schema (or the value that an inline definition has there) tells; then it is read as JSON. `key=@file` takes
 * the text of a file, `key=@@x` is the text `@x`.
 */
import { resolve } from 'node:path';
import {
  findLostNumbers,
  type LostNumbers,
  mayHoldInfinity,
  noLostNumbers,
  toLostNumberLines,
  withoutInfinities,
} from '../contract/lost-numbers.ts';
import { didYouMean } from '../contract/nearest.ts';
import { eachReference } from '../core/references.ts';
import { readTextFile } from './definition-file.ts';
import { usageError } from './exit.ts';

/** Types by param name, as JSON Schema names them; an unknown one is text. */
export type ParamTypes = ReadonlyMap<string, readonly string[]>;

export interface RunParams {
  readonly params: Record<string, unknown>;
  /** A line for each number that cannot be held. */
  readonly told: readonly string[];
}

export async function readRunParams(written: readonly string[], types: ParamTypes, cwd: string): Promise<RunParams> {
  const params = new Map<string, unknown>();
  const told: string[] = [];
  for (const entry of written) {
    const at = entry.indexOf('=');
    if (at < 1) throw usageError(`--param ${entry}: write it as key=value, or key=@file`);
    const key = entry.slice(0, at);
    if (params.has(key)) throw usageError(`--param ${key} is given twice`);
    const { value, lost } = toValue(key, await readValue(entry.slice(at + 1), cwd), types.get(key) ?? []);
    params.set(key, value);
    for (const line of toLostNumberLines(lost)) told.push(line);
  }
  return { params: Object.fromEntries(params), told };
}

async function readValue(written: string, cwd: string): Promise<string> {
  if (written.startsWith('@@')) return written.slice(1);
  if (!written.startsWith('@')) return written;
  const file = written.slice(1);
  return readTextFile(resolve(cwd, file), file);
}

function toValue(key: string, text: string, types: readonly string[]): { value: unknown; lost: LostNumbers } {
  if (types.length === 0 || types.includes('string')) return { value: text, lost: noLostNumbers };
  try {
    const value: unknown = JSON.parse(text);
    const lost = findLostNumbers(text, `params.${key}`);
    return { value: mayHoldInfinity(lost) ? withoutInfinities(value) : value, lost };
  } catch {
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw usageError(`--param ${key}: ${JSON.stringify(shown)} is not JSON; the template wants ${types.join(' or ')}`);
  }
}

/** Names that a run of these steps can give: those there are, and those that steps refer to. */
export function namesOfParams(types: ParamTypes, steps: readonly { params?: unknown }[]): Set<string> {
  const names = new Set(types.keys());
  for (const { params } of steps) {
    eachReference(
      params,
      () => false,
      (reference) => {
        if (reference.kind === 'params' && reference.path[0] !== undefined) names.add(reference.path[0]);
      },
    );
  }
  return names;
}

/** A mistyped name would be a param that no step reads. */
export function refuseUnknownParams(given: Record<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of Object.keys(given)) {
    if (names.has(name)) continue;
    const takes = names.size === 0 ? 'it takes none' : `it takes ${[...names].join(', ')}`;
    throw usageError(`--param ${name}: the workflow has no such param; ${takes}${didYouMean(name, names)}`);
  }
}

/** Of a template's params schema. */
export function toParamTypes(schema: Record<string, unknown> | undefined): ParamTypes {
  const types = new Map<string, string[]>();
  const properties = schema?.properties;
  if (typeof properties !== 'object' || properties === null) return types;
  for (const [name, property] of Object.entries(properties as Record<string, unknown>)) {
    if (typeof property !== 'object' || property === null || !('type' in property)) continue;
    types.set(
      name,
      [property.type].flat().filter((type) => typeof type === 'string'),
    );
  }
  return types;
}

/** Of the params that an inline definition brings along. */
export function toTypesOfValues(params: Record<string, unknown> | undefined): ParamTypes {
  return new Map(Object.entries(params ?? {}).map(([name, value]) => [name, [toType(value)]]));
}

function toType(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
