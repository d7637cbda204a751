/** Goal: an answer that is made up fits the schema it is made for. Method: the check that real answers go through. */
import { describe, expect, it } from 'vitest';
import { readJsonAnswer } from '../../../src/tasks/llm/json-answer.ts';
import { toSample } from '../../../src/tasks/llm/sample.ts';

const node = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string' }, below: { $ref: '#/$defs/node' } },
};
const fitting: Record<string, Record<string, unknown>> = {
  'an object with all its properties': {
    type: 'object',
    required: ['a', 'z'],
    properties: { a: { type: 'string', minLength: 20, maxLength: 21 }, b: { type: 'boolean' }, c: { type: 'null' } },
  },
  'numbers within bounds': {
    type: 'array',
    minItems: 5,
    prefixItems: [
      { type: 'integer', minimum: 3 },
      { type: 'integer', exclusiveMinimum: 3 },
      { type: 'integer', maximum: -7 },
      { type: 'number', exclusiveMaximum: 0 },
      { type: 'integer', minimum: 10, multipleOf: 7 },
    ],
  },
  'choices, constants and all of several': {
    type: 'object',
    required: ['either', 'one', 'fixed', 'all'],
    properties: {
      either: { anyOf: [{ type: 'array', items: { enum: ['x'] }, minItems: 2 }, { type: 'null' }] },
      one: { oneOf: [{ type: 'integer', minimum: 5 }, { type: 'string' }] },
      fixed: { const: { a: [1] } },
      all: { allOf: [{ required: ['p'], properties: { p: { type: 'integer' } } }, { required: ['q'] }] },
    },
  },
  'one that refers to itself': { $defs: { node }, $ref: '#/$defs/node' },
  'a format': { type: 'object', properties: { at: { type: 'string', format: 'date-time' } } },
  'nothing at all': {},
};

describe('a made-up answer', () => {
  it.each(Object.entries(fitting))('fits %s', (_, schema) => {
    const sample = toSample(schema);
    expect(readJsonAnswer(JSON.stringify(sample), { schema }, () => {})).toEqual(sample);
  });

  it('has the properties that need not be there, since later steps may refer to them', () => {
    expect(toSample(fitting['an object with all its properties'] ?? {})).toMatchObject({ b: true, c: null });
  });

  it('ends where a schema asks for itself without end', () => {
    const endless = { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } } };
    expect(() => toSample(endless)).not.toThrow();
    const deep = { type: 'object', required: ['x'], properties: { x: { $ref: '#' } } };
    expect(JSON.stringify(toSample(deep)).length).toBeLessThan(1_000);
  });
});
