/** Goal: a text that nests too deep is refused before it is parsed. Method: each way of nesting, on both sides of a bound. */
import { expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { readSourceText } from '../../src/templates/source-text.ts';
import { findTooDeep } from '../../src/templates/text-depth.ts';

test.each([
  ['brackets', (n: number) => `a: ${'['.repeat(n)}${']'.repeat(n)}`, 3 + 5],
  ['braces', (n: number) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`, 5 * 5],
  ['items on a line', (n: number) => `${'- '.repeat(n)}x`, 2 * 5],
  ['keys on a line', (n: number) => `${'? '.repeat(n)}x`, 2 * 5],
])('%s: five levels are allowed, six are not, and the place is told', (_, nest, place) => {
  expect(findTooDeep(nest(5), 5)).toBeUndefined();
  expect(findTooDeep(nest(6), 5)).toBe(place);
});

test('only what nests counts: not brackets in texts, siblings, nor items of other lines', () => {
  expect(findTooDeep('a: "[[[["\nb: [[], [], []]\nc: "[["', 2)).toBeUndefined();
  expect(findTooDeep('text: |\n  [[[[\nmore: x[[[[\n', 2)).toBeUndefined();
  expect(findTooDeep('- - a\n- - b\n- - c', 2)).toBeUndefined();
});

test('a million brackets are one fault with its place', () => {
  expect(readSourceText(`name: x\nsteps: ${'['.repeat(1_000_000)}`)).toEqual({
    kind: 'faulty',
    faults: [
      {
        path: '',
        message: `is nested deeper than ${limits.jsonDepthMax} levels`,
        position: { line: 2, column: 8 + limits.jsonDepthMax },
      },
    ],
  });
});
