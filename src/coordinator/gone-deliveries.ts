/**
 * Deliveries of webhooks whose workflows are deleted, so that a replay makes nothing. The record of the deletion has them,
 * later the manifest.
 *
 * Rule, numbered for tests:
 *   GO1  a key is kept for `hookKeyMsMin` at least, unless there are more than `hookKeysMax`: then the oldest go first.
 */
import { hookKeyMsMin, hookKeysMax } from '../contract/webhook.ts';

export class GoneDeliveries {
  readonly #keysMax: number;
  /** In the order of the deletions. */
  readonly #gone = new Map<string, readonly [id: string, at: number]>();

  constructor(keysMax: number = hookKeysMax) {
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#gone.size;
  }

  get(key: string): string | undefined {
    return this.#gone.get(key)?.[0];
  }

  /** `at`: when the workflow was deleted, milliseconds since 1970. */
  keep(keys: readonly string[], id: string, at: number): void {
    for (const key of keys) {
      this.#gone.delete(key);
      this.#gone.set(key, [id, at]);
    }
    for (const [oldest] of this.#gone) {
      if (this.#gone.size <= this.#keysMax) return;
      this.#gone.delete(oldest);
    }
  }

  /** For the manifest; forgets what is old enough. */
  toRecord(now: number): Record<string, [id: string, at: number]> {
    for (const [key, [, at]] of this.#gone) if (now - at > hookKeyMsMin) this.#gone.delete(key);
    return Object.fromEntries([...this.#gone].map(([key, [id, at]]) => [key, [id, at]]));
  }
}
