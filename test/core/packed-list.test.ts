/** Goal: a list survives its way as bytes. Method: lists of all kinds, packed and unpacked again. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { combineLists } from '../../src/core/item-list.ts';
import { packList, unpackList } from '../../src/core/packed-list.ts';

test('each item is at its place, with its type', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      // -0 has no text in JSON.
      const wanted = JSON.parse(JSON.stringify(values)) as unknown[];
      const list = unpackList(packList(values));
      expect(list.length).toBe(wanted.length);
      expect(wanted.map((_, i) => list.at(i))).toEqual(wanted);
    }),
  );
});

test('its bytes are UTF-8, and each item says how many it has', () => {
  const list = unpackList(packList(['é', 1, { k: '😀' }]));
  expect([0, 1, 2].map((i) => list.bytesAt?.(i))).toEqual([4, 1, 12]);
  expect(list.at(2)).toEqual({ k: '😀' });
});

test('of several lists an item says the bytes of all of its values; lists in memory count nothing', () => {
  const packed = unpackList(packList(['aa', 'b']));
  const list = combineLists([
    ['a', packed],
    ['b', [1, 2, 3]],
  ]);
  expect(list.count).toBe(6);
  expect([0, 2, 3].map((i) => list.bytesAt?.(i))).toEqual([4, 4, 3]);
  expect(Object.fromEntries(list.valuesAt(4))).toEqual({ a: 'b', b: 2 });
  expect([list.textAt?.(4, 'a'), list.textAt?.(4, 'b'), list.textAt?.(4, 'c')]).toEqual(['"b"', undefined, undefined]);
  const inMemory = combineLists([['b', [1]]]);
  expect([inMemory.bytesAt, inMemory.textAt]).toEqual([undefined, undefined]);
});
