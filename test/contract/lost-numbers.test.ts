/**
 * Goal: each number that comes out as another than it was written is named with its path, its text and what it became,
 * and no other is. Method: tables of texts; the path is held against the value that JSON.parse puts there.
 */
import { describe, expect, it, test } from 'vitest';
import {
  findLostNumbers,
  isLostNumberLine,
  mayHoldInfinity,
  toKeepIt,
  toLostNumberLines,
  withLostNumbers,
  withoutInfinities,
} from '../../src/contract/lost-numbers.ts';

const triples = (text: string, place?: string) =>
  findLostNumbers(text, place).first.map(({ path, written, kept }) => [path, written, kept]);

describe('a number alone is lost', () => {
  it.each([
    ['9007199254740993', 9007199254740992],
    ['-9007199254740993', -9007199254740992],
    ['12345678901234567890', 12345678901234567000],
    ['999999999999999999999', 1e21],
    ['1000000000000000000001', 1e21],
    ['1234567890123456789012345678901234567890', 1.2345678901234568e39],
    ['9007199254740993.0', 9007199254740992],
    ['90071992547409.93e2', 9007199254740992],
    ['9007199254740993e0', 9007199254740992],
    ['0.123456789012345678', 0.12345678901234568],
    ['1e400', null],
    ['-1E+400', null],
    ['1.7976931348623159e308', null],
    ['0.1e400', null],
    ['1e0000400', null],
    ['1e-400', 0],
    ['2e-324', 0],
    // Exact as a number, and yet other digits are shown from now on.
    ['63336216767057368', 63336216767057370],
  ])('%s becomes %s', (text, kept) => {
    expect(triples(text)).toEqual([['', text, kept]]);
    expect(kept ?? Number.NaN).toEqual(kept === null ? Number.NaN : JSON.parse(text));
  });
});

describe('a number alone is kept', () => {
  it.each([
    '0',
    '-0',
    '9007199254740992',
    '9007199254740991',
    '9007199254740994',
    '123456789012345',
    '100000000000000000000000',
    '1000000000000000000000e0',
    '1e308',
    '1e21',
    '1E+021',
    '1e-300',
    '0e400',
    '0.000000000000000000000',
    '1.50000000000000000000000',
    '0.10000000000000001',
    '0.30000000000000004',
    '3.141592653589793',
    '1.7976931348623157e308',
    '5e-324',
  ])('%s', (text) => {
    expect(triples(text)).toEqual([]);
  });
});

describe('the path', () => {
  it.each([
    ['{"id": 9007199254740993}', 'id'],
    ['[9007199254740993]', '[0]'],
    ['[[1], [2, 9007199254740993]]', '[1][1]'],
    ['{"a": {"b": [0, {"c": 9007199254740993}]}}', 'a.b[1].c'],
    ['{"a": [1, 2], "b": 9007199254740993}', 'b'],
    ['{"a": {}, "b": [], "c": 9007199254740993}', 'c'],
    ['{"a": "1e400, [", "b": 9007199254740993}', 'b'],
    ['{"a\\"]": "\\\\", "b": 9007199254740993}', 'b'],
    ['{"a\\\\": 9007199254740993}', 'a\\'],
    ['{"\\u00e4 b": 9007199254740993}', 'ä b'],
    ['{"a":1,"b":[{},{"x":true,"y":null,"z":9007199254740993}]}', 'b[1].z'],
    ['\n{\r\n\t"a" :\n9007199254740993\n}', 'a'],
  ])('in %s is %s', (text, path) => {
    expect(triples(text)).toEqual([[path, '9007199254740993', 9007199254740992]]);
  });

  it('begins with the place that was given', () => {
    expect(triples('{"id": 1e400}', 'params')).toEqual([['params.id', '1e400', null]]);
    expect(triples('[1e400]', 'params')).toEqual([['params[0]', '1e400', null]]);
    expect(triples('1e400', 'params')).toEqual([['params', '1e400', null]]);
  });
});

test('numbers inside of texts and keys are no numbers', () => {
  expect(triples('{"9007199254740993": "9007199254740993", "a": ", 9007199254740993"}')).toEqual([]);
});

test('several are told in the order of the text, a key that comes twice twice', () => {
  expect(triples('{"b": 1e400, "a": [9007199254740993, 1], "b": 1e-400}')).toEqual([
    ['b', '1e400', null],
    ['a[0]', '9007199254740993', 9007199254740992],
    ['b', '1e-400', 0],
  ]);
});

