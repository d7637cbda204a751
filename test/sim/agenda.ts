/**
 * Virtual time: what is to happen, in order. One entry at a time runs to its end, promises included, before the next one
 * begins, so that the order of everything follows from the agenda alone.
 */
import TinyQueue from 'tinyqueue';
import type { Clock } from '../../src/coordinator/clock.ts';

interface Entry {
  at: number;
  order: number;
  run: (() => void) | null;
  owner: Owner;
}

/** What belongs to a dead owner never happens. */
export interface Owner {
  isDead: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;

export class Agenda {
  /** Milliseconds since the beginning of the world. */
  now = 0;
  /** What the wall clock shows at the beginning. */
  wallOffset = Date.UTC(2026, 0, 31, 12);
  eventsRun = 0;
  /** When the wall clock was set back last, and by how much. */
  setBack = { at: Number.NEGATIVE_INFINITY, ms: 0 };
  readonly #queue = new TinyQueue<Entry>([], (a, b) => a.at - b.at || a.order - b.order);
  #order = 0;

  /** Returns how to call it off. */
  add(delayMs: number, owner: Owner, run: () => void): () => void {
    this.#order += 1;
    const entry: Entry = { at: this.now + Math.max(0, delayMs), order: this.#order, run, owner };
    this.#queue.push(entry);
    return () => {
      entry.run = null;
    };
  }

  /** Runs the next entry; false when there is none. */
  next(): boolean {
    for (let entry = this.#queue.pop(); entry; entry = this.#queue.pop()) {
      if (entry.run === null || entry.owner.isDead) continue;
      this.now = Math.max(this.now, entry.at);
      this.eventsRun += 1;
      entry.run();
      return true;
    }
    return false;
  }

  /** Work that keeps the thread busy. */
  spend(ms: number): void {
    this.now += ms;
  }

  /** What the wall clock shows. */
  get wall(): number {
    return Math.floor(this.wallOffset + this.now);
  }

  jumpDays(days: number): void {
    if (days < 0) this.setBack = { at: this.now, ms: -days * dayMs };
    this.wallOffset += days * dayMs;
  }

  /**
   * Runs entries until `isDone`, or until there are none left. Between two entries every promise that can go on does: a
   * tick that a microtask asks for comes when all microtasks are through.
   */
  run(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (isDone() || !this.next()) resolve();
          else queueMicrotask(() => process.nextTick(step));
        } catch (error) {
          reject(error);
        }
      };
      queueMicrotask(() => process.nextTick(step));
    });
  }

  /** The clock of one life of the engine: monotonic time begins anew with each. */
  createClock(owner: Owner): Clock {
    const bornAt = this.now;
    return {
      now: () => this.wall,
      monotonic: () => this.now - bornAt,
      timer: (ms, callback) => this.add(ms, owner, callback),
      soon: (callback) => void this.add(0, owner, callback),
    };
  }
}
