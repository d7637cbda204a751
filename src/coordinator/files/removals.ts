/**
 * Removes the directories of deleted workflows. The event that deletes a workflow is durable before its removal begins. A
 * directory that cannot be removed is named in the manifest from the next checkpoint on: without that the next start would
 * adopt the files left in it. Each checkpoint tries to remove it again.
 */
import { DiskFailedError, type StorePort } from '../../contract/store.ts';
import type { StateFiles } from './state-files.ts';

export interface RemovalsOptions {
  store: StorePort;
  views: Pick<StateFiles, 'settled'>;
  onNotice(message: string): void;
}

export class Removals {
  readonly #options: RemovalsOptions;
  /** By workflow: the removal under way, or null where the last one failed. */
  readonly #removals = new Map<string, Promise<void> | null>();

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /** Workflows whose directories are still on the disk. */
  get ids(): string[] {
    return [...this.#removals.keys()];
  }

  /** Rejects only when the disk has failed. */
  async remove(id: string): Promise<void> {
    const { store, views, onNotice } = this.#options;
    const hasFailed = this.#removals.get(id) === null;
    const removal = views.settled(id).then(() => store.removeWorkflow(id));
    this.#removals.set(id, removal);
    // A later removal of the same directory replaces the result of this one.
    const isLast = () => this.#removals.get(id) === removal;
    try {
      await removal;
      if (isLast()) this.#removals.delete(id);
    } catch (error) {
      if (error instanceof DiskFailedError) throw error;
      if (isLast()) this.#removals.set(id, null);
      if (!hasFailed) onNotice(`The files of deleted workflow ${id} could not be removed: ${(error as Error).message}`);
    }
  }

  /** Resolves when no removal of this directory is under way; rejects when the disk has failed. */
  async settled(id: string): Promise<void> {
    const removal = this.#removals.get(id);
    if (removal !== undefined && removal !== null) await settledUnlessFailed(removal);
  }

  /** Waits for the removals under way, and tries each failed one once more. A directory that fails again stays in `ids`. */
  async finish(): Promise<void> {
    const finish = ([id, removal]: [string, Promise<void> | null]) =>
      removal === null ? this.remove(id) : settledUnlessFailed(removal);
    await Promise.all([...this.#removals].map(finish));
  }
}

/** Rejects when the disk has failed. Other errors are reported by the call that began the work. */
async function settledUnlessFailed(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DiskFailedError) throw error;
  }
}
