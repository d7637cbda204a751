/**
 * Goal: a slip in a file is told in an author's words, with its place; what authors use (merge keys, `x-…`) works. Method:
 * one small file for each slip, and the same file without it.
 */
import { describe, expect, test } from 'vitest';
import { readSourceText } from '../../src/templates/source-text.ts';

const faultsOf = (text: string) => {
  const read = readSourceText(text);
  return read.kind === 'faulty'
    ? read.faults.map(({ message, position }) => `${position?.line}:${position?.column} ${message}`)
    : [];
};
const readValue = (text: string) => {
  const read = readSourceText(text);
  return read.kind === 'read' ? read.value : read.faults;
};

describe('{{…}} without quotes', () => {
  test.each([
    ['a: {{params.x}}\n', '1:4', "'{{params.x}}'"],
    ['a: {{ params.x }}\n', '1:4', "'{{ params.x }}'"],
    ['a:\n  - b\n  - {{params.x}}\n', '3:5', "'{{params.x}}'"],
    ['a: [b, {{params.x}}]\n', '1:8', "'{{params.x}}'"],
    ['a: { b: {{params.x}} }\n', '1:9', "'{{params.x}}'"],
    ['{{params.x}}\n', '1:1', "'{{params.x}}'"],
    ["a: {{params['x']}}\n", undefined, "'{{params[''x'']}}'"],
    ['a: {{params.x}} and more\nb: 1\n', undefined, "'{{params.x}} and more'"],
    ['a: {{params.x}}/{{params.y}}\n', undefined, "'{{params.x}}/{{params.y}}'"],
    ['a: {{params.x | upcase}}\n', undefined, "'{{params.x | upcase}}'"],
  ])('%j', (text, place, quoted) => {
    const [fault] = faultsOf(text);
    expect(fault).toContain(`{{…}} needs quotes at the beginning of a value: write ${quoted}`);
    if (place !== undefined) expect(fault?.split(' ')[0]).toBe(place);
  });

  test.each([
    ["a: '{{params.x}}'", { a: '{{params.x}}' }],
    ['a: see {{params.x}}', { a: 'see {{params.x}}' }],
    ['a: |\n  {{params.x}}\n', { a: '{{params.x}}\n' }],
    ['a: { b: { c: 1 } }', { a: { b: { c: 1 } } }],
    ['{"a": {"b": {}}}', { a: { b: {} } }],
  ])('%j is in order', (text, value) => {
    expect(readValue(text)).toEqual(value);
  });
});

describe('slips of YAML come with advice', () => {
  test.each([
    ['a:\n\tb: 1\n', 'indent with spaces: YAML takes no tabs'],
    ['a: 1\na: 2\n', 'this key is there before; keep one of them'],
    ['a: "x\n', 'a quote or a bracket is not closed'],
    ['a: [x\nb: 1\n', ''],
    ['a: @x\n', 'a text that begins with this character needs quotes'],
    ['a: `x`\n', 'a text that begins with this character needs quotes'],
    ['a: "\\d"\n', 'in double quotes a backslash begins an escape'],
    ['a: *x\n', 'a text that begins with * or & needs quotes'],
    ['a: b: c\n', 'put a text that holds ": " into quotes'],
    ['a: 1\n---\nb: 2\n', 'a file holds one workflow'],
    ['a:\n  b: 1\n c: 2\n', 'begin in the same column'],
    ['a:\n  - b: 1\n   c: 2\n', 'begin in the same column'],
  ])('%j', (text, advice) => {
    const [fault] = faultsOf(text);
    expect(fault).toMatch(/^\d+:\d+ /);
    expect(fault).toContain(advice);
    // The parser's own words stay behind it.
    expect(fault).toMatch(/\(.+\)$/s);
  });
});

test('merge keys work, over several levels and lists, and bombs of them do not', () => {
  const text = 'x-base: &b { retry: { attemptsMax: 5 }, timeoutMs: 7 }\nx-more: &m { cache: true }\n';
  expect(readValue(`${text}steps:\n  - <<: *b\n    id: a\n  - <<: [*b, *m]\n    timeoutMs: 9\n`)).toEqual({
    steps: [
      { retry: { attemptsMax: 5 }, timeoutMs: 7, id: 'a' },
      { retry: { attemptsMax: 5 }, timeoutMs: 9, cache: true },
    ],
  });
  const bomb = ['a0: &a0 { k: [x, x, x, x, x, x, x, x] }'];
  for (let i = 1; i < 9; i += 1) bomb.push(`a${i}: &a${i} { k: [${`*a${i - 1}, `.repeat(8)}] }`);
  expect(faultsOf(bomb.join('\n')).length).toBe(1);
});

test('fields of the whole that begin with x- are left out, and no others', () => {
  expect(readValue('x-note: 1\nx: 2\nsteps: [{ x-y: 3 }]\n')).toEqual({ x: 2, steps: [{ 'x-y': 3 }] });
  expect(readValue('- x-a: 1\n')).toEqual([{ 'x-a': 1 }]);
});

describe('comments in JSON are named with the way out, once', () => {
  const message =
    'JSON has no comments: take this one out, or keep the note in a field "x-note", or write the file as YAML';
  test.each([
    ['{\n  // who\n  "a": 1\n}', '2:3'],
    ['{"a": 1, // who\n "b": 2}', '1:10'],
    ['// who\n{"a": 1}', '1:1'],
    ['/* who\n wrote */ {"a": 1}', '1:1'],
    ['{"a": "// none", "b": [1, /* two, */ 2,], }', '1:27'],
    ['{"a": 1} // who', '1:10'],
    ['[1, 2] /* who */', '1:8'],
  ])('%j', (text, place) => {
    expect(faultsOf(text)).toEqual([`${place} ${message}`]);
  });

  test.each([
    ['{"a": "http://x.example/*"}', { a: 'http://x.example/*' }],
    ['{a: http://x.example, b: //c }', { a: 'http://x.example', b: '//c' }],
    ['{"a": "\\"// b"}', { a: '"// b' }],
    ['{"a": 1} # who', { a: 1 }],
    ['# // who\na: 1', { a: 1 }],
  ])('%j has none', (text, value) => {
    expect(readValue(text)).toEqual(value);
  });

  test.each(['{"a": 1 /* open', '{"a": "open // b\\n}'])('%j has another fault', (text) => {
    expect(faultsOf(text)).not.toEqual([]);
    expect(faultsOf(text).join()).not.toContain('JSON has no comments');
  });
});

test.each(['', '\n', '# nothing yet\n', '---\n', '   '])('the file %j is empty, and told so', (text) => {
  expect(faultsOf(text)).toEqual([
    'undefined:undefined is empty: a workflow has at least a name and steps, and a template an id too',
  ]);
});
