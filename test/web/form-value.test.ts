/** Goal: a form asks for what a schema says, sends what a person has given and nothing else, and names the field at fault. */
import { describe, expect, it } from 'vitest';
import { toCli, toCurl } from '../../web/new/commands.ts';
import {
  type FieldKind,
  fieldOfPath,
  initialInputs,
  type JsonSchema,
  readForm,
  toFields,
} from '../../web/new/form-value.ts';

const only = (schema: JsonSchema, name = 'x') => toFields({ properties: { [name]: schema } })[0]!;

describe('the kind of a field', () => {
  const kinds: [JsonSchema, string, FieldKind][] = [
    [{ type: 'string' }, 'title', 'text'],
    [{ type: 'string', maxLength: 200 }, 'title', 'text'],
    [{ type: 'string', maxLength: 201 }, 'title', 'area'],
    [{ type: 'string' }, 'html', 'area'],
    [{ type: 'string' }, 'htmls', 'text'],
    [{ type: 'string', format: 'uri' }, 'text', 'url'],
    [{ type: 'string', format: 'date-time' }, 'x', 'time'],
    [{ type: 'string', format: 'email' }, 'x', 'email'],
    [{ enum: ['a', 2] }, 'x', 'select'],
    [{ type: 'integer' }, 'x', 'number'],
    [{ type: ['number', 'null'] }, 'x', 'number'],
    [{ type: ['number', 'string'] }, 'x', 'json'],
    [{ type: 'boolean' }, 'x', 'switch'],
    [{ type: 'array', items: { type: 'string' } }, 'x', 'chips'],
    [{ type: 'array', items: { type: 'object' } }, 'x', 'json'],
    [{ type: 'object' }, 'x', 'json'],
    [{}, 'x', 'json'],
  ];
  it.each(kinds)('of %o named %s is %s', (schema, name, kind) => {
    expect(only(schema, name).kind).toBe(kind);
  });
});

describe('what a form begins with', () => {
  it('are defaults as inputs, and nothing where there is none', () => {
    const fields = toFields({
      required: ['a'],
      properties: {
        a: { type: 'string', title: 'The a', description: 'about a', examples: ['tea'] },
        b: { type: 'integer', default: 12, minimum: 1, maximum: 20 },
        c: { type: 'object', default: { k: [1] } },
        d: { type: 'boolean', default: true },
      },
    });
    expect(initialInputs(fields)).toEqual({ a: '', b: '12', c: '{\n  "k": [\n    1\n  ]\n}', d: true });
    expect(fields[0]).toMatchObject({ label: 'The a', description: 'about a', isRequired: true, example: 'tea' });
    expect(fields[1]).toMatchObject({ isRequired: false, hasDefault: true, min: 1, max: 20, isInteger: true });
  });

  it('are the params of the run that is run again', () => {
    const fields = toFields({ properties: { a: { type: 'string', default: 'x' }, b: { type: 'number', default: 1 } } });
    expect(initialInputs(fields, { a: 'tea', other: 1 })).toEqual({ a: 'tea', b: '1' });
  });
});

describe('what a form sends', () => {
  const fields = toFields({
    required: ['text', 'count'],
    properties: {
      text: { type: 'string' },
      count: { type: 'integer' },
      rate: { type: 'number' },
      tags: { type: 'array', items: { type: 'string' } },
      mode: { enum: ['fast', 2] },
      data: { type: 'object' },
      on: { type: 'boolean' },
      note: { type: 'string', default: '' },
      at: { type: 'string', format: 'date-time' },
    },
  });
  const given = { text: 'tea', count: '3' };

  it('are values of the right types, and no field that was left empty', () => {
    const inputs = {
      ...given,
      rate: '0.5',
      tags: ['a', 'b'],
      mode: '2',
      data: '{"a":[1]}',
      on: true,
      note: '',
      at: '2026-01-31T12:00Z',
    };
    expect(readForm(fields, inputs)).toEqual({
      params: {
        text: 'tea',
        count: 3,
        rate: 0.5,
        tags: ['a', 'b'],
        mode: 2,
        data: { a: [1] },
        on: true,
        note: '',
        at: '2026-01-31T12:00:00.000Z',
      },
      faults: new Map(),
    });
    expect(readForm(fields, { ...given, rate: '', tags: [], mode: '', data: '', at: '' }).params).toEqual({
      ...{ text: 'tea', count: 3 },
      on: false,
      note: '',
    });
  });

  it.each([
    [{ text: '' }, 'text', 'is required'],
    [{ count: '' }, 'count', 'is required'],
    [{ count: '3.5' }, 'count', 'must be a whole number'],
    [{ count: 'x' }, 'count', 'must be a number'],
    [{ rate: 'Infinity' }, 'rate', 'must be a number'],
    [{ at: 'soon' }, 'at', 'must be a date and time'],
  ])('is refused with %o at %s: %s', (change, field, fault) => {
    const { params, faults } = readForm(fields, { ...given, ...change });
    expect([...faults]).toEqual([[field, fault]]);
    expect(params).not.toHaveProperty(field);
  });

  it('is refused with what is no JSON', () => {
    expect(readForm(fields, { ...given, data: '{a:1}' }).faults.get('data')).toMatch(/^must be JSON: /);
  });
});

describe('a fault', () => {
  const fields = toFields({ properties: { url: {}, 'a.b': {} } });
  it.each([
    ['url', 'url'],
    ['params.url', 'url'],
    ['params.url.host', 'url'],
    ['#/url/0', 'url'],
    ['url[2]', 'url'],
    ['a.b', 'a.b'],
    ['steps[0].params.url', null],
    ['', null],
  ])('at %s belongs to the field %s', (path, field) => {
    expect(fieldOfPath(fields, path)).toBe(field);
  });
});

describe('the run as a command', () => {
  const run = {
    template: 'page-digest',
    params: { html: "<p>It's</p>", n: 2 },
    origin: 'http://h:8000',
    needsToken: false,
  };

  it('is one for curl that a shell takes word for word', () => {
    expect(toCurl(run)).toBe(
      `curl 'http://h:8000/api/workflows/from-template?template_id=page-digest' \\
  -H 'Content-Type: application/json' \\
  --data-binary '{"html":"<p>It'\\''s</p>","n":2}'`,
    );
    expect(toCurl({ ...run, needsToken: true })).toContain('-H "Authorization: Bearer $API_TOKEN"');
  });

  it('is one for the command line, where a text that begins with @ is no file', () => {
    expect(toCli({ ...run, params: { html: '@home', n: 2 } })).toBe(
      'hybrid-engine run page-digest --param html=@@home --param n=2 --server http://h:8000',
    );
  });
});
