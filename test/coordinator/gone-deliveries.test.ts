/** Goal: GO1, keys of deliveries whose workflows are deleted are known for thirty days, and no more of them than granted. */
import { expect, test } from 'vitest';
import { GoneDeliveries } from '../../src/coordinator/gone-deliveries.ts';

const day = 86_400_000;

test('GO1: a key is known for thirty days', () => {
  const gone = new GoneDeliveries();
  gone.keep(['a', 'b'], 'w', 1_000);
  expect([gone.get('a'), gone.get('b'), gone.get('c')]).toEqual(['w', 'w', undefined]);
  expect(gone.toRecord(1_000 + 30 * day)).toEqual({ a: ['w', 1_000], b: ['w', 1_000] });
  expect(gone.size).toBe(2);
  expect(gone.toRecord(1_001 + 30 * day)).toEqual({});
  expect(gone.get('a')).toBeUndefined();
});

test('GO1: of more than granted the oldest go; a key that comes again is young again', () => {
  const gone = new GoneDeliveries(3);
  gone.keep(['a', 'b', 'c'], 'w', 1);
  expect(gone.size).toBe(3);
  gone.keep(['a'], 'v', 2);
  gone.keep(['d'], 'u', 3);
  expect([...'abcd'].map((key) => gone.get(key))).toEqual(['v', undefined, 'w', 'u']);
  gone.keep(['e', 'f'], 't', 4);
  expect(Object.keys(gone.toRecord(5))).toEqual(['d', 'e', 'f']);
});
