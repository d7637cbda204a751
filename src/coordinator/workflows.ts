/**
 * All workflows that the engine knows: workflows in memory, finished workflows (only an index entry is in memory), and
 * workflows whose file was set aside.
 */
import { broken } from '../contract/broken.ts';
import type { WorkflowText } from '../contract/coordinator.ts';
import type { ListReply } from '../contract/engine.ts';
import { Refusal, workflowNotFound } from '../contract/failures.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import { compareInList, createListFilter, type ListFilter, type ListQuery, toSortKey } from '../contract/list-query.ts';
import type { Facets } from '../contract/run-view.ts';
import type { FinishedEntry } from '../contract/store.ts';
import { isTerminal, type JobStatus, type WorkflowSummary } from '../contract/workflow.ts';
import { toNeeds } from '../core/awaited.ts';
import type { WorkflowState } from '../core/state.ts';
import { toSummary, ViewEncoder } from '../core/view.ts';
import { GoneDeliveries } from './gone-deliveries.ts';

/** A workflow in memory. */
export interface Live {
  readonly state: WorkflowState;
  readonly encoder: ViewEncoder;
  /** Number of the workflow's first event, when the journal holds the workflow from there on; else 0. */
  readonly firstSeq: number;
  /** How many calls and attempts keep it in memory, even after it has finished. */
  pins: number;
  /** Its index entry, when it was finished and has been loaded again; else null. */
  readonly entry: FinishedEntry | null;
}

export function encode(live: Live): string {
  return live.encoder.encode(live.state);
}

/** The answer that shows a workflow; `json` is what `encode` has just returned. */
export function toText(live: Live, json: string): WorkflowText {
  const { id, version, status } = live.state.header;
  return { id, version, status, json, hasBlobs: live.encoder.hasBlobs, replayed: false };
}

export class Workflows {
  readonly live = new Map<string, Live>();
  readonly finished = new Map<string, FinishedEntry>();
  /** Workflow id → why its file was set aside. */
  readonly setAside = new Map<string, string>();
  /**
   * Workflow id → the spending of a workflow that was deleted or set aside. When the workflow comes back, its own
   * spending includes these rows.
   */
  readonly spent = new Map<string, readonly SpendingRow[]>();
  /** Idempotency key → workflow id. */
  readonly #keys = new Map<string, string>();
  /** Deliveries of webhooks whose workflows are deleted. */
  readonly gone = new GoneDeliveries();
  /** Finished workflows whose entries are not in the index on disk yet; the next checkpoint adds them. */
  readonly unindexed = new Set<string>();
  /** Workflows whose entries in the index on disk are obsolete; the next checkpoint removes them. */
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

