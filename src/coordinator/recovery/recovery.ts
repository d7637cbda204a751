/**
 * Restores all workflows at a start. It applies the journal's later events to state files, adopts foreign files,
 * rebuilds damaged files, takes them over or sets them aside, and puts every step that ran or was queued in line
 * again.
 *
 * Rules, numbered for tests:
 *   R1  a workflow whose events are all in the journal is rebuilt from the journal; its file only shows whether it was
 *       damaged;
 *   R2  any other workflow is its file plus the journal's later events;
 *   R4  no step stays RUNNING, and no ready step is missing from the queue;
 *   R5  recovery reads; `store.begin` writes its decisions in one piece, so a crash during recovery changes nothing;
 *   R6  a workflow whose events break a rule of the core (`transitions.ts`), or whose events or file make anything else
 *       fail but the disk, is set aside with the reason, its file and its events kept; the others go on.
 * R3 is in intake.ts.
 */
import { BrokenRule } from '../../contract/broken.ts';
import type { EngineEvent } from '../../contract/event.ts';
import {
  DiskFailedError,
  DiskFullError,
  type FinishedEntry,
  type Notice,
  OutOfHandlesError,
  type StateFile,
  type StateMeta,
  type StorePort,
} from '../../contract/store.ts';
import { isHookKey } from '../../contract/webhook.ts';
import { type Beginning, createWorkflow } from '../../core/create-workflow.ts';
import { decideLost, decideRecovery, decideWaiting } from '../../core/decide.ts';
import { evolve, evolveParent } from '../../core/evolve.ts';
import { findExcess } from '../../core/file-bounds.ts';
import type { WorkflowState } from '../../core/state.ts';
import { readWorkflow, type WorkflowMeta } from '../../core/state-file.ts';
import type { Clock } from '../clock.ts';
import type { Workflows } from '../workflows.ts';
import { FirstBatch } from './first-batch.ts';
import { type Entry, FoundEvents, isUnbroken, lifeOf, versionFor } from './found-events.ts';
import { Intake } from './intake.ts';

export interface Recovered {
  /** Events that recovery makes, for `store.begin` to write. */
  payloads: string[];
  /** The latest events, old and new, for the event window. */
  published: EngineEvent[];
  /** `published` includes every event after this number. */
  publishedAfter: number;
  notices: Notice[];
  /** Workflows whose steps were queued again, with the number of those steps. */
  requeued: { id: string; steps: number }[];
  /** Ids of deleted workflows whose directories still exist. */
  leftovers: string[];
  /** Live workflows whose file is up to date, with the file's SHA-256. */
  upToDate: Map<string, string>;
  /** Live workflows whose file is intact but older than their state. */
  behind: Set<string>;
}

/** The part of a state.json that recovery needs when the journal holds the workflow. */
type SeenFile = { kind: 'intact'; meta: StateMeta; sha256: string } | { kind: Exclude<StateFile['kind'], 'intact'> };

