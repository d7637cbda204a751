/**
 * Which thread does not answer any more.
 *
 *   WD1  a thread is stuck when it has not beaten for `patience` looks in a row, and not one look earlier;
 *   WD2  looks are counted, not time: a process that was suspended, or a machine that slept, has looked as little as it
 *        has beaten;
 *   WD3  a thread that has never beaten is still starting, and is not judged.
 */
import { type WatchedThread, watchedThreads } from './heartbeat.ts';

export class ThreadWatch {
  readonly #counts: Int32Array;
  readonly #patience: number;
  readonly #seen: number[] = watchedThreads.map(() => 0);
  readonly #missed: number[] = watchedThreads.map(() => 0);

  constructor(beats: SharedArrayBuffer, patience: number) {
    this.#counts = new Int32Array(beats);
    this.#patience = patience;
  }

  /** One look at all threads: the one that is stuck, if any. */
  look(): WatchedThread | null {
    for (const [place, thread] of watchedThreads.entries()) {
      const count = Atomics.load(this.#counts, place);
      const hasBeaten = count !== this.#seen[place];
      this.#seen[place] = count;
      const missed = hasBeaten || count === 0 ? 0 : (this.#missed[place] ?? 0) + 1;
      this.#missed[place] = missed;
      if (missed >= this.#patience) return thread;
    }
    return null;
  }
}
