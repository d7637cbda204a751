/** Goal: times read as ISO 8601 in UTC. Method: answers in an order that a remembered answer could spoil. */
import { expect, test } from 'vitest';
import { toIso } from '../../src/core/time.ts';

test('each time has its own text, also right after another', () => {
  const times = [0, 0, 1_767_225_600_000, 0, 1_767_225_600_001];
  expect(times.map(toIso)).toEqual(times.map((ms) => new Date(ms).toISOString()));
});
