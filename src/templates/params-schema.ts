/**
 * The JSON Schema of a template's params: checked when the template is loaded, then applied to what a run gives. The
 * validator walks the schema, it generates no code, and it never fetches anything: `$ref` leads within the schema.
 */
import { dereference, type OutputUnit, type Schema, validate } from '@cfworker/json-schema';
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { didYouMean } from '../contract/nearest.ts';
import { isSlowPattern } from '../contract/slow-pattern.ts';
import { schemaOfSchemas } from './schema-keywords.ts';
import { explainType, findSchemaSlips, type SchemaFault } from './schema-slips.ts';
import type { FieldPath } from './source-text.ts';

const draft = '2020-12';
/** More than a person reads; a list of thousands of bad items would only hide the first. */
const errorsMax = 100;
/** Their own message says only that something below them is wrong, and that is listed too. */
const wrapperKeywords = new Set(
  '$ref properties patternProperties additionalProperties unevaluatedProperties propertyNames dependentSchemas items prefixItems additionalItems unevaluatedItems allOf if'.split(
    ' ',
  ),
);

export interface ParamsSchema {
  /** The value with the defaults of `properties` filled in; errors have paths such as `params.url`, or `data.url`. */
  check(value: unknown): { value: unknown; errors: FieldError[] };
}

const metaLookup = dereference(schemaOfSchemas);

type Made = { kind: 'usable'; schema: ParamsSchema } | { kind: 'faulty'; faults: SchemaFault[] };

export function createParamsSchema(written: Record<string, unknown>): Made {
  return createSchema(written, 'params');
}

/** The schema of a decision's data, which may be of any type. */
export function createDataSchema(written: Record<string, unknown>): Made {
  return createSchema(written, 'data');
}

/** What the value is called in messages. */
type Root = 'params' | 'data';

function createSchema(written: Record<string, unknown>, root: Root): Made {
  try {
    return toSchema(written, root);
  } catch (error) {
    // The validator's own words on what it cannot take: an address that is none, two parts with one $id.
    return { kind: 'faulty', faults: [{ path: [], message: error instanceof Error ? error.message : String(error) }] };
  }
}

function toSchema(written: Record<string, unknown>, root: Root): Made {
  const faults: SchemaFault[] = leafErrors(validate(written, schemaOfSchemas, draft, metaLookup, false).errors).map(
    (error) => {
      const path = toPath(error.instanceLocation, written);
      return { path, message: explainType(path, valueAt(written, path), error.keyword) ?? toMessage(error) };
    },
  );
  if (faults.length > 0) return { kind: 'faulty', faults };
  // The data of a decision may be waited for already, by a schema with notes that look like slips.
  const slips = root === 'params' ? findSchemaSlips(written, root) : [];
  if (slips.length > 0) return { kind: 'faulty', faults: slips };
  if (root === 'params' && written.type !== undefined && written.type !== 'object') {
    return { kind: 'faulty', faults: [{ path: ['type'], message: 'must be object: params are given by name' }] };
  }
  // The validator keeps notes inside the schema, so it gets a copy of its own.
  const schema: Schema = structuredClone(written);
  const lookup: Record<string, Schema | boolean> = dereference(schema);
  for (const part of Object.values(lookup)) {
    if (typeof part !== 'object') continue;
    for (const fault of checkPart(part, lookup)) faults.push(fault);
  }
  if (faults.length > 0) return { kind: 'faulty', faults };
  return { kind: 'usable', schema: { check: (value) => checkValue(value, { root, schema, lookup }) } };
}

/** What the shape alone does not show: references that lead nowhere, patterns that do not compile or do not end. */
function checkPart(part: Schema, lookup: Record<string, Schema | boolean>): SchemaFault[] {
  const pointer = decodeURIComponent((part.__absolute_uri__ ?? '').split('#')[1] ?? '');
  const path = pointer.split('/').slice(1).map(unescapePointer);
  const faults: SchemaFault[] = [];
  if (part.$ref !== undefined && lookup[part.__absolute_ref__ ?? part.$ref] === undefined) {
    faults.push({ path: [...path, '$ref'], message: `leads nowhere within this schema: ${part.$ref}` });
  }
  const patterns = [
    ...(part.pattern === undefined ? [] : [{ path: [...path, 'pattern'], pattern: part.pattern }]),
    ...Object.keys(part.patternProperties ?? {}).map((pattern) => ({
      path: [...path, 'patternProperties', pattern],
      pattern,
    })),
  ];
  for (const { path: place, pattern } of patterns) {
    try {
      new RegExp(pattern, 'u');
    } catch (error) {
      faults.push({ path: place, message: error instanceof Error ? error.message : String(error) });
      continue;
    }
    if (isSlowPattern(pattern)) {
      faults.push({ path: place, message: 'repeats a group that itself repeats or branches, which can run for ever' });
    }
  }
  return faults;
}

