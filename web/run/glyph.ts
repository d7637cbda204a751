/** The shapes of the looks on a canvas; `ui/pill.tsx` has the same ones as SVG. Drawn in a box of 16 units. */
import { look } from './look.ts';

type Draw = (context: CanvasRenderingContext2D, glyph: GlyphStyle) => void;

export interface GlyphStyle {
  readonly colour: string;
  /** Of what is cut out of a shape: the ground that it stands on. */
  readonly knock: string;
  readonly fail: string;
  /** Radians that the ring of a running step has turned. */
  readonly turn: number;
}

const tau = 2 * Math.PI;

const shapes: Readonly<Record<number, Draw>> = {
  [look.completed]: (context, { knock }) => {
    disc(context);
    check(context, knock);
  },
  [look.tolerated]: (context, { knock, fail }) => {
    disc(context);
    check(context, knock);
    context.beginPath();
    context.arc(12.9, 3.1, 3.1, 0, tau);
    context.fillStyle = fail;
    context.fill();
    context.lineWidth = 1.2;
    context.stroke();
  },
  [look.running]: (context, { turn }) => {
    const alpha = context.globalAlpha;
    context.globalAlpha = alpha * 0.28;
    ring(context, 0, tau);
    context.globalAlpha = alpha;
    ring(context, turn, turn + 2.2);
    path(context, [6.6, 5.6, 10.6, 8, 6.6, 10.4]);
    context.closePath();
    context.fill();
  },
  [look.queued]: (context) => {
    ring(context, 0, tau);
    path(context, [8, 4.8, 8, 8.2, 10.4, 9.6]);
    context.stroke();
  },
  [look.waiting]: (context) => {
    context.setLineDash([2.4, 2.9]);
    ring(context, 0, tau);
    context.setLineDash([]);
  },
  [look.failed]: (context, { knock }) => {
    path(context, [5, 1.2, 11, 1.2, 14.8, 5, 14.8, 11, 11, 14.8, 5, 14.8, 1.2, 11, 1.2, 5]);
    context.closePath();
    context.fill();
    context.strokeStyle = knock;
    context.lineWidth = 2;
    path(context, [5.6, 5.6, 10.4, 10.4]);
    context.moveTo(10.4, 5.6);
    context.lineTo(5.6, 10.4);
    context.stroke();
  },
  [look.stopped]: (context, { knock }) => {
    context.beginPath();
    context.roundRect(1.8, 1.8, 12.4, 12.4, 2.6);
    context.fill();
    context.fillStyle = knock;
    context.beginPath();
    context.roundRect(5.4, 5.4, 5.2, 5.2, 1);
    context.fill();
  },
  [look.needs]: (context) => {
    path(context, [4, 2.2, 12, 2.2]);
    context.moveTo(4, 13.8);
    context.lineTo(12, 13.8);
    for (const x of [5, 11]) {
      context.moveTo(x, 2.4);
      context.lineTo(x, 4.2);
      context.lineTo(8, 8);
      context.lineTo(x, 11.8);
      context.lineTo(x, 13.6);
    }
    context.stroke();
    path(context, [6.3, 13, 8, 10.6, 9.7, 13]);
    context.closePath();
    context.fill();
  },
  [look.skipped]: (context) => {
    ring(context, 0, tau);
    path(context, [4, 12, 12, 4]);
    context.stroke();
  },
};

/** Draws a look with its upper left corner at `x`, `y`. */
export function drawGlyph(
  context: CanvasRenderingContext2D,
  lookCode: number,
  place: { x: number; y: number; size: number },
  style: GlyphStyle,
): void {
  context.save();
  context.translate(place.x, place.y);
  context.scale(place.size / 16, place.size / 16);
  context.lineWidth = 1.8;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.strokeStyle = style.colour;
  context.fillStyle = style.colour;
  shapes[lookCode]?.(context, style);
  context.restore();
}

function disc(context: CanvasRenderingContext2D): void {
  context.beginPath();
  context.arc(8, 8, 7, 0, tau);
  context.fill();
}

function check(context: CanvasRenderingContext2D, knock: string): void {
  context.strokeStyle = knock;
  path(context, [4.8, 8.3, 7.1, 10.6, 11.3, 5.8]);
  context.stroke();
}

function ring(context: CanvasRenderingContext2D, from: number, to: number): void {
  context.beginPath();
  context.arc(8, 8, 6, from, to);
  context.stroke();
}

function path(context: CanvasRenderingContext2D, points: readonly number[]): void {
  context.beginPath();
  context.moveTo(points[0] ?? 0, points[1] ?? 0);
  for (let k = 2; k + 1 < points.length; k += 2) context.lineTo(points[k] ?? 0, points[k + 1] ?? 0);
}
