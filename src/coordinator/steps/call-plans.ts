/**
 * Plans the model call that a ready step will make: provider, model and expected tokens. It plans from the data in
 * memory, without waiting. Outputs in a blob count by their size; they must be read only when the provider or model
 * depends on them.
 */
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, PlannedCall } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { BindingError, bindParams, type ParamKinds } from '../../core/bindings.ts';
import type { StepState, WorkflowState } from '../../core/state.ts';
import type { Clock } from '../clock.ts';

/** For text in a blob; the same estimate as the adapters of models use. */
const bytesPerToken = 4;
/** Expected length of the answer to an unknown call. */
const answerTokens = 1_000;

interface Bound {
  readonly params: JsonObject;
  readonly bytesUnread: number;
  /** False when a reference in the params cannot be resolved. */
  readonly isWhole: boolean;
}

export class CallPlans {
  readonly #settings: EngineSettings;
  readonly #catalogue: ActionCatalogue;
  readonly #clock: Clock;
  /**
   * Parsed outputs, kept for one turn: the steps of a wide fan-out become ready together and refer to the same
   * outputs.
   */
  readonly #parsed = new Map<OutputsRef, unknown>();

  constructor(settings: EngineSettings, catalogue: ActionCatalogue, clock: Clock) {
    this.#settings = settings;
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  /**
   * null: the step calls no model, or its call cannot be planned. `unread`: read the outputs in blobs first, then call
   * `plan` again with them.
   */
  plan(state: WorkflowState, step: StepState, blobs?: ReadonlyMap<string, unknown>): PlannedCall | 'unread' | null {
    const info = this.#catalogue.get(step.action);
    // A dry run makes no calls.
    if (!info?.callsModel || this.#settings.dryRun) return null;
    const { params, bytesUnread, isWhole } = this.#bind(state, step, info, blobs);
    const call = info.callsModel(params, pickSecrets(info, this.#settings));
    if (call === 'unread' && !isWhole) return null;
    if (call === 'unread') return blobs || bytesUnread === 0 ? toUnknownCall(params) : call;
    return call && { ...call, inputTokens: call.inputTokens + Math.ceil(bytesUnread / bytesPerToken) };
  }

  /** As the attempt will bind them: an address that it refuses is no call to be planned. */
  #bind(state: WorkflowState, step: StepState, kinds: ParamKinds, blobs?: ReadonlyMap<string, unknown>): Bound {
    let bytesUnread = 0;
    const sources = {
      params: state.header.params,
      isStep: (id: string) => state.index.has(id),
      outputsOf: (id: string) => this.#read(state.step(id)?.outputs, blobs),
      isLeft: (id: string) => {
        const outputs = state.step(id)?.outputs;
        if (blobs || !outputs || !('blob' in outputs)) return false;
        bytesUnread += outputs.bytes;
        return true;
      },
    };
    try {
      const params = bindParams(step.params, sources, kinds);
      return { params, bytesUnread, isWhole: true };
    } catch (error) {
      // The step starts, and its attempt fails with this error.
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

/**
 * A call whose bound params still look like a reference. It counts as a call, although the task may refuse the params.
 */
function toUnknownCall(params: JsonObject): PlannedCall {
  const inputTokens = Math.ceil(JSON.stringify(params).length / bytesPerToken);
  return { provider: 'unknown', model: 'unknown', baseUrl: '', inputTokens, outputTokens: answerTokens };
}
