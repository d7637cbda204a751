/** Which part of the graph is on the screen, and how large. Pure. */
import type { RunLayout } from './arrange.ts';
import { type Rect, rectOf } from './hit.ts';
import type { Camera } from './scene.ts';

export interface ViewSize {
  readonly width: number;
  readonly height: number;
}

export const zoomLimits = { min: 0.004, max: 2.5 } as const;

/** Free below the graph for tools and minimap. */
const footHeight = 56;
const readableK = 0.92;

function paddingOf({ width }: ViewSize): number {
  return width < 500 ? 14 : 36;
}

/** The whole graph, no larger than 115 %. */
export function fitWhole(layout: RunLayout, size: ViewSize): Camera {
  const pad = paddingOf(size);
  const room = { width: Math.max(40, size.width - 2 * pad), height: Math.max(40, size.height - pad - footHeight) };
  const k = clampZoom(
    Math.min(1.15, room.width / Math.max(1, layout.fullWidth), room.height / Math.max(1, layout.fullHeight)),
  );
  return {
    k,
    x: pad + (room.width - layout.fullWidth * k) / 2,
    y: pad + (room.height - layout.fullHeight * k) / 2,
  };
}

/**
 * What is seen first: the whole graph while it can be read, or while it is a few large boxes; else a part that can be
 * read, around `step`. On a narrow screen the width fits.
 */
export function openingView(layout: RunLayout, size: ViewSize, step: number): Camera {
  const whole = fitWhole(layout, size);
  const hasLarge = layout.cells.at.some((end, box) => box > 0 && end - layout.cells.at[box - 1]! > 200);
  if (whole.k >= (hasLarge ? 0.34 : 0.6) || step < 0) return whole;
  if (layout.direction === 'down') {
    const pad = paddingOf(size);
    const k = Math.min(1, (size.width - 2 * pad) / Math.max(1, layout.fullWidth));
    if (k >= 0.5) return { k, x: (size.width - layout.fullWidth * k) / 2, y: pad };
  }
  return centreOn(layout, size, { ...whole, k: readableK }, rectOf(layout, step));
}

/** The same zoom, with a place in the middle; the graph's borders stay at those of the view. */
export function centreOn(layout: RunLayout, size: ViewSize, { k }: Camera, rect: Rect): Camera {
  const pad = paddingOf(size);
  const middle = (size.height - footHeight + pad) / 2;
  const x = size.width / 2 - (rect.x + rect.width / 2) * k;
  const y = middle - (rect.y + rect.height / 2) * k;
  return {
    k,
    x: within(x, layout.fullWidth * k, size.width, pad, pad),
    y: within(y, layout.fullHeight * k, size.height, pad, footHeight),
  };
}

function within(at: number, length: number, room: number, before: number, after: number): number {
  if (length + before + after <= room) return before + (room - before - after - length) / 2;
  return Math.min(before, Math.max(room - length - after, at));
}

/** Zooms by a factor; the point of the screen stays where it is. */
export function zoomAt({ k, x, y }: Camera, at: { x: number; y: number }, factor: number): Camera {
  const next = clampZoom(k * factor);
  return { k: next, x: at.x - ((at.x - x) * next) / k, y: at.y - ((at.y - y) * next) / k };
}

function clampZoom(k: number): number {
  return Math.max(zoomLimits.min, Math.min(zoomLimits.max, k));
}

/** Whether a place is on the screen as a whole, so large that it can be told apart. */
export function isShown({ k, x, y }: Camera, size: ViewSize, rect: Rect): boolean {
  const left = rect.x * k + x;
  const top = rect.y * k + y;
  const isInside =
    left >= 0 &&
    top >= 0 &&
    left + rect.width * k <= size.width &&
    top + rect.height * k <= size.height - footHeight / 2;
  return isInside && (rect.width < 30 ? k * rect.width >= 4 : k >= 0.4);
}

/** Moves the view so that the step is shown; the zoom changes only where it could not be told apart. */
export function revealing(layout: RunLayout, size: ViewSize, camera: Camera, step: number): Camera {
  const rect = rectOf(layout, step);
  if (isShown(camera, size, rect)) return camera;
  const isCell = rect.width < 30;
  const k = isCell ? Math.max(camera.k, 6 / rect.width) : Math.max(camera.k, 0.7);
  return centreOn(layout, size, { ...camera, k }, rect);
}

/** After the layout has changed: the step stays at its point of the screen. */
export function keeping(before: RunLayout, after: RunLayout, camera: Camera, step: number): Camera {
  const from = rectOf(before, step);
  const to = rectOf(after, step);
  const middle = (rect: Rect) => ({ x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 });
  return {
    k: camera.k,
    x: camera.x + (middle(from).x - middle(to).x) * camera.k,
    y: camera.y + (middle(from).y - middle(to).y) * camera.k,
  };
}
