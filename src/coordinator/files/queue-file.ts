/**
 * The queue file: every step that is ready or running, from the moment it is ready until its result is recorded. It is
 * written later than the journal, at most every 100 ms, and more rarely when it is long (`write-pace.ts`).
 */

import type { StepId, WorkflowId } from '../../contract/ids.ts';
import { DiskFullError, type QueueItem, type StorePort } from '../../contract/store.ts';
import { toIso } from '../../core/time.ts';
import type { Clock } from '../clock.ts';
import { Pace } from './write-pace.ts';

export class QueueView {
  readonly #store: StorePort;
  readonly #isDurable: () => boolean;
  readonly #onFault: (error: unknown) => void;
  readonly #pace: Pace;
  readonly #items = new Map<string, QueueItem>();
  #isDirty = false;
  #writing: Promise<void> | null = null;
  #lastError: unknown = null;
  filesWritten = 0;

  /** `isDurable`: whether the journal holds all that memory says; a full disk delays that. */
  constructor(store: StorePort, clock: Clock, isDurable: () => boolean, onFault: (error: unknown) => void) {
    this.#store = store;
    this.#isDurable = isDurable;
    this.#onFault = onFault;
    this.#pace = new Pace(clock);
  }

  get size(): number {
    return this.#items.size;
  }

  ready(workflowId: WorkflowId, stepId: StepId, action: string, attempt: number, now: number): void {
    const item = { workflow_id: workflowId, node_id: stepId, action, attempt, queued_at: toIso(now) };
    this.#items.set(`${workflowId}/${stepId}`, { ...item, status: 'PENDING' });
    this.touch();
  }

  started(workflowId: WorkflowId, stepId: StepId, attempt: number): void {
    const key = `${workflowId}/${stepId}`;
    const item = this.#items.get(key);
    if (item) this.#items.set(key, { ...item, status: 'RUNNING', attempt });
    this.touch();
  }

  ended(workflowId: WorkflowId, stepId: StepId): void {
    this.#items.delete(`${workflowId}/${stepId}`);
    this.touch();
  }

  /** The file must be written, if only to replace the one that an earlier life left. */
  touch(): void {
    this.#isDirty = true;
    this.#pace.arm(() => void this.#write());
  }

  /** Resolves when the file is current; rejects with the error that keeps it from being written. */
  async flush(): Promise<void> {
    this.#pace.stop();
    for (let tries = 0; this.#isDirty || this.#writing !== null; tries += 1) {
      await this.#write();
      if (this.#isDirty && tries > 0) throw this.#lastError ?? new DiskFullError('the journal has no room');
    }
  }

  stop(): void {
    this.#pace.stop();
  }

  async #write(): Promise<void> {
    // Several may have waited for the same write; the first of them has begun the next.
    while (this.#writing !== null) await this.#writing;
    if (!this.#isDirty) return;
    if (!this.#isDurable()) {
      this.touch();
      return;
    }
    this.#isDirty = false;
    this.#writing = this.#pace
      .measure(() => this.#store.writeQueue([...this.#items.values()], { durable: false }))
      .then(
        () => {
          this.filesWritten += 1;
          this.#lastError = null;
        },
        (error: unknown) => {
          this.#lastError = error;
          this.#onFault(error);
          this.touch();
        },
      )
      .finally(() => {
        this.#writing = null;
      });
    await this.#writing;
  }
}
