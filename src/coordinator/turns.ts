/**
 * The coordinator's loop: take what has arrived, let each item say which events it makes, write them all with one
 * fdatasync, and only then publish, answer and dispatch.
 *
 * Rules, numbered for tests:
 *   T1  nothing that an event brings about is visible outside before the event is durable;
 *   T2  one turn is one batch is one fdatasync, within the bounds of a batch;
 *   T3  on a full disk nothing that was acknowledged is lost: calls get 507, the batch is kept and written when there is
 *       room, and meanwhile workflows that it touches are not shown.
 *
 * Appending is synchronous, so between two turns all state in memory is durable; only a full disk interrupts that.
 */
import { broken } from '../contract/broken.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { DiskFullError, type StorePort } from '../contract/store.ts';
import type { Clock } from './clock.ts';
import type { Caller, Effect, Perform } from './effects.ts';

export class Batch {
  readonly payloads: string[] = [];
  bytes = 0;
  /** Workflows that its events change. */
  readonly touched = new Set<string>();
  /** What follows once the batch is durable. */
  effects: Effect[] = [];
  /** The number of its first event. */
  readonly firstSeq: number;

  constructor(firstSeq: number) {
    this.firstSeq = firstSeq;
  }

  get nextSeq(): number {
    return this.firstSeq + this.payloads.length;
  }

  /** The caller is answered when the batch is durable. */
  answer(to: Caller): void {
    this.effects.push({ kind: 'answer', to });
  }

  add(payload: string): void {
    this.payloads.push(payload);
    this.bytes += payload.length;
  }

  get isFull(): boolean {
    return this.bytes >= limits.batchBytesMax || this.payloads.length >= limits.batchRecordsMax;
  }
}

export interface Item {
  run(batch: Batch): void;
  /** Called when the disk has no room for what it would make; an item without it waits. */
  refuse?(refusal: Refusal): void;
}

export interface TurnsOptions {
  store: StorePort;
  clock: Clock;
  /** A broken rule or a failed disk: the engine ends. */
  onFatal(error: unknown): void;
}

/** The parts that a turn calls, which are made after it. */
export interface TurnParts {
  /** Adds what should start now to the batch; true when there is more than it could take. */
  startReady(batch: Batch): boolean;
  perform: Perform;
  onDiskFull(isFull: boolean): void;
}

const diskFullRetryMs = 1_000;
/** A batch that nothing follows looks like a torn tail if it is damaged later; a marker behind it vouches for it. */
const markerAfterMs = 100;

export const diskFullRefusal = new Refusal({
  code: 'DISK_FULL',
  detail: 'The disk that holds WORKFLOWS_DIR is full. Free some space; the engine goes on by itself.',
  retryAfterSeconds: 5,
});

export class Turns {
  readonly #options: TurnsOptions;
  #inbox: Item[] = [];
  #isArmed = false;
  #stuck: Batch | null = null;
  #isHalted = false;
  #parts: TurnParts | null = null;
  #cancelMarker: (() => void) | null = null;
  /** Of those who wait for what is waiting now to be recorded. */
  readonly #drains = new Set<() => void>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Before the first turn. */
  connect(parts: TurnParts): void {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#inbox.length;
  }

  get isDiskFull(): boolean {
    return this.#stuck !== null;
  }

  /** Whether what memory says of a workflow is durable (T3). */
  isDurable(id: string): boolean {
    return !this.#stuck?.touched.has(id);
  }

  checkDurable(id: string): void {
    if (!this.isDurable(id)) throw diskFullRefusal;
  }

  push(item: Item): void {
    this.#inbox.push(item);
    this.arm();
  }

  /** A turn will come. */
  arm(): void {
    if (this.#isArmed || this.#stuck || this.#isHalted) return;
    this.#isArmed = true;
    this.#options.clock.soon(() => {
      this.#isArmed = false;
      if (!this.#isHalted) this.#turn();
    });
  }

  halt(): void {
    this.#isHalted = true;
    this.#cancelMarker?.();
    for (const resolve of this.#drains) resolve();
  }

  /** Resolves when what waits now has been recorded, at once where nothing can be. */
  drain(): Promise<void> {
    if (this.#stuck || this.#isHalted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#drains.delete(done);
        resolve();
      };
      this.#drains.add(done);
      this.push({
        run: (batch) => batch.answer({ answer: done, refuse: done }),
      });
    });
  }

  /** Says on disk that everything before it was acknowledged. */
  mark(): void {
    this.#options.store.append([]);
  }

  #turn(): void {
    try {
      const batch = new Batch(this.#options.store.nextSeq);
      const inbox = this.#inbox;
      let taken = 0;
      while (taken < inbox.length && !batch.isFull) {
        inbox[taken]!.run(batch);
        taken += 1;
      }
      this.#inbox = taken === inbox.length ? [] : inbox.slice(taken);
      const parts = this.#parts ?? broken('T2', 'a turn before its parts are connected');
      const hasMore = parts.startReady(batch);
      if (batch.payloads.length > 0) this.#commit(batch, parts);
      else parts.perform(batch.effects);
      if (this.#inbox.length > 0 || hasMore) this.arm();
    } catch (error) {
      this.#isHalted = true;
      this.#options.onFatal(error);
    }
  }

  #commit(batch: Batch, parts: TurnParts): void {
    const { nextSeq } = this.#options.store;
    if (batch.firstSeq !== nextSeq) broken('T2', `a batch from event ${batch.firstSeq} on, where ${nextSeq} is next`);
    try {
      this.#options.store.append(batch.payloads);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      this.#holdBack(batch, parts);
      return;
    }
    if (this.#stuck) {
      this.#stuck = null;
      parts.onDiskFull(false);
      this.arm();
    }
    parts.perform(batch.effects);
    this.#armMarker();
  }

  #holdBack(batch: Batch, parts: TurnParts): void {
    if (!this.#stuck) {
      this.#stuck = batch;
      parts.onDiskFull(true);
    }
    const { effects } = batch;
    batch.effects = effects.filter(({ kind }) => kind !== 'answer');
    for (const effect of effects) if (effect.kind === 'answer') effect.to.refuse(diskFullRefusal);
    const [refused, kept] = [this.#inbox.filter(({ refuse }) => refuse), this.#inbox.filter(({ refuse }) => !refuse)];
    this.#inbox = kept;
    for (const item of refused) item.refuse?.(diskFullRefusal);
    // Those whose item an earlier batch has not reached: it stays in the inbox, and nothing more is recorded for now.
    for (const resolve of [...this.#drains]) resolve();
    this.#options.clock.timer(diskFullRetryMs, () => {
      if (this.#isHalted) return;
      try {
        this.#commit(batch, parts);
      } catch (error) {
        this.#isHalted = true;
        this.#options.onFatal(error);
      }
    });
  }

  #armMarker(): void {
    this.#cancelMarker?.();
    this.#cancelMarker = this.#options.clock.timer(markerAfterMs, () => {
      this.#cancelMarker = null;
      if (this.#isHalted || this.#stuck) return;
      try {
        this.mark();
      } catch (error) {
        // Without room the marker can wait for the next batch.
        if (!(error instanceof DiskFullError)) this.#options.onFatal(error);
      }
    });
  }
}
