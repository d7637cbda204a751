/**
 * Goal: SS1 and SS2: a schema that would check nothing, and a type that there is not, are faults with the way out; what
 * is meant as a note passes. Method: tables over `createParamsSchema`, with what must pass beside what must not.
 */
import { expect, test } from 'vitest';
import { createDataSchema, createParamsSchema } from '../../src/templates/params-schema.ts';
import { findSchemaSlips } from '../../src/templates/schema-slips.ts';

const faultsOf = (schema: Record<string, unknown>) => {
  const made = createParamsSchema(schema);
  return made.kind === 'usable' ? [] : made.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
};
const prop = (topic: unknown) => ({ properties: { topic } });

test.each([
  [
    { topic: 'string' },
    ': is a JSON Schema, which names the params under properties: {type: object, properties: {topic: {type: string}}}',
  ],
  [
    { count: 'int', topic: { type: 'string' } },
    ': is a JSON Schema, which names the params under properties: {type: object, properties: {count: {type: integer}}}',
  ],
  [
    { 'x-note': 'string', list: { enum: ['a'] } },
    ': is a JSON Schema, which names the params under properties: {type: object, properties: {list: {type: string}}}',
  ],
  [
    { type: 'object', topic: { type: 'strng' } },
    'topic: is no keyword of JSON Schema; a name stands under properties: {topic: {type: string}}',
  ],
  [
    { type: 'object', topic: 'number' },
    'topic: is no keyword of JSON Schema; a name stands under properties: {topic: {type: number}}',
  ],
  [{ propertys: { topic: { type: 'string' } } }, 'propertys: is no keyword of JSON Schema; did you mean "properties"?'],
  [{ type: 'object', requierd: ['a'] }, 'requierd: is no keyword of JSON Schema; did you mean "required"?'],
  [
    prop({ type: 'string', minlength: 3 }),
    'properties.topic.minlength: is no keyword of JSON Schema; did you mean "minLength"?',
  ],
  [
    { allOf: [{}, { items: { anyOf: [{ patern: 'a' }] } }] },
    'allOf.1.items.anyOf.0.patern: is no keyword of JSON Schema; did you mean "pattern"?',
  ],
])('SS1: %j is a fault', (schema, fault) => {
  expect(faultsOf(schema)).toEqual([fault]);
});

test.each([
  [{}],
  [{ type: 'object' }],
  [{ title: 'T', description: 'about string' }],
  [{ type: 'object', 'x-topic': 'string', $dynamicRef: '#a', note: 'for people', remark: 1, ui: { order: ['a'] } }],
  [prop({ type: 'string', example: 'x', nullable: true, widget: 'textarea', contentEncoding: 'base64' })],
  [prop({ enum: [{ minlength: 1 }], const: { patern: 1 }, default: { requierd: 1 }, examples: [{ patern: 1 }] })],
  [{ properties: { minlength: { type: 'integer' }, propertys: true }, dependentRequired: { patern: ['a'] } }],
  [{ dependencies: { patern: ['a'], requierd: {} }, $defs: { patern: {} } }],
])('SS1: %j passes', (schema) => {
  expect(faultsOf(schema)).toEqual([]);
});

test.each([
  [{ type: 'strng' }, 'properties.topic.type: "strng" is no type of JSON Schema; did you mean "string"?'],
  [{ type: 'text' }, 'properties.topic.type: "text" is no type of JSON Schema; did you mean "string"?'],
  [{ type: 'Int' }, 'properties.topic.type: "Int" is no type of JSON Schema; did you mean "integer"?'],
  [{ type: ['string', 'nul'] }, 'properties.topic.type: "nul" is no type of JSON Schema; did you mean "null"?'],
  [
    { type: 'zebra' },
    'properties.topic.type: "zebra" is no type of JSON Schema; the types are array, boolean, integer, null, number, object, string',
  ],
  [
    { type: 'constructor' },
    'properties.topic.type: "constructor" is no type of JSON Schema; the types are array, boolean, integer, null, number, object, string',
  ],
  [{ type: 7 }, 'properties.topic.type: must name a type: array, boolean, integer, null, number, object, string'],
  ['string', 'properties.topic: must be a schema: write {type: string}'],
  ['bool', 'properties.topic: must be a schema: write {type: boolean}'],
  [null, 'properties.topic: must be a schema, as in {type: string}; {} takes any value'],
  ['zebra', 'properties.topic: must be object or boolean, not string'],
  [{ items: 'integer' }, 'properties.topic.items: must be a schema: write {type: integer}'],
])('SS2: a param %j', (topic, fault) => {
  expect(faultsOf(prop(topic))).toEqual([fault]);
});

test('twenty slips are told, and after a thousand notes none is looked for', () => {
  const many = (count: number, name: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, 1]));
  const slips = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, { patern: 'a' }]));
  expect(faultsOf({ properties: slips })).toHaveLength(20);
  expect(faultsOf({ ...many(999, 'zzzzzz'), patern: 1 })).toEqual([expect.stringContaining('"pattern"')]);
  expect(faultsOf({ ...many(1_000, 'zzzzzz'), patern: 1 })).toEqual([]);
});

test('a decision that is waited for is not stopped by a slip, which `validate` names', () => {
  const schema = { reason: 'string' };
  expect(createDataSchema(schema).kind).toBe('usable');
  expect(findSchemaSlips(schema, 'data')).toEqual([
    {
      path: [],
      message:
        'is a JSON Schema, which names the data under properties: {type: object, properties: {reason: {type: string}}}',
    },
  ]);
});
