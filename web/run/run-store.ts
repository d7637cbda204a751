/**
 * One run on the page: its columns, its layout, and the stream that keeps them right.
 *
 * The stream opens first, then the run is read; events that come meanwhile are kept and applied after it, and those
 * that the read has told already change nothing. Events touch arrays and counts alone; at most once a frame one
 * signal says so.
 */
import { batch, signal } from '@preact/signals';
import type { EngineEvent, TokenEvent } from '../../src/contract/event.ts';
import { countText } from '../ui/money.ts';
import { toast } from '../ui/toast.tsx';
import { Problem } from '../wire/problem.ts';
import { type EventStreamHandle, openEvents, type StreamEvent } from '../wire/sse.ts';
import { applyEvent } from './apply-event.ts';
import type { RunLayout } from './arrange.ts';
import { type Columns, isUnderWay } from './columns.ts';
import { LiveTexts } from './live-texts.ts';
import { look } from './look.ts';
import type { mergeChanges } from './read-run.ts';
import type { ArrangeWish } from './run-messages.ts';
import type { StoreListener } from './step-loader.ts';
import { WorkerClient } from './worker-client.ts';

/** Two reads of what has changed are at least so far apart, and four times as far as the last one took. */
const rereadMsMin = 300;

/** Loads what puts changes into the columns: a run is drawn without it. */
export type LoadMerge = () => Promise<{ mergeChanges: typeof mergeChanges }>;

