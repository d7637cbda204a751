/**
 * What the timeline shows, as numbers: its rows, how many steps ran at each moment, and where the axis is marked. Pure.
 */
import type { RunLayout } from './arrange.ts';
import type { Columns } from './columns.ts';
import { boxForm } from './grouping.ts';
import { look } from './look.ts';

/** A row: a step, or (as `-1 - box`) a box of many. */
export type TimelineRow = number;

export interface Span {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** Height of axis and concurrency, which stay while the rows scroll, in pixels. */
export const headHeight = 64;

/** The part of time that is shown: `zoom` 1 shows all, `at` is the part before it, from 0 to 1. */
export interface TimelineWindow {
  readonly zoom: number;
  readonly at: number;
}

/** Heights in pixels. */
export const rowHeights = { step: 22, band: 46 } as const;

/** A run of so many steps shows boxes as bands. */
const bandsMin = 60;

/** When a step ended; `now` while it runs, its start where it has none, NaN before it has started. */
export function endOf(run: Columns, i: number, now: number): number {
  const start = run.start[i]!;
  // A step that waits without a slot keeps its start.
  if (run.status[i] === look.running) return Math.max(start, now);
  const end = run.end[i]!;
  return end >= start ? end : start;
}

/** From the first start to the last end, or to now while anything is under way; null before anything has started. */
export function spanOf(run: Columns, now: number): Span | null {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < run.ids.length; i += 1) {
    if (!(run.start[i]! >= 0)) continue;
    start = Math.min(start, run.start[i]!);
    end = Math.max(end, endOf(run, i, now));
  }
  if (start === Number.POSITIVE_INFINITY) return null;
  return { start, end: Math.max(end, start + 1) };
}

export interface RowFilter {
  /** Only steps of this look; -1: all. */
  readonly look: number;
  readonly matches: (i: number) => boolean;
  readonly isFinding: boolean;
}

/** Rows in the order in which they started; with a filter every step stands for itself. */
export function toRows(run: Columns, layout: RunLayout | null, filter: RowFilter): TimelineRow[] {
  const isPlain = filter.look < 0 && !filter.isFinding;
  const rows: { row: TimelineRow; start: number }[] = [];
  if (layout !== null && isPlain && run.ids.length > bandsMin) {
    for (let box = 0; box < layout.form.length; box += 1) {
      const isCard = layout.form[box] === boxForm.card;
      const start = firstStart(run, layout, box);
      if (!Number.isNaN(start)) rows.push({ row: isCard ? layout.head[box]! : -1 - box, start });
    }
  } else {
    for (let i = 0; i < run.ids.length; i += 1) {
      if (!(run.start[i]! >= 0) || (filter.look >= 0 && run.look[i] !== filter.look) || !filter.matches(i)) continue;
      rows.push({ row: i, start: run.start[i]! });
    }
  }
  // Sorting is stable: what started together stands in the order of the definition.
  return rows.sort((a, b) => a.start - b.start).map(({ row }) => row);
}

function firstStart(run: Columns, layout: RunLayout, box: number): number {
  let first = Number.POSITIVE_INFINITY;
  for (let k = layout.cells.at[box]!; k < layout.cells.at[box + 1]!; k += 1) {
    const start = run.start[layout.cells.to[k]!]!;
    if (start < first) first = start;
  }
  const head = layout.head[box]!;
  if (head >= 0 && run.start[head]! < first) first = run.start[head]!;
  return first === Number.POSITIVE_INFINITY ? Number.NaN : first;
}

export interface Histogram {
  /** How many ran in each bin, at most. */
  readonly bins: Int32Array;
  readonly max: number;
}

/** How many of the steps ran in each part of the window. A step that ends where it began counts in one bin. */
export function toHistogram(
  run: Columns,
  steps: Iterable<number>,
  window: Span,
  binsCount: number,
  now: number,
): Histogram {
  const changes = new Int32Array(binsCount + 1);
  const perMs = binsCount / Math.max(1e-9, window.end - window.start);
  for (const i of steps) {
    const start = run.start[i]!;
    if (!(start >= 0)) continue;
    const first = Math.floor((start - window.start) * perMs);
    const last = Math.max(first + 1, Math.ceil((endOf(run, i, now) - window.start) * perMs));
    if (last <= 0 || first >= binsCount) continue;
    changes[Math.max(0, first)]! += 1;
    changes[Math.min(binsCount, last)]! -= 1;
  }
  const bins = new Int32Array(binsCount);
  let running = 0;
  let max = 0;
  for (let bin = 0; bin < binsCount; bin += 1) {
    running += changes[bin]!;
    bins[bin] = running;
    max = Math.max(max, running);
  }
  return { bins, max };
}

/** The most steps that ran at one moment. A step that ends when another starts has made room for it. */
export function peakOf(run: Columns, now: number): number {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let i = 0; i < run.ids.length; i += 1) {
    if (!(run.start[i]! >= 0) || run.group[i] === undefined || run.count[i]! >= 0) continue;
    const end = endOf(run, i, now);
    if (end === run.start[i] && run.status[i] !== look.running) continue;
    starts.push(run.start[i]!);
    ends.push(run.status[i] === look.running ? Number.POSITIVE_INFINITY : end);
  }
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  let over = 0;
  let peak = 0;
  starts.forEach((start, k) => {
    while (ends[over]! <= start) over += 1;
    peak = Math.max(peak, k + 1 - over);
  });
  return peak;
}

/**
 * Marks of the axis in steps of 1, 2 or 5 × 10ⁿ milliseconds (from a minute on 1, 2, 5, 10, 30 minutes, hours,
 * days).
 */
export function toTicks(window: Span, origin: number, countMax: number): number[] {
  const raw = (window.end - window.start) / Math.max(1, countMax);
  const step = toTickStep(raw);
  const ticks: number[] = [];
  for (let at = Math.ceil((window.start - origin) / step) * step; origin + at <= window.end; at += step) ticks.push(at);
  return ticks;
}

const minute = 60_000;
const longSteps = [1, 2, 5, 10, 30, 60, 120, 360, 720, 1_440].map((minutes) => minutes * minute);

function toTickStep(raw: number): number {
  if (raw > 30_000) {
    const day = longSteps.at(-1)!;
    return longSteps.find((step) => step >= raw) ?? Math.ceil(raw / day) * day;
  }
  if (raw > 10_000) return raw <= 15_000 ? 15_000 : 30_000;
  const power = 10 ** Math.floor(Math.log10(Math.max(raw, 1e-3)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= raw * 0.999_999) ?? 10 * power;
}
