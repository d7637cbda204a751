/**
 * Lets the journal forget: makes durable elsewhere what its oldest segments cover, says so in the manifest, and only
 * then drops them. In that order; any other loses data. Done when the journal has grown enough, when nothing has happened for
 * a while, and at the end; one at a time.
 */
import type { Manifest, StorePort } from '../../contract/store.ts';
import type { Durations } from '../../core/critical-path.ts';
import { toTally } from '../../core/tally.ts';
import type { Clock } from '../clock.ts';
import type { Workflows } from '../workflows.ts';
import type { Removals } from './removals.ts';
import type { Views } from './state-files.ts';

export interface CheckpointsOptions {
  store: StorePort;
  clock: Clock;
  workflows: Workflows;
  views: Views;
  removals: Removals;
  durations: Durations;
  /** How much journal brings one about. */
  bytesMax: number | undefined;
  /** A failed disk ends the engine, a full one is waited out. */
  onFault(error: unknown): void;
}

const bytesMaxDefault = 8 * 1024 * 1024;
const idleMs = 10 * 60 * 1000;

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #underWay: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  made = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** The journal has grown. */
  afterBatch(): void {
    const { store, bytesMax = bytesMaxDefault } = this.#options;
    if (store.bytesSinceCut >= bytesMax) void this.make();
    this.armIdle();
  }

  armIdle(): void {
    this.disarm();
    this.#cancelTimer = this.#options.clock.timer(idleMs, () => void this.make());
  }

  /** Until the next batch none is made but on demand. */
  disarm(): void {
    this.#cancelTimer?.();
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await this.#underWay;
  }

  /** `isLast`: the engine stops in good order. Resolves also where it was not to be; see `onFault`. */
  make(isLast = false): Promise<void> {
    if (this.#underWay !== null) return this.#underWay;
    this.#underWay = writeCheckpoint(this.#options, isLast)
      .then(() => {
        this.made += 1;
      }, this.#options.onFault)
      .finally(() => {
        this.#underWay = null;
      });
    return this.#underWay;
  }
}

async function writeCheckpoint(options: CheckpointsOptions, isLast: boolean): Promise<void> {
  const { store, workflows, views, removals, durations } = options;
  const seq = store.nextSeq - 1;
  const segment = store.cut();
  // From here on no file that the manifest will rely on is replaced by one that is not durable.
  views.coverAfter(seq);
  await views.flush();
  // Not before: a deletion in the batch that brought the checkpoint about joins them only when that batch is through.
  await removals.finish();
  // Taken in one go: every file that the entries and the manifest rely on is durable or among the unsynced.
  const unsynced = views.takeUnsynced();
  const entries = [...workflows.unindexed].flatMap((id) => workflows.finished.get(id) ?? []);
  const removed = new Set(workflows.removedFromIndex);
  const live: Manifest['live'] = {};
  for (const [id, { entry, firstSeq, state }] of workflows.live) {
    if (entry?.seq === state.header.seq) {
      // In memory for a call that reads it, and still what its entry says.
      if (workflows.unindexed.has(id)) entries.push(entry);
      continue;
    }
    // One that has changed is no longer what its entry says.
    if (entry) removed.add(id);
    const written = views.written.get(id);
    const hasUsed = state.header.spending.length > 0 || state.reserved.calls > 0;
    if (firstSeq <= seq && written) live[id] = { ...written, ...(hasUsed ? { tally: toTally(state) } : {}) };
  }
  try {
    await store.syncStates(unsynced);
    await store.indexFinished([...[...removed].map((id) => ({ id, removed: true as const })), ...entries]);
    await store.checkpoint({
      seq,
      segment,
      live,
      setAside: Object.fromEntries(workflows.setAside),
      ...(removals.ids.length > 0 ? { deleted: removals.ids } : {}),
      ...(workflows.spent.size > 0 ? { spent: Object.fromEntries(workflows.spent) } : {}),
      durations: durations.toRecord(),
      ...(isLast ? { stopped: true } : {}),
    });
  } catch (error) {
    views.putBackUnsynced(unsynced);
    throw error;
  }
  for (const id of removed) workflows.removedFromIndex.delete(id);
  for (const entry of entries) {
    const now = workflows.finished.get(entry.id) ?? workflows.live.get(entry.id)?.entry;
    if (now === entry) workflows.unindexed.delete(entry.id);
    // Deleted while its line was written.
    else if (!workflows.has(entry.id)) workflows.removedFromIndex.add(entry.id);
  }
}
