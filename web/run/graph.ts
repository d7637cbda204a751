/**
 * The graph on its canvas: camera, pointer, frames. It draws when something has changed, and 25 times a second while a
 * step that can be seen is running. After a person has moved it, nothing else does.
 */
import { serverNow } from '../ui/time.ts';
import { isLost } from '../wire/connection.ts';
import type { RunLayout } from './arrange.ts';
import { centreOn, fitWhole, keeping, openingView, revealing, zoomAt } from './camera.ts';
import type { Columns } from './columns.ts';
import { drawGraph } from './graph-draw.ts';
import { findAt, type Hit, rectOf } from './hit.ts';
import { look } from './look.ts';
import type { MinimapScene } from './minimap.ts';
import { listenToPointer } from './pointer.ts';
import { boundsOf, type Camera, isInView } from './scene.ts';
import { Stage, type StageSize, toolsOf } from './stage.ts';
import type { StepFilter } from './view-state.ts';

const frameMsMin = 40;

export interface GraphInput {
  readonly run: Columns;
  readonly layout: RunLayout;
  readonly picked: number;
  readonly hovered: number;
  readonly filter: StepFilter;
}

export interface GraphEvents {
  /** A step, or -1 for the ground. */
  onPick(step: number): void;
  onHover(hit: Hit, at: { x: number; y: number }): void;
}

export class GraphView {
  readonly #stage: Stage;
  readonly #events: GraphEvents;
  readonly #stop: readonly (() => void)[];
  readonly #reducesMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #input: GraphInput | null = null;
  #camera: Camera = { k: 1, x: 0, y: 0 };
  #hit: Hit = { box: -1, step: -1 };
  #isMoved = false;
  /** Draws the whole graph in its corner, where there is room for it. */
  drawMinimap: ((scene: MinimapScene) => void) | null = null;
  /** Frames that were drawn and how long they took, for those who measure. */
  readonly drawn = { frames: 0, ms: 0 };

