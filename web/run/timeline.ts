/**
 * The timeline on its canvas: a row for each step that has started, a band for each box of many, and above them how
 * many ran at once. The whole row is the target. Nothing moves by itself but what time moves.
 */
import { serverNow } from '../ui/time.ts';
import { isLost } from '../wire/connection.ts';
import { headHeight, rowHeights, spanOf, type TimelineRow, type TimelineWindow, toRows } from './bands.ts';
import { isUnderWay } from './columns.ts';
import type { GraphInput } from './graph.ts';
import { type Palette, readPalette, TextFitter } from './palette.ts';
import { drawTimeline } from './timeline-draw.ts';
import { SafeNames } from './view-state.ts';

/** While steps run it is drawn so often. */
const liveMs = 100;
/** Rows of a large run are made anew at most so often. */
const rowsMs = 250;

export interface TimelineEvents {
  onPick(step: number): void;
  onHover(step: number): void;
}

export class TimelineView {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #fitter: TextFitter;
  readonly #names = new SafeNames();
  readonly #events: TimelineEvents;
  readonly #stop: (() => void)[] = [];
  #palette: Palette = readPalette();
  #input: GraphInput | null = null;
  #rows: TimelineRow[] = [];
  /** Where each row begins, and at the end where the last one ends. */
  #tops: number[] = [0];
  #rowsAt = 0;
  #size = { width: 0, height: 0 };
  #dpr = 1;
  #scroll = 0;
  #window: TimelineWindow = { zoom: 1, at: 0 };
  #selection: { from: number; to: number } | null = null;
  #isDirty = true;
  #areRowsOld = true;
  #drawnAt = 0;
  #frame = 0;

  constructor(canvas: HTMLCanvasElement, events: TimelineEvents) {
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('this browser draws no canvas');
    this.#canvas = canvas;
    this.#context = context;
    this.#fitter = new TextFitter(context);
    this.#events = events;
    const resizes = new ResizeObserver(() => this.#resize());
    resizes.observe(canvas.parentElement ?? canvas);
    this.#stop.push(() => resizes.disconnect());
    this.#listen();
    void document.fonts?.ready.then(() => {
      this.#fitter.clear();
      this.#isDirty = true;
    });
    this.#resize();
    const loop = (at: number): void => {
      this.#frame = requestAnimationFrame(loop);
      this.#draw(at);
    };
    this.#frame = requestAnimationFrame(loop);
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    for (const stop of this.#stop) stop();
  }

  show(input: GraphInput): void {
    this.#input = input;
    this.#isDirty = true;
    this.#areRowsOld = true;
  }

  retheme(): void {
    this.#palette = readPalette();
    this.#isDirty = true;
  }

  /** Steps in the order of the rows, those of a band one after the other. */
  order(): number[] {
    const input = this.#input;
    if (input === null) return [];
    this.#refreshRows(true);
    return this.#rows.flatMap((row) => {
      if (row >= 0) return [row];
      const { at, to } = input.layout.cells;
      return [...to.subarray(at[-1 - row]!, at[-row]!)].sort((a, b) => input.run.start[a]! - input.run.start[b]!);
    });
  }

