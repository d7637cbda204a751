/**
 * Removes blobs of finished workflows that no record names: their attempt was stopped, or the engine died before the record.
 * No call can reach them, and they may be large. The search runs a minute after each start and once a day, beside other work.
 *
 * Rules, numbered for tests:
 *   OB1  a blob is removed only from a finished workflow that is out of memory, whose state.json has the very bytes that the
 *        engine wrote last, and does not name the blob. Code that writes a blob, or the name of one, keeps the workflow in
 *        memory while it does;
 *   OB2  a blob is removed only if it is older than a day and its workflow has not changed for a day.
 */
import { DiskFailedError, type StorePort } from '../../contract/store.ts';
import { counted } from '../../core/duration.ts';
import type { Clock } from '../clock.ts';
import type { Workflows } from '../workflows.ts';

export interface OrphanBlobsOptions {
  store: StorePort;
  workflows: Pick<Workflows, 'finished' | 'live'>;
  clock: Clock;
  onRemoved(message: string): void;
  /** Files that cannot be read are left alone. */
  onNotice(message: string): void;
  onFailed(error: DiskFailedError): void;
}

const firstLookMs = 60_000;
const dayMs = 86_400_000;
/** A workflow without old blobs takes some ten microseconds; 100,000 of them take a few minutes. */
const atOnceMax = 50;
const pauseMs = 100;
/** The pause after a file, in multiples of the time that reading it took. */
const restShare = 20;

export class OrphanBlobs {
  readonly #options: OrphanBlobsOptions;
  #cancelTimer: (() => void) | null = null;
  #isStopped = false;

  constructor(options: OrphanBlobsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#after(firstLookMs, () => void this.#lookAround());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #after(ms: number, act: () => void): void {
    if (!this.#isStopped) this.#cancelTimer = this.#options.clock.timer(ms, act);
  }

  async #lookAround(): Promise<void> {
    const ids = [...this.#options.workflows.finished.keys()];
    const gone = { count: 0, bytes: 0, workflows: 0 };
    for (let i = 0; i < ids.length && !this.#isStopped; i += 1) {
      const startedAt = this.#options.clock.monotonic();
      const { count, bytes, hasRead } = await this.#lookAt(ids[i]!);
      if (count > 0) gone.workflows += 1;
      gone.count += count;
      gone.bytes += bytes;
      const workedMs = this.#options.clock.monotonic() - startedAt;
      if (hasRead || i % atOnceMax === atOnceMax - 1) await this.#rest(Math.max(pauseMs, restShare * workedMs));
    }
    if (gone.count > 0) this.#options.onRemoved(toMessage(gone));
    this.#after(dayMs, () => void this.#lookAround());
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(ms, resolve));
  }

  async #lookAt(id: string): Promise<{ count: number; bytes: number; hasRead: boolean }> {
    const nothing = { count: 0, bytes: 0, hasRead: false };
    const { store, workflows, clock } = this.#options;
    try {
      const entry = workflows.finished.get(id);
      const yesterday = clock.now() - dayMs;
      const isOld = entry !== undefined && Date.parse(entry.summary.updatedAt) < yesterday;
      const old = isOld ? store.listBlobs(id, yesterday) : [];
      if (old.length === 0) return nothing;
      const file = await store.readState(id);
      // OB1. No await from here on: the blobs are removed before anything can change.
      const isAsWritten = file.kind === 'intact' && file.sha256 === entry?.sha256;
      if (!isAsWritten || this.#isStopped || workflows.finished.get(id) !== entry || workflows.live.has(id))
        return { ...nothing, hasRead: true };
      const named = new Set((file.text + JSON.stringify(file.meta)).match(/(?<=")[0-9a-f]{64}(?=")/g));
      const orphans = old.filter(({ name }) => !named.has(name));
      store.removeBlobs(
        id,
        orphans.map(({ name }) => name),
      );
      return { count: orphans.length, bytes: orphans.reduce((sum, { bytes }) => sum + bytes, 0), hasRead: true };
    } catch (error) {
      if (error instanceof DiskFailedError) this.#options.onFailed(error);
      else this.#options.onNotice(`The blobs of workflow ${id} cannot be looked through: ${(error as Error).message}`);
      return nothing;
    }
  }
}

function toMessage({ count, bytes, workflows }: { count: number; bytes: number; workflows: number }): string {
  const size = (bytes / 2 ** 20).toFixed(1);
  return `Removed ${counted(count, 'blob')} (${size} MiB) of ${counted(workflows, 'workflow')} that nothing names`;
}
