/**
 * What a JSON Schema may look like (draft 2020-12, and the older spellings people still write), as a JSON Schema. Unknown
 * keywords are annotations and pass. The published meta-schema is split over eight documents that refer to one another
 * by address; this is their sum for the keywords that the validator knows.
 */
import type { Schema } from '@cfworker/json-schema';

const schema = { $ref: '#' };
const schemas = { type: 'array', minItems: 1, items: schema } satisfies Schema;
const schemaMap = { type: 'object', additionalProperties: schema } satisfies Schema;
const count = { type: 'integer', minimum: 0 } satisfies Schema;
/** Not `uniqueItems`, as published: the validator would compare each with each, and a repeated name harms nobody. */
const names = { type: 'array', items: { type: 'string' } } satisfies Schema;
export const typeNames: readonly string[] = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];
const typeName = { enum: [...typeNames] } satisfies Schema;

export const schemaOfSchemas: Schema = {
  type: ['object', 'boolean'],
  properties: {
    $id: { type: 'string' },
    $schema: { type: 'string' },
    $ref: { type: 'string' },
    $anchor: { type: 'string' },
    $comment: { type: 'string' },
    $defs: schemaMap,
    definitions: schemaMap,
    title: { type: 'string' },
    description: { type: 'string' },
    examples: { type: 'array' },
    deprecated: { type: 'boolean' },
    readOnly: { type: 'boolean' },
    writeOnly: { type: 'boolean' },
    type: { anyOf: [typeName, { type: 'array', items: typeName, minItems: 1 }] },
    enum: { type: 'array' },
    format: { type: 'string' },
    multipleOf: { type: 'number', exclusiveMinimum: 0 },
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    exclusiveMinimum: { type: 'number' },
    exclusiveMaximum: { type: 'number' },
    minLength: count,
    maxLength: count,
    pattern: { type: 'string' },
    minItems: count,
    maxItems: count,
    uniqueItems: { type: 'boolean' },
    minContains: count,
    maxContains: count,
    items: { anyOf: [schema, schemas] },
    prefixItems: schemas,
    additionalItems: schema,
    unevaluatedItems: schema,
    contains: schema,
    minProperties: count,
    maxProperties: count,
    required: names,
    properties: schemaMap,
    patternProperties: schemaMap,
    additionalProperties: schema,
    unevaluatedProperties: schema,
    propertyNames: schema,
    dependentRequired: { type: 'object', additionalProperties: names },
    dependentSchemas: schemaMap,
    dependencies: { type: 'object', additionalProperties: { anyOf: [schema, names] } },
    allOf: schemas,
    anyOf: schemas,
    oneOf: schemas,
    not: schema,
    if: schema,
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in an object that nobody awaits
    then: schema,
    else: schema,
  },
};
