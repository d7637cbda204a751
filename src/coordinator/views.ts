/**
 * Writes the views: each workflow's `state.json` and the queue file, a little behind the journal and never in its way.
 *
 * Rules, numbered for tests:
 *   W1  a view shows durable state only;
 *   W2  a workflow's file is written at birth, whenever it comes to rest, and in between at most every 100 ms; the pauses
 *       stretch with what a round costs;
 *   W3  where the journal no longer holds a workflow's beginning, its file is durable before it replaces the last one.
 */
import type { QueueItem, StorePort } from '../contract/store.ts';
import { isAtRest, isTerminal } from '../contract/workflow.ts';
import { toMeta, type WorkflowMeta } from '../core/state-file.ts';
import { toIso } from '../core/time.ts';
import type { Clock } from './clock.ts';
import type { Live, Workflows } from './workflows.ts';

const pauseMsMin = 100;
const pauseMsMax = 2_000;
/** A round may take a fifth of the time: the pause after it is four times as long. */
const pausePerCost = 4;
const writesAtOnceMax = 8;

export interface Written {
  seq: number;
  sha256: string;
}

export class Views {
  readonly #store: StorePort;
  readonly #workflows: Workflows;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #dirty = new Set<string>();
  readonly #urgent = new Set<string>();
  readonly #queue = new Map<string, QueueItem>();
  #queueDirty = false;
  /** What the files of workflows in memory hold. */
  readonly written = new Map<string, Written>();
  /** Files written since the last checkpoint without an fsync of their own. */
  readonly #unsynced = new Set<string>();
  /** Workflows that began at or before this event are not covered by the journal (W3). */
  #coveredAfter = 0;
  readonly #writing = new Map<string, Promise<void>>();
  #round: Promise<void> | null = null;
  /** Monotonic milliseconds before which only urgent files are written. */
  #fullRoundAt = 0;
  #cancelTimer: (() => void) | null = null;
  #timerAt = 0;
  #failures = 0;
  stateFilesWritten = 0;
  queueFilesWritten = 0;

  constructor(store: StorePort, workflows: Workflows, clock: Clock, onFault: (error: unknown) => void) {
    this.#store = store;
    this.#workflows = workflows;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  get queueItems(): ReadonlyMap<string, QueueItem> {
    return this.#queue;
  }

  touch(live: Live): void {
    const { id, status } = live.state.header;
    this.#dirty.add(id);
    if (isAtRest(status)) this.#urgent.add(id);
    this.#arm();
  }

  /** Its file stands on the disk as it should, though perhaps not durably. */
  found(live: Live, sha256: string): void {
    const { id, seq } = live.state.header;
    this.written.set(id, { seq, sha256 });
    this.#unsynced.add(id);
    this.retire(live);
  }

  forget(id: string): void {
    this.#dirty.delete(id);
    this.#urgent.delete(id);
    this.#unsynced.delete(id);
    this.written.delete(id);
  }

  queued(workflowId: string, stepId: string, action: string, attempt: number, now: number): void {
    const item = {
      workflow_id: workflowId,
      node_id: stepId,
      action,
      status: 'PENDING' as const,
      attempt,
      queued_at: toIso(now),
    };
    this.#queue.set(`${workflowId}/${stepId}`, item);
    this.#queueTouched();
  }

  started(workflowId: string, stepId: string, attempt: number): void {
    const item = this.#queue.get(`${workflowId}/${stepId}`);
    if (item) this.#queue.set(`${workflowId}/${stepId}`, { ...item, status: 'RUNNING', attempt });
    this.#queueTouched();
  }

  ended(workflowId: string, stepId: string): void {
    this.#queue.delete(`${workflowId}/${stepId}`);
    this.#queueTouched();
  }

  /** Whatever an earlier life left in the queue file gives way. */
  replaceQueue(): void {
    this.#queueTouched();
  }