  reveal(step: number): void {
    if (this.#input === null) return;
    this.#refreshRows(true);
    const own = this.#rows.indexOf(step);
    const row = own >= 0 ? own : this.#rows.indexOf(-1 - this.#input.layout.boxOf[step]!);
    if (row < 0) return;
    const top = this.#tops[row]!;
    const room = this.#size.height - headHeight;
    if (top < this.#scroll || this.#tops[row + 1]! > this.#scroll + room) this.#scrollTo(top - room / 2);
    this.#isDirty = true;
  }

  /** The step of the row at this height, -1 for a band or none. */
  stepAt(y: number): number {
    const row = this.#rowAt(y);
    return row !== null && row >= 0 ? row : -1;
  }

  #rowAt(y: number): TimelineRow | null {
    const at = y - headHeight + this.#scroll;
    if (y < headHeight || at >= (this.#tops.at(-1) ?? 0)) return null;
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return this.#rows[low] ?? null;
  }

  #refreshRows(isForced: boolean): void {
    const input = this.#input;
    if (input === null || !this.#areRowsOld) return;
    const now = performance.now();
    if (!isForced && input.run.ids.length > 3_000 && now - this.#rowsAt < rowsMs) return;
    this.#areRowsOld = false;
    this.#rowsAt = now;
    const { look, found } = input.filter;
    this.#rows = toRows(input.run, input.layout, {
      look,
      isFinding: found !== null,
      matches: (i) => found === null || found[i] === 1,
    });
    this.#tops = [0];
    for (const row of this.#rows) this.#tops.push(this.#tops.at(-1)! + (row < 0 ? rowHeights.band : rowHeights.step));
    this.#scrollTo(this.#scroll);
  }

  #scrollTo(top: number): void {
    const max = (this.#tops.at(-1) ?? 0) - (this.#size.height - headHeight) + 8;
    this.#scroll = Math.max(0, Math.min(max, top));
    this.#isDirty = true;
  }

  get #labelWidth(): number {
    return this.#size.width < 560 ? 118 : 208;
  }

  /** Part of the visible window, from 0 to 1, at a place across. */
  #partAt(x: number): number {
    return Math.max(0, Math.min(1, (x - this.#labelWidth) / Math.max(1, this.#size.width - this.#labelWidth - 14)));
  }

  #zoomTo(zoom: number, part: number): void {
    const { zoom: before, at } = this.#window;
    const next = Math.max(1, Math.min(500, zoom));
    const fixed = at + part / before;
    this.#window = { zoom: next, at: Math.max(0, Math.min(1 - 1 / next, fixed - part / next)) };
    this.#isDirty = true;
  }

  zoom(factor: number): void {
    this.#zoomTo(this.#window.zoom * factor, 0.5);
  }

  whole(): void {
    this.#window = { zoom: 1, at: 0 };
    this.#isDirty = true;
  }

  #listen(): void {
    const canvas = this.#canvas;
    const placeOf = (event: MouseEvent) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    let pressed: { y: number; scroll: number; moved: number } | null = null;
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        const unit = event.deltaMode === 0 ? 1 : 30;
        if (event.ctrlKey || event.metaKey) {
          this.#zoomTo(this.#window.zoom * Math.exp(-event.deltaY * unit * 0.003), this.#partAt(placeOf(event).x));
          return;
        }
        this.#scrollTo(this.#scroll + event.deltaY * unit);
        const { zoom, at } = this.#window;
        const moved = at + (event.deltaX * unit) / Math.max(1, this.#size.width) / zoom;
        this.#window = { zoom, at: Math.max(0, Math.min(1 - 1 / zoom, moved)) };
      },
      { passive: false },
    );
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const { x, y } = placeOf(event);
      canvas.setPointerCapture(event.pointerId);
      if (y < headHeight && x > this.#labelWidth) {
        const part = this.#partAt(x);
        this.#selection = { from: part, to: part };
      } else pressed = { y, scroll: this.#scroll, moved: 0 };
    });
    canvas.addEventListener('pointermove', (event) => {
      const { x, y } = placeOf(event);
      if (this.#selection !== null) {
        this.#selection = { ...this.#selection, to: this.#partAt(x) };
        this.#isDirty = true;
      } else if (pressed !== null) {
        pressed.moved = Math.max(pressed.moved, Math.abs(y - pressed.y));
        if (pressed.moved > 4) this.#scrollTo(pressed.scroll - (y - pressed.y));
      } else this.#events.onHover(this.stepAt(y));
    });
    canvas.addEventListener('pointerup', (event) => {
      if (this.#selection !== null) this.#endSelection(this.#selection);
      else if (pressed !== null && pressed.moved <= 4) this.#clickAt(placeOf(event).y);
      pressed = null;
    });
    canvas.addEventListener('pointercancel', () => {
      pressed = null;
      this.#selection = null;
    });
    canvas.addEventListener('pointerleave', () => this.#events.onHover(-1));
    canvas.addEventListener('dblclick', () => this.whole());
  }

  #clickAt(y: number): void {
    const row = this.#rowAt(y);
    if (row === null || this.#input === null) return;
    if (row >= 0) this.#events.onPick(row);
    else {
      // A band leads to the list or loop that it is, or to its first failure.
      const { layout, run } = this.#input;
      const head = layout.head[-1 - row]!;
      const steps = [...layout.cells.to.subarray(layout.cells.at[-1 - row]!, layout.cells.at[-row]!)];
      const failed = steps.find((i) => run.status[i] === 3);
      const step = failed ?? (head >= 0 ? head : steps[0]);
      if (step !== undefined) this.#events.onPick(step);
    }
  }

  /** A drag on the axis shows that part; a click on it shows all. */
  #endSelection({ from, to }: { from: number; to: number }): void {
    this.#selection = null;
    const [left, right] = [Math.min(from, to), Math.max(from, to)];
    if (right - left < 0.01) this.whole();
    else {
      const { zoom, at } = this.#window;
      const next = Math.min(500, zoom / (right - left));
      this.#window = { zoom: next, at: Math.max(0, Math.min(1 - 1 / next, at + left / zoom)) };
    }
    this.#isDirty = true;
  }

  #resize(): void {
    const room = this.#canvas.parentElement ?? this.#canvas;
    this.#size = { width: room.clientWidth, height: room.clientHeight };
    this.#dpr = Math.min(2, devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#size.width * this.#dpr);
    this.#canvas.height = Math.round(this.#size.height * this.#dpr);
    this.#canvas.style.width = `${this.#size.width}px`;
    this.#canvas.style.height = `${this.#size.height}px`;
    this.#isDirty = true;
    this.#draw(performance.now());
  }

  #draw(at: number): void {
    const input = this.#input;
    if (input === null || this.#size.width === 0) return;
    const isLive = isUnderWay(input.run) && !isLost.value && at - this.#drawnAt >= liveMs;
    if (!this.#isDirty && !isLive) return;
    this.#isDirty = false;
    this.#drawnAt = at;
    this.#refreshRows(false);
    const now = serverNow();
    drawTimeline({
      ...input,
      ...this.#size,
      context: this.#context,
      dpr: this.#dpr,
      palette: this.#palette,
      fitter: this.#fitter,
      names: this.#names,
      rows: this.#rows,
      tops: this.#tops,
      scroll: this.#scroll,
      labelWidth: this.#labelWidth,
      window: this.#window,
      selection: this.#selection,
      span: spanOf(input.run, now),
      now,
    });
  }
}