  /**
   * A key stays with its first owner. A deleted workflow that a user puts back may bring a key that another workflow
   * has used since.
   */
  claimKey(key: string, id: string): void {
    if (!this.#keys.has(key)) this.#keys.set(key, id);
  }

  keyOwner(key: string): string | undefined {
    return this.#keys.get(key);
  }

  /** The workflow that was made under the key, also where it is deleted and the key was that of a delivery. */
  madeUnder(key: string): string | undefined {
    return this.#keys.get(key) ?? this.gone.get(key);
  }

  /** The workflows that hold a key with this prefix, each once. */
  ownersByPrefix(prefix: string): string[] {
    const ids = new Set<string>();
    for (const [key, id] of this.#keys) if (key.startsWith(prefix)) ids.add(id);
    return [...ids];
  }

  /** Whether a workflow holds a key with this prefix. */
  holdsKey(id: string, prefix: string): boolean {
    return this.#keysOf(id).some((key) => key.startsWith(prefix));
  }

  /** Forgets a workflow, but keeps its `spending`. */
  remove(id: string, spending: readonly SpendingRow[] = []): void {
    for (const key of this.#keysOf(id)) if (this.#keys.get(key) === id) this.#keys.delete(key);
    const isIndexed = (this.finished.has(id) || this.live.get(id)?.entry != null) && !this.unindexed.has(id);
    if (isIndexed) this.removedFromIndex.add(id);
    this.live.delete(id);
    this.finished.delete(id);
    this.unindexed.delete(id);
    this.keepSpent(id, spending);
  }

  #keysOf(id: string): readonly string[] {
    return this.live.get(id)?.state.header.keys.map((record) => record.key) ?? this.finished.get(id)?.keys ?? [];
  }

  keepSpent(id: string, spending: readonly SpendingRow[]): void {
    if (spending.length > 0) this.spent.set(id, spending);
  }

  /** The spending of every workflow, deleted ones included. */
  *spending(): Generator<readonly [string, readonly SpendingRow[]]> {
    for (const [id, { state }] of this.live) yield [id, state.header.spending];
    for (const { id, spending } of this.finished.values()) if (spending) yield [id, spending];
    yield* this.spent;
  }

  /** The rows of one workflow, also of one that is gone. */
  spendingOf(id: string): readonly SpendingRow[] {
    const live = this.live.get(id);
    return live?.state.header.spending ?? this.finished.get(id)?.spending ?? this.spent.get(id) ?? [];
  }

  /** Takes a finished workflow out of memory, once its file holds its last state. `sha256` is that file's. */
  retire(live: Live, sha256: string): void {
    const { header } = live.state;
    this.live.delete(header.id);
    const keys = header.keys.map((record) => record.key);
    const spending = header.spending.length > 0 ? { spending: header.spending } : {};
    const below = header.children.length > 0 ? { children: header.children.map(({ id }) => id) } : {};
    const entry = {
      id: header.id,
      seq: header.seq,
      sha256,
      summary: toSummary(live.state),
      keys,
      ...spending,
      ...below,
    };
    this.addFinished(entry, false);
  }

  /** Removes a pin. A workflow that was loaded from its file and was not changed leaves memory with its old entry. */
  unpin(live: Live): void {
    live.pins -= 1;
    if (live.pins < 0) broken('K3', `workflow ${live.state.header.id} is let go once more than it was held`);
    const { entry } = live;
    if (live.pins > 0 || entry === null || live.state.header.seq !== entry.seq || this.live.get(entry.id) !== live)
      return;
    this.live.delete(entry.id);
    this.addFinished(entry, !this.unindexed.has(entry.id));
  }

  /** The refusal for an unknown workflow, or for one that was set aside. */
  refusal(id: string): Refusal {
    const reason = this.setAside.get(id);
    if (reason === undefined) return workflowNotFound(id);
    return new Refusal({ code: 'SET_ASIDE', detail: `Workflow with ID ${id} was set aside: ${reason}` });
  }

  /** The workflows that its steps have started, and those that theirs have: those below each before it. */
  descendants(id: string): string[] {
    const children =
      this.live.get(id)?.state.header.children.map((child) => child.id) ?? this.finished.get(id)?.children ?? [];
    return children.flatMap((child) => [...this.descendants(child), child]);
  }

  /** The workflow that this one runs a step of, where that is known; null for any other. */
  parentOf(id: string): string | null {
    const { parentId, parentStepId } = this.live.get(id)?.state.header ?? this.finished.get(id)?.summary ?? {};
    return parentId != null && parentStepId != null && this.has(parentId) ? parentId : null;
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
    const { sort = 'updated', cursor, offset = 0, limit = limits.listLimitDefault } = query;
    const isMatch = createListFilter(query);
    const matches: { key: number; id: string; summary: WorkflowSummary }[] = [];
    for (const summary of this.#summaries(isShown)) {
      if (isMatch(summary)) matches.push({ key: toSortKey(summary, sort), id: summary.id, summary });
    }
    // Finished workflows are nearly in order already, which makes the sort fast.
    matches.reverse().sort(compareInList);
    const from = cursor === undefined ? offset : matches.findIndex((match) => compareInList(cursor, match) < 0);
    const page = from === -1 ? [] : matches.slice(from, from + limit);
    const rest = from === -1 ? 0 : Math.max(0, matches.length - from - page.length);
    return { total: matches.length, rest, items: page.map(({ summary }) => this.#withNeeds(summary)) };
  }

  facets(filter: ListFilter, isShown: (id: string) => boolean): Facets {
    const counts = { status: new Map<string, number>(), tag: new Map<string, number>(), template: new Map() };
    const isMatch = createListFilter(filter);
    const isButStatus = createListFilter(filter, 'status');
    const isButTag = createListFilter(filter, 'tag');
    const isButTemplate = createListFilter(filter, 'template');
    let total = 0;
    for (const summary of this.#summaries(isShown)) {
      if (isMatch(summary)) total += 1;
      if (isButStatus(summary)) addOne(counts.status, summary.status);
      if (isButTag(summary)) for (const tag of new Set(summary.tags)) addOne(counts.tag, tag);
      if (summary.templateId !== null && isButTemplate(summary)) addOne(counts.template, summary.templateId);
    }
    const status = toMostFrequent(counts.status) as Facets['status'];
    return { total, status, tag: toMostFrequent(counts.tag), template: toMostFrequent(counts.template) };
  }

  *#summaries(isShown: (id: string) => boolean): Generator<WorkflowSummary> {
    for (const entry of this.finished.values()) yield entry.summary;
    for (const live of this.live.values()) if (isShown(live.state.header.id)) yield toSummary(live.state);
  }

  #withNeeds(summary: WorkflowSummary): WorkflowSummary {
    const live = this.live.get(summary.id);
    const needs = live === undefined || isTerminal(summary.status) ? [] : toNeeds(live.state);
    return needs.length === 0 ? summary : { ...summary, needs };
  }

  countByStatus(): Record<JobStatus, number> {
    const counts = { PENDING: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, WAITING_FOR_DEPENDENCY: 0, STOPPED: 0 };
    for (const entry of this.finished.values()) counts[entry.summary.status] += 1;
    for (const live of this.live.values()) counts[live.state.header.status] += 1;
    return counts;
  }
}

function addOne(counts: Map<string, number>, value: string): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

/** The most frequent first, of equal ones in the order of the alphabet. */
function toMostFrequent(counts: ReadonlyMap<string, number>): { value: string; count: number }[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, limits.facetValuesMax);
}
