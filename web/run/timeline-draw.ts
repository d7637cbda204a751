/** A frame of the timeline. */
import { toSafeLine } from '../output/safe-text.ts';
import { durationText } from '../ui/duration.ts';
import { countText } from '../ui/money.ts';
import {
  endOf,
  headHeight,
  peakOf,
  rowHeights,
  type Span,
  type TimelineRow,
  type TimelineWindow,
  toHistogram,
  toTicks,
} from './bands.ts';
import { type Columns, isUnderWay } from './columns.ts';
import { drawGlyph } from './glyph.ts';
import type { GraphInput } from './graph.ts';
import { look, lookOrder, looksCount } from './look.ts';
import { fonts, type Palette, type TextFitter } from './palette.ts';
import type { SafeNames } from './view-state.ts';

export interface TimelineScene extends GraphInput {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly dpr: number;
  readonly palette: Palette;
  readonly fitter: TextFitter;
  readonly names: SafeNames;
  readonly rows: readonly TimelineRow[];
  readonly tops: readonly number[];
  readonly scroll: number;
  readonly labelWidth: number;
  readonly window: Readonly<TimelineWindow>;
  readonly selection: { readonly from: number; readonly to: number } | null;
  readonly span: Span | null;
  readonly now: number;
}

/** The part of time that is shown, and where it lies on the screen. */
interface TimeScale {
  readonly shown: Span;
  readonly origin: number;
  readonly left: number;
  readonly width: number;
  xOf(at: number): number;
}

const small = `430 11px ${fonts}`;

