/** Goal: durations and progress read exactly as the contract's frontend expects. Method: tables with the borders. */
import { expect, test } from 'vitest';
import { toDuration, toProgress } from '../../src/core/duration.ts';

test.each([
  [0, '0 sec'],
  [999, '0 sec'],
  [5_999, '5 sec'],
  [59_999, '59 sec'],
  [60_000, '1 min 0 sec'],
  [90_500, '1 min 30 sec'],
  [3_599_999, '59 min 59 sec'],
  [3_600_000, '1 hr 0 min'],
  [8_159_999, '2 hr 15 min'],
  [360_000_000, '100 hr 0 min'],
  [-5_000, '0 sec'],
])('%i ms reads "%s"', (ms, text) => {
  expect(toDuration(ms)).toBe(text);
});

test.each([
  [0, 0, 0],
  [0, 3, 0],
  [1, 3, 33],
  [2, 3, 66],
  [29, 50, 58],
  [199, 200, 99],
  [19_999, 20_000, 99],
  [7, 7, 100],
])('%i of %i steps is %i percent', (completed, total, percent) => {
  expect(toProgress(completed, total)).toBe(percent);
});
