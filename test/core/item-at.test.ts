/**
 * Goal: rule IA1, and that a cycle of lists which disagree is noticed where it is met. Method: places beyond the end.
 */
import { expect, test } from 'vitest';
import { Ancestry, createGraph } from '../../src/core/graph.ts';
import { addAt, itemAt } from '../../src/core/item-at.ts';

test('IA1: a place without an item is a broken rule', () => {
  expect(itemAt(['a', 'b'], 1)).toBe('b');
  expect(itemAt([0, null], 1)).toBe(null);
  expect(() => itemAt(['a'], 1)).toThrow('broken rule IA1: place 1 of a list of 1');
  const counts = [5];
  expect([addAt(counts, 0, -2), counts]).toEqual([3, [3]]);
  expect(() => addAt(counts, 1, 1)).toThrow('IA1');
  expect(counts).toEqual([3]);
});

test('IA1: so is a step that the graph has not', () => {
  const ancestry = new Ancestry(createGraph([{ id: 'a', dependencies: [] }]));
  expect(() => ancestry.isUpstream(0, 7)).toThrow('broken rule IA1: place 7 of a list of 1');
});
