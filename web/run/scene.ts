/** All that a frame of the graph is drawn from. */
import type { RunLayout } from './arrange.ts';
import type { Columns } from './columns.ts';
import type { Palette, TextFitter } from './palette.ts';
import type { SafeNames, StepFilter } from './view-state.ts';

/** From `fullK` on cards are drawn in full; below `farK` as plain rectangles. */
export const fullK = 0.8;
export const farK = 0.2;

/** A point of the layout at (px, py) is on the screen at (px * k + x, py * k + y). */
export interface Camera {
  k: number;
  x: number;
  y: number;
}

export interface GraphScene {
  readonly context: CanvasRenderingContext2D;
  readonly run: Columns;
  readonly layout: RunLayout;
  readonly camera: Readonly<Camera>;
  /** Size of the canvas in CSS pixels, and how many pixels of the screen make one. */
  readonly width: number;
  readonly height: number;
  readonly dpr: number;
  readonly palette: Palette;
  readonly fitter: TextFitter;
  readonly names: SafeNames;
  readonly filter: StepFilter;
  readonly picked: number;
  readonly hovered: number;
  readonly hoveredBox: number;
  /** Milliseconds since 1970, by the engine's clock. */
  readonly now: number;
  /** Radians that rings of running steps have turned. */
  readonly turn: number;
}

/** The part of the layout that is on the screen. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function boundsOf({
  camera: { k, x, y },
  width,
  height,
}: Pick<GraphScene, 'camera' | 'width' | 'height'>): Bounds {
  return { left: -x / k, top: -y / k, right: (width - x) / k, bottom: (height - y) / k };
}

export function isInView({ x, y, width, height }: RunLayout, box: number, bounds: Bounds): boolean {
  return (
    x[box]! <= bounds.right &&
    y[box]! <= bounds.bottom &&
    x[box]! + width[box]! >= bounds.left &&
    y[box]! + height[box]! >= bounds.top
  );
}
