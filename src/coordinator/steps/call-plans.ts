/**
 * Which call of a model a ready step is going to make, told at once from what is at hand. Outputs that lie in a blob count by
 * their size, and are read only where who is asked hangs on them.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, PlannedCall } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { BindingError, bindParams } from '../../core/bindings.ts';
import type { StepState, WorkflowState } from '../../core/state.ts';
import type { Clock } from '../clock.ts';

/** Of text in a blob; as adapters reckon it. */
const bytesPerToken = 4;
/** Of a call of which nothing is known. */
const answerTokens = 1_000;

interface Bound {
  readonly params: JsonObject;
  readonly bytesUnread: number;
  /** False where a reference leads nowhere. */
  readonly isWhole: boolean;
}

export class CallPlans {
  readonly #settings: EngineSettings;
  readonly #catalogue: ActionCatalogue;
  readonly #clock: Clock;
  /** Steps of a wide fan-out all refer to the same outputs: they are parsed once while these become ready. */
  readonly #parsed = new Map<OutputsRef, unknown>();

  constructor(settings: EngineSettings, catalogue: ActionCatalogue, clock: Clock) {
    this.#settings = settings;
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  /** null: no call that could be told; `unread`: it can be when the outputs in blobs are read, and `plan` is given them. */
  plan(state: WorkflowState, step: StepState, blobs?: ReadonlyMap<string, unknown>): PlannedCall | 'unread' | null {
    const info = this.#catalogue.get(step.action);
    // A dry run calls nobody.
    if (!info?.callsModel || this.#settings.dryRun) return null;
    const { params, bytesUnread, isWhole } = this.#bind(state, step, blobs);
    const call = info.callsModel(params, pickSecrets(info, this.#settings));
    if (call === 'unread' && !isWhole) return null;
    if (call === 'unread') return blobs || bytesUnread === 0 ? toUnknownCall(params) : call;
    return call && { ...call, inputTokens: call.inputTokens + Math.ceil(bytesUnread / bytesPerToken) };
  }

  #bind(state: WorkflowState, step: StepState, blobs?: ReadonlyMap<string, unknown>): Bound {
    let bytesUnread = 0;
    try {
      const params = bindParams(step.params, {
        params: state.header.params,
        isStep: (id) => state.index.has(id),
        outputsOf: (id) => this.#read(state.step(id)?.outputs, blobs),
        isLeft: (id) => {
          const outputs = state.step(id)?.outputs;
          if (blobs || !outputs || !('blob' in outputs)) return false;
          bytesUnread += outputs.bytes;
          return true;
        },
      });
      return { params, bytesUnread, isWhole: true };
    } catch (error) {
      // The step starts and fails for it, with the reason in its error.
      if (error instanceof BindingError) return { params: step.params, bytesUnread, isWhole: false };
      throw error;
    }
  }

  #read(outputs: OutputsRef | null | undefined, blobs?: ReadonlyMap<string, unknown>): unknown {
    if (!outputs) return undefined;
    if ('blob' in outputs) return blobs?.get(outputs.blob);
    if (this.#parsed.has(outputs)) return this.#parsed.get(outputs);
    if (this.#parsed.size === 0) this.#clock.soon(() => this.#parsed.clear());
    const parsed: unknown = JSON.parse(outputs.json);
    this.#parsed.set(outputs, parsed);
    return parsed;
  }
}

/** Bound, and still written like a reference: it counts, whoever will refuse it. */
function toUnknownCall(params: JsonObject): PlannedCall {
  const inputTokens = Math.ceil(JSON.stringify(params).length / bytesPerToken);
  return { provider: 'unknown', model: 'unknown', baseUrl: '', inputTokens, outputTokens: answerTokens };
}
