/** The details of the picked step: read when it is picked, and again when something has happened to it. */
import { signal } from '@preact/signals';
import type { StepDetail, WorkerCalls } from './run-messages.ts';

/** What a run's store tells of it. */
export interface StoreListener {
  /** Something has happened to the step: where it is the picked one, it has to be read again. */
  onStep(stepId: string): void;
  /** Something may have happened to any step: the run was read as a whole, or the engine was away. */
  onAll(): void;
}

/** The part of the store that steps are read through. */
export interface StepSource {
  readonly id: string;
  readonly worker: { call(name: 'step', ask: WorkerCalls['step']['ask']): Promise<WorkerCalls['step']['answer']> };
  /** The answer ends the listening. */
  listen(listener: StoreListener): () => void;
}

/** A step that has many events is read at most so often. */
const againMs = 500;

export interface LoadedStep {
  readonly stepId: string;
  readonly detail: StepDetail;
  /** Grows with each read: trees and texts that were opened are asked for again. */
  readonly turn: number;
}

export class StepLoader {
  readonly loaded = signal<LoadedStep | null>(null);
  readonly failure = signal<{ stepId: string; error: unknown } | null>(null);
  readonly #store: StepSource;
  readonly #unlisten: () => void;
  #stepId: string | null = null;
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #readAt = 0;

  constructor(store: StepSource) {
    this.#store = store;
    this.#unlisten = store.listen({
      onStep: (stepId) => {
        if (stepId === this.#stepId) this.#again();
      },
      onAll: () => this.#again(),
    });
  }

  show(stepId: string | null): void {
    if (stepId === this.#stepId) return;
    this.#stepId = stepId;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.loaded.value = null;
    this.failure.value = null;
    if (stepId !== null) void this.#read(stepId);
  }

  /** Reads the step at once, as after something was given to it. */
  refresh(): void {
    if (this.#stepId !== null) void this.#read(this.#stepId);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#unlisten();
  }

  #again(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#readAt + againMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.refresh();
    }, wait);
  }

  /** Of two reads the one that was asked for last counts. */
  async #read(stepId: string): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#readAt = performance.now();
    try {
      const { detail } = await this.#store.worker.call('step', { id: this.#store.id, stepId });
      if (turn !== this.#turn || stepId !== this.#stepId) return;
      this.failure.value = null;
      this.loaded.value = { stepId, detail, turn };
    } catch (error) {
      if (turn === this.#turn && stepId === this.#stepId) this.failure.value = { stepId, error };
    }
  }
}
