/** Goal: slices of a large value are its JSON. Method: values of all kinds, at bounds that cut them anywhere. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonSlices } from '../../src/core/json-slices.ts';

test('joined they are the JSON of the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 40 }), (value, charsMax) => {
      const text = [...jsonSlices(value, charsMax)].join('');
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a small value is one slice; none of a large one is long', () => {
  expect([...jsonSlices({ a: [1, 'x'] }, 100)]).toEqual(['{"a":[1,"x"]}']);
  const large = { texts: ['y'.repeat(95), 'z'], n: 7 };
  const slices = [...jsonSlices(large, 20)];
  expect(slices.join('')).toBe(JSON.stringify(large));
  expect(Math.max(...slices.map(({ length }) => length))).toBe(20);
});

test('a pair of surrogates that is cut is read as the pair', () => {
  const text = `${'a'.repeat(4)}😀b`;
  const slices = [...jsonSlices(text, 5)];
  expect(slices).toContain('aaaa\\ud83d');
  expect(JSON.parse(slices.join(''))).toBe(text);
});
