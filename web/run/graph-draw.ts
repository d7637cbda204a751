/** A frame of the graph: ground, edges, boxes. What is drawn of a box depends on how large it is on the screen. */

import { drawCard } from './card-draw.ts';
import { drawEdges } from './edges-draw.ts';
import { drawGrid } from './grid-draw.ts';
import { boxForm } from './grouping.ts';
import { look } from './look.ts';
import { type Bounds, boundsOf, farK, type GraphScene, isInView } from './scene.ts';
import { isDimmed } from './view-state.ts';

/** What is drawn first is covered by what comes later: failures are always seen. */
const farOrder: readonly number[] = [
  look.completed,
  look.skipped,
  look.waiting,
  look.stopped,
  look.queued,
  look.tolerated,
  look.needs,
  look.running,
  look.failed,
];

export function drawGraph(scene: GraphScene): void {
  const { context, layout, camera, dpr, palette, width, height } = scene;
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = palette.canvas;
  context.fillRect(0, 0, width, height);
  drawDots(scene);
  const bounds = boundsOf(scene);
  const visible = new Uint8Array(layout.form.length);
  for (let box = 0; box < visible.length; box += 1) visible[box] = isInView(layout, box, bounds) ? 1 : 0;
  context.setTransform(dpr * camera.k, 0, 0, dpr * camera.k, dpr * camera.x, dpr * camera.y);
  drawEdges(scene, bounds, visible);
  drawBoxes(scene, bounds, visible);
}

/** A quiet sense of place: dots that move with the graph. */
function drawDots({ context, camera: { k, x, y }, width, height, palette }: GraphScene): void {
  if (k <= 0.28) return;
  const step = 26 * k;
  context.fillStyle = palette.line;
  const firstX = ((x % step) + step) % step;
  const firstY = ((y % step) + step) % step;
  for (let left = firstX; left < width; left += step) {
    for (let top = firstY; top < height; top += step) context.fillRect(left, top, 1.2, 1.2);
  }
}

function drawBoxes(scene: GraphScene, bounds: Bounds, visible: Uint8Array): void {
  const { context, run, layout, camera, filter } = scene;
  const isFar = camera.k < farK;
  const far: number[][] = farOrder.map(() => []);
  for (let box = 0; box < visible.length; box += 1) {
    if (visible[box] === 0) continue;
    if (layout.form[box] !== boxForm.card) {
      drawGrid(scene, box, bounds);
      continue;
    }
    const step = layout.head[box]!;
    if (isFar) {
      far[farOrder.indexOf(run.look[step]!)]?.push(box);
      continue;
    }
    context.globalAlpha = isDimmed(run, step, filter) ? 0.22 : 1;
    drawCard(scene, box, step);
  }
  context.globalAlpha = 1;
  if (isFar) drawFar(scene, far);
}

/** Cards of a look as one batch of rectangles, no smaller than a pixel. */
function drawFar(
  { context, run, layout, camera, palette, filter, picked }: GraphScene,
  far: readonly number[][],
): void {
  const least = 1 / camera.k;
  far.forEach((boxes, at) => {
    const code = farOrder[at]!;
    const isQuiet = code === look.completed || code === look.waiting || code === look.skipped;
    context.fillStyle = palette.colour[code]!;
    for (const isDim of [true, false]) {
      context.globalAlpha = isDim ? 0.12 : isQuiet ? 0.8 : 1;
      for (const box of boxes) {
        if (isDimmed(run, layout.head[box]!, filter) !== isDim) continue;
        context.fillRect(
          layout.x[box]!,
          layout.y[box]!,
          Math.max(layout.width[box]!, least),
          Math.max(layout.height[box]!, least),
        );
      }
    }
  });
  context.globalAlpha = 1;
  const box = picked < 0 ? -1 : layout.boxOf[picked]!;
  if (box < 0 || layout.form[box] !== boxForm.card) return;
  const gap = 3 / camera.k;
  context.strokeStyle = palette.accent;
  context.lineWidth = 2 / camera.k;
  context.strokeRect(
    layout.x[box]! - gap,
    layout.y[box]! - gap,
    layout.width[box]! + 2 * gap,
    layout.height[box]! + 2 * gap,
  );
}
