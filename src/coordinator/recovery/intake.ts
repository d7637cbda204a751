/**
 * Handles workflows that can be restored from their state.json only. A workflow that is unknown to the engine is
 * adopted. A known workflow whose journal events are lost, or do not fit its file, is taken over from the file. A file
 * that holds no valid workflow is set aside.
 *
 * Rule, numbered for tests:
 *   R3  a file that can be neither trusted nor rebuilt costs only its own workflow.
 */
import { type IdempotencyRecord, toEventJson } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { SpendingRow } from '../../contract/ledger.ts';
import type { Notice, StateFile, StorePort } from '../../contract/store.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { type Beginning, createWorkflow } from '../../core/create-workflow.ts';
import type { WorkflowState } from '../../core/state.ts';
import { readWorkflow, stateFileSchema, type WorkflowMeta } from '../../core/state-file.ts';
import { toSummary } from '../../core/view.ts';
import type { Clock } from '../clock.ts';
import {
  type ForeignContent,
  judgeFile,
  settleForeignContent,
  spendingOf,
  toForeignContent,
  withSoundMeta,
} from '../foreign-file.ts';
import type { Workflows } from '../workflows.ts';
import type { FirstBatch } from './first-batch.ts';
import { type Entry, isUnbroken, versionFor } from './found-events.ts';
import { KnownSpending } from './known-spending.ts';

export class Intake {
  readonly #store: StorePort;
  readonly #found: StorePort['found'];
  readonly #workflows: Workflows;
  readonly #clock: Clock;
  readonly #batch: FirstBatch;
  readonly #note: (kind: Notice['kind'], message: string) => void;
  readonly #spending: KnownSpending;

  constructor(parts: {
    store: StorePort;
    workflows: Workflows;
    clock: Clock;
    batch: FirstBatch;
    note(kind: Notice['kind'], message: string): void;
  }) {
    this.#store = parts.store;
    this.#found = parts.store.found;
    this.#workflows = parts.workflows;
    this.#clock = parts.clock;
    this.#batch = parts.batch;
    this.#note = parts.note;
    this.#spending = new KnownSpending(this.#found, this.#workflows);
  }

