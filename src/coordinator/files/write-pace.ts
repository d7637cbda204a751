/** When a view may be written next: pauses stretch with what writing costs the coordinator's own thread. */
import type { Clock } from '../clock.ts';

const pauseMsMin = 100;
const pauseMsMax = 2_000;
/** A view may take a tenth of the thread's time. */
const pausePerCost = 9;

export class Pace {
  readonly #clock: Clock;
  #cost = 0;
  #nextAt = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs what occupies the thread, and takes down how long it did. */
  measure<T>(work: () => T): T {
    const startedAt = this.#clock.monotonic();
    try {
      return work();
    } finally {
      this.#cost += this.#clock.monotonic() - startedAt;
    }
  }

  /** Calls back when the pause that the last costs ask for is over; a call that is due already stands. */
  arm(callback: () => void): void {
    if (this.#cancel) return;
    const waitMs = Math.max(0, this.#nextAt - this.#clock.monotonic());
    this.#cancel = this.#clock.timer(waitMs, () => {
      this.#cancel = null;
      this.rest();
      callback();
    });
  }

  /** Begins the next pause. */
  rest(): void {
    const pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, this.#cost * pausePerCost));
    this.#cost = 0;
    this.#nextAt = this.#clock.monotonic() + pauseMs;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
