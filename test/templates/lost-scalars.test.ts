/**
 * Goal: each number of a YAML or JSON file that comes out as another than it was written is named with its path and its
 * text, and no other is. Method: a table of small files; the value is what JSON can hold.
 */
import { describe, expect, test } from 'vitest';
import { readSourceText } from '../../src/templates/source-text.ts';
import { readTemplateText } from '../../src/templates/template-file.ts';

function read(text: string) {
  const source = readSourceText(text);
  if (source.kind === 'faulty') throw new Error(source.faults[0]?.message);
  return { value: source.value, lost: source.lost.first.map(({ path, written, kept }) => [path, written, kept]) };
}

describe('is lost', () => {
  test.each([
    ['a: 9007199254740993', 'a', '9007199254740993', 9007199254740992],
    ['{"a": 9007199254740993}', 'a', '9007199254740993', 9007199254740992],
    ['a: -9007199254740993', 'a', '-9007199254740993', -9007199254740992],
    ['a: +9007199254740993', 'a', '+9007199254740993', 9007199254740992],
    ['a: 1e400', 'a', '1e400', null],
    ['a: .inf', 'a', '.inf', null],
    ['a: -.INF', 'a', '-.INF', null],
    ['a: .nan', 'a', '.nan', null],
    ['a: 0xFFFFFFFFFFFFFFFF', 'a', '0xFFFFFFFFFFFFFFFF', 18446744073709552000],
    ['a: 0o7777777777777777777777', 'a', '0o7777777777777777777777', 73786976294838210000],
    ['a: 007', 'a', '007', 7],
    ['a: -01.50', 'a', '-01.50', -1.5],
    ['a: 0.123456789012345678', 'a', '0.123456789012345678', 0.12345678901234568],
    ['- 1\n- b: [2, 1e400]', '[1].b[1]', '1e400', null],
    ['- a: [0, 0, 1e400]', '[0].a[2]', '1e400', null],
    ['a: &x\n  id: 1e400\nb: *x', 'a.id', '1e400', null],
    ['"a b": {c: [{d: 1e400}]}', 'a b.c[0].d', '1e400', null],
  ])('%j', (text, path, written, kept) => {
    const { value, lost } = read(text);
    expect(lost).toEqual([[path, written, kept]]);
    expect(JSON.stringify(value)).not.toMatch(/Infinity|NaN/);
  });

  test('also as a key, whose text becomes that of the number', () => {
    expect(read('9007199254740993: x\n007: y')).toEqual({
      value: { '9007199254740992': 'x', '7': 'y' },
      lost: [
        ['9007199254740993', '9007199254740993', 9007199254740992],
        ['007', '007', 7],
      ],
    });
  });
});

test.each([
  'a: 0',
  'a: -0',
  'a: 0.5',
  'a: .5',
  'a: 5.',
  'a: 1.50',
  'a: +5',
  'a: 9007199254740992',
  'a: 1e300',
  'a: 0x1F',
  'a: 0o17',
  'a: "007"',
  "a: '9007199254740993'",
  'a: 9007199254740993px',
  'a: "1e400"',
  'a: 2026-01-01',
  'a: 0-7',
])('%j is kept', (text) => {
  expect(read(text).lost).toEqual([]);
});

test('null stands where JSON has no number, at every depth', () => {
  expect(read('a: [.inf, 1, {b: .nan}]\nc: 1').value).toEqual({ a: [null, 1, { b: null }], c: 1 });
});

test('a fault of a template at such a place says what was written', () => {
  const text = 'id: t\nname: T\nsteps:\n  - {id: a, action: noop, timeoutMs: 1e400}\n';
  expect(readTemplateText(text)).toMatchObject({
    kind: 'faulty',
    faults: [
      {
        path: 'steps[0].timeoutMs',
        message: expect.stringMatching(/received null \(1e400 cannot be held as a number\)$/),
        position: { line: 4, column: expect.any(Number) },
      },
    ],
  });
});

test('with more than twenty the others are counted as one', () => {
  const source = readSourceText(Array.from({ length: 21 }, (_, i) => `k${i}: 1e400\n`).join(''));
  expect(source).toMatchObject({ kind: 'read', lost: { more: true } });
  expect(source.kind === 'read' && source.lost.first.at(-1)?.path).toBe('k19');
});
