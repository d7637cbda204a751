/**
 * Writes each workflow's `state.json`, a little later than the journal and never in its way.
 *
 * Rules, numbered for tests:
 *   W1  a file shows durable state only;
 *   W2  a workflow's file is written when the workflow is created, whenever it comes to rest (finished, or waiting for
 *       something from outside), and in between after a pause of 100 ms to 2 s: the longer, the more time writing takes
 *       from the thread (`write-pace.ts`);
 *   W3  where the journal no longer holds a workflow's beginning, its file is durable before it replaces the last one.
 *
 * Files to be written now wait in a line, and a few are written at a time. Each write takes the latest state: a workflow
 * that is created and finished while it waits in the line is written once. The call that creates a workflow waits for its
 * first file, so a client cannot submit faster than the disk takes files.
 */
import { DiskFullError, type StorePort } from '../../contract/store.ts';
import { isAtRest, isTerminal } from '../../contract/workflow.ts';
import { toMeta } from '../../core/state-file.ts';
import type { Clock } from '../clock.ts';
import type { Live, Workflows } from '../workflows.ts';
import { Pace } from './write-pace.ts';

const writesAtOnceMax = 8;

export interface WrittenFile {
  seq: number;
  sha256: string;
}

export interface ViewsOptions {
  store: StorePort;
  workflows: Workflows;
  clock: Clock;
  /** Whether the journal holds all that memory says of a workflow. */
  isDurable(id: string): boolean;
  onFault(error: unknown): void;
}

export class StateFiles {
  readonly #options: ViewsOptions;
  readonly #pace: Pace;
  /** Changed since their last write. */
  readonly #dirty = new Set<string>();
  /** To be written now, in this order. */
  readonly #line = new Set<string>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #firstWrites = new Map<string, (() => void)[]>();
  /** The event and the sum of each file, for workflows in memory. */
  readonly written = new Map<string, WrittenFile>();
  /** Files written since the last checkpoint without an fsync of their own. */
  readonly #unsynced = new Set<string>();
  /** Workflows that began at or before this event are not covered by the journal (W3). */
  #coveredAfter = 0;
  #isArmed = false;
  #isStopped = false;
  #failures = 0;
  #lastError: unknown = null;
  filesWritten = 0;

  constructor(options: ViewsOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
  }

  touch(live: Live): void {
    const { id, status } = live.state.header;
    this.#dirty.add(id);
    if (isAtRest(status) || !this.written.has(id)) this.#enqueue(id);
    else this.#pace.arm(() => this.#enqueueAll());
  }

  /** The workflow's file on the disk is current, though perhaps not durable. */
  found(live: Live, sha256: string): void {
    const { id, seq } = live.state.header;
    this.written.set(id, { seq, sha256 });
    this.#unsynced.add(id);
    this.retire(live);
  }

