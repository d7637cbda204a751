/** Edges between boxes: curves through their lanes, fewer and straighter the more there are in view. */
import type { RunLayout } from './arrange.ts';
import type { Bounds, GraphScene } from './scene.ts';

/** A box with more edges than this shows only those that lead to a box in view. */
const edgesOfBoxMax = 300;
/** So many in view are straight lines; beyond the second number the rest is left out. */
const curvedMax = 2_500;
const drawnMax = 6_000;

/** How many edges leave and reach each box. */
const degrees = new WeakMap<RunLayout, { out: Uint32Array; into: Uint32Array }>();

function degreesOf(layout: RunLayout): { out: Uint32Array; into: Uint32Array } {
  const known = degrees.get(layout);
  if (known) return known;
  const out = new Uint32Array(layout.form.length);
  const into = new Uint32Array(layout.form.length);
  for (let e = 0; e < layout.from.length; e += 1) {
    out[layout.from[e]!]! += 1;
    into[layout.to[e]!]! += 1;
  }
  degrees.set(layout, { out, into });
  return { out, into };
}

export function drawEdges(scene: GraphScene, bounds: Bounds, visible: Uint8Array): void {
  const { context, layout, camera, palette, picked } = scene;
  const edges = listEdges(layout, bounds, visible);
  if (edges.length > drawnMax && camera.k <= 0.06) return;
  const isMany = edges.length > curvedMax;
  const own = picked < 0 ? -1 : layout.boxOf[picked]!;
  const isOwn = (e: number): boolean => layout.from[e] === own || layout.to[e] === own;
  const draw = (wanted: boolean, max: number): void => {
    context.beginPath();
    let left = max;
    for (const e of edges) {
      if (isOwn(e) !== wanted) continue;
      trace(context, layout, e, isMany);
      left -= 1;
      if (left === 0) break;
    }
    context.stroke();
  };
  context.lineWidth = Math.max(1.4, Math.min(2.2, 0.7 / camera.k));
  context.strokeStyle = palette.edge;
  context.globalAlpha = isMany ? 0.5 : 1;
  draw(false, drawnMax);
  context.globalAlpha = 1;
  if (own < 0) return;
  context.strokeStyle = palette.accent;
  context.lineWidth = Math.max(2, 1 / camera.k);
  draw(true, 2_000);
}

/** Edges with an end in view, and those that cross the view while there are few. */
function listEdges(layout: RunLayout, bounds: Bounds, visible: Uint8Array): number[] {
  const { from, to } = layout;
  const { out, into } = degreesOf(layout);
  const edges: number[] = [];
  for (let e = 0; e < from.length; e += 1) {
    const a = from[e]!;
    const b = to[e]!;
    const isShown =
      (visible[a] === 1 && (visible[b] === 1 || out[a]! <= edgesOfBoxMax)) ||
      (visible[b] === 1 && into[b]! <= edgesOfBoxMax) ||
      (from.length < 3_000 && crosses(layout, a, b, bounds));
    if (isShown) edges.push(e);
  }
  return edges;
}

/** Whether the rectangle around an edge meets the view; lanes lead a little around boxes. */
function crosses({ x, y, width, height }: RunLayout, a: number, b: number, bounds: Bounds): boolean {
  const margin = 60;
  return (
    Math.min(x[a]!, x[b]!) - margin < bounds.right &&
    Math.max(x[a]! + width[a]!, x[b]! + width[b]!) + margin > bounds.left &&
    Math.min(y[a]!, y[b]!) - margin < bounds.bottom &&
    Math.max(y[a]! + height[a]!, y[b]! + height[b]!) + margin > bounds.top
  );
}

function trace(context: CanvasRenderingContext2D, layout: RunLayout, e: number, isStraight: boolean): void {
  const isDown = layout.direction === 'down';
  const a = layout.from[e]!;
  const b = layout.to[e]!;
  const startX = layout.x[a]! + (isDown ? layout.width[a]! / 2 : layout.width[a]!);
  const startY = layout.y[a]! + (isDown ? layout.height[a]! : layout.height[a]! / 2);
  const endX = layout.x[b]! + (isDown ? layout.width[b]! / 2 : 0);
  const endY = layout.y[b]! + (isDown ? 0 : layout.height[b]! / 2);
  context.moveTo(startX, startY);
  if (isStraight) {
    context.lineTo(endX, endY);
    return;
  }
  let x = startX;
  let y = startY;
  for (let k = layout.viaAt[e]!; k < layout.viaAt[e + 1]!; k += 1) {
    curveTo(context, isDown, x, y, layout.via[2 * k]!, layout.via[2 * k + 1]!);
    x = layout.via[2 * k]!;
    y = layout.via[2 * k + 1]!;
  }
  curveTo(context, isDown, x, y, endX, endY);
}

/** Leaves and arrives along the flow, so that pieces join without a kink. */
function curveTo(
  context: CanvasRenderingContext2D,
  isDown: boolean,
  x: number,
  y: number,
  toX: number,
  toY: number,
): void {
  if (isDown) {
    const middle = (y + toY) / 2;
    context.bezierCurveTo(x, middle, toX, middle, toX, toY);
  } else {
    const middle = (x + toX) / 2;
    context.bezierCurveTo(middle, y, middle, toY, toX, toY);
  }
}
