/**
 * The coordinator's loop. A turn takes the items that have arrived, lets each add its events to one batch, writes the
 * batch with one fdatasync, and only then performs its effects, in the order of `effects.ts`.
 *
 * Rules, numbered for tests:
 *   T1  no consequence of an event is visible outside before the event is durable (EF1);
 *   T2  one turn makes one batch, one batch takes one fdatasync, and a turn takes items only until its batch is full;
 *   T3  a full disk loses nothing that was acknowledged: calls get 507; the batch is kept and written when there is
 *       room; until then the workflows that it changes are not shown;
 *   T4  a call is refused before it is decided where its events may find no room, so that a call that was answered 507
 *       has not happened when there is room again. Only a disk that fills between that look and the write, or does not
 *       say how much room it has, leaves calls of one batch that are answered 507 and happen later.
 *
 * Appending is synchronous. So between two turns everything in memory is durable, except while the disk is full.
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
  /** Ids of the workflows that its events change. */
  readonly touched = new Set<string>();
  /** Performed once the batch is durable. */
  effects: Effect[] = [];
  /** The sequence number of its first event. */
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
  /** Called when the disk is full, instead of `run`. An item without `refuse` waits until there is room. */
  refuse?(refusal: Refusal): void;
}

export interface TurnsOptions {
  store: StorePort;
  clock: Clock;
  /** Called for a broken rule or a failed disk: the engine ends. */
  onFatal(error: unknown): void;
}

/** The functions that a turn calls. They belong to parts that are built after `Turns`. */
export interface TurnParts {
  /** Adds the starts of ready steps to the batch. True when the batch is full and more steps could start. */
  startReady(batch: Batch): boolean;
  perform: Perform;
  onDiskFull(isFull: boolean): void;
}

const diskFullRetryMs = 1_000;
/** More than any call can need: the largest has a body of 8 MiB. */
const plentyBytes = 128 * 1024 * 1024;
/** Room for what the same turn adds besides calls (outcomes of attempts, starts), and for state files on their way. */
const spareBytes = 256 * 1024;
/** In UTF-8, at most. */
const bytesOfCharacter = 3;
/**
 * A damaged last batch looks like a write that a crash cut off, and would be dropped although callers were answered. So
 * an idle engine writes a marker behind it, this long after it: the marker shows that the batch was complete.
 */
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
  /** A call was refused because its events might not have found room (T4). */
  #isLow = false;
  #isHalted = false;
  #parts: TurnParts | null = null;
  #cancelMarker: (() => void) | null = null;
  /** Resolves the promises of `drain`. */
  readonly #drains = new Set<() => void>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Called once, before the first turn. */
  connect(parts: TurnParts): void {
    this.#parts = parts;
  }

  /** How many items wait for a turn. */
  get waiting(): number {
    return this.#inbox.length;
  }

  /** A batch waits for room: no call is taken. */
  get isStuck(): boolean {
    return this.#stuck !== null;
  }

  get isDiskFull(): boolean {
    return this.#stuck !== null || this.#isLow;
  }

  /**
   * T4: throws the refusal of a full disk unless the call's events find room behind those of the batch. `size`: about how
   * many characters the call puts into the journal, asked only where the disk is small.
   */
  checkRoom(batch: Batch, size: () => number): void {
    const free = this.#options.store.freeBytes();
    const hasPlenty = free >= plentyBytes;
    if (hasPlenty || free >= spareBytes + bytesOfCharacter * (batch.bytes + 2 * size())) {
      this.#endLow();
      return;
    }
    // A large call that finds no room says nothing of the others.
    if (free < spareBytes) this.#setLow();
    throw diskFullRefusal;
  }

  /** Health says so until a later look finds the spare room. */
  #setLow(): void {
    if (this.#isLow) return;
    this.#isLow = true;
    if (!this.#stuck) this.#parts?.onDiskFull(true);
    this.#options.clock.timer(diskFullRetryMs, () => this.#lookForRoom());
  }

  #lookForRoom(): void {
    if (this.#isHalted || !this.#isLow) return;
    if (this.#options.store.freeBytes() >= spareBytes) this.#endLow();
    else this.#options.clock.timer(diskFullRetryMs, () => this.#lookForRoom());
  }

  #endLow(): void {
    if (!this.#isLow) return;
    this.#isLow = false;
    if (!this.#stuck) this.#parts?.onDiskFull(false);
  }

  /** False while a batch that changes this workflow waits for room on the disk (T3). */
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

  /** Schedules a turn, unless one is scheduled or none may run. */
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

  /** Resolves when the items that wait now are recorded; at once when the disk is full or the loop has stopped. */
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

  /** Writes a marker: it proves that everything before it was acknowledged. */
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
      this.#isLow = false;
      parts.onDiskFull(false);
      this.arm();
    }
    parts.perform(batch.effects);
    this.#armMarker();
  }

  #holdBack(batch: Batch, parts: TurnParts): void {
    if (!this.#stuck) {
      this.#stuck = batch;
      if (!this.#isLow) parts.onDiskFull(true);
    }
    const { effects } = batch;
    batch.effects = effects.filter(({ kind }) => kind !== 'answer');
    for (const effect of effects) if (effect.kind === 'answer') effect.to.refuse(diskFullRefusal);
    const [refused, kept] = [this.#inbox.filter(({ refuse }) => refuse), this.#inbox.filter(({ refuse }) => !refuse)];
    this.#inbox = kept;
    for (const item of refused) item.refuse?.(diskFullRefusal);
    // The items of these drains are still in the inbox, and no turn runs until there is room: do not let them wait.
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
        // No room for the marker: the next batch does the same work.
        if (!(error instanceof DiskFullError)) this.#options.onFatal(error);
      }
    });
  }
}
