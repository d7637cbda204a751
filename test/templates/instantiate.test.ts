/**
 * Goal: a run's params get the schema's defaults, are checked, and every bad field is named at once.
 * Method: tables over `instantiate`.
 */
import { describe, expect, test } from 'vitest';
import type { Template } from '../../src/contract/definition.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { instantiate } from '../../src/templates/instantiate.ts';

const steps = [{ id: 'a', action: 'noop' }];
const template = (params?: Record<string, unknown>): Template => ({
  id: 't',
  name: 'T',
  steps,
  ...(params ? { params } : {}),
});

function refusal(schema: Record<string, unknown>, params: Record<string, unknown>): Refusal {
  try {
    instantiate(template(schema), params);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('accepted');
}
const errors = (schema: Record<string, unknown>, params: Record<string, unknown>) =>
  (refusal(schema, params).errors ?? []).map(({ path, message }) => `${path} ${message}`);

test('the definition is the template without its id, and with the params given', () => {
  const full: Template = {
    ...template({ properties: { n: { type: 'integer' } } }),
    description: 'd',
    tags: ['x'],
    failurePolicy: 'fail-fast',
  };
  expect(instantiate(full, { n: 1 })).toEqual({
    name: 'T',
    description: 'd',
    tags: ['x'],
    failurePolicy: 'fail-fast',
    params: { n: 1 },
    steps,
  });
});

test('a template without a schema takes any params', () => {
  expect(instantiate(template(), { anything: [1] }).params).toEqual({ anything: [1] });
});

describe('defaults', () => {
  const schema = {
    properties: {
      count: { type: 'integer', default: 5 },
      options: { type: 'object', default: {}, properties: { deep: { default: [1] } } },
      nested: { type: 'object', properties: { x: { default: 'y' } } },
    },
  };
  test('fill in what is absent, also inside objects, and nothing else', () => {
    expect(instantiate(template(schema), {}).params).toEqual({ count: 5, options: { deep: [1] } });
    expect(instantiate(template(schema), { count: 0, nested: {} }).params).toEqual({
      count: 0,
      options: { deep: [1] },
      nested: { x: 'y' },
    });
  });

  test('are copies: a run can change its own without a trace in the next', () => {
    const one = template(schema);
    const first = instantiate(one, {}).params as { options: { deep: number[] } };
    first.options.deep.push(2);
    expect(instantiate(one, {}).params).toEqual({ count: 5, options: { deep: [1] } });
  });

  test('neither the given params nor the schema are changed', () => {
    const given = Object.freeze({ nested: Object.freeze({}) });
    const before = structuredClone(schema);
    instantiate(template(schema), given);
    expect(schema).toEqual(before);
    expect(Object.getOwnPropertyNames(schema)).toEqual(['properties']);
  });

  test('a key named __proto__ stays a key', () => {
    const params = instantiate(template(schema), JSON.parse('{"__proto__": {"polluted": true}}')).params ?? {};
    expect(Object.keys(params)).toContain('__proto__');
    expect('polluted' in params).toBe(false);
  });
});

describe('what does not fit is named with its path', () => {
  const cases: [string, Record<string, unknown>, Record<string, unknown>, string[]][] = [
    ['a missing param', { required: ['url'] }, {}, ['params.url is required']],
    [
      'every bad field at once',
      { properties: { n: { type: 'integer' }, s: { type: 'string', minLength: 3 } }, required: ['url'] },
      { n: 'x', s: 'ab' },
      ['params.url is required', 'params.n must be integer, not string', 'params.s String is too short (2 < 3).'],
    ],
    [
      'an unknown param',
      { properties: { url: {}, title: {} }, additionalProperties: false },
      { ulr: 1 },
      ['params.ulr is not a param of this template; it takes url, title; did you mean "url"?'],
    ],
    [
      'a place in an array, and an object key that looks like one',
      { properties: { list: { items: { properties: { '0': { type: 'string' } } } } } },
      { list: [{}, { '0': 1 }] },
      ['params.list[1].0 must be string, not number'],
    ],
    [
      'something missing inside',
      { properties: { o: { type: 'object', required: ['x'] } } },
      { o: {} },
      ['params.o.x is required'],
    ],
    [
      'a name that a pointer has to escape',
      { properties: { 'a/b~c%d#e é': { type: 'null' } } },
      { 'a/b~c%d#e é': 1 },
      ['params.a/b~c%d#e é must be null, not number'],
    ],
    [
      'a choice, without what failed in each alternative',
      { properties: { v: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] } } },
      { v: 1 },
      ['params.v Instance does not match any subschemas.'],
    ],
    [
      'several types',
      { properties: { v: { type: ['string', 'null'] } } },
      { v: 1 },
      ['params.v must be string or null, not number'],
    ],
    [
      'a format',
      { properties: { u: { format: 'uri' } } },
      { u: 'no' },
      ['params.u String does not match format "uri".'],
    ],
    [
      'behind a $ref',
      { $defs: { n: { type: 'number' } }, properties: { n: { $ref: '#/$defs/n' } } },
      { n: '1' },
      ['params.n must be number, not string'],
    ],
  ];
  test.each(cases)('%s', (_, schema, params, expected) => {
    expect(errors(schema, params)).toEqual(expected);
  });

  test('and the refusal is INVALID with a sentence for a person', () => {
    const error = refusal({ required: ['url', 'title'] }, {});
    expect(error.code).toBe('INVALID');
    expect(error.detail).toBe('The params do not fit template t: params.url is required (and 1 more)');
  });

  test('at most a hundred errors are given', () => {
    const params = { list: Array.from({ length: 5000 }, () => 'x') };
    expect(errors({ properties: { list: { items: { type: 'number' } } } }, params)).toHaveLength(100);
  });
});

test('a default that does not fit its own schema is refused like a given value', () => {
  expect(errors({ properties: { n: { type: 'integer', default: 'x' } } }, {})).toEqual([
    'params.n must be integer, not string',
  ]);
});

test('a schema that refers to itself without end is refused, not followed', () => {
  expect(errors({ properties: { a: { $ref: '#/properties/a' } } }, { a: 1 })[0]).toMatch(/^params cannot be checked/);
});

test('a faulty schema that never went through the catalogue is refused', () => {
  expect(errors({ type: 'text' }, {})[0]).toMatch(/^params.type /);
});
