/** The coordinator's only sources of time and randomness, so that a test or a simulator can replace them. */
import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

export interface Clock {
  /** Wall clock, milliseconds since 1970: for times that users see. */
  now(): number;
  /** Monotonic milliseconds: for measuring durations. */
  monotonic(): number;
  /** Calls `callback` once after `ms` milliseconds. Returns a function that cancels it. */
  timer(ms: number, callback: () => void): () => void;
  /** Calls `callback` once, after the messages and events that have already arrived were handled. */
  soon(callback: () => void): void;
}

export interface Chance {
  /** Uniform in [0, 1). */
  random(): number;
  workflowId(): string;
  /** `digits` random hex digits. */
  hex(digits: number): string;
}

/** The longest delay that setTimeout accepts; a longer one would fire at once. */
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