class Recovery {
  readonly #store: StorePort;
  readonly #workflows: Workflows;
  readonly #clock: Clock;
  readonly #found: StorePort['found'];
  readonly #events: FoundEvents;
  readonly #batch: FirstBatch;
  readonly #intake: Intake;
  /** Workflows whose files may claim reused idempotency keys; restored last, so that current owners win. */
  readonly #restoredLast: (readonly [id: string, restore: () => void])[] = [];
  /**
   * True unless the last stop was clean. A clean stop ends with a checkpoint that covers every event and says
   * `stopped`; covering every event is not enough, since other checkpoints may do so too.
   */
  readonly #isUnclean: boolean;
  readonly #result: Omit<Recovered, 'payloads' | 'published' | 'publishedAfter'> = {
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
    this.#events = new FoundEvents(store.found.records);
    this.#batch = new FirstBatch(store.nextSeq);
    this.#intake = new Intake({
      store,
      workflows,
      clock,
      batch: this.#batch,
      note: (kind, message) => this.#note(kind, message),
    });
    const { manifest } = store.found;
    this.#isUnclean = manifest?.stopped !== true || store.nextSeq - 1 > manifest.seq;
  }

  run(): Recovered {
    for (const notice of this.#found.notices) this.#result.notices.push(notice);
    for (const [id, reason] of Object.entries(this.#found.manifest?.setAside ?? {}))
      this.#workflows.setAside.set(id, reason);
    for (const [id, rows] of Object.entries(this.#found.manifest?.spent ?? {})) this.#workflows.keepSpent(id, rows);
    for (const [key, [id, at]] of Object.entries(this.#found.manifest?.delivered ?? {})) {
      this.#workflows.gone.keep([key], id, at);
    }
    const directories = new Set(this.#found.workflowIds);
    const { finished } = this.#found;
    const promised = new Set(Object.keys(this.#found.manifest?.live ?? {}));
    for (const [id, entry] of finished) {
      // The common case, which must be fast: only the index names this workflow.
      if (!this.#events.has(id) && !promised.has(id) && directories.has(id)) {
        this.#workflows.addFinished(entry, true);
        continue;
      }
      this.#orSetAside(id, () => this.#recover(id, directories.has(id)));
      if (!this.#workflows.finished.has(id)) this.#workflows.removedFromIndex.add(id);
    }
    // No set of all ids: finished workflows are many, so the few others are looked up among them.
    const known = new Set([...this.#events.ids(), ...promised]);
    for (const id of known) {
      if (!finished.has(id)) this.#orSetAside(id, () => this.#recover(id, directories.has(id)));
    }
    for (const [id, restore] of this.#restoredLast) this.#orSetAside(id, restore);
    for (const id of directories) {
      if (!known.has(id) && !finished.has(id)) this.#orSetAside(id, () => this.#intake.adopt(id));
    }
    for (const [id, { state }] of this.#workflows.live) this.#orSetAside(id, () => this.#resume(state));
    this.#checkQueueFile();
    return { ...this.#result, payloads: this.#batch.payloads, ...this.#batch.toWindow() };
  }

  #note(kind: Notice['kind'], message: string): void {
    this.#result.notices.push({ kind, message });
  }

  #recover(id: string, hasDirectory: boolean): void {
    const entries = this.#events.of(id);
    const last = entries.at(-1);
    if (last?.event.kind === 'workflow.deleted') {
      this.#batch.publishDeleted(last);
      this.#workflows.keepSpent(id, last.event.spending ?? []);
      this.#workflows.gone.keep(last.event.deliveries ?? [], id, last.event.at);
      if (!hasDirectory) return;
      // A checkpoint waits until the files of deleted workflows are gone, or lists the directories that stay. It
      // covers this deletion and does not list this directory, so a user has put the directory back since.
      if (last.seq <= (this.#found.manifest?.seq ?? 0)) this.#restoredLast.push([id, () => this.#intake.adopt(id)]);
      else this.#result.leftovers.push(id);
      return;
    }
    const finished = this.#found.finished.get(id);
    // C1: the checkpoint covers its events but does not list it: it was deleted, even if the record of that is lost.
    const isCovered = last !== undefined && last.seq <= (this.#found.manifest?.seq ?? 0);
    if (isCovered && !finished && !this.#found.manifest?.live[id] && !hasDirectory) return;
    // The entry may be obsolete: if the workflow runs again, the index may have lost the line that removes the entry.
    const lastSeq = Math.max(last?.seq ?? 0, this.#found.manifest?.live[id]?.seq ?? 0);
    if (finished && lastSeq <= finished.seq) {
      this.#keepFinished(finished, hasDirectory);
      return;
    }
    const life = lifeOf(id, entries);
    // A workflow that is rebuilt from the journal needs only the checksums of its file; reading the file takes far
    // longer.
    const sums = life.length > 0 ? this.#store.foundSums(id) : null;
    const file = sums === null ? this.#intake.read(id) : null;
    const seen = this.#judgeSeq(numberForLife(file ?? { kind: 'intact', ...sums! }, life));
    if (this.#isWhole(id, life, seen)) this.#rebuild(id, life, seen);
    else this.#rebase(id, entries, numberForLife(file ?? this.#intake.read(id), life));
  }

  /**
   * A file that names another journal, or an event which this journal has not given out yet, is another engine's, however
   * whole it is: its seq says nothing here. (A file that is ahead of a damaged journal raises `nextSeq`; see `last-life.ts`.)
   */
  #judgeSeq(file: SeenFile): SeenFile {
    if (file.kind !== 'intact') return file;
    const { journal, seq } = file.meta;
    const isOther = journal !== undefined && journal !== this.#store.journalId;
    return isOther || seq >= this.#store.nextSeq ? { kind: 'foreign' } : file;
  }

  #judgeFileSeq(file: StateFile): StateFile {
    if (file.kind !== 'intact' || this.#judgeSeq(file).kind === 'intact') return file;
    return { kind: 'foreign', value: file.value, sha256: file.sha256 };
  }

  /** R6. */
  #orSetAside(id: string, work: () => void): void {
    const mark = this.#batch.mark();
    try {
      work();
    } catch (error) {
      if (isOfDisk(error)) throw error;
      this.#batch.undo(mark);
      this.#workflows.remove(id);
      this.#result.upToDate.delete(id);
      this.#result.behind.delete(id);
      this.#result.requeued = this.#result.requeued.filter((one) => one.id !== id);
      const entries = this.#events.of(id);
      const what = entries.length === 0 ? 'its state.json cannot be taken in' : 'its events cannot be applied';
      const isRule = error instanceof BrokenRule;
      const reason = isRule
        ? `its events break a rule of the engine (${error.message})`
        : `${what} (${error instanceof Error ? error.message : String(error)})`;
      this.#intake.setAside(id, this.#intake.read(id), reason, entries);
    }
  }

  #keepFinished(entry: FinishedEntry, hasDirectory: boolean): void {
    if (hasDirectory) {
      this.#workflows.addFinished(entry, true);
      return;
    }
    this.#workflows.keepSpent(entry.id, entry.spending ?? []);
    this.#workflows.gone.keep(entry.keys.filter(isHookKey), entry.id, this.#clock.now());
    this.#note('info', `Workflow ${entry.id} is gone from the disk; it is forgotten`);
  }

  /** Whether the journal holds all events of a life: damage may have lost events in the middle, or the last ones. */
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
    this.#batch.publish(event, seq, state);
    this.#apply(state, entries.slice(1));
    this.#workflows.add(state, seq);
    if (file.kind === 'intact') {
      this.#noteWhole(state, file);
    } else if (file.kind !== 'absent') {
      const reason = `state.json of workflow ${id} is not what the engine wrote; it was rebuilt from the journal`;
      // An unreadable state.json may not be a regular file. It must make room for the new file.
      if (file.kind === 'unreadable') this.#store.setAsideState(id, reason);
      else this.#store.copyAsideState(id, reason);
      this.#note('quarantine', reason);
    }
  }

  /** R2. */
  #rebase(id: string, entries: readonly Entry[], read: StateFile): void {
    const promised = this.#found.manifest?.live[id] ?? this.#found.finished.get(id);
    // Of a file that was adopted as it stood, no seq is believed anyway.
    const adopted = this.#intake.readAsItStood(id, read, entries);
    const file = this.#judgeFileSeq(read);
    if (adopted) {
      this.#apply(adopted, entries);
      this.#restoredLast.push([id, () => this.#intake.add(adopted)]);
      return;
    }
    if (file.kind !== 'intact') {
      this.#intake.takeOver(id, file, 'its state.json is not what the engine wrote', entries);
      return;
    }
    const excess = findExcess(file.value);
    if (excess !== null) throw new Error(`its state.json ${excess}`);
    const meta = file.meta as unknown as WorkflowMeta;
    const state = readWorkflow(file.value, meta, this.#clock.now());
    const later = entries.filter(({ seq }) => seq > meta.seq);
    if (!isUnbroken(later, id, state.header.version) || (promised !== undefined && meta.seq < promised.seq)) {
      this.#intake.takeOver(id, file, 'its state.json is older than what the journal follows on', entries);
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

  #apply(state: WorkflowState, entries: readonly Entry[]): void {
    for (const { seq, event } of entries) {
      if (event.workflowId === state.header.id) {
        this.#batch.publish(event, seq, state, evolve(state, event, seq));
      } else if (event.kind === 'workflow.created') {
        evolveParent(state, event, seq);
      }
    }
  }

  /** R4. */
  #resume(state: WorkflowState): void {
    const { id } = state.header;
    const lost = state.steps.filter(({ reserved }) => reserved !== null).map(() => decideLost);
    for (const decide of [decideRecovery, ...lost, decideWaiting]) {
      const event = decide(state, this.#clock.now(), this.#isUnclean);
      if (!event) continue;
      // Applied first: an event that breaks a rule is not written.
      const change = evolve(state, event, this.#batch.nextSeq);
      const seq = this.#batch.append(event);
      this.#batch.publish(event, seq, state, change);
      if (this.#result.upToDate.delete(id)) this.#result.behind.add(id);
      if (event.kind === 'workflow.recovered') this.#result.requeued.push({ id, steps: change.queued.length });
    }
  }

  /**
   * The queue is derived from the steps. Items of the old queue file that have no PENDING step are dropped with a
   * notice.
   */
  #checkQueueFile(): void {
    for (const item of this.#found.queueItems) {
      const { workflow_id: workflowId, node_id: nodeId } = (item ?? {}) as { workflow_id?: unknown; node_id?: unknown };
      const [id, stepId] = [toShown(workflowId), toShown(nodeId)];
      const status = this.#workflows.live.get(id)?.state.step(stepId)?.status;
      if (status === 'PENDING') continue;
      const why = status === undefined ? 'there is no such step to run' : `the step is ${status}`;
      this.#note('info', `Queue item ${id}/${stepId} was dropped: ${why}`);
    }
  }
}

/**
 * A life that begins with `adopted` or `taken_over` began from a file. If this is still that file, it is older than
 * every event of the life, and the seq in it belongs to another journal: it is set to 0.
 */
function numberForLife<File extends SeenFile>(file: File, life: readonly Entry[]): File {
  const first = life[0]?.event;
  const isTaken = first?.kind === 'workflow.adopted' || first?.kind === 'workflow.taken_over';
  if (!isTaken || file.kind !== 'intact' || file.sha256 !== first.sha256) return file;
  const { journal: _other, ...meta } = file.meta;
  return { ...file, meta: { ...meta, seq: 0 } };
}

const shownLengthMax = 200;

/** What a queue item names, which may be anything: text as far as a message has room. */
function toShown(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? 'an object' : String(value);
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}

/** The disk's errors end the start with a line of their own: no file is at fault. Those of the system have a code. */
function isOfDisk(error: unknown): boolean {
  if (error instanceof DiskFullError || error instanceof DiskFailedError || error instanceof OutOfHandlesError)
    return true;
  return error instanceof Error && 'syscall' in error;
}

/** Fills `workflows`, and returns the events to write and the events to show to followers. */
export function recover(store: StorePort, workflows: Workflows, clock: Clock): Recovered {
  return new Recovery(store, workflows, clock).run();
}
