/** A clock that goes on only with the work that a test says was done, and from timer to timer. */
import type { Clock } from '../../../src/coordinator/clock.ts';

export class WorkingClock implements Clock {
  #ms = 0;
  readonly #soon: (() => void)[] = [];
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  /** The thread was occupied for so long. */
  work(ms: number): void {
    this.#ms += ms;
  }

  timer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#ms + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Calls what was to come soon, or goes to the next timer and calls that. False when there is none up to `ms`. */
  step(ms: number): boolean {
    const soon = this.#soon.shift();
    if (soon) {
      soon();
      return true;
    }
    const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
    if (!next || next.at > ms) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#ms = Math.max(this.#ms, next.at);
    next.callback();
    return true;
  }
}
