/**
 * The code by which a person pairs an extension: shown here, typed there.
 *
 *   PI1  one code at a time: a new one ends the one before;
 *   PI2  a code is good once, for `limits.pairingMsMax`, and ends with `limits.pairingTriesMax` wrong tries;
 *   PI3  a code comes from the system's random numbers, 30 letters and digits, eight places (39 bits); the look-alikes
 *        0 O 1 I L U are not among them;
 *   PI4  the comparison takes the same time whatever was sent, and a wrong, a used and an expired code are told alike;
 *        only the code's SHA-256 is in memory, and it outlives neither the server nor its time.
 */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { limits } from '../contract/limits.ts';
import type { Pairing } from '../contract/pairing.ts';

const alphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 8;

interface OpenCode {
  readonly digest: Buffer;
  /** On the clock of `now`. */
  readonly expiresAt: number;
  triesLeft: number;
}

export class Pairings {
  #open: OpenCode | null = null;
  /** Monotonic milliseconds. */
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** PI1. */
  open(): Pairing {
    const code = Array.from({ length: codeLength }, () => alphabet[randomInt(alphabet.length)]).join('');
    const triesLeft = limits.pairingTriesMax;
    this.#open = { digest: digest(code), expiresAt: this.#now() + limits.pairingMsMax, triesLeft };
    return { code, expires_at: new Date(Date.now() + limits.pairingMsMax).toISOString() };
  }

  /** PI2: true for the code that is open, which is then used up. As people type it: small letters, blanks, hyphens. */
  take(typed: string): boolean {
    const open = this.#open;
    if (open === null) return false;
    if (open.expiresAt <= this.#now()) {
      this.#open = null;
      return false;
    }
    const isRight = timingSafeEqual(digest(typed.replace(/[\s-]/g, '').toUpperCase()), open.digest);
    open.triesLeft -= 1;
    if (isRight || open.triesLeft <= 0) this.#open = null;
    return isRight;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
