/** Goal: times read as ISO 8601 in UTC. Method: answers in an order that a remembered answer could spoil. */
import { expect, test } from 'vitest';
import { toDay, toIso } from '../../src/core/time.ts';

const day = 86_400_000;
const times = [0, 0, 1_767_225_600_000, 0, 64, 1_767_225_600_001, -64, -1, day - 1, day, -day, 0.5, 1_767_225_599_999];

test('each time has its own text, also right after another', () => {
  expect(times.map(toIso)).toEqual(times.map((ms) => new Date(ms).toISOString()));
});

test('each time has the date of its day', () => {
  expect(times.map(toDay)).toEqual(times.map((ms) => new Date(ms).toISOString().slice(0, 10)));
});
