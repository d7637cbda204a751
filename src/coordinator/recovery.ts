/**
 * What the last life left, made whole: views with the journal's later events on top, foreign files adopted, damaged ones
 * rebuilt, taken over or set aside, and everything that ran or was queued in line again.
 *
 * Rules, numbered for tests:
 *   R1  a workflow that the journal holds whole is what the journal says; its file only says whether it was damaged;
 *   R2  otherwise it is its file plus the journal's later events;
 *   R3  a file that can be neither trusted nor rebuilt costs its own workflow only;
 *   R4  nothing stays RUNNING, and nothing that is ready is missing from the queue;
 *   R5  recovery reads; what it decides is written by `store.begin` in one piece, so a crash in it changes nothing.
 */
import type { EngineEvent } from '../contract/event.ts';
import { type IdempotencyRecord, type JournalEvent, readEventJson, toEventJson } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import type { FinishedEntry, Notice, StateFile, StateMeta, StorePort } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { createWorkflow } from '../core/beginning.ts';
import type { Change } from '../core/change.ts';
import { decideLost, decideRecovery, decideWaiting } from '../core/decide.ts';
import { evolve, evolveParent } from '../core/evolve.ts';
import type { WorkflowState } from '../core/state.ts';
import { readWorkflow, stateFileSchema, type WorkflowMeta } from '../core/state-file.ts';
import { toIso } from '../core/time.ts';
import { toSummary } from '../core/view.ts';
import type { Clock } from './clock.ts';
import { KnownSpending } from './known-spending.ts';
import { toEngineEvent } from './published.ts';
import { settleTaken, spendingOf, type Taken, toTaken, type Workflows } from './workflows.ts';

export interface Recovered {
  /** Events that recovery makes, to be written by `store.begin`. */
  payloads: string[];
  /** The latest events, old and new, for the event window. */
  published: EngineEvent[];
  /** Every event after this number is among them. */
  publishedAfter: number;
  notices: Notice[];
  /** Workflows that were queued anew, with how many of their steps. */
  requeued: { id: string; steps: number }[];
  /** Directories of deleted workflows that are still there. */
  leftovers: string[];
  /** Live workflows whose file already says what they are: its SHA-256. */
  upToDate: Map<string, string>;
  /** Live workflows whose file is whole, and older than they are. */
  behind: Set<string>;
}

interface Entry {
  seq: number;
  event: JournalEvent;
}

/** As much of a file as a workflow needs that the journal holds. */
type SeenFile = { kind: 'intact'; meta: StateMeta; sha256: string } | { kind: Exclude<StateFile['kind'], 'intact'> };

type Beginning = Extract<JournalEvent, { workflow: unknown }>;

