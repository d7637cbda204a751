/** Goal: rules N1 to N5 of references in params. Method: `bindParams` over a few outputs; hostile paths among them. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import { limits } from '../../src/contract/limits.ts';
import { BindingError, bindAny, bindParams } from '../../src/core/bindings.ts';
import { eachReference, readReferences } from '../../src/core/references.ts';

const outputs: Record<string, unknown> = {
  a: { content: 'text', n: 42, flag: false, none: null, list: [{ x: 1 }, 'two'], 'with space': 1 },
  'a.b': { content: 'dotted' },
  'x.outputs': { content: 'strange' },
  evil: { content: '{{params.secret}} {{steps.a.outputs.content}}' },
  empty: undefined,
};
const params: JsonObject = { name: 'World', deep: { er: [10, 20] }, secret: 'hidden' };
const isStep = (id: string) => Object.hasOwn(outputs, id);
const bind = (value: JsonObject) => bindParams(value, { params, isStep, outputsOf: (id) => outputs[id] });
const bindOne = (text: string) => bind({ text }).text;

describe('N1: what a reference becomes', () => {
  test.each([
    ['{{steps.a.outputs.n}}', 42],
    ['{{ steps.a.outputs.n }}', 42],
    ['{{steps.a.outputs.flag}}', false],
    ['{{steps.a.outputs.none}}', null],
    ['{{steps.a.outputs.list}}', [{ x: 1 }, 'two']],
    ['{{params.deep}}', { er: [10, 20] }],
    ['{{params.deep.er[1]}}', 20],
    ['{{params.deep.er.1}}', 20],
    ['{{steps.a.outputs}}', outputs.a],
  ])('%s alone takes the value with its type', (text, value) => {
    expect(bindOne(text)).toEqual(value);
  });

  test.each([
    ['Hello {{params.name}}!', 'Hello World!'],
    [' {{steps.a.outputs.n}}', ' 42'],
    ['{{params.name}}{{params.name}}', 'WorldWorld'],
    ['{{steps.a.outputs.none}} and {{steps.a.outputs.list}}', ' and [{"x":1},"two"]'],
  ])('%s becomes text', (text, value) => {
    expect(bindOne(text)).toBe(value);
  });

  test.each([
    ['{{steps.a.outputs.n}}\n', 42],
    ['\n{{steps.a.outputs.n}}', 42],
    ['  {{ steps.a.outputs.n }}\r\n\r\n', 42],
    ['{{steps.a.outputs.list}}\n\n', [{ x: 1 }, 'two']],
    ['{{steps.a.outputs.none}}\n', null],
    ['{{params.name}}\n', 'World'],
    ['{{steps.a.outputs.n}} ', '42 '],
    ['\t{{steps.a.outputs.n}}', '\t42'],
    ['{{steps.a.outputs.n}}\n{{steps.a.outputs.n}}\n', '42\n42\n'],
    ['- {{steps.a.outputs.n}}\n', '- 42\n'],
  ])('%j: alone on a line of a block it keeps its type; a space beside it is text', (text, value) => {
    expect(bindOne(text)).toEqual(value);
  });

  test.each([
    ['[{{steps.a.outputs.none}}]', '[]'],
    ['{{steps.a.outputs.none}}{{steps.a.outputs.none}}', ''],
    ['x {{params.nothing}}', 'x '],
    ['{{params.deep}}{{params.name}}', '{"er":[10,20]}World'],
    ['{{params.holed}}!', '{"a":null}!'],
    ['{{steps.a.outputs.flag}}!', 'false!'],
  ])('%s: null inside text is nothing, and stays null inside of JSON', (text, value) => {
    const more = { ...params, nothing: null, holed: { a: null } };
    expect(bindParams({ text }, { params: more, isStep, outputsOf: (id) => outputs[id] }).text).toBe(value);
  });

  test('quoted keys lead to keys that no name can hold', () => {
    const more = { user: { 'first name': 'Ada', 'a.b': { '}}': 1 } } };
    const sources = { params: more, isStep, outputsOf: (id: string) => outputs[id] };
    const written = {
      alone: '{{params.user["a.b"]["}}"]}}',
      text: 'Dear {{ params.user["first name"] }},',
      step: '{{steps.a.outputs["with space"]}}',
      dotted: '{{steps["a.b"].outputs.content}}',
    };
    expect(bindParams(written, sources)).toEqual({ alone: 1, text: 'Dear Ada,', step: 1, dotted: 'dotted' });
  });

  test('holds at every depth, and leaves other values and all keys alone', () => {
    const before = { list: ['{{params.name}}', 1, null, true], in: { '{{params.name}}': '{{params.name}}' } };
    expect(bind(before)).toEqual({ list: ['World', 1, null, true], in: { '{{params.name}}': 'World' } });
    expect(before.list[0]).toBe('{{params.name}}');
  });
});

test('a reference to outputs that are to be left stays a reference, wherever it stands', () => {
  const left: string[] = [];
  const isLeft = (id: string) => {
    if (id === 'a') left.push(id);
    return id === 'a';
  };
  const written = { whole: '{{ steps.a.outputs.n }}', part: '{{params.name}}: {{steps.a.outputs.missing}}' };
  const sources = { params, isStep, outputsOf: (id: string) => outputs[id], isLeft };
  expect(bindParams({ ...written, other: '{{steps.a.b.outputs.content}}' }, sources)).toEqual({
    whole: '{{ steps.a.outputs.n }}',
    part: 'World: {{steps.a.outputs.missing}}',
    other: 'dotted',
  });
  expect(left).toEqual(['a', 'a']);
});

describe('N2: a path walks own properties and array places only', () => {
  test.each([
    '{{params.constructor}}',
    '{{params.__proto__}}',
    '{{steps.a.outputs.toString}}',
    '{{steps.a.outputs.content.length}}',
    '{{steps.a.outputs.list.map}}',
    '{{steps.a.outputs.list[2]}}',
    '{{steps.a.outputs.none.x}}',
    '{{steps.a.outputs.missing}}',
  ])('%s leads nowhere, and the error names it', (text) => {
    expect(() => bindOne(`see ${text}`)).toThrow(BindingError);
    expect(() => bindOne(text)).toThrow(`${text} leads nowhere`);
  });

  test('a step without outputs is named', () => {
    expect(() => bindOne('{{steps.empty.outputs}}')).toThrow('leads nowhere: the step has no outputs');
    expect(() => bindOne('{{steps.empty.outputs.content}}')).toThrow('leads nowhere: there is no "content"');
  });

  test('is at most 16 deep', () => {
    const path = (depth: number) => `params.${Array.from({ length: depth }, () => 'p').join('.')}`;
    expect(readReferences(path(16), isStep)[0]!.kind).toBe('params');
    expect(readReferences(path(17), isStep)[0]!.kind).toBe('malformed');
  });

  test('a key named __proto__ in params stays a key', () => {
    const bound = bind(JSON.parse('{"__proto__":{"x":"{{params.name}}"}}'));
    expect(Object.hasOwn(bound, '__proto__')).toBe(true);
    expect(JSON.stringify(bound)).toBe('{"__proto__":{"x":"World"}}');
  });
});

describe('N3: one pass', () => {
  test('a value that was put in is not read for references again', () => {
    expect(bindOne('{{steps.evil.outputs.content}}')).toBe(
      outputs.evil && (outputs.evil as { content: string }).content,
    );
    expect(bindOne('<{{steps.evil.outputs.content}}>')).toBe('<{{params.secret}} {{steps.a.outputs.content}}>');
  });

  test('values that stand side by side do not make a reference', () => {
    const sources = { params: { open: '{{', rest: 'params.secret}}' }, isStep, outputsOf: () => undefined };
    expect(bindParams({ text: '{{params.open}}{{params.rest}}' }, sources)).toEqual({ text: '{{params.secret}}' });
  });
});

describe('RE1: what begins otherwise is not a reference', () => {
  test.each([
    '{{ page.title | upcase }}',
    '{{title}}',
    '{{ page.title }}',
    '{{params}}',
    '{{steps}}',
    '{{parameters.x}}',
    '{{params.x | upcase}}',
    '{{{params.x}',
    '{% if params.x %}',
    '{ {params.x}}',
    '{{{}}}',
  ])('%s stays as written', (text) => {
    expect(bindOne(text)).toBe(text);
  });
});

describe('readReferences', () => {
  test('a step id may hold dots, also ".outputs"; the steps there are settle where it ends', () => {
    expect(readReferences('steps.a.b.outputs.content', isStep)[0]).toMatchObject({ stepId: 'a.b', path: ['content'] });
    expect(readReferences('steps.x.outputs.outputs.content', isStep)[0]).toMatchObject({ stepId: 'x.outputs' });
    expect(readReferences('steps.a.outputs.outputs.content', isStep)[0]).toMatchObject({
      stepId: 'a',
      path: ['outputs', 'content'],
    });
  });

  test('where no step fits, the shortest id is named', () => {
    expect(readReferences('steps.q.outputs.outputs', isStep)[0]).toMatchObject({ stepId: 'q', path: ['outputs'] });
  });

  test('array places may follow at once', () => {
    expect(readReferences('steps.a.outputs[0][1].x', isStep)[0]).toMatchObject({ path: ['0', '1', 'x'] });
  });

  test.each([
    'params.',
    'params.a..b',
    'params.a b',
    'params.[x].b',
    'params.a[x]',
    'params.a[0]b',
    'params.a[0',
    'steps.a',
    'steps.a.output',
    'steps.a.outputsX',
    'steps.a.outputs.',
    'steps.a.outputs[0',
    'steps.a.outputs[x]',
    'steps.a.outputs[x].content',
    'steps.a.outputs..b',
    'steps..outputs.x',
  ])('%s is malformed', (text) => {
    expect(readReferences(text, isStep)[0]).toMatchObject({ kind: 'malformed', text });
    expect(() => bindOne(`{{${text}}}`)).toThrow(/is not a reference: write \{\{/);
  });
});

describe('N4: in code no value becomes part of the text', () => {
  const bindCode = (value: JsonObject) =>
    bindParams(value, { params, isStep, outputsOf: (id) => outputs[id] }, { code: ['template'] });

  test('strings and values stay apart, with what was written between the braces', () => {
    expect(bindCode({ template: 'a {{ params.name }}{{steps.a.outputs.list}}\n', data: '{{params.name}}' })).toEqual({
      template: {
        strings: ['a ', '', '\n'],
        references: [' params.name ', 'steps.a.outputs.list'],
        values: ['World', [{ x: 1 }, 'two']],
      },
      data: 'World',
    });
  });

  test('a reference alone is data too', () => {
    expect(bindCode({ template: '{{steps.evil.outputs.content}}' })).toEqual({
      template: {
        strings: ['', ''],
        references: ['steps.evil.outputs.content'],
        values: ['{{params.secret}} {{steps.a.outputs.content}}'],
      },
    });
  });

  test('code without references stays as it is, and so does what is no text', () => {
    expect(bindCode({ template: '{{ page }}' })).toEqual({ template: '{{ page }}' });
    expect(bindCode({ template: 'plain' })).toEqual({ template: 'plain' });
    expect(bindCode({ template: 5 })).toEqual({ template: 5 });
    expect(bindCode({ template: null })).toEqual({ template: null });
    expect(bindParams({ text: '<{{params.name}}>' }, { params, isStep, outputsOf: () => undefined }, {})).toEqual({
      text: '<World>',
    });
  });

  test.each([
    { template: { strings: ['{{params.name}}'], values: [], references: [] } },
    { template: ['{{params.name}}'] },
  ])('CT1: $template does not pass for what the engine makes', (value) => {
    expect(() => bindCode(value as unknown as JsonObject)).toThrow('"template" has to be text');
  });

  test('a reference in it that leads nowhere is named', () => {
    expect(() => bindCode({ template: 'x {{params.gone}}' })).toThrow('{{params.gone}} leads nowhere');
  });

  test('what it takes counts for N5', () => {
    const content = 'x'.repeat(limits.stepParamsBytesMax);
    const sources = { params, isStep, outputsOf: () => ({ content }) };
    const template = '{{steps.a.outputs.content}}';
    expect(() => bindParams({ template }, sources, { code: ['template'] })).not.toThrow();
    expect(() => bindParams({ template: `${template}{{params.name}}` }, sources, { code: ['template'] })).toThrow(
      BindingError,
    );
  });
});

test('N5: what references put in is bounded, in one text and over all of them', () => {
  const content = 'x'.repeat(8 * 1024 * 1024);
  const sources = { params, isStep, outputsOf: () => ({ content, list: [content] }) };
  const reference = '{{steps.a.outputs.content}}';
  const most = bindParams({ text: reference.repeat(8) }, sources).text as string;
  expect(most.length).toBe(limits.stepParamsBytesMax);
  for (const value of [
    { text: reference.repeat(9) },
    { text: reference.repeat(90) },
    { list: Array.from({ length: 9 }, () => reference) },
    { list: Array.from({ length: 8 }, () => '{{steps.a.outputs.list}}') },
  ]) {
    expect(() => bindParams(value, sources)).toThrow(BindingError);
    expect(() => bindParams(value, sources)).toThrow(/takes the params beyond 67108864 characters/);
  }
});

test('eachReference visits every reference with its place', () => {
  const seen: string[] = [];
  const value = {
    a: ['{{params.x}} {{steps.a.outputs.n}}', 5, null],
    b: { c: '{{ params.y }}', d: '{{ liquid }}' },
    e: 'no',
  };
  eachReference(value, { isStep }, (reference, path) => seen.push(`${path.join('/')}: ${reference.text}`));
  expect(seen).toEqual(['a/0: params.x', 'a/0: steps.a.outputs.n', 'b/c: params.y']);
});

describe('values in addresses', () => {
  const bindAddress = (url: unknown, values: JsonObject): unknown =>
    bindParams({ url } as JsonObject, { params: values, isStep, outputsOf: () => undefined }, { addresses: ['url'] })
      .url;

  test.each([
    // AD1
    ['{{params.x}}', 'http://h.test/a b?c d', 'http://h.test/a b?c d'],
    ['{{params.x}}/lock', 'http://h.test/a b', 'http://h.test/a b/lock'],
    ['{{params.x}}://h.test/', 'https', 'https://h.test/'],
    ['https://{{params.x}}/a', 'h.test:8080/b', 'https://h.test:8080/b/a'],
    ['https://h.test{{params.x}}', ':81/a&b', 'https://h.test:81/a&b'],
    ['https://{{params.x}}.test', 'a', 'https://a.test'],
    // AD2
    ['https://h.test/{{params.x}}', 'R&D', 'https://h.test/R%26D'],
    ['https://h.test/wiki/{{params.x}}.html', 'a/b c/d?e#f', 'https://h.test/wiki/a/b%20c/d%3Fe%23f.html'],
    ['https://h.test/{{params.x}}', '100%/%2F\\;+é', 'https://h.test/100%25/%252F%5C%3B%2B%C3%A9'],
    ['https://h.test/{{params.x}}', '', 'https://h.test/'],
    ['https://h.test/a{{params.x}}b', '.', 'https://h.test/a.b'],
    ['https://h.test/{{params.x}}', '...', 'https://h.test/...'],
    ['https://h.test/{{params.x}}', '.git/.well-known', 'https://h.test/.git/.well-known'],
    ['https://h.test/{{params.x}}/{{params.x}}?q={{params.x}}', 'a/b', 'https://h.test/a/b/a/b?q=a%2Fb'],
    ['{{params.x}}/{{params.x}}', 'http://h.test', 'http://h.test/http%3A//h.test'],
    ['https://h.test/R&D', '', 'https://h.test/R&D'],
    ['https://h.test/{{topic}}', '', 'https://h.test/{{topic}}'],
    // AD3
    ['https://h.test/?q={{params.x}}&page=2', 'a&b=c#d/e f', 'https://h.test/?q=a%26b%3Dc%23d%2Fe%20f&page=2'],
    ['https://h.test?{{params.x}}', '..', 'https://h.test?..'],
    ['https://h.test/a#{{params.x}}', 'b?c/d', 'https://h.test/a#b%3Fc%2Fd'],
  ])('AD1 to AD3: in %s, %s', (url, x, expected) => {
    expect(bindAddress(url, { x })).toBe(expected);
  });

  test('numbers, nothing and objects become the text that they are elsewhere, encoded', () => {
    expect(bindAddress('https://h.test/{{params.x}}', { x: 7 })).toBe('https://h.test/7');
    expect(bindAddress('https://h.test/?q={{params.x}}', { x: null })).toBe('https://h.test/?q=');
    expect(() => bindAddress('https://h.test/a/{{params.x}}', { x: null })).toThrow(
      new BindingError('{{params.x}} is null, in the path of an address'),
    );
    expect(bindAddress('https://h.test/?q={{params.x}}', { x: { a: 1 } })).toBe('https://h.test/?q=%7B%22a%22%3A1%7D');
    expect(bindAddress(['https://h.test/{{params.x}}'], { x: 'R&D' })).toEqual(['https://h.test/R&D']);
  });

  test.each([
    ['https://h.test/{{params.x}}', '..', '..'],
    ['https://h.test/{{params.x}}/b', '.', '.'],
    ['https://h.test/a/{{params.x}}', 'b/../c', '..'],
    ['https://h.test/a/{{params.x}}', '../../b', '..'],
    ['https://h.test/a/{{params.x}}', 'b/..', '..'],
    ['https://h.test/.{{params.x}}/b', '.', '..'],
    ['https://h.test/{{params.x}}%2e/b', '.', '.%2e'],
    ['https://h.test/{{params.x}}?a', '..', '..'],
    ['{{params.host}}/{{params.x}}', '..', '..'],
  ])('AD4: in %s, %s is refused by name', (url, x, segment) => {
    expect(() => bindAddress(url, { x, host: 'http://h.test' })).toThrow(
      new BindingError(`{{params.x}} makes the segment "${segment}" in an address, which leads to another path`),
    );
  });

  test('half a character is refused, in the path and in the query', () => {
    const message = '{{params.x}} holds half a character, which no address can carry';
    expect(() => bindAddress('https://h.test/{{params.x}}', { x: '\ud83d' })).toThrow(new BindingError(message));
    expect(() => bindAddress('https://h.test/?{{params.x}}', { x: '\ud83d' })).toThrow(new BindingError(message));
  });

  test('a reference that stays as it is written stays so', () => {
    const sources = { params: {}, isStep: () => true, outputsOf: () => undefined, isLeft: () => true };
    const url = 'https://h.test/{{steps.a.outputs.content}}/b';
    expect(bindParams({ url }, sources, { addresses: ['url'] })).toEqual({ url });
  });
});

test('what stays as it is written is the outputs of the steps that are named, and no param', () => {
  const sources = { params, isStep, outputsOf: (id: string) => outputs[id], isLeft: (id: string) => id !== 'a' };
  const text = '{{params.name}} {{steps.a.outputs.n}} {{steps.empty.outputs.x}}';
  expect(bindParams({ text }, sources)).toEqual({ text: 'World 42 {{steps.empty.outputs.x}}' });
});

test('N5: the refusal names the reference, the bound and the way out', () => {
  const long = 'x'.repeat(limits.stepParamsBytesMax + 1);
  const sources = { params: { long }, isStep, outputsOf: () => undefined };
  expect(() => bindParams({ text: '{{params.long}}' }, sources)).toThrow(
    `{{params.long}} takes the params beyond ${limits.stepParamsBytesMax} characters; refer to less of it, or split the step`,
  );
});

describe('RE4: of several sources the first that is there and not null counts', () => {
  test.each([
    ['{{steps.a.outputs.n ?? 5}}', 42],
    ['{{steps.a.outputs.none ?? 5}}', 5],
    ['{{steps.a.outputs.nowhere ?? 5}}', 5],
    ['{{steps.empty.outputs ?? []}}', []],
    ['{{steps.empty.outputs.x ?? params.name}}', 'World'],
    ['{{steps.a.outputs.flag ?? true}}', false],
    ["see {{params.gone ?? 'nothing'}}", 'see nothing'],
    ["see {{params.gone ?? ''}}", 'see '],
    ['{{params.gone ?? null}}', null],
    ['{{params.gone ?? steps.a.outputs.none}}', null],
  ])('%s', (text, value) => {
    expect(bindOne(text)).toEqual(value);
  });

  test('the last has to be there, and what is malformed never stands aside', () => {
    expect(() => bindOne('{{params.gone ?? steps.a.outputs.gone}}')).toThrow('{{steps.a.outputs.gone}} leads nowhere');
    expect(() => bindOne('{{params. ?? 5}}')).toThrow('is not a reference');
    expect(() => bindOne('{{params.name ?? text}}')).not.toThrow();
    expect(() => bindOne('{{params.gone ?? text}}')).toThrow('is neither a reference nor a value');
  });

  test('what fails otherwise is no missing value', () => {
    const outputsOf = () => {
      throw new TypeError('a bug');
    };
    expect(() => bindParams({ v: '{{steps.a.outputs.x ?? 5}}' }, { params, isStep, outputsOf })).toThrow('a bug');
  });

  test('N5 holds for the source that is taken', () => {
    const big = { x: 'x'.repeat(limits.stepParamsBytesMax) };
    const sources = { params: big, isStep, outputsOf: () => undefined };
    expect(() => bindParams({ v: 'a{{params.x ?? 5}}', w: '{{params.x}}' }, sources)).toThrow('beyond');
  });
});

describe('names of items, rounds and of the workflow', () => {
  const names = new Set(['url', 'index', 'previous', 'workflow']);
  const sources = {
    params,
    isStep,
    outputsOf: (id: string) => outputs[id],
    names,
    itemOf: (name: string) => (name === 'index' ? 3 : { host: 'h' }),
    previousOf: (id: string, path: readonly string[]) => (id === 'a' ? { x: path.length } : undefined),
    workflow: () => ({ id: 'w', failed: ['a'] }),
  };

  test.each([
    ['{{url.host}}', 'h'],
    ['{{index}}', 3],
    ['{{url}}/{{ index }}', '{"host":"h"}/3'],
    ['{{previous.a.outputs.x}}', 1],
    ['{{previous.a.outputs}}', { x: 0 }],
    ["{{previous.a.b.outputs.x ?? 'first'}}", 'first'],
    ['{{workflow.failed}}', ['a']],
    ['{{item}} {{ liquid }}', '{{item}} {{ liquid }}'],
  ])('%s', (text, value) => {
    expect(bindAny({ deep: [text] }, sources)).toEqual({ deep: [value] });
  });

  test.each(['{{url.port}}', '{{previous.a.outputs.y}}', '{{workflow.name}}'])('%s leads nowhere', (text) => {
    expect(() => bindAny(text, sources)).toThrow(BindingError);
  });

  test('where nothing is known of them they lead nowhere', () => {
    const bare = { params, isStep, outputsOf: () => undefined, names };
    for (const text of ['{{url}}', '{{previous.a.outputs}}', '{{workflow}}']) {
      expect(() => bindAny(text, bare)).toThrow('leads nowhere');
    }
  });

  test('they stand in addresses too, and in code they are text', () => {
    const kinds = { addresses: ['to'], code: ['code'] };
    const bound = bindParams({ to: 'https://x.test/{{index}}', code: '{{index}} {{params.name}}' }, sources, kinds);
    expect(bound.to).toBe('https://x.test/3');
    expect(bound.code).toMatchObject({ strings: ['{{index}} ', ''], values: ['World'] });
  });
});
