/**
 * Goal: RE1 to RE3, the grammar of references. Method: each form by itself, forms beside each other in one text, slips
 * that must be malformed, and texts made to let a search go over the same characters again and again.
 */
import { describe, expect, test } from 'vitest';
import { findReferences, readReferences } from '../../src/core/references.ts';

const steps = new Set(['a', 'a.b', 'my step', 'x.outputs']);
const read = (text: string) => readReferences(text, (id) => steps.has(id))[0]!;

describe('quoted keys reach every key', () => {
  test.each([
    ['params.user["first name"]', ['user', 'first name']],
    ["params.user['first name']", ['user', 'first name']],
    ['params["first name"]', ['first name']],
    ['params.["first name"].x', ['first name', 'x']],
    ['params["a.b"]["c]d"][2].e', ['a.b', 'c]d', '2', 'e']],
    ['params[ "a" ]', ['a']],
    ['params["a}}b"]', ['a}}b']],
    ['params["{{a|b}}"]', ['{{a|b}}']],
    ['params["say \\"hi\\""]', ['say "hi"']],
    ['params[\'say "hi"\']', ['say "hi"']],
    ["params['it\\'s']", ["it's"]],
    ['params["it\'s"]', ["it's"]],
    ['params["back\\\\slash"]', ['back\\slash']],
    ["params['back\\\\slash']", ['back\\slash']],
    ['params["\\u00fc"]', ['ü']],
    ["params['\\u00fc']", ['ü']],
    ['params[""]', ['']],
    ['params["x"].0', ['x', '0']],
    ["params.it's", ["it's"]],
  ])('%s', (text, path) => {
    expect(read(text)).toEqual({ kind: 'params', path, text });
    expect(findReferences(`<{{${text}}}>`)).toEqual([{ start: 1, end: text.length + 5, inner: text }]);
  });

  test.each([
    ['steps.a.outputs.headers["x-a.b"]', 'a', ['headers', 'x-a.b']],
    ['steps.a.outputs["first name"]', 'a', ['first name']],
    ['steps["my step"].outputs.x', 'my step', ['x']],
    ["steps['a.b'].outputs", 'a.b', []],
    ['steps["gone"].outputs.x', 'gone', ['x']],
    ['steps.a.b.outputs["c"]', 'a.b', ['c']],
    ['steps.x.outputs.outputs["c"]', 'x.outputs', ['c']],
  ])('%s', (text, stepId, path) => {
    expect(read(text)).toEqual({ kind: 'step', stepId, path, text });
    expect(findReferences(`{{ ${text} }}`).map(({ inner }) => inner.trim())).toEqual([text]);
  });
});

describe('RE2: what begins like a reference and is none is malformed', () => {
  test.each([
    'params',
    'params["x',
    'params["x]',
    'params["x"',
    'params["x"]y',
    'params["\\x"]',
    'params["x" + "y"]',
    'params[x]',
    'params[]',
    'params[-1]',
    'steps["a"]',
    'steps["a"].output.x',
    'steps["a"].outputs.',
    'steps["a"].outputsX',
    'steps[a].outputs.x',
    'steps["a.outputs.x',
  ])('%s', (text) => {
    expect(read(text)).toMatchObject({ kind: 'malformed', text });
  });

  test('16 steps are a path, 17 are not, quoted or not', () => {
    expect(read(`params${'["k"]'.repeat(16)}`)).toMatchObject({ path: Array(16).fill('k') });
    expect(read(`params${'["k"]'.repeat(17)}`)).toMatchObject({ kind: 'malformed' });
    expect(read(`params${'.k'.repeat(16)}`).kind).toBe('params');
    expect(read(`params${'.k'.repeat(17)}`).kind).toBe('malformed');
    expect(findReferences(`{{params${'["k"]'.repeat(17)}}}`)).toHaveLength(1);
  });
});

describe('RE1: where a reference begins and ends in a text', () => {
  test.each([
    ['{{params.a}}{{params.b}}', ['params.a', 'params.b']],
    ['{{{params.a}}}', ['params.a']],
    ['{{ {{params.a}} | upcase }}', ['params.a']],
    ['{{params.a | x}} {{params.b}}', ['params.b']],
    ['{{params["a}} {{params.b}}', ['params["a', 'params.b']],
    ['{{params["a"] | x}} {{params["b"]}}', ['params["b"]']],
    ['{{params["{{params.b}}"]}}', ['params["{{params.b}}"]']],
    ['{{params}} {{steps}} {{paramsx.a}} {{xparams.a}} {{params .a}}', []],
    ['{{params.a', []],
    ['{{params.a}', []],
    ['{{\n params.a\n}}', ['params.a']],
  ])('%s', (text, found) => {
    expect(findReferences(text).map(({ inner }) => inner.trim())).toEqual(found);
  });

  test('places cover the braces, so that what is left is the text between', () => {
    const text = 'a {{ params.x }} b {{steps.a.outputs["k"]}}';
    expect(findReferences(text)).toEqual([
      { start: 2, end: 16, inner: ' params.x ' },
      { start: 19, end: 43, inner: 'steps.a.outputs["k"]' },
    ]);
  });
});

