/**
 * All workflows the engine knows: those in memory, the finished ones of which a summary is left, and those whose file was
 * set aside.
 */
import { broken } from '../contract/broken.ts';
import type { WorkflowText } from '../contract/coordinator.ts';
import type { ListQuery, ListReply } from '../contract/engine.ts';
import { Refusal, workflowNotFound } from '../contract/failures.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import type { FinishedEntry } from '../contract/store.ts';
import type { JobStatus, WorkflowSummary } from '../contract/workflow.ts';
import type { WorkflowState } from '../core/state.ts';
import { toSummary, ViewEncoder } from '../core/view.ts';

/** A workflow in memory. */
export interface Live {
  readonly state: WorkflowState;
  readonly encoder: ViewEncoder;
  /** The journal holds everything from this event on; 0 when it does not hold the workflow's beginning. */
  readonly firstSeq: number;
  /** Calls that need it in memory although it has finished. */
  pins: number;
  /** What stood for it while it was out of memory, when it came back from its file. */
  readonly entry: FinishedEntry | null;
}

export function encode(live: Live): string {
  return live.encoder.encode(live.state);
}

/** The answer that shows it; `json` is what `encode` has just returned. */
export function toText(live: Live, json: string): WorkflowText {
  const { id, version, status } = live.state.header;
  return { id, version, status, json, hasBlobs: live.encoder.hasBlobs, replayed: false };
}

export class Workflows {
  readonly live = new Map<string, Live>();
  readonly finished = new Map<string, FinishedEntry>();
  /** Workflow → why its file was set aside. */
  readonly setAside = new Map<string, string>();
  /** What the steps of workflows have used that are deleted, or set aside. One that comes back brings it into its own. */
  readonly spent = new Map<string, readonly SpendingRow[]>();
  /** Idempotency key → workflow. */
  readonly #keys = new Map<string, string>();
  /** Finished since the last checkpoint, and so not in the index yet. */
  readonly unindexed = new Set<string>();
  /** In the index, but gone since the last checkpoint. */
  readonly removedFromIndex = new Set<string>();

  add(state: WorkflowState, firstSeq: number, entry: FinishedEntry | null = null): Live {
    const live = { state, encoder: new ViewEncoder(), firstSeq, pins: 0, entry };
    this.live.set(state.header.id, live);
    this.finished.delete(state.header.id);
    this.setAside.delete(state.header.id);
    this.spent.delete(state.header.id);
    for (const record of state.header.keys) this.claimKey(record.key, state.header.id);
    return live;
  }

  addFinished(entry: FinishedEntry, isIndexed: boolean): void {
    this.finished.set(entry.id, entry);
    this.spent.delete(entry.id);
    if (!isIndexed) this.unindexed.add(entry.id);
    for (const key of entry.keys) this.claimKey(key, entry.id);
  }

  /** A key stays with its first owner: one that is put back after its deletion may bring a key that is used again since. */
  claimKey(key: string, id: string): void {
    if (!this.#keys.has(key)) this.#keys.set(key, id);
  }

  keyOwner(key: string): string | undefined {
    return this.#keys.get(key);
  }

  /** `spending` outlives it. */
  remove(id: string, spending: readonly SpendingRow[] = []): void {
    const keys = this.live.get(id)?.state.header.keys.map((record) => record.key) ?? this.finished.get(id)?.keys ?? [];
    for (const key of keys) if (this.#keys.get(key) === id) this.#keys.delete(key);
    const isIndexed = (this.finished.has(id) || this.live.get(id)?.entry != null) && !this.unindexed.has(id);
    if (isIndexed) this.removedFromIndex.add(id);
    this.live.delete(id);
    this.finished.delete(id);
    this.unindexed.delete(id);
    this.keepSpent(id, spending);
  }

  keepSpent(id: string, spending: readonly SpendingRow[]): void {
    if (spending.length > 0) this.spent.set(id, spending);
  }

  /** What each workflow's steps have used, also of those that are no more. */
  *spending(): Generator<readonly [string, readonly SpendingRow[]]> {
    for (const [id, { state }] of this.live) yield [id, state.header.spending];
    for (const { id, spending } of this.finished.values()) if (spending) yield [id, spending];
    yield* this.spent;
  }

  /** Leaves memory, once its file says everything. */
  retire(live: Live, sha256: string): void {
    const { header } = live.state;
    this.live.delete(header.id);
    const keys = header.keys.map((record) => record.key);
    const spending = header.spending.length > 0 ? { spending: header.spending } : {};
    const entry = { id: header.id, seq: header.seq, sha256, summary: toSummary(live.state), keys, ...spending };
    this.addFinished(entry, false);
  }

  /** Takes back a pin. One that came from its file and was not changed leaves memory again as it was. */
  unpin(live: Live): void {
    live.pins -= 1;
    if (live.pins < 0) broken('K3', `workflow ${live.state.header.id} is let go once more than it was held`);
    const { entry } = live;
    if (live.pins > 0 || entry === null || live.state.header.seq !== entry.seq || this.live.get(entry.id) !== live)
      return;
    this.live.delete(entry.id);
    this.addFinished(entry, !this.unindexed.has(entry.id));
  }

  /** The refusal for an id that cannot be had. */
  refusal(id: string): Refusal {
    const reason = this.setAside.get(id);
    if (reason === undefined) return workflowNotFound(id);
    return new Refusal({ code: 'SET_ASIDE', detail: `Workflow with ID ${id} was set aside: ${reason}` });
  }

  has(id: string): boolean {
    return this.live.has(id) || this.finished.has(id);
  }

  status(id: string): JobStatus {
    const live = this.live.get(id);
    if (live) return live.state.header.status;
    const entry = this.finished.get(id);
    if (entry) return entry.summary.status;
    throw this.refusal(id);
  }

  version(id: string): number {
    return this.live.get(id)?.state.header.version ?? this.finished.get(id)?.summary.version ?? 0;
  }

  list(query: ListQuery, isShown: (id: string) => boolean): ListReply {
    const q = query.q?.toLowerCase();
    const found: WorkflowSummary[] = [];
    const take = (summary: WorkflowSummary) => {
      if (query.status && summary.status !== query.status) return;
      if (query.tag !== undefined && !summary.tags.includes(query.tag)) return;
      if (
        q !== undefined &&
        ![summary.id, summary.name, summary.description].some((text) => text.toLowerCase().includes(q))
      )
        return;
      found.push(summary);
    };
    for (const entry of this.finished.values()) take(entry.summary);
    for (const live of this.live.values()) if (isShown(live.state.header.id)) take(toSummary(live.state));
    // Finished ones stand nearly in order already, which the sort makes use of.
    found.reverse().sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : a.updatedAt > b.updatedAt ? -1 : 0));
    const offset = query.offset ?? 0;
    return { total: found.length, items: found.slice(offset, offset + (query.limit ?? limits.listLimitDefault)) };
  }

  countByStatus(): Record<JobStatus, number> {
    const counts = { PENDING: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, WAITING_FOR_DEPENDENCY: 0, STOPPED: 0 };
    for (const entry of this.finished.values()) counts[entry.summary.status] += 1;
    for (const live of this.live.values()) counts[live.state.header.status] += 1;
    return counts;
  }
}