  #queueTouched(): void {
    this.#queueDirty = true;
    this.#arm();
  }

  /** Writes a new workflow's file from a text made before, ahead of any round. */
  async writeFirst(live: Live, text: string, meta: WorkflowMeta): Promise<void> {
    await this.#write(live, text, meta);
  }

  /** Resolves when no write of this workflow's file is under way. */
  async settled(id: string): Promise<void> {
    await this.#writing.get(id);
  }

  /** From here on, workflows that began at or before `seq` have durable files only (W3). */
  coverAfter(seq: number): void {
    this.#coveredAfter = seq;
  }

  /**
   * Writes everything that is dirty now; what becomes so meanwhile is left to later rounds, or steady work would keep
   * this from ever ending. Throws when a file could not be written.
   */
  async flush(): Promise<void> {
    const failures = this.#failures;
    await this.#startRound(true);
    await Promise.all(this.#writing.values());
    if (this.#failures > failures) throw new Error('state files could not be written; see the log');
  }

  takeUnsynced(): string[] {
    const ids = [...this.#unsynced];
    this.#unsynced.clear();
    return ids;
  }

  putBackUnsynced(ids: readonly string[]): void {
    for (const id of ids) if (this.#workflows.has(id)) this.#unsynced.add(id);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Lets a finished workflow go when its file says everything. */
  retire(live: Live): void {
    const { id, status, seq } = live.state.header;
    const written = this.written.get(id);
    if (!isTerminal(status) || live.pins > 0 || written?.seq !== seq || this.#workflows.live.get(id) !== live) return;
    this.written.delete(id);
    this.#workflows.retire(live, written.sha256);
  }

  #arm(): void {
    if (this.#round !== null || (this.#dirty.size === 0 && !this.#queueDirty)) return;
    const now = this.#clock.monotonic();
    const dueAt = this.#urgent.size > 0 ? now : Math.max(now, this.#fullRoundAt);
    if (this.#cancelTimer && this.#timerAt <= dueAt) return;
    this.stop();
    this.#timerAt = dueAt;
    this.#cancelTimer = this.#clock.timer(dueAt - now, () => void this.#startRound(false));
  }

  #startRound(everything: boolean): Promise<void> {
    if (this.#round !== null) return this.#round.then(() => this.#startRound(everything));
    this.stop();
    const startedAt = this.#clock.monotonic();
    const full = everything || startedAt >= this.#fullRoundAt;
    this.#round = this.#runRound([...(full ? this.#dirty : this.#urgent)], full).finally(() => {
      const now = this.#clock.monotonic();
      if (full) this.#fullRoundAt = now + Math.min(pauseMsMax, Math.max(pauseMsMin, (now - startedAt) * pausePerCost));
      this.#round = null;
      this.#arm();
    });
    return this.#round;
  }

  async #runRound(ids: string[], withQueue: boolean): Promise<void> {
    const lanes = Array.from({ length: Math.min(writesAtOnceMax, ids.length) }, async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const live = this.#workflows.live.get(id);
        this.#dirty.delete(id);
        this.#urgent.delete(id);
        if (live && this.written.get(id)?.seq !== live.state.header.seq) {
          await this.#write(live, live.encoder.encode(live.state), toMeta(live.state));
        }
        if (live) this.retire(live);
      }
    });
    if (withQueue && this.#queueDirty) lanes.push(this.#writeQueue());
    await Promise.all(lanes);
  }

  async #write(live: Live, text: string, meta: WorkflowMeta): Promise<void> {
    const { id } = live.state.header;
    const durable = live.firstSeq <= this.#coveredAfter;
    const write = this.#store.writeState(id, text, { ...meta }, { durable }).then(
      (sha256) => {
        this.stateFilesWritten += 1;
        if (this.#workflows.live.get(id) !== live) return;
        // Writes of one file end in the order in which they began.
        this.written.set(id, { seq: meta.seq, sha256 });
        if (durable) this.#unsynced.delete(id);
        else this.#unsynced.add(id);
      },
      (error: unknown) => {
        this.#dirty.add(id);
        this.#fail(error);
      },
    );
    this.#writing.set(id, write);
    await write;
    if (this.#writing.get(id) === write) this.#writing.delete(id);
  }

  async #writeQueue(): Promise<void> {
    this.#queueDirty = false;
    try {
      await this.#store.writeQueue([...this.#queue.values()], { durable: false });
      this.queueFilesWritten += 1;
    } catch (error) {
      this.#queueDirty = true;
      this.#fail(error);
    }
  }

  /** The journal is the truth: a view that cannot be written stays as it was and is tried again in the next full round. */
  #fail(error: unknown): void {
    this.#failures += 1;
    this.#onFault(error);
  }
}