describe('RE3: ten times the text is not much more than ten times the work', () => {
  test.each([
    ['openings', '{{params["'],
    ['openings in the other quotes', `{{params['{{params["`],
    ['openings inside of keys', '{{params["]["'],
    ['braces', '{{{'],
    ['white space', '{{     '],
    ['brackets', '{{params.a[[[['],
    ['escapes', '{{params["\\"\\'],
    ['keys that end', '{{params["a"]["b"]'],
  ])('%s', (_, piece) => {
    const search = (times: number) => {
      const text = piece.repeat(times);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 5; i += 1) {
        const before = process.cpuUsage();
        findReferences(text);
        const { user, system } = process.cpuUsage(before);
        best = Math.min(best, user + system);
      }
      return best;
    };
    search(2_000);
    // A search that goes over the text again for each opening takes a hundred times as long here.
    expect(search(200_000)).toBeLessThan(30 * Math.max(search(20_000), 1_000));
  });
});

const names = new Set(['item', 'url', 'index', 'round', 'previous', 'workflow']);
const readAll = (text: string) => readReferences(text, (id) => steps.has(id), names);

describe('names that are known where the reference stands', () => {
  test.each([
    ['item', { kind: 'item', name: 'item', path: [] }],
    ['url.a[0]', { kind: 'item', name: 'url', path: ['a', '0'] }],
    ['index', { kind: 'item', name: 'index', path: [] }],
    ['workflow.outcome', { kind: 'workflow', path: ['outcome'] }],
    ['workflow', { kind: 'workflow', path: [] }],
    ['previous.a.outputs.x', { kind: 'previous', stepId: 'a', path: ['x'] }],
    ['previous.a.b.outputs', { kind: 'previous', stepId: 'a.b', path: [] }],
  ])('%s', (text, reference) => {
    expect(readAll(text)).toEqual([{ ...reference, text }]);
    expect(findReferences(`{{${text}}} {{ ${text} }}`, names)).toHaveLength(2);
  });

  test.each([
    ['url.', 'write {{url}} or {{url.<path>}}'],
    ['previous', 'write {{previous.<id>.outputs.<path>}}'],
    ['previous.a', 'write {{previous.<id>.outputs.<path>}}'],
    ['previous["a"].outputs', 'write {{previous.<id>.outputs.<path>}}'],
    ['nobody', '"nobody" is neither a reference nor a value; text stands in single quotes'],
    ['5', '"5" is neither a reference nor a value; text stands in single quotes'],
  ])('%s is malformed', (text, reason) => {
    expect(readAll(text)).toEqual([{ kind: 'malformed', text, reason }]);
  });

  test.each(['{{items}}', '{{ liquid }}', '{{url | upcase}}', '{{}}', '{{url {{x}}'])(
    'RE1: %s stays as written',
    (text) => {
      expect(findReferences(text, names)).toEqual([]);
      expect(findReferences(text)).toEqual([]);
    },
  );

  test('a reference that begins within what is none is found', () => {
    expect(findReferences('{{nobody {{item}}', names)).toEqual([{ start: 9, end: 17, inner: 'item' }]);
    expect(findReferences('{{item | {{item}} {{params.x}}', names).map(({ inner }) => inner)).toEqual([
      'item',
      'params.x',
    ]);
  });
});

describe('RE4: sources that stand in for each other', () => {
  const a = { kind: 'params', path: ['a'], text: 'params.a' };

  test.each([
    ['5', 5],
    ['-1.5e3', -1500],
    ['true', true],
    ['false', false],
    ['null', null],
    ['[]', []],
    ['[ ]', []],
    ["'text'", 'text'],
    ["''", ''],
    ["'a ?? b'", 'a ?? b'],
    ['"say \\"??\\""', 'say "??"'],
  ])('params.a ?? %s', (text, value) => {
    expect(readAll(`params.a ?? ${text}`)).toEqual([a, { kind: 'value', value, text }]);
  });

  test('stand in order, with or without spaces, and not within a quoted key', () => {
    expect(readAll('params.a??steps.a.outputs.x ?? item').map(({ kind }) => kind)).toEqual(['params', 'step', 'item']);
    expect(readAll('params["a ?? b"]')).toEqual([{ kind: 'params', path: ['a ?? b'], text: 'params["a ?? b"]' }]);
    expect(readAll('params["a ?? b" ?? null').map(({ kind }) => kind)).toEqual(['malformed', 'malformed', 'value']);
  });

  test.each([
    ['params.a ?? 5 ?? params.b', 1],
    ["params.a ?? 'it's'", 1],
    ['params.a ?? "broken', 1],
    ['params.a ?? text', 1],
    ['params.a ?? 5x', 1],
    ['params.a ?? ', 1],
    [' ?? params.a', 0],
  ])('%s: a value is the last, and what is none is malformed', (text, at) => {
    expect(readAll(text)[at]).toMatchObject({ kind: 'malformed' });
  });

  test('there are at most eight', () => {
    const many = (count: number) => Array(count).fill('params.a').join(' ?? ');
    expect(readAll(many(8))).toHaveLength(8);
    expect(readAll(many(9))).toEqual([
      { kind: 'malformed', text: many(9), reason: 'at most 8 sources may stand in for each other' },
    ]);
  });
});
