/** Goal: the timeline's figures are those of the steps. Method: small runs with times that all differ. */
import { describe, expect, it } from 'vitest';
import { arrange } from '../../web/run/arrange.ts';
import { endOf, peakOf, spanOf, toHistogram, toRows, toTicks } from '../../web/run/bands.ts';
import type { Columns } from '../../web/run/columns.ts';
import { look } from '../../web/run/look.ts';
import { toColumns } from '../../web/run/read-run.ts';
import { sketchRun } from './sketch.ts';

const at = Date.parse('2026-01-01T00:00:00.000Z');

/** Steps by [start, end] in milliseconds; without an end they run. */
function run(times: readonly (readonly [number, number?])[]): Columns {
  return toColumns(
    sketchRun(
      times.map(([start, end], i) => ({
        id: `s${i}`,
        status: end === undefined ? 'RUNNING' : 'COMPLETED',
        start,
        ...(end === undefined ? {} : { ms: end - start }),
      })),
    ),
  );
}
const all = { look: -1, isFinding: false, matches: () => true };

describe('the timeline', () => {
  it('reaches from the first start to the last end, or to now while a step runs', () => {
    expect(spanOf(run([]), at)).toBeNull();
    expect(spanOf(toColumns(sketchRun([{ id: 'a' }])), at)).toBeNull();
    expect(
      spanOf(
        run([
          [30, 70],
          [10, 40],
        ]),
        at + 500,
      ),
    ).toEqual({ start: at + 10, end: at + 70 });
    expect(spanOf(run([[30, 70], [10]]), at + 500)).toEqual({ start: at + 10, end: at + 500 });
    expect(endOf(run([[10]]), 0, at + 3)).toBe(at + 10);
  });

  it('has a row for each step that has started, in that order', () => {
    const columns = toColumns(
      sketchRun([
        { id: 'late', status: 'COMPLETED', start: 50, ms: 5 },
        { id: 'never' },
        { id: 'early', status: 'FAILED', start: 20, ms: 5 },
        { id: 'also', status: 'COMPLETED', start: 50, ms: 7 },
      ]),
    );
    expect(toRows(columns, null, all)).toEqual([2, 0, 3]);
    expect(toRows(columns, null, { ...all, look: look.failed })).toEqual([2]);
    expect(toRows(columns, null, { ...all, isFinding: true, matches: (i) => i === 3 })).toEqual([3]);
  });

  it('shows a box of many steps as one band, from 61 steps on', () => {
    const fan = (count: number) =>
      toColumns(
        sketchRun([
          { id: 'list', status: 'COMPLETED', start: 1, ms: 1 },
          ...Array.from({ length: count - 1 }, (_, k) => ({
            id: `page-${k}`,
            deps: [0],
            status: 'RUNNING' as const,
            start: 3 + k,
          })),
        ]),
      );
    const rowsOf = (columns: Columns) =>
      toRows(columns, arrange(columns, columns, { choice: 'siblings', direction: 'across' }), all);
    expect(rowsOf(fan(61))).toEqual([0, -2]);
    expect(rowsOf(fan(60)).length).toBe(60);
  });

  it('counts how many ran in each part of the window', () => {
    const columns = run([
      [0, 30],
      [10, 20],
      [15, 40],
      [40, 40],
    ]);
    const window = { start: at, end: at + 50 };
    const { bins, max } = toHistogram(columns, [0, 1, 2, 3], window, 5, at + 1_000);
    expect([...bins]).toEqual([1, 3, 2, 1, 1]);
    expect(max).toBe(3);
    expect([...toHistogram(columns, [0, 1, 2, 3], { start: at + 20, end: at + 40 }, 2, at).bins]).toEqual([2, 1]);
  });

  it('a step that begins when another ends makes no peak', () => {
    expect(
      peakOf(
        run([
          [0, 10],
          [10, 20],
          [5, 12],
        ]),
        at,
      ),
    ).toBe(2);
    expect(peakOf(run([[0], [10, 20], [15, 18]]), at + 30)).toBe(3);
    expect(peakOf(run([]), at)).toBe(0);
  });

  it('has a millisecond at least, so that what took no time has a place', () => {
    expect(spanOf(run([[30, 30]]), at)).toEqual({ start: at + 30, end: at + 31 });
    expect(spanOf(run([[30, 31]]), at)).toEqual({ start: at + 30, end: at + 31 });
  });

  it('has room for one step when another ends, and marks quarters and halves of a minute', () => {
    expect(
      peakOf(
        run([
          [0, 10],
          [10, 20],
        ]),
        at,
      ),
    ).toBe(1);
    expect(
      peakOf(
        run([
          [0, 11],
          [10, 20],
        ]),
        at,
      ),
    ).toBe(2);
    const firstTick = (ms: number) => toTicks({ start: at, end: at + ms }, at, 1)[1];
    expect([15_000, 15_001, 30_000, 30_001].map(firstTick)).toEqual([15_000, undefined, 30_000, undefined]);
  });

  it('marks the axis in steps of 1, 2 or 5', () => {
    const ticks = (ms: number, count: number) => toTicks({ start: at, end: at + ms }, at, count);
    expect(ticks(15_000, 8)).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000]);
    expect(ticks(99, 4)).toEqual([0, 50]);
    expect(ticks(3_600_000, 6)).toEqual([0, 600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000]);
    expect(toTicks({ start: at + 900, end: at + 2_100 }, at, 3)).toEqual([1_000, 1_500, 2_000]);
  });
});
