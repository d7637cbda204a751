/** Goal: which items a `forEach` has, in which order. Method: bound lists, one or several, in batches, and what is none. */
import { expect, test } from 'vitest';
import { plainFlow, toItemNames } from '../../src/core/flow.ts';
import { toItemList, toNamed } from '../../src/core/item-list.ts';

function itemsOf(bound: unknown, batch: number | null = null): unknown[] {
  const list = toItemList(bound, batch);
  return Array.from({ length: list.count }, (_, index) => Object.fromEntries(list.valuesAt(index)));
}

test('a list alone: its item is called `item`', () => {
  expect(itemsOf(['a', null, 3])).toEqual([{ item: 'a' }, { item: null }, { item: 3 }]);
});

test('several lists: every combination, the last name changing fastest', () => {
  expect(itemsOf({ a: [1, 2], b: ['x', 'y', 'z'] })).toEqual(
    [1, 2].flatMap((a) => ['x', 'y', 'z'].map((b) => ({ a, b }))),
  );
});

test.each([[[]], [{ a: [1, 2], b: [] }]])('%j has no items', (bound) => {
  expect(itemsOf(bound)).toEqual([]);
});

test.each([
  [1, [{ item: 1 }, { item: 2 }, { item: 3 }]],
  [2, [{ item: [1, 2] }, { item: [3] }]],
  [9, [{ item: [1, 2, 3] }]],
])('in batches of %d', (batch, items) => {
  expect(itemsOf([1, 2, 3], batch)).toEqual(items);
});

test.each([
  ['text', 'forEach: item is no list but "text"'],
  [null, 'forEach: item is no list but null'],
  [undefined, 'forEach: item is no list but nothing'],
  [{ url: { a: 1 } }, 'forEach: url is no list but an object'],
  [{ url: null }, 'forEach: url is no list but null'],
  ['x'.repeat(100), `forEach: item is no list but "${'x'.repeat(79)}…`],
])('%j is no list', (bound, message) => {
  expect(() => toItemList(bound, null)).toThrow(message);
});

test.each([
  [null, []],
  ['{{params.x}}', ['item']],
  [[1], ['item']],
  [{ b: [], a: [] }, ['b', 'a']],
])('the names of the items of %j', (forEach, names) => {
  expect(toItemNames({ ...plainFlow, forEach })).toEqual(names);
});

test.each([
  ['{{params.x}}', { urls: [1] }, 'forEach: item is no list but an object'],
  [[1], null, 'forEach: item is no list but null'],
  [{ url: '{{params.x}}' }, { url: 7 }, 'forEach: url is no list but 7'],
])('%j that leads to %j', (forEach, bound, message) => {
  expect(() => toItemList(toNamed(forEach, bound), null)).toThrow(message);
});
