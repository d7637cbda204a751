/** A box of many steps: its name, how many, a strip of what has become of them, and a cell for each. */

import { toSafeLine } from '../output/safe-text.ts';
import { countText } from '../ui/money.ts';
import { grid } from './arrange.ts';
import { boxForm } from './grouping.ts';
import { rectOf, sectionEnd } from './hit.ts';
import { look, looksCount, progressOrder } from './look.ts';
import { fonts } from './palette.ts';
import { type Bounds, farK, fullK, type GraphScene } from './scene.ts';

/** How strong the colour of a look is in a cell: what has not begun is faint. */
function strengthOf(code: number): number {
  if (code === look.waiting) return 0.24;
  if (code === look.queued) return 0.58;
  return code === look.skipped ? 0.4 : 1;
}

export function drawGrid(scene: GraphScene, box: number, bounds: Bounds): void {
  const counts = countLooks(scene, box);
  drawFrame(scene, box, counts);
  if (scene.camera.k > farK) {
    drawHead(scene, box, counts);
    drawSectionLabels(scene, box);
  }
  const size = scene.layout.cellSize[box]! * scene.camera.k;
  if (size < 1.1) drawStacked(scene, box, counts);
  else drawCells(scene, box, bounds, counts);
  drawMarks(scene, box, counts);
}

function countLooks({ run, layout: { cells } }: GraphScene, box: number): Int32Array {
  const counts = new Int32Array(looksCount);
  for (let k = cells.at[box]!; k < cells.at[box + 1]!; k += 1) counts[run.look[cells.to[k]!]!]! += 1;
  return counts;
}

function drawFrame({ context, run, layout, palette, picked, hoveredBox }: GraphScene, box: number, counts: Int32Array) {
  const head = layout.head[box]!;
  const isPicked = head >= 0 && head === picked;
  context.beginPath();
  context.roundRect(layout.x[box]!, layout.y[box]!, layout.width[box]!, layout.height[box]!, 11);
  context.fillStyle = palette.surface;
  context.fill();
  context.lineWidth = isPicked ? 2.4 : hoveredBox === box ? 1.8 : 1.2;
  const headLook = head < 0 ? -1 : run.look[head]!;
  const loud = [look.failed, look.needs, look.running].find((code) => counts[code]! > 0 || headLook === code);
  context.strokeStyle = isPicked ? palette.accent : loud === undefined ? palette.lineStrong : palette.colour[loud]!;
  if ((headLook === look.waiting || headLook === look.skipped) && loud === undefined) context.setLineDash([4, 3.5]);
  context.stroke();
  context.setLineDash([]);
}

function drawHead(scene: GraphScene, box: number, counts: Int32Array): void {
  const { context, run, layout, palette, camera, fitter } = scene;
  const isSmall = camera.k < fullK;
  const size = isSmall ? Math.min(20, 11.5 / camera.k) : 13;
  const baseline = layout.y[box]! + 15 + size * 0.36;
  const nameFont = `600 ${size.toFixed(1)}px ${fonts}`;
  const countFont = `500 ${(isSmall ? size * 0.85 : 11.5).toFixed(1)}px ${fonts}`;
  const x = layout.x[box]! + grid.pad;
  const width = layout.width[box]! - 2 * grid.pad;
  const cells = layout.cells.at[box + 1]! - layout.cells.at[box]!;
  const count = toCountLabel(scene, box, cells);
  const countWidth = fitter.widthOf(count, countFont);
  const label = fitter.fit(toSafeLine(layout.label[box]!), width - 8 - countWidth, nameFont);
  const labelWidth = fitter.widthOf(label, nameFont);
  context.textBaseline = 'alphabetic';
  context.font = nameFont;
  context.fillStyle = palette.text;
  context.fillText(label, x, baseline);
  context.font = countFont;
  context.fillStyle = palette.text3;
  context.fillText(count, x + labelWidth + 6, baseline);
  drawStrip(scene, box, counts, cells);
  if (cells > 0 || camera.k < fullK) return;
  const head = layout.head[box]!;
  const isSkipped = head >= 0 && run.look[head] === look.skipped;
  context.fillText(isSkipped ? 'skipped' : 'its list is not known yet', x, layout.y[box]! + 52);
}

/** `×3,332`, and of groups how many items or rounds. */
function toCountLabel({ run, layout }: GraphScene, box: number, cells: number): string {
  const head = layout.head[box]!;
  if (head < 0) return `×${countText(cells)}`;
  const count = run.count[head]!;
  if (count < 0) return layout.form[box] === boxForm.loop ? 'repeats' : 'for each';
  return layout.form[box] === boxForm.loop ? `round ${countText(count)}` : `×${countText(count)}`;
}

function drawStrip({ context, layout, palette }: GraphScene, box: number, counts: Int32Array, cells: number): void {
  const width = layout.width[box]! - 2 * grid.pad;
  let x = layout.x[box]! + grid.pad;
  const y = layout.y[box]! + 29;
  context.fillStyle = palette.line;
  context.fillRect(x, y, width, 3);
  for (const code of progressOrder) {
    const part = cells === 0 ? 0 : (width * counts[code]!) / cells;
    if (part === 0) continue;
    context.fillStyle = palette.colour[code]!;
    context.globalAlpha = strengthOf(code);
    context.fillRect(x, y, Math.max(1, part - 1), 3);
    x += part;
  }
  context.globalAlpha = 1;
}

