/**
 * What steps have made, where it lies and what others get of it: small outputs as text in events and state, large ones in
 * blobs. A blob is durable before the record that names it. Where file handles or room are short, steps wait for them.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { limits } from '../../contract/limits.ts';
import { DiskFullError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import { bindParams, eachReference } from '../../core/bindings.ts';
import type { StepState } from '../../core/state.ts';
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
  /** Of those that wait for the disk. */
  readonly #pauses = new Set<() => void>();

  constructor(store: StorePort, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Names of the blobs that a step's params refer to. */
  blobsFor(live: Live, step: StepState): string[] {
    return [...referred(live, step).values()].flatMap((ref) => (ref && 'blob' in ref ? [ref.blob] : []));
  }

  /** Rejects where one is damaged or gone. */
  async readBlobsFor(live: Live, step: StepState): Promise<Blobs> {
    const blobs = new Map<string, unknown>();
    for (const name of this.blobsFor(live, step)) blobs.set(name, await this.#readInTime(live.state.header.id, name));
    return blobs;
  }

  /** The step's params with every reference replaced. Throws BindingError. */
  bind(live: Live, step: StepState, blobs: Blobs): JsonObject {
    const parsed = new Map<string, unknown>();
    for (const [id, ref] of referred(live, step)) {
      if (ref) parsed.set(id, 'json' in ref ? JSON.parse(ref.json) : blobs.get(ref.blob));
    }
    return bindParams(step.params, {
      params: live.state.header.params,
      isStep: (id) => live.state.index.has(id),
      outputsOf: (id) => parsed.get(id),
    });
  }

  /** Where outputs belong: in the event, or in a blob that is durable when this resolves. */
  async toOutputs(workflowId: string, json: string): Promise<OutputsRef> {
    const bytes = Buffer.from(json, 'utf8');
    if (bytes.length <= limits.outputsInlineBytesMax && !looksLikeBlob(json)) return { json };
    return { blob: await this.#store.writeBlob(workflowId, bytes), bytes: bytes.length };
  }

  /** null: it takes a blob. */
  toOutputsNow(json: string): OutputsRef | null {
    return json.length <= limits.outputsInlineBytesMax / 4 && !looksLikeBlob(json) ? { json } : null;
  }

  /** Like `toOutputs`, for what an attempt has made, which on a full disk waits for room rather than being lost. */
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

  /** Nothing that still waits for the disk goes on. */
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

  /** Steps of a wide fan-out all want the same blob: it is parsed once while they start. */
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

  /** Never ends once the store is closed: whoever waits is given up, and its step runs again in the next life. */
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

function referred(live: Live, step: StepState): Map<string, OutputsRef | null> {
  const wanted = new Map<string, OutputsRef | null>();
  const isStep = (id: string) => live.state.index.has(id);
  eachReference(step.params, isStep, (reference) => {
    if (reference.kind === 'step') wanted.set(reference.stepId, live.state.step(reference.stepId)?.outputs ?? null);
  });
  return wanted;
}

/** Outputs of a blob's own form would be read back as one; in a blob they are what they are. */
function looksLikeBlob(json: string): boolean {
  return json.length < 200 && json.includes('"blob":') && json.includes('"bytes":');
}
