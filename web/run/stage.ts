/**
 * A canvas as large as its pane, with what every picture of a run draws with: context, colours, fitted texts, safe names.
 * A picture draws within `draw`, which is called each frame; whether there is something to draw it decides itself.
 */
import { type Palette, readPalette, TextFitter } from './palette.ts';
import { SafeNames } from './view-state.ts';

export interface StageSize {
  readonly width: number;
  readonly height: number;
}

export interface Picture {
  /** The pane has another size than before; width 0: it had none. */
  resized(before: StageSize): void;
  /** `at`: milliseconds, as `performance.now()`. */
  draw(at: number): void;
}

export class Stage {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  readonly fitter: TextFitter;
  readonly names = new SafeNames();
  palette: Palette = readPalette();
  /** In CSS pixels. */
  size: StageSize = { width: 0, height: 0 };
  /** Pixels of the screen for each of them. */
  dpr = 1;
  /** Something has changed since the last frame. */
  isDirty = true;
  drawnAt = 0;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('this browser draws no canvas');
    this.canvas = canvas;
    this.context = context;
    this.fitter = new TextFitter(context);
  }

  /** Begins to draw; the function that it returns ends that. */
  open(picture: Picture): () => void {
    const { canvas } = this;
    const room = canvas.parentElement ?? canvas;
    const resize = (): void => {
      const before = this.size;
      const { clientWidth: width, clientHeight: height } = room;
      this.size = { width, height };
      this.dpr = Math.min(2, devicePixelRatio || 1);
      canvas.width = Math.round(width * this.dpr);
      canvas.height = Math.round(height * this.dpr);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      this.isDirty = true;
      picture.resized(before);
      // A canvas is empty after a change of its size: it is drawn before the browser shows it.
      picture.draw(performance.now());
    };
    const resizes = new ResizeObserver(resize);
    resizes.observe(room);
    void document.fonts?.ready.then(() => {
      this.fitter.clear();
      this.isDirty = true;
    });
    resize();
    let frame = 0;
    const loop = (at: number): void => {
      frame = requestAnimationFrame(loop);
      picture.draw(at);
    };
    frame = requestAnimationFrame(loop);
    return () => {
      cancelAnimationFrame(frame);
      resizes.disconnect();
    };
  }

  retheme(): void {
    this.palette = readPalette();
    this.isDirty = true;
  }
}

/** What a picture is drawn with. */
export function toolsOf({ size, context, dpr, palette, fitter, names }: Stage) {
  return { ...size, context, dpr, palette, fitter, names };
}
