/** The whole graph in a corner, with a frame around what is on the screen; hidden while all of it is. */
import type { RunLayout } from './arrange.ts';
import type { ViewSize } from './camera.ts';
import type { Columns } from './columns.ts';
import { look, lookOrder } from './look.ts';
import type { Palette } from './palette.ts';
import type { Camera } from './scene.ts';

export interface MinimapScene {
  readonly run: Columns;
  readonly layout: RunLayout;
  readonly camera: Readonly<Camera>;
  readonly size: ViewSize;
  readonly palette: Palette;
}

/** The boxes are drawn anew at most so often: 20,000 of them would take most of a frame. */
const layerMs = 250;

interface Layer {
  readonly canvas: HTMLCanvasElement;
  readonly layout: RunLayout;
  readonly palette: Palette;
  readonly version: number;
  readonly drawnAt: number;
}

const layers = new WeakMap<HTMLCanvasElement, Layer>();

export function drawMinimap(canvas: HTMLCanvasElement, scene: MinimapScene): void {
  const { layout, camera, size, palette } = scene;
  const isWhole =
    camera.x >= -8 &&
    camera.y >= -8 &&
    camera.x + layout.fullWidth * camera.k <= size.width + 8 &&
    camera.y + layout.fullHeight * camera.k <= size.height + 8;
  canvas.classList.toggle('is-hidden', isWhole);
  const context = isWhole ? null : canvas.getContext('2d');
  if (context === null) return;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  context.drawImage(layerOf(canvas, scene, width, height), 0, 0);
  context.scale(2, 2);
  const { k, left, top } = placeOf(layout, width, height);
  context.strokeStyle = palette.accent;
  context.lineWidth = 1.5;
  context.strokeRect(
    left + (-camera.x / camera.k) * k,
    top + (-camera.y / camera.k) * k,
    (size.width / camera.k) * k,
    (size.height / camera.k) * k,
  );
}

function placeOf(layout: RunLayout, width: number, height: number): { k: number; left: number; top: number } {
  const k = Math.min((width - 12) / layout.fullWidth, (height - 12) / layout.fullHeight);
  return { k, left: (width - layout.fullWidth * k) / 2, top: (height - layout.fullHeight * k) / 2 };
}

/** All boxes, each in the colour of what matters most in it. */
function layerOf(owner: HTMLCanvasElement, scene: MinimapScene, width: number, height: number): HTMLCanvasElement {
  const { run, layout, palette } = scene;
  const known = layers.get(owner);
  const now = performance.now();
  const isSame = known?.layout === layout && known.palette === palette && known.canvas.width === 2 * width;
  if (isSame && (known.version === run.head.version || now - known.drawnAt < layerMs)) return known.canvas;
  const canvas = known?.canvas ?? document.createElement('canvas');
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  layers.set(owner, { canvas, layout, palette, version: run.head.version, drawnAt: now });
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  context.scale(2, 2);
  const { k, left, top } = placeOf(layout, width, height);
  for (let box = 0; box < layout.form.length; box += 1) {
    const code = loudestLook(scene, box);
    context.fillStyle = palette.colour[code]!;
    context.globalAlpha = code === look.waiting ? 0.4 : 0.85;
    context.fillRect(
      left + layout.x[box]! * k,
      top + layout.y[box]! * k,
      Math.max(1, layout.width[box]! * k),
      Math.max(1, layout.height[box]! * k),
    );
  }
  return canvas;
}

function loudestLook({ run, layout }: MinimapScene, box: number): number {
  const first = layout.cells.at[box]!;
  const end = layout.cells.at[box + 1]!;
  if (end - first === 1) return run.look[layout.cells.to[first]!]!;
  let best = lookOrder.length;
  for (let k = first; k < end && best > 0; k += 1)
    best = Math.min(best, lookOrder.indexOf(run.look[layout.cells.to[k]!]!));
  const head = layout.head[box]!;
  return lookOrder[best] ?? (head >= 0 ? run.look[head]! : look.waiting);
}
