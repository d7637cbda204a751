// Goal: the length of a value's JSON is right without its text, and a long value is left early.
import { expect, test } from 'vitest';
import { jsonLengthWithin } from '../../src/core/json-length.ts';

test.each([['text'], [12.5], [null], [true], [[]], [{}], [[1, 2, 3]], [{ a: [1, 'two', { b: null }], c: -1 }]])(
  '%j: at least its JSON, and at most one more for each list or object',
  (value) => {
    const { length } = JSON.stringify(value);
    const counted = jsonLengthWithin(value, 1_000) ?? 0;
    expect(counted).toBeGreaterThanOrEqual(length - 1);
    expect(counted).toBeLessThanOrEqual(length + 3);
  },
);

test('null beyond the bound, and no walk through what cannot fit', () => {
  expect(jsonLengthWithin('x'.repeat(98), 100)).toBe(100);
  expect(jsonLengthWithin('x'.repeat(99), 100)).toBeNull();
  const trap = new Proxy(new Array(1_000).fill(0), {
    get: (list, key) => {
      if (key === 'length') return list.length;
      if (key === Symbol.iterator) throw new Error('walked');
      return Reflect.get(list, key);
    },
  });
  expect(jsonLengthWithin([trap], 100)).toBeNull();
});
