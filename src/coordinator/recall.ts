/**
 * Finished workflows are not kept in memory. This file loads one from its state.json when a call needs it, and drops
 * it from memory afterwards.
 *
 * Rule, numbered for tests:
 *   K3  a finished workflow leaves memory once its file holds its last state; a call that needs it loads it again.
 */
import type { JsonObject } from '../contract/json.ts';
import type { FinishedEntry, StorePort } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { joinSpending } from '../core/ledger.ts';
import { readWorkflow, type WorkflowMeta } from '../core/state-file.ts';
import { ViewEncoder } from '../core/view.ts';
import type { StateFiles } from './files/state-files.ts';
import { type ForeignContent, judgeFile, settleForeignContent, toForeignContent } from './foreign-file.ts';
import type { Live, Workflows } from './workflows.ts';

export interface RecallOptions {
  store: StorePort;
  workflows: Workflows;
  views: Pick<StateFiles, 'retire'>;
  /** Makes the content of a changed file the workflow's next version, in memory; resolves when that is durable. */
  takeOver(id: string, content: ForeignContent, version: number): Promise<void>;
  warn(message: string): void;
}

interface FinishedFile {
  entry: FinishedEntry;
  /** The workflow's text in the engine's own format. Making it takes long where the file is a foreign one. */
  toText(): string;
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

  /** Loads a workflow into memory, unless it is there already, and keeps it there until `release`. */
  async pin(id: string): Promise<Live> {
    const { live: inMemory } = this.#workflows;
    for (;;) {
      const live = inMemory.get(id) ?? (await this.#load(id));
      // While it was loaded the workflow may have left memory again, or may have been deleted.
      if (live === null || inMemory.get(id) !== live) continue;
      live.pins += 1;
      return live;
    }
  }

  /** Removes one pin, of a call or of an attempt. */
  release(live: Live): void {
    this.#workflows.unpin(live);
    if (isTerminal(live.state.header.status)) this.#options.views.retire(live);
  }

  /**
   * Reads a finished workflow's file, after checking its file against the index. null: the workflow is in memory now,
   * or its entry has changed; look again. A file that was changed by hand is taken over when it is valid, else set
   * aside.
   */
  async readFinished(id: string): Promise<FinishedFile | null> {
    const entry = this.#workflows.finished.get(id);
    if (!entry) {
      if (this.#workflows.live.has(id)) return null;
      throw this.#workflows.refusal(id);
    }
    const file = await this.#store.readState(id);
    if (file.kind === 'intact' && file.sha256 === entry.sha256) {
      const { text, value, meta } = file;
      return { entry, toText: () => text, value, meta: meta as unknown as WorkflowMeta };
    }
    if (file.kind === 'foreign' && file.sha256 === entry.sha256) {
      // The file was adopted without being rewritten; it is shown in the engine's own format.
      const { value } = file;
      const toText = () => new ViewEncoder().encode(readWorkflow(value, {}, Date.parse(entry.summary.createdAt)));
      return { entry, toText, value, meta: {} };
    }
    if (this.#workflows.finished.get(id) === entry) await this.#judgeChanged(entry, file);
    return null;
  }

  async #judgeChanged(entry: FinishedEntry, file: Awaited<ReturnType<StorePort['readState']>>): Promise<void> {
    const { id } = entry;
    const judged = judgeFile(id, file);
    if (judged.isSound && judged.workflow.status && isTerminal(judged.workflow.status)) {
      const version = Math.max(judged.workflow.version ?? 0, entry.summary.version) + 1;
      const content = toForeignContent(judged.file, judged.workflow as unknown as JsonObject);
      // The file may be a copy that names an idempotency key of another workflow.
      const keys = content.keys?.filter(({ key }) => (this.#workflows.keyOwner(key) ?? id) === id) ?? [];
      const spending = joinSpending(content.spending ?? [], entry.spending ?? []);
      const takeOver = this.#takeOvers.get(id) ?? this.#options.takeOver(id, { ...content, keys, spending }, version);
      this.#takeOvers.set(id, takeOver);
      try {
        await takeOver;
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
          // An adopted file was not rewritten and may name idempotency keys of other workflows.
          keys: state.header.keys.filter(({ key }) => entry.keys.includes(key)),
        });
        // No attempt of a finished workflow runs. Its entry may know of more spending than its file does.
        settleForeignContent(state, entry.spending ?? state.header.spending);
        return this.#workflows.add(state, 0, entry);
      })
      .finally(() => this.#loads.delete(id));
    this.#loads.set(id, load);
    return load;
  }
}