  constructor(canvas: HTMLCanvasElement, events: GraphEvents) {
    this.#events = events;
    this.#stage = new Stage(canvas);
    const close = this.#stage.open({
      resized: (before) => this.#resized(before),
      draw: (at) => this.#draw(at),
    });
    this.#stop = [close, listenToPointer(canvas, this)];
  }

  destroy(): void {
    for (const stop of this.#stop) stop();
  }

  show(input: GraphInput): void {
    const before = this.#input;
    this.#input = input;
    this.#stage.isDirty = true;
    if (before?.layout === input.layout) return;
    if (before === null || !this.#isMoved || before.layout.grouping !== input.layout.grouping) this.open();
    else if (before.run.ids.length <= input.run.ids.length) {
      const kept = input.picked >= 0 ? input.picked : this.#middleStep(before.layout);
      if (kept >= 0) this.#camera = keeping(before.layout, input.layout, this.#camera, kept);
    }
  }

  retheme(): void {
    this.#stage.retheme();
  }

  /** Draws again with the next frame. */
  refresh(): void {
    this.#stage.isDirty = true;
  }

  get camera(): Readonly<Camera> {
    return this.#camera;
  }

  /** The view as it opens: `interesting` is what it is about when not all can be read. */
  interesting = -1;
  open(): void {
    const { layout, picked } = this.#input ?? {};
    if (!layout || this.#stage.size.width === 0) return;
    this.#camera = openingView(
      layout,
      this.#stage.size,
      picked !== undefined && picked >= 0 ? picked : this.interesting,
    );
    this.#isMoved = false;
    this.#stage.isDirty = true;
  }

  fit(): void {
    if (this.#input) this.#move(fitWhole(this.#input.layout, this.#stage.size));
  }

  zoom(factor: number, at = { x: this.#stage.size.width / 2, y: this.#stage.size.height / 2 }): void {
    this.#move(zoomAt(this.#camera, at, factor));
  }

  /** 100 %, around what is picked or in the middle. */
  actualSize(): void {
    const { layout, picked = -1 } = this.#input ?? {};
    if (!layout) return;
    if (picked < 0) this.zoom(1 / this.#camera.k);
    else this.#move(centreOn(layout, this.#stage.size, { ...this.#camera, k: 1 }, rectOf(layout, picked)));
  }

  pan(dx: number, dy: number): void {
    this.#move({ ...this.#camera, x: this.#camera.x + dx, y: this.#camera.y + dy });
  }

  reveal(step: number): void {
    if (!this.#input || this.#stage.size.width === 0) return;
    const camera = revealing(this.#input.layout, this.#stage.size, this.#camera, step);
    if (camera !== this.#camera) this.#move(camera);
    this.#stage.isDirty = true;
  }

  clickAt(x: number, y: number): void {
    this.#events.onPick(this.hitAt(x, y).step);
  }

  hoverAt(x: number, y: number): void {
    const hit = this.hitAt(x, y);
    this.#stage.canvas.classList.toggle('is-over', hit.box >= 0);
    if (hit.box !== this.#hit.box || hit.step !== this.#hit.step) this.#stage.isDirty = true;
    this.#hit = hit;
    this.#events.onHover(hit, { x, y });
  }

  leave(): void {
    this.#hit = { box: -1, step: -1 };
    this.#stage.isDirty = true;
    this.#events.onHover(this.#hit, { x: 0, y: 0 });
  }

  hitAt(x: number, y: number): Hit {
    if (!this.#input) return { box: -1, step: -1 };
    return findAt(this.#input.layout, (x - this.#camera.x) / this.#camera.k, (y - this.#camera.y) / this.#camera.k);
  }

  /** Boxes on the screen, at most so many. */
  boxesInView(max: number): number[] {
    if (!this.#input) return [];
    const { layout } = this.#input;
    const bounds = boundsOf({ camera: this.#camera, ...this.#stage.size });
    const boxes: number[] = [];
    for (let box = 0; box < layout.form.length && boxes.length < max; box += 1) {
      if (isInView(layout, box, bounds)) boxes.push(box);
    }
    return boxes;
  }

  #middleStep(layout: RunLayout): number {
    const hit = findAt(
      layout,
      (this.#stage.size.width / 2 - this.#camera.x) / this.#camera.k,
      (this.#stage.size.height / 2 - this.#camera.y) / this.#camera.k,
    );
    if (hit.box < 0) return -1;
    return hit.step >= 0 ? hit.step : layout.cells.to[layout.cells.at[hit.box]!]!;
  }

  #move(camera: Camera): void {
    this.#camera = camera;
    this.#isMoved = true;
    this.#stage.isDirty = true;
  }

  #resized(before: StageSize): void {
    const { width, height } = this.#stage.size;
    if (before.width === 0 || !this.#isMoved) this.open();
    else {
      this.#camera = {
        k: this.#camera.k,
        x: this.#camera.x + (width - before.width) / 2,
        y: this.#camera.y + (height - before.height) / 2,
      };
    }
  }

  #draw(at: number): void {
    const input = this.#input;
    if (input === null || this.#stage.size.width === 0) return;
    const isMoving =
      !this.#reducesMotion.matches &&
      !isLost.value &&
      input.run.counts[look.running]! > 0 &&
      this.#camera.k > 0.3 &&
      at - this.#stage.drawnAt >= frameMsMin;
    if (!this.#stage.isDirty && !isMoving) return;
    this.#stage.isDirty = false;
    this.#stage.drawnAt = at;
    const startedAt = performance.now();
    drawGraph({
      ...input,
      ...toolsOf(this.#stage),
      camera: this.#camera,
      hoveredBox: this.#hit.box,
      now: serverNow(),
      turn: this.#reducesMotion.matches ? -1.2 : (at / 320) % (2 * Math.PI),
    });
    const { size, palette } = this.#stage;
    this.drawMinimap?.({ ...input, camera: this.#camera, size, palette });
    this.drawn.frames += 1;
    this.drawn.ms += performance.now() - startedAt;
  }
}
