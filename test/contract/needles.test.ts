/** Goal: one pass finds what a search for each text finds. Method: random texts of few letters, and those of other alphabets. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createNeedles } from '../../src/contract/needles.ts';

test('many texts are found where they stand, and nowhere else', () => {
  const letters = (minLength: number, maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b', '\u4e2d'), minLength, maxLength });
  let found = 0;
  fc.assert(
    fc.property(fc.uniqueArray(letters(4, 9), { minLength: 21, maxLength: 40 }), letters(0, 60), (needles, text) => {
      const expected = needles.some((needle) => text.includes(needle));
      found += expected ? 1 : 0;
      expect(createNeedles(needles).isIn(text)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
  // Both answers came up.
  expect(found).toBeGreaterThan(100);
  expect(found).toBeLessThan(1_900);
});

test('few are found as well, and of none there is nothing to find', () => {
  expect(createNeedles(['abcd']).isIn('xabcdx')).toBe(true);
  expect(createNeedles(['abcd']).isIn('xabcx')).toBe(false);
  expect(createNeedles([]).isIn('abcd')).toBe(false);
});