function drawSectionLabels({ context, layout, palette, camera, fitter }: GraphScene, box: number): void {
  if (camera.k < 0.5) return;
  const font = `500 11px ${fonts}`;
  for (let s = layout.sections.at[box]!; s < layout.sections.at[box + 1]!; s += 1) {
    if (layout.sectionLabel[s] === '') continue;
    const label = fitter.fit(toSafeLine(layout.sectionLabel[s]!), layout.width[box]! - 2 * grid.pad, font);
    context.font = font;
    context.fillStyle = palette.text3;
    context.textBaseline = 'alphabetic';
    context.fillText(label, layout.x[box]! + grid.pad, layout.y[box]! + layout.sectionY[s]! - 5);
  }
}

/** Too small for cells: areas as large as their share. */
function drawStacked({ context, layout, palette, filter }: GraphScene, box: number, counts: Int32Array): void {
  const cells = layout.cells.at[box + 1]! - layout.cells.at[box]!;
  const height = layout.height[box]! - grid.headHeight - grid.pad;
  let y = layout.y[box]! + grid.headHeight;
  for (const code of progressOrder) {
    const part = cells === 0 ? 0 : (height * counts[code]!) / cells;
    if (part === 0) continue;
    context.fillStyle = palette.colour[code]!;
    context.globalAlpha = filter.look >= 0 && filter.look !== code ? 0.12 : Math.min(0.9, strengthOf(code) + 0.1);
    context.fillRect(layout.x[box]! + grid.pad, y, layout.width[box]! - 2 * grid.pad, part);
    y += part;
  }
  context.globalAlpha = 1;
}

function drawCells(scene: GraphScene, box: number, bounds: Bounds, counts: Int32Array): void {
  const { context, palette, filter, camera, layout } = scene;
  const size = layout.cellSize[box]!;
  const isRound = size > 8 && camera.k > 0.6;
  const gap = size > 8 ? 2 : 1;
  const side = size - gap;
  for (let code = 0; code < looksCount; code += 1) {
    if (counts[code] === 0) continue;
    context.fillStyle = palette.colour[code]!;
    for (const isFound of filter.found === null ? [true] : [false, true]) {
      const isDim = !isFound || (filter.look >= 0 && filter.look !== code);
      context.globalAlpha = isDim ? 0.12 : strengthOf(code);
      if (isRound) context.beginPath();
      eachCell(scene, box, bounds, (x, y, step) => {
        if (scene.run.look[step] !== code) return;
        if (filter.found !== null && (filter.found[step] === 1) !== isFound) return;
        if (isRound) context.roundRect(x, y, side, side, 2.5);
        else context.fillRect(x, y, side, side);
      });
      if (isRound) context.fill();
    }
  }
  context.globalAlpha = 1;
}

/** The cells in view, with their upper left corners. */
function eachCell(
  { layout }: GraphScene,
  box: number,
  bounds: Bounds,
  draw: (x: number, y: number, step: number) => void,
): void {
  const size = layout.cellSize[box]!;
  const columns = layout.cellColumns[box]!;
  const left = layout.x[box]! + grid.pad;
  const first = layout.cells.at[box]!;
  const columnFrom = Math.max(0, Math.floor((bounds.left - left) / size));
  const columnTo = Math.min(columns, Math.ceil((bounds.right - left) / size));
  for (let s = layout.sections.at[box]!; s < layout.sections.at[box + 1]!; s += 1) {
    const top = layout.y[box]! + layout.sectionY[s]!;
    const begin = layout.sections.to[s]!;
    const end = sectionEnd(layout, box, s);
    const rows = Math.ceil((end - begin) / columns);
    const rowFrom = Math.max(0, Math.floor((bounds.top - top) / size));
    const rowTo = Math.min(rows, Math.ceil((bounds.bottom - top) / size));
    for (let row = rowFrom; row < rowTo; row += 1) {
      for (let column = columnFrom; column < columnTo; column += 1) {
        const cell = begin + row * columns + column;
        if (cell >= end) break;
        draw(left + column * size, top + row * size, layout.cells.to[first + cell]!);
      }
    }
  }
}

/** Few failures among many cells are enlarged, and the picked and hovered cells framed. */
function drawMarks(scene: GraphScene, box: number, counts: Int32Array): void {
  const { context, run, layout, palette, camera, filter, picked, hovered } = scene;
  const size = layout.cellSize[box]!;
  const cells = layout.cells.at[box + 1]! - layout.cells.at[box]!;
  for (const code of [look.stopped, look.tolerated, look.needs, look.failed]) {
    const count = counts[code]!;
    if (count === 0 || count >= cells / 6 || count >= 400 || size * camera.k >= 12) continue;
    if (filter.look >= 0 && filter.look !== code) continue;
    const more = Math.max(0.5, 2.6 / camera.k - size * 0.18);
    const rim = more + 1 / camera.k;
    for (let k = layout.cells.at[box]!; k < layout.cells.at[box + 1]!; k += 1) {
      const step = layout.cells.to[k]!;
      if (run.look[step] !== code) continue;
      const { x, y } = rectOf(layout, step);
      const side = size - (size > 8 ? 2 : 1);
      context.fillStyle = palette.surface;
      context.fillRect(x - rim, y - rim, side + 2 * rim, side + 2 * rim);
      context.fillStyle = palette.colour[code]!;
      context.fillRect(x - more, y - more, side + 2 * more, side + 2 * more);
    }
  }
  for (const step of [hovered, picked]) {
    if (step < 0 || layout.boxOf[step] !== box || layout.head[box] === step) continue;
    const { x, y, width } = rectOf(layout, step);
    const side = width - (size > 8 ? 2 : 1);
    context.strokeStyle = step === picked ? palette.accent : palette.text;
    context.lineWidth = 2 / Math.max(0.6, camera.k);
    context.strokeRect(x - 1.5, y - 1.5, side + 3, side + 3);
  }
}
