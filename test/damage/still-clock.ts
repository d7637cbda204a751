/** A clock that stands until the test moves it: the same history has the same bytes, and no timer outlives its engine. */
import type { Clock } from '../../src/coordinator/clock.ts';

const startedAt = Date.UTC(2026, 0, 31, 12);

export class StillClock implements Clock {
  #elapsedMs: number;
  #timers: { at: number; callback: () => void }[] = [];

  constructor(elapsedMs = 0) {
    this.#elapsedMs = elapsedMs;
  }

  now(): number {
    return startedAt + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  timer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsedMs + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How long each timer that is set still has, the shortest first. */
  get timers(): number[] {
    return this.#timers.map(({ at }) => at - this.#elapsedMs).sort((a, b) => a - b);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** Timers that are due by then run, in order of their time. */
  advance(ms: number): void {
    this.#elapsedMs += ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= this.#elapsedMs).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) return;
      this.#timers = this.#timers.filter((each) => each !== due);
      due.callback();
    }
  }
}

/** Resolves when everything that needs no further time has happened. */
export async function settle(rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
