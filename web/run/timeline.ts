/**
 * The timeline on its canvas: a row for each step that has started, a band for each box of many, and above them how
 * many ran at once. The whole row is the target. Nothing moves by itself but what time moves.
 */
import { serverNow } from '../ui/time.ts';
import { isLost } from '../wire/connection.ts';
import { headHeight, rowHeights, spanOf, type TimelineRow, type TimelineWindow, toRows } from './bands.ts';
import { isUnderWay } from './columns.ts';
import type { GraphInput } from './graph.ts';
import { Stage, toolsOf } from './stage.ts';
import { drawTimeline } from './timeline-draw.ts';

/** While steps run it is drawn so often. */
const liveMs = 100;
/** Rows of a large run are made anew at most so often. */
const rowsMs = 250;

export interface TimelineEvents {
  onPick(step: number): void;
  onHover(step: number): void;
}

export class TimelineView {
  readonly #stage: Stage;
  readonly #events: TimelineEvents;
  readonly #close: () => void;
  #input: GraphInput | null = null;
  #rows: TimelineRow[] = [];
  /** Where each row begins, and at the end where the last one ends. */
  #tops: number[] = [0];
  #rowsAt = 0;
  #scroll = 0;
  #window: TimelineWindow = { zoom: 1, at: 0 };
  #selection: { from: number; to: number } | null = null;
  #areRowsOld = true;

  constructor(canvas: HTMLCanvasElement, events: TimelineEvents) {
    this.#events = events;
    this.#stage = new Stage(canvas);
    this.#listen(canvas);
    this.#close = this.#stage.open({ resized() {}, draw: (at) => this.#draw(at) });
  }

  destroy(): void {
    this.#close();
  }

  show(input: GraphInput): void {
    this.#input = input;
    this.#stage.isDirty = true;
    this.#areRowsOld = true;
  }

  retheme(): void {
    this.#stage.retheme();
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
    const room = this.#stage.size.height - headHeight;
    if (top < this.#scroll || this.#tops[row + 1]! > this.#scroll + room) this.#scrollTo(top - room / 2);
    this.#stage.isDirty = true;
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
    const max = (this.#tops.at(-1) ?? 0) - (this.#stage.size.height - headHeight) + 8;
    this.#scroll = Math.max(0, Math.min(max, top));
    this.#stage.isDirty = true;
  }

  get #labelWidth(): number {
    return this.#stage.size.width < 560 ? 118 : 208;
  }

  /** Part of the visible window, from 0 to 1, at a place across. */
  #partAt(x: number): number {
    return Math.max(
      0,
      Math.min(1, (x - this.#labelWidth) / Math.max(1, this.#stage.size.width - this.#labelWidth - 14)),
    );
  }

  #zoomTo(zoom: number, part: number): void {
    const { zoom: before, at } = this.#window;
    const next = Math.max(1, Math.min(500, zoom));
    const fixed = at + part / before;
    this.#window = { zoom: next, at: Math.max(0, Math.min(1 - 1 / next, fixed - part / next)) };
    this.#stage.isDirty = true;
  }

  zoom(factor: number): void {
    this.#zoomTo(this.#window.zoom * factor, 0.5);
  }

  whole(): void {
    this.#window = { zoom: 1, at: 0 };
    this.#stage.isDirty = true;
  }

  #listen(canvas: HTMLCanvasElement): void {
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
        const moved = at + (event.deltaX * unit) / Math.max(1, this.#stage.size.width) / zoom;
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
        this.#stage.isDirty = true;
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
    this.#stage.isDirty = true;
  }

  #draw(at: number): void {
    const input = this.#input;
    if (input === null || this.#stage.size.width === 0) return;
    const isLive = isUnderWay(input.run) && !isLost.value && at - this.#stage.drawnAt >= liveMs;
    if (!this.#stage.isDirty && !isLive) return;
    this.#stage.isDirty = false;
    this.#stage.drawnAt = at;
    this.#refreshRows(false);
    const now = serverNow();
    drawTimeline({
      ...input,
      ...toolsOf(this.#stage),
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
