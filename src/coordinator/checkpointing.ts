/**
 * Lets the journal forget: makes durable elsewhere what its oldest segments cover, says so in the manifest, and only
 * then drops them. In that order; any other loses data.
 */
import type { Manifest } from '../contract/store.ts';
import { toTally } from '../core/tally.ts';
import type { Coordinator } from './coordinator.ts';

type Parts = Pick<Coordinator, 'workflows' | 'views' | 'durations' | 'removals'> & {
  parts: Pick<Coordinator['parts'], 'store'>;
};

/** `isLast`: the engine stops in good order. */
export async function runCheckpoint(coordinator: Parts, isLast: boolean): Promise<void> {
  const {
    workflows,
    views,
    durations,
    removals,
    parts: { store },
  } = coordinator;
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
      format: 1,
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
