/** Goal: writes take at most a tenth of the thread's time, and never wait longer than two seconds. Method: a clock that goes on with work. */
import { describe, expect, test } from 'vitest';
import { Pace } from '../../../src/coordinator/files/write-pace.ts';
import { WorkingClock } from './working-clock.ts';

/** Writes in ten seconds, each wanted again as soon as it is made. */
function countWrites(costMs: number): number {
  const clock = new WorkingClock();
  const pace = new Pace(clock);
  let writes = 0;
  const write = () => {
    writes += 1;
    pace.measure(() => clock.work(costMs));
    pace.arm(write);
  };
  pace.arm(write);
  while (clock.step(10_000)) {}
  return writes;
}

describe('how often something is written in ten seconds', () => {
  test.each([
    ['that costs next to nothing', 0, 101],
    ['that costs a tenth of the shortest pause', 10, 101],
    ['that costs 40 ms', 40, 26],
    ['that costs more than a tenth of the longest pause', 500, 6],
  ])('%s', (_, costMs, writes) => {
    expect(countWrites(costMs)).toBe(writes);
  });
});

test('a write that is wanted before the last one is made waits for what that one costs', () => {
  const clock = new WorkingClock();
  const pace = new Pace(clock);
  const calledAt: number[] = [];
  pace.arm(() => pace.arm(() => calledAt.push(clock.monotonic())));
  clock.step(0);
  pace.measure(() => clock.work(50));
  while (clock.step(10_000)) {}
  expect(calledAt).toEqual([500]);
});

test('what is wanted twice is called once, and after stop() not at all', () => {
  const clock = new WorkingClock();
  const pace = new Pace(clock);
  let calls = 0;
  const call = () => {
    calls += 1;
  };
  pace.arm(call);
  pace.arm(call);
  while (clock.step(10_000)) {}
  expect(calls).toBe(1);
  pace.arm(call);
  pace.stop();
  expect(clock.step(10_000)).toBe(false);
});
