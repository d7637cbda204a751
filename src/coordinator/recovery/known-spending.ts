/**
 * The spending of a workflow, put together at a start from all sources: the workflow's file, which may be an older
 * copy or hold no spending, the manifest, the index, and the events that are still in the journal. Each source may
 * lag, none over-counts, so the larger count wins. Later events are entered into the latest source only. An earlier
 * source does not know all reservations, and would enter the end of a call into another row than the latest source
 * does.
 */
import type { SpendingRow } from '../../contract/ledger.ts';
import type { FoundData, StateFile, Tally } from '../../contract/store.ts';
import { joinSpending } from '../../core/ledger.ts';
import { readWorkflow, type WorkflowMeta } from '../../core/state-file.ts';
import { followTally, toTally } from '../../core/tally.ts';
import type { Workflows } from '../workflows.ts';
import type { Entry } from './found-events.ts';

const nothing: Tally = { seq: 0, spending: [], reserved: {} };

export class KnownSpending {
  readonly #found: FoundData;
  readonly #workflows: Workflows;

  constructor(found: FoundData, workflows: Workflows) {
    this.#found = found;
    this.#workflows = workflows;
  }

  /**
   * `rows`, from the workflow's file, joined with the other sources. For a workflow that has no later events, or to
   * which they are applied one by one.
   */
  beside(id: string, rows: readonly SpendingRow[]): readonly SpendingRow[] {
    const { manifest, finished } = this.#found;
    const kept = [manifest?.live[id]?.tally?.spending, finished.get(id)?.spending, this.#workflows.spent.get(id)];
    return kept.reduce<readonly SpendingRow[]>((all, more) => joinSpending(all, more ?? []), rows);
  }

  /**
   * For a workflow whose events cannot be applied: its file is damaged, or the journal has lost some of its events.
   */
  followed(id: string, file: StateFile, all: readonly Entry[], now: number): readonly SpendingRow[] {
    const entries = all.filter(({ event }) => event.workflowId === id);
    const tallies = this.#tallies(id, file, entries);
    const latest = tallies.reduce((a, b) => (b.seq > a.seq ? b : a), nothing);
    return tallies.reduce<readonly SpendingRow[]>(
      (rows, { spending }) => joinSpending(rows, spending),
      followTally(latest, entries, now),
    );
  }

  #tallies(id: string, file: StateFile, entries: readonly Entry[]): Tally[] {
    const { manifest, finished } = this.#found;
    const covered = manifest?.seq ?? 0;
    const tallies: Tally[] = [];
    const add = (seq: number, spending: readonly SpendingRow[] | undefined) =>
      tallies.push({ seq, spending: spending ?? [], reserved: {} });
    // A file that names an event after the journal's end was written with another journal.
    const isOurs = file.kind === 'intact' && file.meta.seq <= Math.max(covered, this.#found.records.at(-1)?.seq ?? 0);
    if (isOurs) tallies.push(toTally(readWorkflow(file.value, file.meta as unknown as WorkflowMeta, 0)));
    const live = manifest?.live[id];
    if (live) tallies.push(live.tally ?? { seq: live.seq, spending: [], reserved: {} });
    // The index entry of an adopted finished workflow has seq 0: it names no event of this journal.
    const line = finished.get(id);
    if (line) add(line.seq === 0 ? covered : line.seq, line.spending);
    const spent = manifest?.spent?.[id];
    if (spent) add(covered, spent);
    for (const { seq, event } of entries) if ('spending' in event) add(seq, event.spending);
    return tallies;
  }
}
