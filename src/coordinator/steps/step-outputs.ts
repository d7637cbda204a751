/**
 * Outputs of steps: where they are kept, and how other steps read them. Small outputs are text in events and in the state,
 * large ones are blobs. A blob is durable before the record that names it. When file handles or disk space are short, steps
 * wait for them.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import { DiskFullError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import type { ActionInfo } from '../../contract/task.ts';
import { bindParams } from '../../core/bindings.ts';
import { eachReference } from '../../core/references.ts';
import type { StepState } from '../../core/state.ts';
import { type BoundParams, toBoundParams } from '../../core/step-secrets.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';

const diskRetryMs = 1_000;

/** The parsed content of blobs, by name. */
export type Blobs = ReadonlyMap<string, unknown>;

export class StepOutputs {
  readonly #store: StorePort;
  readonly #clock: Clock;
  readonly #reading = new Map<string, Promise<unknown>>();
  #isHalted = false;
  /** Cancels the pause of each step that waits for the disk. */
  readonly #pauses = new Set<() => void>();

  constructor(store: StorePort, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Names of the blobs that a step's params refer to. */
  blobsFor(live: Live, step: StepState): string[] {
    return [...outputsReferredTo(live, step).values()].flatMap((ref) => (ref && 'blob' in ref ? [ref.blob] : []));
  }

  /** The blobs that a step's params refer to. Rejects when one is damaged or gone. */
  async readBlobsFor(live: Live, step: StepState): Promise<Blobs> {
    const blobs = new Map<string, unknown>();
    for (const name of this.blobsFor(live, step)) blobs.set(name, await this.#readInTime(live.state.header.id, name));
    return blobs;
  }

  /** The step's params with every reference replaced, and the secrets that they name. Throws BindingError. */
  bind(live: Live, step: StepState, blobs: Blobs, info: ActionInfo | undefined): BoundParams {
    const parsed = new Map<string, unknown>();
    for (const [id, ref] of outputsReferredTo(live, step)) {
      if (ref) parsed.set(id, 'json' in ref ? JSON.parse(ref.json) : blobs.get(ref.blob));
    }
    const sources = {
      params: live.state.header.params,
      isStep: (id: string) => live.state.index.has(id),
      outputsOf: (id: string) => parsed.get(id),
    };
    return toBoundParams(bindParams(step.params, sources, info), step.params, info?.takesSecrets);
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

  async #readInTime(workflowId: string, name: string): Promise<unknown> {
    for (;;) {
      try {
        return await this.#read(workflowId, name);
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

function outputsReferredTo(live: Live, step: StepState): Map<string, OutputsRef | null> {
  const wanted = new Map<string, OutputsRef | null>();
  const isStep = (id: string) => live.state.index.has(id);
  eachReference(step.params, isStep, (reference) => {
    if (reference.kind === 'step') wanted.set(reference.stepId, live.state.step(reference.stepId)?.outputs ?? null);
  });
  return wanted;
}

/** Outputs of the form `{blob, bytes}` would be read back as the name of a blob. Inside a blob they cannot be mistaken. */
function looksLikeBlob(json: string): boolean {
  return json.length < 200 && json.includes('"blob":') && json.includes('"bytes":');
}