describe('of many', () => {
  const list = (count: number) => `[${Array.from({ length: count }, () => '1e400').join(',')}]`;

  it.each([
    [19, 19, false],
    [20, 20, false],
    [21, 20, true],
    [5_000, 20, true],
  ])('%i, %i are named; others: %s', (count, named, more) => {
    const lost = findLostNumbers(list(count));
    expect([lost.first.length, lost.more]).toEqual([named, more]);
    const lines = toLostNumberLines(lost);
    expect(lines).toHaveLength(named + (more ? 1 : 0));
    expect(lines.at(-1)).toBe(
      more
        ? 'and more numbers that cannot be held'
        : `[${named - 1}]: 1e400 cannot be held as a number and became null; send it as text to keep it`,
    );
  });

  it('an infinity may be among those that are not named', () => {
    const kept = `[${Array.from({ length: 21 }, () => '9007199254740993').join(',')}]`;
    expect(mayHoldInfinity(findLostNumbers(kept))).toBe(true);
    expect(mayHoldInfinity(findLostNumbers('[9007199254740993]'))).toBe(false);
    expect(mayHoldInfinity(findLostNumbers('[9007199254740993, 1e400]'))).toBe(true);
    expect(mayHoldInfinity(findLostNumbers('[1]'))).toBe(false);
  });
});

test('a line names path, text and what it became, with advice for the place', () => {
  const lost = findLostNumbers('{"a": {"id": 9007199254740993}, "b": 1e400}');
  expect(toLostNumberLines(lost)).toEqual([
    'a.id: 9007199254740993 cannot be held as a number and became 9007199254740992; send it as text to keep it',
    'b: 1e400 cannot be held as a number and became null; send it as text to keep it',
  ]);
  expect(toLostNumberLines(findLostNumbers('1e400'), toKeepIt.file)).toEqual([
    '1e400 cannot be held as a number and became null; put it into quotes to keep it',
  ]);
  for (const line of toLostNumberLines(lost, toKeepIt.answered)) expect(isLostNumberLine(line)).toBe(true);
  for (const line of ['and 2 more like these', 'steps[0].params.x: {{topic}} is no reference and stays as it is'])
    expect(isLostNumberLine(line)).toBe(false);
});

test('what is long is cut: the number, a key, the path', () => {
  const [long] = findLostNumbers('9'.repeat(100)).first;
  expect(long?.written).toBe(`${'9'.repeat(60)}…`);
  const [key] = findLostNumbers(`{"${'k'.repeat(100_000)}": 1e400}`).first;
  expect(key?.path).toBe(`${'k'.repeat(99)}…`);
  const open = `{"${'k'.repeat(80)}":`.repeat(60);
  const [deep] = findLostNumbers(`${open}1e400${'}'.repeat(60)}`).first;
  expect(deep?.path).toHaveLength(301);
});

test('a fault at the place of a lost number says what was written there', () => {
  const lost = findLostNumbers('{"ms": 1e400, "n": 1}');
  expect(
    withLostNumbers(
      [
        { path: 'ms', message: 'expected number, received null' },
        { path: 'n', message: 'is too small' },
      ],
      lost,
    ),
  ).toEqual([
    { path: 'ms', message: 'expected number, received null (1e400 cannot be held as a number)' },
    { path: 'n', message: 'is too small' },
  ]);
});

test('null stands where an infinity was, and nothing else changes', () => {
  const text = '{"a": [1e400, -1e400, {"b": 1, "c": null, "d": "1e400"}], "__proto__": 1e400, "e": true}';
  const value = withoutInfinities(JSON.parse(text)) as object;
  expect(JSON.stringify(value)).toBe('{"a":[null,null,{"b":1,"c":null,"d":"1e400"}],"__proto__":null,"e":true}');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(withoutInfinities(Number.NaN)).toBeNull();
  expect([withoutInfinities(1), withoutInfinities('x'), withoutInfinities(null)]).toEqual([1, 'x', null]);
  const deep = withoutInfinities(JSON.parse(`${'['.repeat(50_000)}1e400${']'.repeat(50_000)}`));
  let inner: unknown = deep;
  while (Array.isArray(inner)) [inner] = inner;
  expect(inner).toBeNull();
});

test('random values are found lost exactly where their text changes', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  for (let round = 0; round < 2_000; round += 1) {
    const digits = Array.from({ length: 1 + Math.floor(random() * 22) }, () => Math.floor(random() * 10)).join('');
    const written = digits.replace(/^0+(?=.)/, '');
    const isSame = toDigits(Number(written)) === written;
    expect([written, triples(`[${written}]`).length]).toEqual([written, isSame ? 0 : 1]);
  }
});

/** As it is shown from now on, without an exponent. */
function toDigits(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e+');
  if (exponent === undefined) return mantissa;
  const [whole = '', fraction = ''] = mantissa.split('.');
  return whole + fraction.padEnd(Number(exponent), '0');
}