export class RunStore {
  readonly id: string;
  readonly #loadMerge: LoadMerge;
  readonly worker = new WorkerClient();
  readonly texts = new LiveTexts(() => this.#touch());
  /** Grows when anything of the run has changed, at most once a frame. */
  readonly tick = signal(0);
  /** Grows when steps or boxes are others than before. */
  readonly shape = signal(0);
  readonly failure = signal<unknown>(null);
  run: Columns | null = null;
  layout: RunLayout | null = null;
  /** Events that have been applied, for those who measure. */
  applied = 0;
  readonly #listeners = new Set<StoreListener>();
  readonly #stream: EventStreamHandle;
  #wish: ArrangeWish;
  /** Events that wait for a read; null when none is under way. */
  #waiting: EngineEvent[] | null = [];
  #isReading = false;
  #readAgainAt = 0;
  #isFrameAsked = false;
  #isClosed = false;
  #arrangeTurn = 0;

  constructor(id: string, wish: ArrangeWish, loadMerge: LoadMerge) {
    this.id = id;
    this.#loadMerge = loadMerge;
    this.#wish = wish;
    this.#stream = openEvents(`/api/workflows/${encodeURIComponent(id)}/events`, {
      onEvent: (event) => this.#onEvent(event),
      onOpen: (isResumed) => {
        if (!isResumed || this.run === null) this.#readSoon(true);
        else this.#tellAll();
      },
      onGap: () => this.#readSoon(this.run === null),
      onRefused: (problem) => {
        this.failure.value = problem;
      },
    });
  }

  listen(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get wish(): ArrangeWish {
    return this.#wish;
  }

  close(): void {
    this.#isClosed = true;
    this.#stream.close();
    this.worker.close();
  }

  get isUnderWay(): boolean {
    return this.run !== null && isUnderWay(this.run);
  }

  /** Puts the same steps into other boxes. */
  async arrange(wish: ArrangeWish): Promise<void> {
    this.#wish = wish;
    if (this.run === null) return;
    this.#arrangeTurn += 1;
    const turn = this.#arrangeTurn;
    const { layout } = await this.worker.call('arrange', { run: null, wish });
    if (turn === this.#arrangeTurn && !this.#isClosed) this.#show(this.run, layout);
  }

  #onEvent(event: StreamEvent): void {
    if (event.kind === 'step.tokens') {
      this.texts.take(event as TokenEvent);
      return;
    }
    const fact = event as EngineEvent;
    if (fact.kind === 'workflow.deleted') {
      this.failure.value = new Problem({ status: 404, detail: 'This run was deleted' });
      return;
    }
    if (this.#waiting !== null) this.#waiting.push(fact);
    else this.#apply(fact);
    if (fact.kind === 'workflow.recovered') noteRecovered(fact);
  }

  #apply(event: EngineEvent): void {
    if (this.run === null) return;
    const applied = applyEvent(this.run, event);
    if (applied === 'known') return;
    this.applied += 1;
    if (event.step_id !== undefined) this.#tell(event.step_id);
    this.#touch();
    if (applied === 'reread') this.#readSoon(false);
  }

  #tell(stepId: string): void {
    for (const listener of this.#listeners) listener.onStep(stepId);
  }

  #tellAll(): void {
    for (const listener of this.#listeners) listener.onAll();
  }

  /** Reads the run, or what has changed in it; events wait from now on. */
  #readSoon(isWhole: boolean): void {
    this.#waiting ??= [];
    if (this.#isReading) return;
    this.#isReading = true;
    const wait = Math.max(0, this.#readAgainAt - performance.now());
    setTimeout(() => void this.#read(isWhole), isWhole && this.run === null ? 0 : wait);
  }

  async #read(isWhole: boolean): Promise<void> {
    const startedAt = performance.now();
    try {
      if (isWhole || this.run === null) await this.#readWhole();
      else await this.#readChanges(this.run);
      this.#stream.caughtUp();
      this.failure.value = null;
    } catch (error) {
      if (this.#isClosed) return;
      if (this.run === null || !(error instanceof Problem) || error.status === 404 || error.status === 410)
        this.failure.value = error;
    }
    if (this.#isClosed) return;
    const took = performance.now() - startedAt;
    this.#readAgainAt = performance.now() + Math.max(rereadMsMin, 4 * took);
    this.#isReading = false;
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    // One of these may need another read, which then takes the rest along.
    for (const event of waiting) this.#onEventAgain(event);
    this.#touch();
  }

  #onEventAgain(event: EngineEvent): void {
    const waiting = this.#waiting as EngineEvent[] | null;
    if (waiting === null) this.#apply(event);
    else waiting.push(event);
  }

  async #readWhole(): Promise<void> {
    const { run, layout } = await this.worker.call('read', { id: this.id, wish: this.#wish });
    this.#showRead(run, layout);
  }

  async #readChanges(before: Columns): Promise<void> {
    try {
      const changes = this.worker.call('changes', { id: this.id, since: before.head.version });
      const [{ view }, { mergeChanges }] = await Promise.all([changes, this.#loadMerge()]);
      const run = mergeChanges(before, view);
      if (run === before) {
        for (const i of view.at) this.#tell(run.ids[i]!);
        return;
      }
      const { parents, children, kind, shape, group, item, ids, names } = run;
      const own = { parents, children, kind, shape, group, item, ids, names };
      const { layout } = await this.worker.call('arrange', { run: own, wish: this.#wish });
      this.#showRead(run, layout);
    } catch (error) {
      if (error instanceof Problem && error.status !== 409) throw error;
      // What has changed since then is not known any more, or the part that puts it in cannot be loaded.
      await this.#readWhole();
    }
  }

  /** A run that was read has told of events that change nothing any more, and which steps they were about is not known. */
  #showRead(run: Columns, layout: RunLayout): void {
    if (this.#isClosed) return;
    this.#show(run, layout);
    this.#tellAll();
  }

  #show(run: Columns, layout: RunLayout): void {
    batch(() => {
      this.run = run;
      this.layout = layout;
      this.shape.value += 1;
      this.tick.value += 1;
    });
  }

  #touch(): void {
    if (this.#isFrameAsked) return;
    this.#isFrameAsked = true;
    requestAnimationFrame(() => {
      this.#isFrameAsked = false;
      if (!this.#isClosed) this.tick.value += 1;
    });
  }
}

function noteRecovered({ queued_steps = [], steps_cut }: EngineEvent): void {
  const count = steps_cut ? 'more than 100' : countText(queued_steps.length);
  const steps = queued_steps.length === 1 ? '1 step was' : `${count} steps were`;
  toast({ text: `The engine was restarted; ${queued_steps.length === 0 ? 'nothing was' : steps} queued again` });
}

/** Steps of a look, in the order of the definition. */
export function stepsOfLook(run: Columns, wanted: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < run.look.length; i += 1) if (run.look[i] === wanted) found.push(i);
  return found;
}

/** The step that a person most likely wants to see first: a failed one, one that runs, the first. */
export function mostInteresting(run: Columns): number {
  for (const wanted of [look.failed, look.needs, look.running]) {
    const i = run.look.indexOf(wanted);
    if (i >= 0) return i;
  }
  return run.ids.length > 0 ? 0 : -1;
}
