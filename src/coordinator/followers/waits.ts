/** Calls that wait until a workflow is at rest, or until it is finished. */
import { isAtRest, isTerminal, type JobStatus } from '../../contract/workflow.ts';
import type { Clock } from '../clock.ts';

export type WaitUntil = 'rest' | 'finished';

interface Waiter {
  until: WaitUntil;
  end(): void;
}

export function isOver(status: JobStatus, until: WaitUntil): boolean {
  return until === 'rest' ? isAtRest(status) : isTerminal(status);
}

export class Waits {
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `settle` gives a fitting status, after `waitMs` (null: no limit), on abort, or at `endAll`. */
  wait(id: string, until: WaitUntil, waitMs: number | null, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters);
      const end = () => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(id);
        cancelTimer?.();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const waiter = { until, end };
      waiters.add(waiter);
      const cancelTimer = waitMs === null ? undefined : this.#clock.timer(waitMs, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  /** Ends the waits that this status fulfils. null: the workflow is deleted, which ends them all. */
  settle(id: string, status: JobStatus | null): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) {
      if (status === null || isOver(status, waiter.until)) waiter.end();
    }
  }

  endAll(): void {
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.end();
  }
}