  /** Resolves when the workflow has a file, or is gone. */
  hasFile(live: Live): Promise<void> {
    const { id } = live.state.header;
    if (this.written.has(id) || this.#options.workflows.live.get(id) !== live) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#firstWrites.get(id) ?? [];
      this.#firstWrites.set(id, waiting);
      waiting.push(resolve);
    });
  }

  forget(id: string): void {
    this.#dirty.delete(id);
    this.#line.delete(id);
    this.#unsynced.delete(id);
    this.written.delete(id);
    this.#tellFirst(id);
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
   * Writes everything that is dirty now. Workflows that change meanwhile are left out, or steady work would keep this from
   * ever ending. Rejects with the error that keeps a file from being written.
   */
  async flush(): Promise<void> {
    const { workflows, isDurable } = this.#options;
    const failures = this.#failures;
    const wanted = [...this.#dirty, ...this.#writing.keys()].map((id) => ({
      id,
      seq: workflows.live.get(id)?.state.header.seq ?? 0,
    }));
    this.#enqueueAll();
    let isHeldBack = false;
    for (const { id, seq } of wanted) {
      while (this.#isBehind(id, seq) && !this.#isStopped) {
        if (this.#failures > failures) throw this.#lastError;
        if (!isDurable(id)) {
          isHeldBack = true;
          break;
        }
        this.#line.add(id);
        this.#pump();
        if (this.#writing.size > 0) await (this.#writing.get(id) ?? Promise.race(this.#writing.values()));
      }
    }
    if (this.#isStopped) throw new Error('the engine has ended; state files stay as they are');
    if (isHeldBack) throw new DiskFullError('the journal has no room');
  }

  #isBehind(id: string, seq: number): boolean {
    const isOnItsWay = this.#dirty.has(id) || this.#writing.has(id);
    return isOnItsWay && (this.written.get(id)?.seq ?? -1) < seq;
  }

  takeUnsynced(): string[] {
    const ids = [...this.#unsynced];
    this.#unsynced.clear();
    return ids;
  }

  putBackUnsynced(ids: readonly string[]): void {
    for (const id of ids) if (this.#options.workflows.has(id)) this.#unsynced.add(id);
  }

  /** The journal has room again: files that waited for it are written. */
  resume(): void {
    this.#enqueueAll();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pace.stop();
  }

  /** Takes a finished workflow out of memory once its file is current. */
  retire(live: Live): void {
    const { id, status, seq } = live.state.header;
    const written = this.written.get(id);
    if (!isTerminal(status) || live.pins > 0 || written?.seq !== seq) return;
    if (this.#options.workflows.live.get(id) !== live) return;
    this.written.delete(id);
    this.#options.workflows.retire(live, written.sha256);
  }

  #enqueueAll(): void {
    for (const id of this.#dirty) this.#enqueue(id);
  }

  #enqueue(id: string): void {
    this.#line.add(id);
    if (this.#isArmed) return;
    this.#isArmed = true;
    // Not within the turn that changed it, which is not durable yet (W1).
    this.#options.clock.soon(() => {
      this.#isArmed = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const id of this.#line) {
      if (this.#isStopped || this.#writing.size >= writesAtOnceMax) return;
      if (this.#writing.has(id)) continue;
      this.#line.delete(id);
      // The disk is full and memory is ahead of the journal: the workflow stays dirty and is tried with its next change.
      if (!this.#options.isDurable(id)) continue;
      this.#dirty.delete(id);
      const live = this.#options.workflows.live.get(id);
      if (live) this.#start(live);
    }
  }

  #start(live: Live): void {
    const { id, seq } = live.state.header;
    const write = (this.written.get(id)?.seq === seq ? Promise.resolve() : this.#write(live)).then(() => {
      this.#writing.delete(id);
      if (this.written.has(id)) this.#tellFirst(id);
      this.retire(live);
      this.#pump();
    });
    this.#writing.set(id, write);
  }

  async #write(live: Live): Promise<void> {
    const { store, workflows } = this.#options;
    const durable = live.firstSeq <= this.#coveredAfter;
    const { id, seq } = live.state.header;
    try {
      const sha256 = await this.#pace.measure(() =>
        store.writeState(id, live.encoder.encodePieces(live.state), { ...toMeta(live.state) }, { durable }),
      );
      this.filesWritten += 1;
      if (workflows.live.get(id) !== live) return;
      this.written.set(id, { seq, sha256 });
      if (durable) this.#unsynced.delete(id);
      else this.#unsynced.add(id);
    } catch (error) {
      // The journal is the truth: the old file stays, and the new one is tried again after a pause.
      this.#failures += 1;
      this.#lastError = error;
      if (workflows.live.get(id) === live) this.#dirty.add(id);
      this.#pace.arm(() => this.#enqueueAll());
      this.#options.onFault(error);
      // The journal has the workflow; the call that creates it need not wait for the file.
      this.#tellFirst(id);
    }
  }

  #tellFirst(id: string): void {
    const waiting = this.#firstWrites.get(id);
    if (!waiting) return;
    this.#firstWrites.delete(id);
    for (const tell of waiting) tell();
  }
}
