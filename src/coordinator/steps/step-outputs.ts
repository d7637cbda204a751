/**
 * Outputs of steps: where they are kept, and how other steps read them. Small outputs are text in events and in the state,
 * large ones are blobs. A blob is durable before the record that names it. When file handles or disk space are short, steps
 * wait for them.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import { DiskFullError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import type { ActionInfo } from '../../contract/task.ts';
import { BindingError, bindParams } from '../../core/bindings.ts';
import type { WorkflowState } from '../../core/state.ts';
import { type BoundParams, toBoundParams } from '../../core/step-secrets.ts';
import type { StepState } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';
import { NeededOutputs } from './needed-outputs.ts';
import { type ReadOutputs, sourcesOf } from './step-scope.ts';

const diskRetryMs = 1_000;

/** The parsed content of blobs, by name. */
export type Blobs = ReadonlyMap<string, unknown>;

/** Reads the large lists of groups into memory. */
export interface ListLoader {
  load(live: Live, groups: Iterable<StepState>): Promise<void>;
}

export class StepOutputs {
  readonly #store: StorePort;
  readonly #clock: Clock;
  readonly #reading = new Map<string, Promise<unknown>>();
  #lists: ListLoader | null = null;
  #isHalted = false;
  /** Cancels the pause of each step that waits for the disk. */
  readonly #pauses = new Set<() => void>();

  constructor(store: StorePort, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Who reads large lists; they are built after this. */
  connect(lists: ListLoader): void {
    this.#lists = lists;
  }

  /** Whether the params of a step can be bound at once: no blob and no large list has to be read. */
  isAtHand({ state }: Live, step: StepState): boolean {
    const { blobs, farLists } = neededFor(state, step);
    return blobs.length === 0 && farLists.size === 0;
  }

  /** The same, once `readBlobsFor` has read what there is to read: a list may be forgotten again. */
  hasLists({ state }: Live, step: StepState): boolean {
    return neededFor(state, step).farLists.size === 0;
  }

  /** The blobs that a step's params refer to; lists come into memory. Rejects when one is damaged or gone. */
  async readBlobsFor(live: Live, step: StepState): Promise<Blobs> {
    for (;;) {
      const { blobs: names, farLists } = neededFor(live.state, step);
      await this.#lists?.load(live, farLists);
      const blobs = await this.readBlobs(live, names);
      if (this.hasLists(live, step)) return blobs;
    }
  }

  /** The bytes of a blob as they lie there, not checked against its name. Rejects when it is gone. */
  readBytes(workflowId: string, name: string): Promise<Uint8Array> {
    return this.#inTime(() => this.#store.readBlobUnchecked(workflowId, name));
  }

  /** Rejects when one is damaged or gone. */
  async readBlobs(live: Live, names: readonly string[]): Promise<Blobs> {
    const blobs = new Map<string, unknown>();
    for (const name of names) blobs.set(name, await this.#inTime(() => this.#read(live.state.header.id, name)));
    return blobs;
  }

  /** The step's params with every reference replaced, and the secrets that they name. Throws BindingError. */
  bind({ state }: Live, step: StepState, blobs: Blobs, info: ActionInfo | undefined): BoundParams {
    const bound = bindParams(step.params, sourcesOf(state, step.of, step, reader(blobs)), info);
    return toBoundParams(bound, step.params, info?.takesSecrets);
  }

  /** Outputs as an event holds them: as text, or by the name of a blob that is durable when this resolves. */
  async toOutputs(workflowId: string, json: string): Promise<OutputsRef> {
    const bytes = Buffer.from(json, 'utf8');
    if (bytes.length <= limits.outputsInlineBytesMax && !looksLikeBlob(json)) return { json };
    return { blob: await this.#store.writeBlob(workflowId, bytes), bytes: bytes.length };
  }

  /** The same without waiting; null when the outputs may need a blob. */
  toOutputsNow(json: string): OutputsRef | null {
    return json.length <= limits.outputsInlineBytesMax / 4 && !looksLikeBlob(json) ? { json } : null;
  }

  /** Like `toOutputs`, for the outputs of an attempt: on a full disk they wait for room, so that they are not lost. */
  async keep(workflowId: string, json: string): Promise<OutputsRef> {
    for (;;) {
      try {
        return await this.toOutputs(workflowId, json);
      } catch (error) {
        if (!(error instanceof DiskFullError || error instanceof OutOfHandlesError)) throw error;
        await this.#pause(diskRetryMs);
      }
    }
  }

  /** Steps that wait for the disk do not go on. */
  halt(): void {
    this.#isHalted = true;
    for (const cancel of this.#pauses) cancel();
    this.#pauses.clear();
  }

  /** Waits for handles where there are none. */
  async #inTime<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof OutOfHandlesError)) throw error;
        await this.#pause(diskRetryMs);
      }
    }
  }

  /** All steps of a wide fan-out read the same blob: it is parsed once while they start. */
  #read(workflowId: string, name: string): Promise<unknown> {
    const key = `${workflowId}/${name}`;
    const reading = this.#reading.get(key);
    if (reading !== undefined) return reading;
    const read = this.#store
      .readBlob(workflowId, name)
      .then((bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown);
    this.#reading.set(key, read);
    const forget = () => this.#clock.soon(() => this.#reading.delete(key));
    read.then(forget, forget);
    return read;
  }

  /** After `halt` it never resolves: the step that waits runs again in the next life. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isHalted) return;
      const cancel = this.#clock.timer(ms, () => {
        this.#pauses.delete(cancel);
        resolve();
      });
      this.#pauses.add(cancel);
    });
  }
}

function neededFor(state: WorkflowState, step: StepState): NeededOutputs {
  const needed = new NeededOutputs(state, { listsApart: true });
  needed.addValue(step.params, step.of, step);
  return needed;
}

/** Reads outputs, each once. Throws BindingError for a blob that is not among `blobs`. */
export function reader(blobs: Blobs): ReadOutputs {
  const parsed = new Map<OutputsRef, unknown>();
  return (outputs) => {
    if ('blob' in outputs) {
      if (!blobs.has(outputs.blob)) throw new BindingError(`outputs in blob ${outputs.blob} have not been read`);
      return blobs.get(outputs.blob);
    }
    if (!parsed.has(outputs)) parsed.set(outputs, JSON.parse(outputs.json));
    return parsed.get(outputs);
  };
}

/** Outputs of the form `{blob, bytes}` would be read back as the name of a blob. Inside a blob they cannot be mistaken. */
function looksLikeBlob(json: string): boolean {
  return json.length < 200 && json.includes('"blob":') && json.includes('"bytes":');
}