function checkValue(
  given: unknown,
  { root, schema, lookup }: { root: Root; schema: Schema; lookup: Record<string, Schema | boolean> },
): { value: unknown; errors: FieldError[] } {
  const value = withDefaults(given, schema);
  let found: OutputUnit[];
  try {
    found = leafErrors(validate(value, schema, draft, lookup, false).errors);
  } catch (error) {
    // A schema that refers to itself without end, or more errors than a call can hold.
    const message = `cannot be checked: ${error instanceof Error ? error.message : String(error)}`;
    return { value, errors: [{ path: root, message }] };
  }
  const errors = found.slice(0, errorsMax).map((error) => {
    const path: FieldPath = [root, ...toPath(error.instanceLocation, value)];
    const missing = error.keyword === 'required' ? /property "(.*)"\.$/s.exec(error.error)?.[1] : undefined;
    if (missing !== undefined) return { path: toFieldPath([...path, missing]), message: 'is required' };
    if (error.keyword === 'false' && path.length === 2) {
      const known = Object.keys(schema.properties ?? {});
      const guess = didYouMean(String(path[1]), known);
      return {
        path: toFieldPath(path),
        message: `is ${root === 'params' ? 'not a param of this template; it' : 'no field of the data; the step'} takes ${known.join(', ') || 'none'}${guess}`,
      };
    }
    return { path: toFieldPath(path), message: toMessage(error) };
  });
  return { value, errors };
}

/** Fills in `default` for absent properties, in objects that are there and in those a default made. */
function withDefaults(value: unknown, schema: unknown): unknown {
  if (!isObject(value) || !isObject(schema) || !isObject(schema.properties)) return value;
  const entries = new Map(Object.entries(value));
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!entries.has(name) && isObject(property) && property.default !== undefined) {
      entries.set(name, structuredClone(property.default));
    }
    if (entries.has(name)) entries.set(name, withDefaults(entries.get(name), property));
  }
  return Object.fromEntries(entries);
}

/** Of a choice (anyOf, oneOf) the summary stays, and what failed in each alternative goes. */
function leafErrors(errors: OutputUnit[]): OutputUnit[] {
  const choices = errors.filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf');
  const keywords = new Set(choices.map((choice) => choice.keywordLocation));
  const places = new Set(choices.map((choice) => choice.instanceLocation));
  return errors.filter((error) => {
    if (wrapperKeywords.has(error.keyword)) return false;
    const isOfAlternative = outerPointers(error.keywordLocation).some((outer) => keywords.has(outer));
    const isWithin = () =>
      places.has(error.instanceLocation) || outerPointers(error.instanceLocation).some((outer) => places.has(outer));
    return !isOfAlternative && !(error.keyword === 'false' && isWithin());
  });
}

/** `#/a/b` → `#/a` and `#`. */
function outerPointers(pointer: string): string[] {
  const parts = pointer.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function toMessage(error: OutputUnit): string {
  const type = /^Instance type "(.*)" is invalid\. Expected "(.*)"\.$/s.exec(error.error);
  if (type) return `must be ${type[2]?.replaceAll('", "', ' or ')}, not ${type[1]}`;
  if (error.keyword === 'false') return 'is not allowed';
  return error.error;
}

function valueAt(written: unknown, path: FieldPath): unknown {
  let value = written;
  for (const key of path) value = (value as Record<string | number, unknown> | undefined)?.[key];
  return value;
}

/** `#/items/0` → ['items', 0]; a number only where it counts places in an array. */
function toPath(pointer: string, instance: unknown): (string | number)[] {
  let value = instance;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = unescapePointer(decodeURIComponent(part));
      const isPlace = Array.isArray(value);
      value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
      return isPlace ? Number(key) : key;
    });
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
