/**
 * Finished workflows are out of memory. This brings one back from its file when a call needs it, and lets it go again.
 *
 * Rule, numbered for tests:
 *   K3  a finished workflow leaves memory once its file says everything; a call that needs it brings it back.
 */
import type { JsonObject } from '../contract/json.ts';
import type { FinishedEntry, StorePort } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { joinSpending } from '../core/ledger.ts';
import { readWorkflow, type WorkflowMeta } from '../core/state-file.ts';
import { ViewEncoder } from '../core/view.ts';
import type { Views } from './files/state-files.ts';
import { judgeFile, settleTaken, type Taken, toTaken } from './foreign-file.ts';
import type { Live, Workflows } from './workflows.ts';

export interface RecallOptions {
  store: StorePort;
  workflows: Workflows;
  views: Pick<Views, 'retire'>;
  /** Brings the content of a changed file into memory as the workflow's next version; resolves when that is durable. */
  takeOver(id: string, taken: Taken, version: number): Promise<void>;
  warn(message: string): void;
}

interface FinishedText {
  entry: FinishedEntry;
  text: string;
  value: unknown;
  meta: Partial<WorkflowMeta>;
}

export class Recall {
  readonly #options: RecallOptions;
  readonly #store: StorePort;
  readonly #workflows: Workflows;
  readonly #loads = new Map<string, Promise<Live | null>>();
  readonly #takeOvers = new Map<string, Promise<void>>();

  constructor(options: RecallOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#workflows = options.workflows;
  }

  /** Brings a workflow into memory and keeps it there until `release`. */
  async pin(id: string): Promise<Live> {
    const { live: inMemory } = this.#workflows;
    for (;;) {
      const live = inMemory.get(id) ?? (await this.#load(id));
      // It may have been retired or removed meanwhile.
      if (live === null || inMemory.get(id) !== live) continue;
      live.pins += 1;
      return live;
    }
  }

  /** Takes back a pin: of a call, or of an attempt. */
  release(live: Live): void {
    this.#workflows.unpin(live);
    if (isTerminal(live.state.header.status)) this.#options.views.retire(live);
  }

  /**
   * A finished workflow's text, after checking that its file is what was written. null: it is in memory by now, look there.
   * A file that was changed by hand is taken over when it is valid, else set aside.
   */
  async readFinished(id: string): Promise<FinishedText | null> {
    const entry = this.#workflows.finished.get(id);
    if (!entry) {
      if (this.#workflows.live.has(id)) return null;
      throw this.#workflows.refusal(id);
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
    if (this.#workflows.finished.get(id) === entry) await this.#judgeChanged(entry, file);
    return null;
  }

  async #judgeChanged(entry: FinishedEntry, file: Awaited<ReturnType<StorePort['readState']>>): Promise<void> {
    const { id } = entry;
    const judged = judgeFile(id, file);
    if (judged.isSound && judged.workflow.status && isTerminal(judged.workflow.status)) {
      const version = Math.max(judged.workflow.version ?? 0, entry.summary.version) + 1;
      const taken = toTaken(judged.file, judged.workflow as unknown as JsonObject);
      // A key of a file that was put in its place may be another's.
      const keys = taken.keys?.filter(({ key }) => (this.#workflows.keyOwner(key) ?? id) === id) ?? [];
      const spending = joinSpending(taken.spending ?? [], entry.spending ?? []);
      const taking = this.#takeOvers.get(id) ?? this.#options.takeOver(id, { ...taken, keys, spending }, version);
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
    this.#workflows.remove(id, entry.spending);
    this.#workflows.setAside.set(id, reason);
    this.#options.warn(`Workflow ${id} was set aside: ${reason}`);
    throw this.#workflows.refusal(id);
  }

  #load(id: string): Promise<Live | null> {
    const loading = this.#loads.get(id);
    if (loading !== undefined) return loading;
    const load = this.readFinished(id)
      .then((found) => {
        if (!found || this.#workflows.finished.get(id) !== found.entry) return null;
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
        return this.#workflows.add(state, 0, entry);
      })
      .finally(() => this.#loads.delete(id));
    this.#loads.set(id, load);
    return load;
  }
}
