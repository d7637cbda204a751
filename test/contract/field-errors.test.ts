/** Goal: whatever a schema finds wrong is told at its place, in words that say what is expected there. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseBounded } from '../../src/contract/bounded-parse.ts';
import { toFieldErrors, toFieldPath } from '../../src/contract/field-errors.ts';

const text = z.strictObject({ type: z.enum(['text', 'json_object']) });
const wrapped = z.looseObject({ type: z.literal('json_schema'), json_schema: z.object({ name: z.string() }) });
const plain = z.looseObject({ type: z.literal('json_schema'), schema: z.object({}), strict: z.boolean() });
const schema = z.strictObject({
  steps: z.array(z.object({ id: z.string().min(1) })).optional(),
  headers: z.record(z.string().regex(/^\S+$/, 'must be a token'), z.string()).optional(),
  input: z.object({ any: z.unknown().nonoptional() }).optional(),
  stop: z.union([z.string().min(1), z.array(z.string()).min(1)]).optional(),
  format: z.union([z.enum(['text', 'json_object']), text, z.union([wrapped, plain])]).optional(),
});

const faultsOf = (value: unknown) => {
  const { error } = parseBounded(schema, value);
  return error && toFieldErrors(error.issues, ['body']).map(({ path, message }) => `${path}: ${message}`);
};

describe('the faults of a value', () => {
  it.each([
    ['a field of another kind', { steps: [{ id: 5 }] }, 'body.steps[0].id: expected string, received number'],
    ['a field that is missing', { steps: [{}] }, 'body.steps[0].id: is missing; expected string'],
    ['a field that may be anything and is missing', { input: {} }, 'body.input.any: is missing'],
    ['a text that is too short', { steps: [{ id: '' }] }, 'body.steps[0].id: expected string to have >=1 characters'],
    ['what is no object', [], 'body: expected object, received array'],
    ['none of the kinds that are possible', { stop: 5 }, 'body.stop: expected string or array'],
    ['a map that is none', { headers: 5 }, 'body.headers: expected object, received number'],
    ['a name that a map does not take', { headers: { 'X Y': '1' } }, 'body.headers.X Y: its name must be a token'],
    ['a list that is empty', { stop: [] }, 'body.stop: expected array to have >=1 items'],
    ['an entry of another kind', { stop: ['a', 5] }, 'body.stop[1]: expected string, received number'],
    ['a word that is no choice', { format: 'xml' }, 'body.format: expected "text" or "json_object" or object'],
    [
      'a choice that none of the forms has',
      { format: { type: 'xml' } },
      'body.format.type: expected one of "text"|"json_object"|"json_schema"',
    ],
    [
      'a form without its content',
      { format: { type: 'json_schema' } },
      'body.format.json_schema: is missing; expected object',
    ],
  ])('%s', (_what, value, fault) => {
    expect(faultsOf(value)).toEqual([fault]);
  });

  it('names each unknown field', () => {
    expect(faultsOf({ stopp: 1, forma: 2, zebra: 3 })).toEqual([
      'body.stopp: unknown field "stopp"; did you mean "stop"?',
      'body.forma: unknown field "forma"; did you mean "format"?',
      'body.zebra: unknown field "zebra"',
    ]);
    expect(faultsOf({ format: { typ: 'text', type: 'text' } })).toEqual([
      'body.format.typ: unknown field "typ"; did you mean "type"?',
    ]);
  });

  it('looks for the known field of twenty unknown ones', () => {
    const wide = z.strictObject({ steps: z.array(z.strictObject({ retry: z.number().optional() })) });
    const { error } = parseBounded(wide, { steps: Array.from({ length: 21 }, () => ({ retri: 1 })) });
    const found = toFieldErrors(error?.issues ?? []).map(({ message }) => message);
    expect(found.slice(0, 20)).toEqual(Array(20).fill('unknown field "retri"; did you mean "retry"?'));
    expect(found.slice(20)).toEqual(['unknown field "retri"']);
  });

  it('tells the faults of the form that comes nearest', () => {
    expect(faultsOf({ format: { type: 'json_schema', json_schema: { name: 1 } } })).toEqual([
      'body.format.json_schema.name: expected string, received number',
    ]);
  });
});

it('a path shows 200 characters of a name', () => {
  expect(toFieldPath(['a'.repeat(200), 0, 'b'.repeat(201)])).toBe(`${'a'.repeat(200)}[0].${'b'.repeat(200)}…`);
});
