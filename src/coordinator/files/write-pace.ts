/**
 * When views may be written next. Writing views may take a tenth of the coordinator's thread, so the pauses grow with what
 * the writes cost. Views of workflows at rest are written at once; their cost counts too.
 */
import type { Clock } from '../clock.ts';

const pauseMsMin = 100;
/** The contract: a view is at most two seconds behind, whatever it costs. */
const pauseMsMax = 2_000;
const shareMax = 1 / 10;

export class Pace {
  readonly #clock: Clock;
  /** Of the writes since the last pause ended. */
  #costMs = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs a part of a write that occupies the thread, and counts its time. A promise that `work` returns is not waited for. */
  measure<T>(work: () => T): T {
    const startedAt = this.#clock.monotonic();
    try {
      return work();
    } finally {
      this.#costMs += this.#clock.monotonic() - startedAt;
    }
  }

  /**
   * Calls back after a pause: the more the writes since the last pause have cost, the longer it is. While a call is due,
   * another one changes nothing.
   */
  arm(callback: () => void): void {
    if (this.#cancel) return;
    this.#cancel = this.#clock.timer(this.#leftMs, () => {
      this.#cancel = null;
      // Writes may have added to the costs since.
      if (this.#leftMs > 0) {
        this.arm(callback);
        return;
      }
      this.#costMs = 0;
      this.#startedAt = this.#clock.monotonic();
      callback();
    });
  }

  get #leftMs(): number {
    const pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, this.#costMs / shareMax));
    return Math.max(0, Math.ceil(this.#startedAt + pauseMs - this.#clock.monotonic()));
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
