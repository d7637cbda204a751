/**
 * Removes finished workflows that KEEP_FINISHED no longer keeps.
 *
 * Rules, numbered for tests:
 *   RT1  only workflows go that are finished and have not changed since the look, each as DELETE removes it: the deletion
 *        is journaled, and what the workflow has spent stays in the ledger;
 *   RT2  it looks at the start and then every minute; what could not be removed is tried at the next look.
 */
import { Refusal } from '../../contract/failures.ts';
import type { KeepFinished } from '../../contract/keep-finished.ts';
import { counted } from '../../core/duration.ts';
import { findExpired } from '../../core/retention.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Workflows } from '../workflows.ts';

export interface RetentionOptions {
  keep: KeepFinished | undefined;
  workflows: Workflows;
  clock: Clock;
  log: Log;
  /** As a client's DELETE, but refused when the workflow runs again, or has another version. */
  remove(id: string, version: number): Promise<unknown>;
  onFault(error: unknown): void;
}

const lookEveryMs = 60_000;

export class Retention {
  readonly #options: RetentionOptions;
  #cancelTimer: (() => void) | null = null;
  #isStopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    const { keep, clock } = this.#options;
    if (keep !== undefined) clock.soon(() => void this.#look(keep));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #look(keep: KeepFinished): Promise<void> {
    const { workflows, clock, log, onFault } = this.#options;
    // A child goes with its parent.
    const roots = [...workflows.finished.values()].filter(({ id }) => workflows.parentOf(id) === null);
    const finished = roots.map(({ id, summary }) => ({ id, updatedAt: summary.updatedAt }));
    let removed = 0;
    try {
      const versionOf = (id: string) => workflows.finished.get(id)?.summary.version;
      const expired = findExpired(finished, keep, clock.now()).map((id) => ({ id, version: versionOf(id) }));
      for (const { id, version } of expired) {
        if (this.#isStopped) return;
        // A client may have set it going again, or changed it, since.
        if (version === undefined || versionOf(id) !== version) continue;
        if (await this.#remove(id, version)) removed += 1;
      }
    } catch (error) {
      onFault(error);
    }
    if (removed > 0)
      log.info({}, `Removed ${counted(removed, 'finished workflow')} that KEEP_FINISHED no longer keeps`);
    if (!this.#isStopped) this.#cancelTimer = clock.timer(lookEveryMs, () => void this.#look(keep));
  }

  async #remove(id: string, version: number): Promise<boolean> {
    try {
      await this.#options.remove(id, version);
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }
}