export function drawTimeline(scene: TimelineScene): void {
  const { context, palette, dpr, width, height, span } = scene;
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.globalAlpha = 1;
  context.textAlign = 'left';
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, width, height);
  if (span === null) {
    context.fillStyle = palette.text3;
    context.font = `450 13px ${fonts}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText('No step has started yet', width / 2, height / 2);
    context.textAlign = 'left';
    return;
  }
  const scale = toScale(scene, span);
  drawAxis(scene, scale);
  drawConcurrency(scene, scale, span);
  drawRows(scene, scale);
  context.fillStyle = palette.line;
  context.fillRect(scene.labelWidth - 1, 26, 1, height);
  drawScrollBar(scene);
  drawSelection(scene, scale);
}

function toScale({ width, labelWidth, window: { zoom, at }, run, now }: TimelineScene, span: Span): TimeScale {
  const end = isUnderWay(run) ? Math.max(span.end, now) : span.end;
  // Some room behind the last bar for its duration.
  const whole = Math.max(1, (end - span.start) * 1.045);
  const shown = { start: span.start + at * whole, end: span.start + (at + 1 / zoom) * whole };
  const room = Math.max(1, width - labelWidth - 14);
  return {
    shown,
    origin: span.start,
    left: labelWidth,
    width: room,
    xOf: (time) => labelWidth + ((time - shown.start) / (shown.end - shown.start)) * room,
  };
}

function drawAxis({ context, palette, width, height }: TimelineScene, scale: TimeScale): void {
  context.font = small;
  context.textBaseline = 'middle';
  for (const tick of toTicks(scale.shown, scale.origin, Math.max(3, scale.width / 110))) {
    const x = scale.xOf(scale.origin + tick);
    if (x < scale.left - 1) continue;
    context.fillStyle = palette.line;
    if (tick > 0) context.fillRect(x, 26, 1, height);
    const label = tick === 0 ? '0' : `+${durationText(tick)}`;
    // A label that the edge would cut says a wrong time.
    if (x + 5 + context.measureText(label).width > width) continue;
    context.fillStyle = palette.text3;
    context.fillText(label, x + 5, 14);
  }
}

function* allSteps(run: Columns): Iterable<number> {
  // Groups wait for their steps; they run nothing themselves.
  for (let i = 0; i < run.ids.length; i += 1) if (run.count[i]! < 0) yield i;
}

/** The peak of a large run is counted once a second. */
const peaks = new WeakMap<Columns, { at: number; version: number; peak: number }>();

function peakNow(run: Columns, now: number): number {
  const known = peaks.get(run);
  if (known && (known.version === run.head.version || now - known.at < 1_000)) return known.peak;
  const peak = peakOf(run, now);
  peaks.set(run, { at: now, version: run.head.version, peak });
  return peak;
}

function drawConcurrency(scene: TimelineScene, scale: TimeScale, span: Span): void {
  const { context, palette, run, now, width, labelWidth } = scene;
  const binsCount = Math.max(40, Math.floor(scale.width / 3));
  const { bins, max } = toHistogram(run, allSteps(run), scale.shown, binsCount, now);
  const end = Math.min(scale.left + scale.width, scale.xOf(Math.max(span.end, isUnderWay(run) ? now : span.end)));
  const floor = headHeight - 6;
  const tops = new Path2D();
  let last = scale.left;
  for (let bin = 0; bin < binsCount; bin += 1) {
    const left = scale.left + (bin / binsCount) * scale.width;
    if (left > end) break;
    last = Math.min(end, scale.left + ((bin + 1) / binsCount) * scale.width);
    const y = floor - (bins[bin]! / Math.max(1, max)) * 28;
    if (bin === 0) tops.moveTo(left, y);
    else tops.lineTo(left, y);
    tops.lineTo(last, y);
  }
  const area = new Path2D(tops);
  area.lineTo(last, floor);
  area.lineTo(scale.left, floor);
  area.closePath();
  context.fillStyle = palette.tint[look.running]!;
  context.fill(area);
  context.strokeStyle = palette.colour[look.running]!;
  context.lineWidth = 1.2;
  context.stroke(tops);
  context.fillStyle = palette.text3;
  context.font = small;
  context.textBaseline = 'middle';
  const peak = `peak ${countText(peakNow(run, now))}`;
  context.fillText(labelWidth > 150 ? `At once, ${peak}` : peak, 14, headHeight - 20);
  context.fillStyle = palette.line;
  context.fillRect(0, headHeight - 1, width, 1);
}

function drawRows(scene: TimelineScene, scale: TimeScale): void {
  const { context, rows, tops, scroll, width, height } = scene;
  context.save();
  context.beginPath();
  context.rect(0, headHeight, width, height - headHeight);
  context.clip();
  let first = 0;
  while (first < rows.length && tops[first + 1]! <= scroll) first += 1;
  for (let k = first; k < rows.length; k += 1) {
    const y = headHeight + tops[k]! - scroll;
    if (y > height) break;
    const row = rows[k]!;
    if (row >= 0) drawStep(scene, scale, row, y);
    else drawBand(scene, scale, -1 - row, y);
  }
  context.restore();
}

function drawStep(scene: TimelineScene, scale: TimeScale, step: number, y: number): void {
  const { context, palette, run, picked, hovered, width, labelWidth, fitter, names, now } = scene;
  const code = run.look[step]!;
  const isPicked = picked === step;
  if (isPicked || hovered === step) {
    context.fillStyle = palette.surface2;
    context.globalAlpha = isPicked ? 1 : 0.6;
    context.fillRect(0, y, width, rowHeights.step);
    context.globalAlpha = 1;
  }
  drawGlyph(context, code, { x: 14, y: y + 5, size: 12 }, glyphStyle(palette, code));
  const font = `${isPicked ? 600 : 450} 12px ${fonts}`;
  const name = fitter.fit(names.of(run, step), labelWidth - 48, font);
  context.font = font;
  context.fillStyle = palette.text;
  context.textBaseline = 'middle';
  const middle = y + rowHeights.step / 2 + 0.5;
  context.fillText(name, 33, middle);
  const start = run.start[step]!;
  const end = endOf(run, step, now);
  drawQueueWait(scene, scale, step, middle);
  const from = Math.max(scale.left, scale.xOf(start));
  const to = Math.min(scale.left + scale.width, scale.xOf(end));
  if (to < scale.left || from > width) return;
  const length = Math.max(3, to - from);
  context.fillStyle = palette.colour[code]!;
  context.globalAlpha = code === look.completed ? 0.78 : code === look.needs || code === look.waiting ? 0.45 : 1;
  context.beginPath();
  context.roundRect(from, y + 5, length, rowHeights.step - 10, 3);
  context.fill();
  context.globalAlpha = 1;
  drawDuration(scene, durationText(end - start), from, length, middle);
}

/** From when it was ready to when it started: a thin line before the bar. */
function drawQueueWait({ context, palette, run }: TimelineScene, scale: TimeScale, step: number, middle: number): void {
  const queued = run.queued[step]!;
  if (!(queued < run.start[step]!)) return;
  const from = Math.max(scale.left, scale.xOf(queued));
  const to = Math.min(scale.left + scale.width, scale.xOf(run.start[step]!));
  if (to - from < 1.5) return;
  context.fillStyle = palette.lineStrong;
  context.fillRect(from, middle - 1, to - from, 1.5);
}

/** Behind the bar, or in it where there is no room behind. */
function drawDuration(
  { context, palette, fitter, width }: TimelineScene,
  text: string,
  from: number,
  length: number,
  middle: number,
): void {
  const font = `480 11px ${fonts}`;
  const textWidth = fitter.widthOf(text, font);
  context.font = font;
  if (from + length + textWidth + 8 < width - 8) {
    context.fillStyle = palette.text3;
    context.fillText(text, from + length + 6, middle);
  } else if (length > textWidth + 12) {
    context.fillStyle = palette.surface;
    context.textAlign = 'right';
    context.fillText(text, from + length - 6, middle);
    context.textAlign = 'left';
  }
}

function glyphStyle(palette: Palette, code: number) {
  return { colour: palette.colour[code]!, knock: palette.surface, fail: palette.fail, turn: -1.2 };
}

/** A box of many steps: how many of them ran at each moment, and where one failed. */
function drawBand(scene: TimelineScene, scale: TimeScale, box: number, y: number): void {
  const { context, palette, run, layout, picked, width, labelWidth, fitter, now } = scene;
  const steps = layout.cells.to.subarray(layout.cells.at[box]!, layout.cells.at[box + 1]!);
  const counts = new Int32Array(looksCount);
  for (const i of steps) counts[run.look[i]!]! += 1;
  if (picked >= 0 && layout.boxOf[picked] === box) {
    context.fillStyle = palette.surface2;
    context.fillRect(0, y, width, rowHeights.band);
  }
  const isQuiet = (code: number) => code === look.completed || code === look.waiting || code === look.skipped;
  const loudest = lookOrder.find((code) => counts[code]! > 0 && !isQuiet(code));
  const code = loudest ?? (counts[look.completed]! > 0 ? look.completed : look.waiting);
  drawGlyph(context, code, { x: 14, y: y + 8, size: 12 }, glyphStyle(palette, code));
  const nameFont = `560 12px ${fonts}`;
  const label = fitter.fit(toSafeLine(layout.label[box]!), labelWidth - 48, nameFont);
  context.textBaseline = 'middle';
  context.font = nameFont;
  context.fillStyle = palette.text;
  context.fillText(label, 33, y + 14.5);
  const failed = counts[look.failed]! > 0 ? `, ${countText(counts[look.failed]!)} failed` : '';
  const done = counts[look.completed]! + counts[look.skipped]! + counts[look.tolerated]!;
  const fact = fitter.fit(`${countText(done)} of ${countText(steps.length)}${failed}`, labelWidth - 48, small);
  context.font = small;
  context.fillStyle = palette.text3;
  context.fillText(fact, 33, y + 31.5);
  const colour =
    palette.colour[counts[look.running]! > 0 ? look.running : failed === '' ? look.completed : look.failed]!;
  drawDensity(scene, scale, steps, y + 40, colour);
  context.fillStyle = palette.fail;
  for (const i of steps) {
    if (run.look[i] !== look.failed || Number.isNaN(run.start[i]!)) continue;
    const x = scale.xOf(endOf(run, i, now));
    if (x < scale.left || x > scale.left + scale.width) continue;
    context.beginPath();
    context.moveTo(x - 4, y + 4);
    context.lineTo(x + 4, y + 4);
    context.lineTo(x, y + 10);
    context.closePath();
    context.fill();
  }
  context.fillStyle = palette.line;
  context.fillRect(0, y + rowHeights.band - 1, width, 1);
}

function drawDensity(
  { context, run, now }: TimelineScene,
  scale: TimeScale,
  steps: Iterable<number>,
  floor: number,
  colour: string,
): void {
  const binsCount = Math.max(30, Math.floor(scale.width / 3));
  const { bins, max } = toHistogram(run, steps, scale.shown, binsCount, now);
  const xOf = (bin: number) => scale.left + (bin / binsCount) * scale.width;
  context.beginPath();
  let isOpen = false;
  for (let bin = 0; bin <= binsCount; bin += 1) {
    const running = bin === binsCount ? 0 : bins[bin]!;
    if (running === 0) {
      if (isOpen) context.lineTo(xOf(bin), floor);
      isOpen = false;
      continue;
    }
    const y = floor - Math.max(2, (running / Math.max(1, max)) * 32);
    if (!isOpen) context.moveTo(xOf(bin), floor);
    isOpen = true;
    context.lineTo(xOf(bin), y);
    context.lineTo(xOf(bin + 1), y);
  }
  context.fillStyle = colour;
  context.globalAlpha = 0.24;
  context.fill();
  context.globalAlpha = 0.9;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 1;
}

function drawScrollBar({ context, palette, tops, scroll, width, height }: TimelineScene): void {
  const total = tops.at(-1) ?? 0;
  const room = height - headHeight;
  if (total <= room) return;
  const length = Math.max(24, (room * room) / total);
  const top = headHeight + (scroll / Math.max(1, total - room + 8)) * (room - length);
  context.fillStyle = palette.lineStrong;
  context.beginPath();
  context.roundRect(width - 8, top, 5, length, 3);
  context.fill();
}

function drawSelection({ context, palette, selection, height }: TimelineScene, scale: TimeScale): void {
  if (selection === null) return;
  const from = scale.left + Math.min(selection.from, selection.to) * scale.width;
  const to = scale.left + Math.max(selection.from, selection.to) * scale.width;
  context.fillStyle = palette.accent;
  context.globalAlpha = 0.14;
  context.fillRect(from, 26, to - from, height);
  context.globalAlpha = 1;
}
