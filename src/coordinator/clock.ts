/** Time and chance as the coordinator sees them: one port, so that a test or a simulator can stand in for both. */
import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

export interface Clock {
  /** Wall clock, milliseconds since 1970: for what is shown. */
  now(): number;
  /** Monotonic milliseconds: for what is measured. */
  monotonic(): number;
  /** Calls back once after `ms`; returns how to call it off. */
  timer(ms: number, callback: () => void): () => void;
  /** Calls back once when what has arrived so far has been taken in. */
  soon(callback: () => void): void;
}

export interface Chance {
  /** Uniform in [0, 1). */
  random(): number;
  workflowId(): string;
  /** `digits` random hex digits. */
  hex(digits: number): string;
}

/** Longest delay that setTimeout keeps; a longer one would fire at once. */
const timerMsMax = 2 ** 31 - 1;

export function createClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    timer(ms, callback) {
      const timer = setTimeout(callback, Math.min(ms, timerMsMax));
      return () => clearTimeout(timer);
    },
    soon: (callback) => {
      setImmediate(callback);
    },
  };
}

export function createChance(): Chance {
  return {
    random: Math.random,
    workflowId: () => v7(),
    hex: (digits) =>
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
  };
}
