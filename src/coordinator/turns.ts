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
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { DiskFullError, type StorePort } from '../contract/store.ts';
import type { Clock } from './clock.ts';

export class Batch {
  readonly payloads: string[] = [];
  bytes = 0;
  /** Workflows that its events change. */
  readonly touched = new Set<string>();
  /** What is to be done once the batch is durable. */
  readonly after: (() => void)[] = [];
  /** What is to be told when there is no room for it. */
  readonly refusals: ((refusal: Refusal) => void)[] = [];
  readonly #firstSeq: number;

  constructor(firstSeq: number) {
    this.#firstSeq = firstSeq;
  }

  get nextSeq(): number {
    return this.#firstSeq + this.payloads.length;
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
  /** Told when there is no room on the disk for what it would make; an item without it waits. */
  refuse?(refusal: Refusal): void;
}

export interface TurnsOptions {
  store: StorePort;
  clock: Clock;
  /** Adds what should start now to the batch; true when there is more than it could take. */
  startReady(batch: Batch): boolean;
  /** A broken rule or a failed disk: the engine ends. */
  onFatal(error: unknown): void;
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
  #cancelMarker: (() => void) | null = null;
  /** Of those who wait for what is waiting now to be recorded. */
  readonly #drains = new Set<() => void>();

  constructor(options: TurnsOptions) {
    this.#options = options;
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
        run: (batch) => {
          batch.after.push(done);
          batch.refusals.push(done);
        },
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
      const hasMore = this.#options.startReady(batch);
      if (batch.payloads.length > 0) this.#commit(batch);
      else for (const done of batch.after) done();
      if (this.#inbox.length > 0 || hasMore) this.arm();
    } catch (error) {
      this.#isHalted = true;
      this.#options.onFatal(error);
    }
  }

  #commit(batch: Batch): void {
    try {
      this.#options.store.append(batch.payloads);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      this.#holdBack(batch);
      return;
    }
    if (this.#stuck) {
      this.#stuck = null;
      this.#options.onDiskFull(false);
      this.arm();
    }
    for (const done of batch.after) done();
    this.#armMarker();
  }

  #holdBack(batch: Batch): void {
    if (!this.#stuck) {
      this.#stuck = batch;
      this.#options.onDiskFull(true);
    }
    for (const refuse of batch.refusals.splice(0)) refuse(diskFullRefusal);
    const [refused, kept] = [this.#inbox.filter(({ refuse }) => refuse), this.#inbox.filter(({ refuse }) => !refuse)];
    this.#inbox = kept;
    for (const item of refused) item.refuse?.(diskFullRefusal);
    // Those whose item an earlier batch has not reached: it stays in the inbox, and nothing more is recorded for now.
    for (const resolve of [...this.#drains]) resolve();
    this.#options.clock.timer(diskFullRetryMs, () => {
      if (this.#isHalted) return;
      try {
        this.#commit(batch);
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
