/**
 * What an author writes into a JSON Schema that is a schema to nobody but the validator: `params: {topic: string}`, where
 * an unknown keyword passes as a note and nothing is ever checked, and keywords and types with a slip.
 *
 * Rules, numbered for tests:
 *   SS1  a keyword that is near a known one is a fault, and so is one that looks like the name of a param; any other
 *        unknown keyword is a note and passes;
 *   SS2  a type that does not exist is named with the one that was meant; so is a type where a schema is expected.
 */
import { didYouMean, nearest } from '../contract/nearest.ts';
import { schemaOfSchemas, typeNames } from './schema-keywords.ts';
import type { FieldPath } from './source-text.ts';

export interface SchemaFault {
  path: FieldPath;
  message: string;
}

type Written = Readonly<Record<string, unknown>>;

/** More than a person reads at once. */
const slipsMax = 20;
/** A schema may have a million notes, and each is compared with every keyword. */
const notesMax = 1_000;

const keywords = Object.keys(schemaOfSchemas.properties ?? {});
/** Of other drafts, of OpenAPI and of form builders: near a keyword, and meant as they stand. */
const notes = new Set(
  ['id', 'example', 'nullable', 'enumNames', 'xml', 'contentEncoding', 'contentMediaType', 'contentSchema'].concat(
    ['$vocabulary', '$dynamicRef', '$dynamicAnchor', '$recursiveRef', '$recursiveAnchor', 'externalDocs', 'const'],
    ['default', 'optional', 'note', 'notes'],
  ),
);
const known = new Set([...keywords, ...notes]);
/** Their values are data and no schemas. */
const valued = new Set(['enum', 'const', 'default', 'examples', 'example', 'required', 'dependentRequired']);

/** What other languages call a type. */
const otherTypes = new Map(
  Object.entries({
    ...{ str: 'string', text: 'string', date: 'string', datetime: 'string', url: 'string', uri: 'string' },
    ...{ int: 'integer', long: 'integer', float: 'number', double: 'number', decimal: 'number', bool: 'boolean' },
    ...{ dict: 'object', map: 'object', record: 'object', json: 'object', list: 'array', none: 'null', nil: 'null' },
  }),
);

/** SS1. `root`: what the schema as a whole is of. */
export function findSchemaSlips(schema: Written, root: string): SchemaFault[] {
  const names = Object.entries(schema).filter(([name]) => !isNote(name));
  // All of it names params: one fault says so.
  const [[first, type] = ['', undefined]] = names;
  if (names.length > 0 && names.every(([name, value]) => !known.has(name) && looksLikeSchema(value))) {
    const whole = `{type: object, properties: ${toProperty(first, type)}}`;
    return [{ path: [], message: `is a JSON Schema, which names the ${root} under properties: ${whole}` }];
  }
  const found: Found = { faults: [], notes: 0 };
  walk(schema, [], found);
  return found.faults;
}

interface Found {
  readonly faults: SchemaFault[];
  /** How many keywords were not known. */
  notes: number;
}

function walk(schema: unknown, path: FieldPath, found: Found): void {
  if (!isObject(schema)) return;
  for (const [name, value] of Object.entries(schema)) {
    if (found.faults.length >= slipsMax || found.notes >= notesMax) return;
    const at = [...path, name];
    const shape = schemaOfSchemas.properties?.[name];
    if (!known.has(name)) {
      found.notes += 1;
      const message = isNote(name) ? undefined : toKeywordSlip(name, value);
      if (message !== undefined) found.faults.push({ path: at, message });
    } else if (shape === undefined || valued.has(name)) continue;
    else if (Array.isArray(value)) for (const [i, part] of value.entries()) walk(part, [...at, i], found);
    else if (isObject(shape) && isObject(shape.additionalProperties) && isObject(value)) {
      for (const [key, part] of Object.entries(value)) walk(part, [...at, key], found);
    } else walk(value, at, found);
  }
}

function isNote(name: string): boolean {
  return name.startsWith('x-') || (name.startsWith('$') && !known.has(name));
}

function toKeywordSlip(name: string, value: unknown): string | undefined {
  const near = nearest(name, keywords);
  if (near !== undefined) return `is no keyword of JSON Schema; did you mean "${near}"?`;
  if (!looksLikeSchema(value)) return undefined;
  return `is no keyword of JSON Schema; a name stands under properties: ${toProperty(name, value)}`;
}

/** SS2. The words for what stands at `path` of the schema; undefined where its type is not at fault. */
export function explainType(path: FieldPath, value: unknown, keyword: string): string | undefined {
  if (path.at(-1) === 'type' && keyword === 'anyOf') {
    const types: unknown[] = Array.isArray(value) ? value : [value];
    const wrong = types.find((name) => !(typeNames as readonly unknown[]).includes(name));
    if (typeof wrong !== 'string') return `must name a type: ${typeNames.join(', ')}`;
    return `${JSON.stringify(wrong.slice(0, 64))} is no type of JSON Schema${toGuess(wrong)}`;
  }
  if (keyword !== 'type' && keyword !== 'anyOf') return undefined;
  if (value === null) return 'must be a schema, as in {type: string}; {} takes any value';
  return isTypeName(value) ? `must be a schema: write ${toSchemaText(value)}` : undefined;
}

function toGuess(wrong: string): string {
  const meant = otherTypes.get(wrong.toLowerCase());
  if (meant !== undefined) return `; did you mean "${meant}"?`;
  return didYouMean(wrong, typeNames) || `; the types are ${typeNames.join(', ')}`;
}

function toTypeName(value: string): string | undefined {
  if (typeNames.includes(value)) return value;
  return otherTypes.get(value.toLowerCase()) ?? nearest(value, typeNames);
}

function isTypeName(value: unknown): value is string {
  return typeof value === 'string' && toTypeName(value) !== undefined;
}

function looksLikeSchema(value: unknown): boolean {
  if (!isObject(value)) return isTypeName(value);
  return isTypeName(value.type) || isObject(value.properties) || '$ref' in value || Array.isArray(value.enum);
}

/** `{topic: {type: string}}` */
function toProperty(name: string, value: unknown): string {
  const type = isTypeName(value) ? value : isObject(value) && isTypeName(value.type) ? value.type : 'string';
  return `{${name.slice(0, 64)}: ${toSchemaText(type)}}`;
}

function toSchemaText(type: string): string {
  return `{type: ${toTypeName(type)}}`;
}

function isObject(value: unknown): value is Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
