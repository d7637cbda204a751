/** Callers that wait for a workflow to come to rest, or to finish. */
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

  /** Resolves when `settle` says so, the time is up (null: never), the signal aborts, or everything ends. */
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

  /** `status` null: the workflow is gone. */
  settle(id: string, status: JobStatus | null): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) {
      if (status === null || isOver(status, waiter.until)) waiter.end();
    }
  }

  endAll(): void {
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.end();
  }
}
