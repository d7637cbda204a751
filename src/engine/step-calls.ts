/** The calls about single steps: reading one whole, deciding one that waits for a person, listing those that wait. */
import type { CoordinatorPort, StepText } from '../contract/coordinator.ts';
import {
  type DecisionAnswer,
  type DecisionRequest,
  decisionRequestSchema,
  type WaitingQuery,
  type WaitingReply,
} from '../contract/decision.ts';
import type { AnswerOptions, CallOptions, GetStepOptions } from '../contract/engine.ts';
import type { FieldError } from '../contract/failures.ts';
import { invalid } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { WorkflowStep } from '../contract/workflow.ts';
import { check, checkId, toClaim } from './arguments.ts';
import { blobBytes, toWholeStep } from './whole-outputs.ts';

/**
 * Holds the data of a decision against the JSON Schema that its step asks for, which may be anybody's. `data` comes back
 * with the schema's defaults; the paths of errors begin with `data`. Rejects with a Refusal where it takes too long.
 */
export type CheckData = (
  schema: Record<string, unknown>,
  data: unknown,
) => Promise<{ readonly data: unknown; readonly errors: FieldError[] }>;

export class StepCalls {
  readonly #coordinator: CoordinatorPort;
  readonly #checkData: CheckData;

  constructor(coordinator: CoordinatorPort, checkData: CheckData) {
    this.#coordinator = coordinator;
    this.#checkData = checkData;
  }

  async get(id: string, stepId: string, { room, bound = false }: GetStepOptions): Promise<WorkflowStep> {
    checkId(id);
    const text = await this.#read(id, stepId, room, bound);
    const step = JSON.parse(text.json) as WorkflowStep;
    if (!text.hasBlobs) return step;
    await room?.(text.json.length + blobBytes(step));
    return toWholeStep(step, (blob) => this.#coordinator.call('readBlob', { id, blob }));
  }

  async decide(id: string, stepId: string, request: DecisionRequest, options: CallOptions): Promise<DecisionAnswer> {
    checkId(id);
    const { approved, by = null, comment = null, data } = check(decisionRequestSchema, request, 'The decision');
    // The claim is the request as it came: defaults of the schema are not part of it.
    const claim = toClaim('decide', [id, stepId, request], options);
    const checked = await this.#check(id, stepId, approved, data);
    const args = { id, stepId, approved, by, comment, ...checked, ...claim };
    const { json, replayed } = await this.#coordinator.call('decide', args);
    return Object.defineProperty(JSON.parse(json) as WorkflowStep, 'replayed', { value: replayed });
  }

  waiting({ limit, offset }: WaitingQuery): Promise<WaitingReply> {
    const args = { ...(limit === undefined ? {} : { limit }), ...(offset === undefined ? {} : { offset }) };
    return this.#coordinator.call('waiting', args);
  }

  /** Data that is left out counts as `{}` where the schema asks for an object; a rejection may leave it out. */
  async #check(id: string, stepId: string, approved: boolean, given: unknown) {
    const data = given ?? null;
    if (data === null && !approved) return { data, isChecked: true };
    const { dataSchema: schema } = await this.#read(id, stepId, undefined);
    // No schema, or none is due: the coordinator says so.
    if (schema === undefined) return { data, isChecked: false };
    const isOfObject = schema.type === undefined || schema.type === 'object';
    const checked = await this.#checkData(schema, data === null && isOfObject ? {} : data);
    if (checked.errors.length === 0) return { data: checked.data, isChecked: true };
    throw invalid(`The data of the decision does not fit what step "${stepId.slice(0, 128)}" asks for`, checked.errors);
  }

  /** Where the caller counts memory, room is made before a large text comes. */
  async #read(id: string, stepId: string, room: AnswerOptions['room'], bound = false): Promise<StepText> {
    const args = { id, stepId, ...(bound ? { bound } : {}) };
    if (room === undefined) return this.#coordinator.call('step', args);
    let text = await this.#coordinator.call('step', { ...args, textMax: limits.heldBytesFree });
    while (text.withheld !== undefined) {
      await room(text.withheld);
      // A step that has grown since is withheld again.
      text = await this.#coordinator.call('step', { ...args, textMax: text.withheld });
    }
    return text;
  }
}