class Recovery {
  readonly #store: StorePort;
  readonly #workflows: Workflows;
  readonly #clock: Clock;
  readonly #spending: KnownSpending;
  readonly #found: StorePort['found'];
  readonly #entries = new Map<string, Entry[]>();
  /** Those whose files may name keys that are another's by now: they come when all others have theirs. */
  readonly #late: (() => void)[] = [];
  readonly #windowFrom: number;
  #seq: number;
  /** A stop in good order ends with a checkpoint over everything that says so; others can cover everything too. */
  readonly #isUnclean: boolean;
  readonly #result: Recovered = {
    payloads: [],
    published: [],
    publishedAfter: 0,
    notices: [],
    requeued: [],
    leftovers: [],
    upToDate: new Map(),
    behind: new Set(),
  };

  constructor(store: StorePort, workflows: Workflows, clock: Clock) {
    this.#store = store;
    this.#workflows = workflows;
    this.#clock = clock;
    this.#found = store.found;
    this.#spending = new KnownSpending(store.found, workflows);
    this.#seq = store.nextSeq;
    const { manifest } = store.found;
    this.#isUnclean = manifest?.stopped !== true || store.nextSeq - 1 > manifest.seq;
    this.#windowFrom = store.nextSeq - limits.eventWindowMax;
  }

  run(): Recovered {
    this.#result.notices.push(...this.#found.notices);
    for (const { seq, json } of this.#found.records) this.#sort({ seq, event: readEventJson(json) });
    for (const [id, reason] of Object.entries(this.#found.manifest?.setAside ?? {}))
      this.#workflows.setAside.set(id, reason);
    for (const [id, rows] of Object.entries(this.#found.manifest?.spent ?? {})) this.#workflows.keepSpent(id, rows);
    const directories = new Set(this.#found.workflowIds);
    const { finished } = this.#found;
    const promised = new Set(Object.keys(this.#found.manifest?.live ?? {}));
    for (const [id, entry] of finished) {
      // Almost all of them, and they are many: nothing but the index tells of them.
      if (!this.#entries.has(id) && !promised.has(id) && directories.has(id)) {
        this.#workflows.addFinished(entry, true);
        continue;
      }
      this.#recover(id, directories.has(id));
      if (!this.#workflows.finished.has(id)) this.#workflows.removedFromIndex.add(id);
    }
    // The finished ones are many: those of the journal and the manifest are looked up among them, not joined with them.
    const known = new Set([...this.#entries.keys(), ...promised]);
    for (const id of known) if (!finished.has(id)) this.#recover(id, directories.has(id));
    for (const take of this.#late) take();
    for (const id of directories) if (!known.has(id) && !finished.has(id)) this.#adoptUnknown(id);
    for (const live of this.#workflows.live.values()) this.#resume(live.state);
    this.#checkQueueFile();
    this.#result.published.sort((a, b) => a.seq - b.seq);
    this.#result.publishedAfter = this.#findPublishedAfter();
    return this.#result;
  }

  /** Events that a checkpoint covers, or that only a file tells of, cannot be told again. */
  #findPublishedAfter(): number {
    const told = new Set(this.#result.published.map(({ seq }) => seq));
    let seq = this.#seq - 1;
    while (told.has(seq)) seq -= 1;
    return seq;
  }

  #sort(entry: Entry): void {
    this.#entriesOf(entry.event.workflowId).push(entry);
    if (entry.event.kind === 'workflow.created' && entry.event.parent)
      this.#entriesOf(entry.event.parent.id).push(entry);
  }

  #entriesOf(id: string): Entry[] {
    const entries = this.#entries.get(id) ?? [];
    this.#entries.set(id, entries);
    return entries;
  }

  #note(kind: Notice['kind'], message: string): void {
    this.#result.notices.push({ kind, message });
  }

  #recover(id: string, hasDirectory: boolean): void {
    const entries = this.#entries.get(id) ?? [];
    const last = entries.at(-1);
    if (last?.event.kind === 'workflow.deleted') {
      this.#tellDeleted(last);
      this.#workflows.keepSpent(id, last.event.spending ?? []);
      if (!hasDirectory) return;
      // A checkpoint waits until the files are gone: what stands there after one was put back since.
      if (last.seq <= (this.#found.manifest?.seq ?? 0)) this.#late.push(() => this.#adoptUnknown(id));
      else this.#result.leftovers.push(id);
      return;
    }
    const finished = this.#found.finished.get(id);
    // C1: the checkpoint covers it and lists it nowhere, so it was deleted, whatever became of the record that says so.
    const isCovered = last !== undefined && last.seq <= (this.#found.manifest?.seq ?? 0);
    if (isCovered && !finished && !this.#found.manifest?.live[id] && !hasDirectory) return;
    // The index may have lost the line by which one that was set going again was taken out.
    const lastSeq = Math.max(last?.seq ?? 0, this.#found.manifest?.live[id]?.seq ?? 0);
    if (finished && lastSeq <= finished.seq) {
      this.#keepFinished(finished, hasDirectory);
      return;
    }
    const from = entries.findLastIndex(({ event }) => isBeginning(event, id));
    const life = from === -1 ? [] : entries.slice(from);
    // What the journal holds whole is not taken from the file: its sums are enough, and reading it would take far longer.
    const sums = life.length > 0 ? this.#store.foundSums(id) : null;
    const file = sums === null ? this.#readState(id) : null;
    const seen = numberForLife(file ?? { kind: 'intact', ...sums! }, life);
    if (this.#isWhole(id, life, seen)) this.#rebuild(id, life, seen);
    else this.#rebase(id, entries, numberForLife(file ?? this.#readState(id), life));
  }

  #tellDeleted({ seq, event }: Entry): void {
    if (seq < this.#windowFrom) return;
    const { kind, workflowId, at, version } = event;
    this.#result.published.push({ seq, kind, workflow_id: workflowId, at: toIso(at), status: 'STOPPED', version });
  }

  #keepFinished(entry: FinishedEntry, hasDirectory: boolean): void {
    if (hasDirectory) {
      this.#workflows.addFinished(entry, true);
      return;
    }
    this.#workflows.keepSpent(entry.id, entry.spending ?? []);
    this.#note('info', `Workflow ${entry.id} is gone from the disk; it is forgotten`);
  }

  /** Whether the journal holds all of a life: damage may have cost it events in the middle, or the last ones. */
  #isWhole(id: string, life: readonly Entry[], file: SeenFile): boolean {
    const [first] = life;
    const last = life.at(-1);
    if (!first || !last || !isUnbroken(life, id, versionFor(first.event, id) - 1)) return false;
    const seqKnown = Math.max(this.#found.manifest?.live[id]?.seq ?? 0, file.kind === 'intact' ? file.meta.seq : 0);
    return seqKnown <= last.seq;
  }

  /** R1. */
  #rebuild(id: string, entries: readonly Entry[], file: SeenFile): void {
    const [{ seq, event }] = entries as [Entry];
    const state = createWorkflow(event as Beginning, seq);
    this.#publish(event, seq, state);
    this.#apply(state, entries.slice(1));
    this.#workflows.add(state, seq);
    if (file.kind === 'intact') {
      this.#noteWhole(state, file);
    } else if (file.kind !== 'absent') {
      const reason = `state.json of workflow ${id} is not what the engine wrote; it was rebuilt from the journal`;
      // What cannot be read may be no file at all, and is in the way of the new one.
      if (file.kind === 'unreadable') this.#store.setAsideState(id, reason);
      else this.#store.copyAsideState(id, reason);
      this.#note('quarantine', reason);
    }
  }

  /** R2. */
  #rebase(id: string, entries: readonly Entry[], file: StateFile): void {
    const promised = this.#found.manifest?.live[id] ?? this.#found.finished.get(id);
    const adopted = this.#readAdopted(id, file, entries);
    if (adopted) {
      settleTaken(adopted, this.#spending.beside(id, spendingOf(file)));
      this.#apply(adopted, entries);
      this.#late.push(() => {
        adopted.setHeader({ keys: this.#withoutOthers(adopted.header.keys) });
        this.#workflows.add(adopted, 0);
      });
      return;
    }
    if (file.kind !== 'intact') {
      this.#takeOver(id, file, 'its state.json is not what the engine wrote', entries);
      return;
    }
    const meta = file.meta as unknown as WorkflowMeta;
    const state = readWorkflow(file.value, meta, this.#clock.now());
    const later = entries.filter(({ seq }) => seq > meta.seq);
    if (!isUnbroken(later, id, state.header.version) || (promised !== undefined && meta.seq < promised.seq)) {
      this.#takeOver(id, file, 'its state.json is older than what the journal follows on', entries);
      return;
    }
    this.#apply(state, later);
    this.#workflows.add(state, 0);
    this.#noteWhole(state, file);
  }

  #noteWhole({ header }: WorkflowState, { meta, sha256 }: { meta: StateMeta; sha256: string }): void {
    if (meta.seq === header.seq) this.#result.upToDate.set(header.id, sha256);
    else this.#result.behind.add(header.id);
  }

  /** A finished file is adopted as it stands, without an event; what came later was written on top of it. */
  #readAdopted(id: string, file: StateFile, entries: readonly Entry[]): WorkflowState | null {
    const entry = this.#found.finished.get(id);
    if ((file.kind !== 'foreign' && file.kind !== 'intact') || this.#found.manifest?.live[id]) return null;
    if (entry && entry.sha256 !== file.sha256) return null;
    const parsed = stateFileSchema.safeParse(file.value);
    if (!parsed.success || parsed.data.id !== id) return null;
    // Another journal's file names an event of that one; what came later here is known by its versions alone.
    const meta = file.kind === 'intact' ? { ...(file.meta as unknown as WorkflowMeta), seq: 0 } : {};
    const state = readWorkflow(parsed.data, meta, entry ? Date.parse(entry.summary.createdAt) : this.#clock.now());
    const follows = entries.length > 0 && isUnbroken(entries, id, state.header.version);
    return isTerminal(state.header.status) && follows ? state : null;
  }

  /** A file with another workflow's id is not this one's, whoever wrote it. */
  #readState(id: string): StateFile {
    const file = this.#store.readStateSync(id);
    if (file.kind !== 'intact' || file.value.id === id) return file;
    return { kind: 'foreign', value: file.value, sha256: file.sha256 };
  }

  #apply(state: WorkflowState, entries: readonly Entry[]): void {
    for (const { seq, event } of entries) {
      if (event.workflowId === state.header.id) {
        this.#publish(event, seq, state, evolve(state, event, seq));
      } else if (event.kind === 'workflow.created') {
        evolveParent(state, event, seq);
      }
    }
  }

  #publish(event: JournalEvent, seq: number, state: WorkflowState, change?: Change): void {
    if (seq >= this.#windowFrom) this.#result.published.push(toEngineEvent(event, seq, state, change));
  }

  /** R3: a known workflow whose file is damaged and whose journal is gone. */
  #takeOver(id: string, file: StateFile, why: string, entries: readonly Entry[]): void {
    const value = file.kind === 'intact' || file.kind === 'foreign' ? file.value : undefined;
    const parsed = stateFileSchema.safeParse(value);
    const spending = this.#spending.followed(id, file, entries, this.#clock.now());
    if (!parsed.success || parsed.data.id !== id) {
      const reason =
        file.kind === 'unreadable'
          ? file.reason
          : file.kind === 'absent'
            ? 'its state.json is gone'
            : 'its state.json is not a workflow';
      if (file.kind !== 'absent') this.#store.setAsideState(id, reason);
      this.#workflows.setAside.set(id, reason);
      this.#workflows.keepSpent(id, spending);
      this.#note('quarantine', `Workflow ${id} was set aside: ${reason}`);
      return;
    }
    this.#store.copyAsideState(id, why);
    const warning = `${why.replace('its ', '')}; its content was taken over as found`;
    this.#note('quarantine', `Workflow ${id}: ${warning}`);
    const warnings = [...(parsed.data.warnings ?? []), warning];
    const version = Math.max(parsed.data.version ?? 0, ...entries.map(({ event }) => versionFor(event, id)));
    const workflow = { ...parsed.data, warnings } as unknown as JsonObject;
    const taken = { ...toTaken(file as StateFile & { sha256: string }, workflow), spending };
    this.#begin('workflow.taken_over', taken, version + 1);
  }

  #adoptUnknown(id: string): void {
    const wasSetAside = this.#workflows.setAside.has(id);
    const file = this.#readState(id);
    if (file.kind === 'absent') {
      if (!wasSetAside) this.#note('info', `Directory ${id} holds no state.json and is left alone`);
      return;
    }
    const value = file.kind === 'unreadable' ? undefined : file.value;
    const parsed = stateFileSchema.safeParse(value);
    if (!parsed.success || parsed.data.id !== id) {
      const fault = parsed.success ? 'it holds another workflow id' : (parsed.error.issues[0]?.message ?? '');
      const reason = file.kind === 'unreadable' ? file.reason : `its state.json is not a workflow: ${fault}`;
      this.#store.setAsideState(id, reason);
      this.#workflows.setAside.set(id, reason);
      this.#note('quarantine', `Workflow ${id} was set aside: ${reason}`);
      return;
    }
    this.#workflows.setAside.delete(id);
    const now = this.#clock.now();
    // Its line in the index, or the manifest, may be what was lost: a call that is made again is still the same call.
    const taken = toTaken(file as StateFile & { sha256: string }, parsed.data as unknown as JsonObject);
    const state = readWorkflow(parsed.data, {}, now);
    if (isTerminal(state.header.status)) {
      // Finished and stopped files are left as they stand.
      const { sha256 } = file as { sha256: string };
      const keys = this.#withoutOthers(taken.keys ?? []).map(({ key }) => key);
      const rows = this.#spending.beside(id, taken.spending ?? []);
      const spending = rows.length > 0 ? { spending: rows } : {};
      this.#workflows.addFinished({ id, seq: 0, sha256, summary: toSummary(state), keys, ...spending }, false);
    } else {
      this.#begin('workflow.adopted', taken, state.header.version + 1);
    }
    this.#note('info', `Workflow ${id} was adopted from its state.json`);
  }

  /** A key may have been used again since its workflow was deleted. */
  #withoutOthers(keys: readonly IdempotencyRecord[]): IdempotencyRecord[] {
    return keys.filter(({ key }) => this.#workflows.keyOwner(key) === undefined);
  }

  #begin(kind: 'workflow.adopted' | 'workflow.taken_over', taken: Taken, version: number): void {
    // First in the text, before anything of the user's that may look the same: the store searches for the id there.
    const base = { kind, workflowId: String(taken.workflow.id), at: this.#clock.now(), version };
    const spending = this.#spending.beside(base.workflowId, taken.spending ?? []);
    const event: Beginning = { ...base, ...taken, keys: this.#withoutOthers(taken.keys ?? []), spending };
    const seq = this.#append(event);
    const state = createWorkflow(event, seq);
    this.#workflows.add(state, seq);
    this.#publish(event, seq, state);
  }

  #append(event: JournalEvent): number {
    const seq = this.#seq;
    this.#seq += 1;
    this.#result.payloads.push(toEventJson(event));
    return seq;
  }

  /** R4. */
  #resume(state: WorkflowState): void {
    const { id } = state.header;
    const lost = state.steps.filter(({ reserved }) => reserved !== null).map(() => decideLost);
    for (const decide of [decideRecovery, ...lost, decideWaiting]) {
      const event = decide(state, this.#clock.now(), this.#isUnclean);
      if (!event) continue;
      const seq = this.#append(event);
      const change = evolve(state, event, seq);
      this.#publish(event, seq, state, change);
      if (this.#result.upToDate.delete(id)) this.#result.behind.add(id);
      if (event.kind === 'workflow.recovered') this.#result.requeued.push({ id, steps: change.queued.length });
    }
  }

  /** The queue is derived from the steps; what else the file holds is named, so that nobody waits for it. */
  #checkQueueFile(): void {
    for (const item of this.#found.queueItems) {
      const { workflow_id: id, node_id: stepId } = (item ?? {}) as { workflow_id?: unknown; node_id?: unknown };
      const status = this.#workflows.live.get(String(id))?.state.step(String(stepId))?.status;
      if (status === 'PENDING') continue;
      const why = status === undefined ? 'there is no such step to run' : `the step is ${status}`;
      this.#note('info', `Queue item ${String(id)}/${String(stepId)} was dropped: ${why}`);
    }
  }
}

function isBeginning(event: JournalEvent, id: string): event is Beginning {
  return 'workflow' in event && event.workflowId === id;
}

/** A file that a life was taken from is older than all of it, whatever event of another journal it names. */
function numberForLife<File extends SeenFile>(file: File, life: readonly Entry[]): File {
  const first = life[0]?.event;
  const isTaken = first?.kind === 'workflow.adopted' || first?.kind === 'workflow.taken_over';
  if (!isTaken || file.kind !== 'intact' || file.sha256 !== first.sha256) return file;
  return { ...file, meta: { ...file.meta, seq: 0 } };
}

/** The version that an event gives a workflow, be it the event's own or its parent. */
function versionFor(event: JournalEvent, id: string): number {
  return event.kind === 'workflow.created' && event.workflowId !== id ? (event.parent?.version ?? 0) : event.version;
}

/** Whether each event gives the version after the one before: then none between them is lost. */
function isUnbroken(entries: readonly Entry[], id: string, version: number): boolean {
  return entries.every(({ event }, i) => versionFor(event, id) === version + 1 + i);
}

/** Fills `workflows` and says what is to be written and told. */
export function recover(store: StorePort, workflows: Workflows, clock: Clock): Recovered {
  return new Recovery(store, workflows, clock).run();
}
