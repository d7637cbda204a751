/**
 * All workflows the engine knows: those in memory, the finished ones of which a summary is left, and those whose file was
 * set aside.
 */
import type { WorkflowText } from '../contract/coordinator.ts';
import type { ListQuery, ListReply } from '../contract/engine.ts';
import { Refusal, workflowNotFound } from '../contract/failures.ts';
import type { JsonObject } from '../contract/json.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import type { FinishedEntry, StorePort } from '../contract/store.ts';
import { isTerminal, type JobStatus, type WorkflowSummary } from '../contract/workflow.ts';
import { joinSpending } from '../core/ledger.ts';
import type { WorkflowState } from '../core/state.ts';
import { readWorkflow, type WorkflowMeta } from '../core/state-file.ts';
import { toSummary, ViewEncoder } from '../core/view.ts';
import { judgeFile, settleTaken, type Taken, toTaken } from './foreign-file.ts';

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

/** What a changed file of a finished workflow brings about. */
export interface WorkflowsHooks {
  onSetAside(message: string): void;
  /** Brings the file's content into memory as the workflow's next version; resolves when that is durable. */
  takeOver(id: string, taken: Taken, version: number): Promise<void>;
}

interface FinishedText {
  entry: FinishedEntry;
  text: string;
  value: unknown;
  meta: Partial<WorkflowMeta>;
}

export class Workflows {
  readonly live = new Map<string, Live>();
  readonly finished: Map<string, FinishedEntry>;
  readonly setAside: Map<string, string>;
  /** What the steps of workflows have used that are deleted, or set aside. One that comes back brings it into its own. */
  readonly spent = new Map<string, readonly SpendingRow[]>();
  /** Idempotency key → workflow. */
  readonly #keys = new Map<string, string>();
  readonly #loads = new Map<string, Promise<Live | null>>();
  readonly #store: StorePort;
  readonly #hooks: WorkflowsHooks;
  readonly #takeOvers = new Map<string, Promise<void>>();
  /** Finished since the last checkpoint, and so not in the index yet. */
  readonly unindexed = new Set<string>();
  /** In the index, but gone since the last checkpoint. */
  readonly removedFromIndex = new Set<string>();

  constructor(store: StorePort, hooks: WorkflowsHooks) {
    this.#store = store;
    this.#hooks = hooks;
    this.finished = new Map();
    this.setAside = new Map();
  }

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

  /**
   * A finished workflow's text, after checking that its file is what was written. null: it is in memory by now, look there.
   * A file that was changed by hand is taken over when it is valid, else set aside.
   */
  async readFinished(id: string): Promise<FinishedText | null> {
    const entry = this.finished.get(id);
    if (!entry) {
      if (this.live.has(id)) return null;
      throw this.refusal(id);
    }
    const file = await this.#store.readState(id);
    if (file.kind === 'intact' && file.sha256 === entry.sha256) {
      return { entry, text: file.text, value: file.value, meta: file.meta as unknown as WorkflowMeta };
    }
    if (file.kind === 'foreign' && file.sha256 === entry.sha256) {
      // Adopted as it stood; it is shown in the engine's own form.
      const state = readWorkflow(file.value, {}, Date.parse(entry.summary.createdAt));
      return { entry, text: new ViewEncoder().encode(state), value: file.value, meta: {} };
    }
    if (this.finished.get(id) === entry) await this.#judgeChanged(entry, file);
    return null;
  }

  async #judgeChanged(entry: FinishedEntry, file: Awaited<ReturnType<StorePort['readState']>>): Promise<void> {
    const { id } = entry;
    const judged = judgeFile(id, file);
    if (judged.isSound && judged.workflow.status && isTerminal(judged.workflow.status)) {
      const version = Math.max(judged.workflow.version ?? 0, entry.summary.version) + 1;
      const taken = toTaken(judged.file, judged.workflow as unknown as JsonObject);
      // A key of a file that was put in its place may be another's.
      const keys = taken.keys?.filter(({ key }) => (this.#keys.get(key) ?? id) === id) ?? [];
      const spending = joinSpending(taken.spending ?? [], entry.spending ?? []);
      const taking = this.#takeOvers.get(id) ?? this.#hooks.takeOver(id, { ...taken, keys, spending }, version);
      this.#takeOvers.set(id, taking);
      try {
        await taking;
      } finally {
        this.#takeOvers.delete(id);
      }
      return;
    }
    const reason = judged.isSound ? 'its state.json does not say that it has finished' : judged.reason;
    if (file.kind !== 'absent') this.#store.setAsideState(id, reason);
    this.remove(id, entry.spending);
    this.setAside.set(id, reason);
    this.#hooks.onSetAside(`Workflow ${id} was set aside: ${reason}`);
    throw this.refusal(id);
  }

  /** Brings a workflow into memory and keeps it there until `unpin`. */
  async pin(id: string): Promise<Live> {
    for (;;) {
      const live = this.live.get(id) ?? (await this.#load(id));
      // It may have been retired or removed while it was waited for.
      if (live === null || this.live.get(id) !== live) continue;
      live.pins += 1;
      return live;
    }
  }

  #load(id: string): Promise<Live | null> {
    const loading = this.#loads.get(id);
    if (loading !== undefined) return loading;
    const load = this.readFinished(id)
      .then((found) => {
        if (!found || this.finished.get(id) !== found.entry) return null;
        const { entry, value, meta } = found;
        const state = readWorkflow(value, meta, Date.parse(entry.summary.createdAt));
        state.setHeader({
          version: Math.max(state.header.version, entry.summary.version),
          seq: entry.seq,
          // Adopted as it stood, its file may name keys that are another's.
          keys: state.header.keys.filter(({ key }) => entry.keys.includes(key)),
        });
        // Nothing of it runs; its entry may know of more than its file.
        settleTaken(state, entry.spending ?? state.header.spending);
        return this.add(state, 0, entry);
      })
      .finally(() => this.#loads.delete(id));
    this.#loads.set(id, load);
    return load;
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
