/**
 * The limits of a provider: so many requests and tokens in any minute. Its clock is given, so that a test's minute can
 * be as short as it likes.
 */
const windowMs = 60_000;

export interface Limits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export class Throttle {
  readonly #limits: Limits;
  readonly #now: () => number;
  #taken: { at: number; tokens: number }[] = [];

  constructor(limits: Limits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** How long to wait, in milliseconds of the clock; 0 when the request was let in. */
  take(tokens: number): number {
    const { requestsPerMinute = Infinity, tokensPerMinute = Infinity } = this.#limits;
    const now = this.#now();
    this.#taken = this.#taken.filter(({ at }) => at > now - windowMs);
    let requests = this.#taken.length;
    let used = this.#taken.reduce((sum, taken) => sum + taken.tokens, 0);
    if (requests < requestsPerMinute && used + tokens <= tokensPerMinute) {
      this.#taken.push({ at: now, tokens });
      return 0;
    }
    for (const oldest of this.#taken) {
      requests -= 1;
      used -= oldest.tokens;
      if (requests < requestsPerMinute && used + tokens <= tokensPerMinute) return oldest.at + windowMs - now;
    }
    // More than a minute's tokens at once will never be let in.
    return windowMs;
  }
}
