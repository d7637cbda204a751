/** Goal: a place that a reference fills is open, so is each that holds it, and no other. */
import { expect, it } from 'vitest';
import { OpenPlaces } from '../../src/core/open-places.ts';

it('has the places that were added and those that hold them', () => {
  const places = new OpenPlaces();
  expect([places.isEmpty, places.has([])]).toEqual([true, false]);
  places.add(['body', 'list', 0]);
  places.add(['body', 'list', 2]);
  expect(places.isEmpty).toBe(false);
  const asked = [[], ['body'], ['body', 'list'], ['body', 'list', 0], ['body', 'list', 2]];
  expect(asked.map((path) => places.has(path))).toEqual(asked.map(() => true));
  const others = [
    ['url'],
    ['list'],
    ['body', 'list', 1],
    ['body', 'list', '0'],
    ['body', 'list', 0, 'a'],
    ['x', 'y', 'z'],
  ];
  expect(others.map((path) => places.has(path))).toEqual(others.map(() => false));
});
