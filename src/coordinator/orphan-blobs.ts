/**
 * Blobs that no record names: their attempt was stopped, or the engine died before the record. Nobody can ask for them, and
 * they may be large, so they are looked for a while after each start and once a day, a few workflows at a time.
 *
 * Rules, numbered for tests:
 *   OB1  a blob goes only from a finished workflow that is out of memory, whose state.json is to the byte what the engine
 *        wrote last and names it nowhere: whatever writes a blob, or a name of one, has its workflow in memory;
 *   OB2  none goes that was written less than a day ago.
 */
import { DiskFailedError, type StorePort } from '../contract/store.ts';
import { counted } from '../core/counted.ts';
import type { Clock } from './clock.ts';
import type { Workflows } from './workflows.ts';

export interface OrphanBlobsOptions {
  store: StorePort;
  workflows: Pick<Workflows, 'finished' | 'live'>;
  clock: Clock;
  onRemoved(message: string): void;
  onFault(error: unknown): void;
}

const firstLookMs = 60_000;
const dayMs = 86_400_000;
/** Looking at one without blobs takes some ten microseconds; 100,000 are through in a few minutes. */
const atOnceMax = 50;
const pauseMs = 100;

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
      const { count, bytes } = await this.#lookAt(ids[i]!);
      if (count > 0) gone.workflows += 1;
      gone.count += count;
      gone.bytes += bytes;
      if (i % atOnceMax === atOnceMax - 1) await new Promise<void>((resolve) => this.#after(pauseMs, resolve));
    }
    if (gone.count > 0) this.#options.onRemoved(toMessage(gone));
    this.#after(dayMs, () => void this.#lookAround());
  }

  async #lookAt(id: string): Promise<{ count: number; bytes: number }> {
    const nothing = { count: 0, bytes: 0 };
    const { store, workflows, clock } = this.#options;
    try {
      const entry = workflows.finished.get(id);
      const old = entry ? store.listBlobs(id, clock.now() - dayMs) : [];
      if (old.length === 0) return nothing;
      const file = await store.readState(id);
      // OB1. From here on nothing waits: what is true now is true when they are gone.
      const isAsWritten = file.kind === 'intact' && file.sha256 === entry?.sha256;
      if (!isAsWritten || this.#isStopped || workflows.finished.get(id) !== entry || workflows.live.has(id))
        return nothing;
      const text = file.text + JSON.stringify(file.meta);
      const orphans = old.filter(({ name }) => !text.includes(name));
      store.removeBlobs(
        id,
        orphans.map(({ name }) => name),
      );
      return { count: orphans.length, bytes: orphans.reduce((sum, { bytes }) => sum + bytes, 0) };
    } catch (error) {
      // A failed disk ends the engine; what else is wrong with these files is met again tomorrow.
      if (error instanceof DiskFailedError) this.stop();
      this.#options.onFault(error);
      return nothing;
    }
  }
}

function toMessage({ count, bytes, workflows }: { count: number; bytes: number; workflows: number }): string {
  const size = (bytes / 2 ** 20).toFixed(1);
  return `Removed ${counted(count, 'blob')} (${size} MiB) of ${counted(workflows, 'workflow')} that nothing names`;
}