  /** Reads a state.json. A file with another workflow's id counts as foreign, even if the engine wrote it. */
  read(id: string): StateFile {
    const file = withSoundMeta(this.#store.readStateSync(id));
    if (file.kind !== 'intact' || file.value.id === id) return file;
    return { kind: 'foreign', value: file.value, sha256: file.sha256 };
  }

  /**
   * The state of a finished workflow that was adopted without an event and whose later events are in the journal:
   * `entries` must follow the version that its file holds. null when the workflow or its file is not of that kind.
   */
  readAsItStood(id: string, file: StateFile, entries: readonly Entry[]): WorkflowState | null {
    const entry = this.#found.finished.get(id);
    if ((file.kind !== 'foreign' && file.kind !== 'intact') || this.#found.manifest?.live[id]) return null;
    if (entry && entry.sha256 !== file.sha256) return null;
    const parsed = stateFileSchema.safeParse(file.value);
    if (!parsed.success || parsed.data.id !== id) return null;
    // The seq in the file may name an event of another journal. Only the versions say which events came later here.
    const meta = file.kind === 'intact' ? { ...(file.meta as unknown as WorkflowMeta), seq: 0 } : {};
    const [first] = entries;
    if (!first) return null;
    // A file without times began when it was first seen, which is no later than its first event.
    const state = readWorkflow(parsed.data, meta, entry ? Date.parse(entry.summary.createdAt) : first.event.at);
    const follows = isUnbroken(entries, id, state.header.version);
    if (!isTerminal(state.header.status) || !follows) return null;
    settleForeignContent(state, this.#spending.beside(id, spendingOf(file)));
    return state;
  }

  /** Adds a state from `readAsItStood`, after its later events were applied. */
  add(state: WorkflowState): void {
    state.setHeader({ keys: this.#withoutOthers(state.header.keys) });
    this.#workflows.add(state, 0);
  }

  /** For a known workflow that cannot be rebuilt from the journal. Takes over its file, or sets the file aside. */
  takeOver(id: string, file: StateFile, why: string, entries: readonly Entry[]): void {
    const judged = judgeFile(id, file);
    if (!judged.isSound) {
      this.setAside(id, file, judged.reason, entries);
      return;
    }
    const spending = this.#spending.followed(id, file, entries, this.#clock.now());
    const found = judged.workflow;
    this.#store.copyAsideState(id, why);
    const warning = `${why.replace('its ', '')}; its content was taken over as found`;
    this.#note('quarantine', `Workflow ${id}: ${warning}`);
    const warnings = [...(found.warnings ?? []), warning];
    const version = Math.max(found.version ?? 0, ...entries.map(({ event }) => versionFor(event, id)));
    const workflow = { ...found, warnings } as unknown as JsonObject;
    const content = { ...toForeignContent(judged.file, workflow), spending };
    this.#begin('workflow.taken_over', content, version + 1);
  }

  /** A known workflow that cannot be restored; what it has spent is kept. */
  setAside(id: string, file: StateFile, reason: string, entries: readonly Entry[]): void {
    const spending = this.#followed(id, file, entries);
    this.#setAside(id, file, reason);
    if (entries.length > 0) this.#store.keepEvents(id, toLines(entries), reason);
    this.#workflows.keepSpent(id, spending);
  }

  /** What cannot be counted in a file or in events that do not fit costs no more than this count. */
  #followed(id: string, file: StateFile, entries: readonly Entry[]): readonly SpendingRow[] {
    try {
      return this.#spending.followed(id, file, entries, this.#clock.now());
    } catch (error) {
      this.#note('damage', `What workflow ${id} has spent cannot be counted in full: ${(error as Error).message}`);
      return this.#spending.beside(id, []);
    }
  }

  /** For the directory of a workflow that the engine does not know, or has deleted. */
  adopt(id: string): void {
    const wasSetAside = this.#workflows.setAside.has(id);
    const file = this.read(id);
    if (file.kind === 'absent') {
      if (!wasSetAside) this.#note('info', `Directory ${id} holds no state.json and is left alone`);
      return;
    }
    const judged = judgeFile(id, file);
    if (!judged.isSound) {
      this.#setAside(id, file, judged.reason);
      return;
    }
    this.#workflows.setAside.delete(id);
    const now = this.#clock.now();
    // The workflow may be the engine's own, and its line in the index or the manifest was lost. Its idempotency keys
    // stay, so that a repeated call still gets the first answer.
    const content = toForeignContent(judged.file, judged.workflow as unknown as JsonObject);
    const state = readWorkflow(judged.workflow, {}, now);
    if (isTerminal(state.header.status) && state.counts.RUNNING === 0) {
      // The files of finished and stopped workflows are not rewritten, unless they hold what cannot be.
      const { sha256 } = judged.file;
      const keys = this.#withoutOthers(content.keys ?? []).map(({ key }) => key);
      const rows = this.#spending.beside(id, content.spending ?? []);
      const spending = rows.length > 0 ? { spending: rows } : {};
      const below = state.header.children.length > 0 ? { children: state.header.children.map((each) => each.id) } : {};
      const entry = { id, seq: 0, sha256, summary: toSummary(state), keys, ...spending, ...below };
      this.#workflows.addFinished(entry, false);
    } else {
      this.#begin('workflow.adopted', content, state.header.version + 1);
    }
    this.#note('info', `Workflow ${id} was adopted from its state.json`);
  }

  #setAside(id: string, file: StateFile, reason: string): void {
    if (file.kind !== 'absent') this.#store.setAsideState(id, reason);
    this.#workflows.setAside.set(id, reason);
    this.#note('quarantine', `Workflow ${id} was set aside: ${reason}`);
  }

  /** Drops the keys that another workflow owns: a key may be used again after its workflow was deleted. */
  #withoutOthers(keys: readonly IdempotencyRecord[]): IdempotencyRecord[] {
    return keys.filter(({ key }) => this.#workflows.keyOwner(key) === undefined);
  }

  #begin(kind: 'workflow.adopted' | 'workflow.taken_over', content: ForeignContent, version: number): void {
    // These fields come first in the event's text, before any text of users: the store searches the text for
    // `workflowId`.
    const base = { kind, workflowId: String(content.workflow.id), at: this.#clock.now(), version };
    const spending = this.#spending.beside(base.workflowId, content.spending ?? []);
    const event: Beginning = { ...base, ...content, keys: this.#withoutOthers(content.keys ?? []), spending };
    const seq = this.#batch.append(event);
    const state = createWorkflow(event, seq);
    this.#workflows.add(state, seq);
    this.#batch.publish(event, seq, state);
  }
}

/** As they stand in the journal, one JSON line each with its sequence number. */
function toLines(entries: readonly Entry[]): string {
  return entries.map(({ seq, event }) => `${seq} ${toEventJson(event)}\n`).join('');
}
