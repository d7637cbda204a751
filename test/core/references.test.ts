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
