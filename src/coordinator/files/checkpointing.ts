/**
 * Checkpoints keep the journal short. A checkpoint makes everything durable in other files that the oldest segments hold,
 * writes the manifest, and only then drops the segments; any other order loses data. One is made when the journal has grown
 * enough, when nothing has happened for a while, and when the engine stops; never two at a time.
 */
import type { Manifest, StorePort } from '../../contract/store.ts';
import type { Durations } from '../../core/critical-path.ts';
import { toTally } from '../../core/tally.ts';
import type { Clock } from '../clock.ts';
import type { Workflows } from '../workflows.ts';
import type { Removals } from './removals.ts';
import type { StateFiles } from './state-files.ts';

export interface CheckpointsOptions {
  store: StorePort;
  clock: Clock;
  workflows: Workflows;
  views: StateFiles;
  removals: Removals;
  durations: Durations;
  /** A checkpoint is made when the journal has grown by so many bytes. */
  bytesMax: number | undefined;
  /** A failed disk ends the engine; on a full disk a later checkpoint tries again. */
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

  /** Until the next batch a checkpoint is made only on demand. */
  disarm(): void {
    this.#cancelTimer?.();
  }

  /** Resolves when no checkpoint is under way. */
  async idle(): Promise<void> {
    await this.#underWay;
  }

  /** `isLast`: the engine stops in good order. Resolves when it fails, too; `onFault` gets the error. */
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
  const { store, workflows, views, removals, durations, clock } = options;
  const seq = store.nextSeq - 1;
  const segment = store.cut();
  // From here on every file that the manifest will rely on is only replaced durably.
  views.coverAfter(seq);
  await views.flush();
  // Only now: a deletion in the batch that caused the checkpoint joins the removals when that batch is complete.
  await removals.finish();
  // All of this is read without an await: each file that entries and manifest rely on is durable or in `unsynced`.
  const unsynced = views.takeUnsynced();
  const entries = [...workflows.unindexed].flatMap((id) => workflows.finished.get(id) ?? []);
  const removed = new Set(workflows.removedFromIndex);
  const live: Manifest['live'] = {};
  for (const [id, { entry, firstSeq, state }] of workflows.live) {
    if (entry?.seq === state.header.seq) {
      // A call has brought it into memory and has not changed it: its entry is right.
      if (workflows.unindexed.has(id)) entries.push(entry);
      continue;
    }
    // It has changed since its entry was written.
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
      ...(workflows.gone.size > 0 ? { delivered: workflows.gone.toRecord(clock.now()) } : {}),
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
    // It was deleted while its line was written.
    else if (!workflows.has(entry.id)) workflows.removedFromIndex.add(entry.id);
  }
}
