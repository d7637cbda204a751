/** Goal: what options hold is read in the unit that they are written in, and both sides of each border are known. */
import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { toCount, toMilliseconds } from '../../src/cli/option-values.ts';

test.each([
  ['1', 1_000],
  ['0.25', 250],
  ['60', 60_000],
  ['0.0001', 1],
  ['2000000', 2_000_000_000],
])('--timeout %s is %i milliseconds', (written, ms) => {
  expect(toMilliseconds(written)).toBe(ms);
  // What it becomes is what a timer of the runtime takes.
  expect(ms).toBeLessThan(2 ** 31);
});

test.each(['0', '-1', '2000000.1', '2000001', '1s', '1e3', '', ' 1', '.5', 'Infinity'])(
  '--timeout %j is refused',
  (written) => {
    expect(() => toMilliseconds(written)).toThrow(
      new InvalidArgumentError('It must be a number of seconds, up to 2000000.'),
    );
  },
);

test('a count is a whole number of up to nine digits', () => {
  expect(['0', '7', '010', '999999999'].map(toCount)).toEqual([0, 7, 10, 999_999_999]);
  for (const written of ['-1', '1.5', '1000000000', '', 'ten', '1 ']) {
    expect(() => toCount(written)).toThrow(new InvalidArgumentError('It must be a whole number.'));
  }
});
