/** Goal: a timer is given to the runtime in milliseconds, and never more of them than it can count. */
import { expect, test, vi } from 'vitest';
import { createChance, createClock } from '../../src/coordinator/clock.ts';

test('a time that the runtime cannot count is the longest that it can', () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const cancelled = vi.spyOn(globalThis, 'clearTimeout');
  try {
    const { timer } = createClock();
    for (const ms of [1_500, 2 ** 31 - 1, 2 ** 31, 2 ** 40]) timer(ms, () => undefined)();
    expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([1_500, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]);
    expect(cancelled.mock.calls.map(([timer]) => timer)).toEqual(timers.mock.results.map(({ value }) => value));
  } finally {
    timers.mockRestore();
    cancelled.mockRestore();
  }
});

test('hex digits are as many as were asked for', () => {
  const { hex } = createChance();
  for (const digits of [1, 7, 8]) expect(hex(digits)).toMatch(new RegExp(`^[0-9a-f]{${digits}}$`));
});
