/**
 * One step as its own answer shows it: its definition whole, what its group has gathered, and of an approval the question
 * with its references bound. The list of steps leaves these out (docs/workflows.md).
 */

import { toInlineText } from '../../contract/code-text.ts';
import type { StepText } from '../../contract/coordinator.ts';
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { limits } from '../../contract/limits.ts';
import type { WorkflowStep } from '../../contract/workflow.ts';
import { BindingError, bindAny, bindShown, type ShownParams } from '../../core/bindings.ts';
import { isGroup, toFlowFields } from '../../core/flow.ts';
import { jsonLengthWithin } from '../../core/json-length.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import { toStepView } from '../../core/view.ts';
import { NeededOutputs } from './needed-outputs.ts';
import { type ReadOutputs, sourcesOf, TooMuchGathered, wholeOutputs } from './step-scope.ts';

/** What an approval asks. */
export interface ApprovalQuestion {
  readonly message: string;
  /** The JSON Schema of a decision's data; absent where none is asked for. */
  readonly dataSchema?: JsonObject;
}

/** Throws BindingError. */
export function bindQuestion(state: WorkflowState, step: StepState, read: ReadOutputs): ApprovalQuestion {
  const { message, data } = step.params;
  const sources = sourcesOf(state, step.of, step, read);
  const bound = bindAny({ message, data: data ?? null }, sources) as { message: unknown; data: JsonObject | null };
  const text = toInlineText(bound.message).slice(0, limits.messageLengthMax);
  return bound.data === null ? { message: text } : { message: text, dataSchema: bound.data };
}

/** Whether the step has a question that a person reads: it waits for a decision, or was decided. */
function isAsked({ action, wait, status, outcome, flow }: StepState): boolean {
  if (action !== 'approval' || isGroup(flow)) return false;
  return wait?.for === 'decision' || (status === 'COMPLETED' && outcome === null);
}

/** Outputs whose blobs `toStepText` reads. */
export interface Needed {
  readonly blobs: readonly string[];
  /** Bytes of what the step's group gathers; 0 where it is none. */
  readonly gathered: number;
}

export function neededFor(state: WorkflowState, step: StepState): Needed {
  const needed = new NeededOutputs(state);
  if (isAsked(step)) needed.addValue(step.params, step.of, step);
  const asked = new Set(needed.found);
  if (isGroup(step.flow)) needed.addWhole(step);
  let gathered = 0;
  for (const ref of needed.found) if (!asked.has(ref)) gathered += 'json' in ref ? ref.json.length : ref.bytes;
  return gathered > limits.answerBytesMax ? { blobs: [], gathered } : { blobs: needed.blobs, gathered };
}

/** Of what a reader of bound params waits for at most, in bytes of JSON. */
const boundSourcesBytesMax = 1024 * 1024;

/** The outputs that the step's params refer to, as far as they are small together. */
export function toSmallSources(state: WorkflowState, step: StepState) {
  const needed = new NeededOutputs(state);
  needed.addValue(step.params, step.of, step);
  const small = new Set<OutputsRef>();
  let bytesLeft = boundSourcesBytesMax;
  for (const ref of needed.found) {
    const bytes = 'json' in ref ? ref.json.length : ref.bytes;
    if (bytes > bytesLeft) continue;
    bytesLeft -= bytes;
    small.add(ref);
  }
  const blobs = [...small].flatMap((ref) => ('blob' in ref ? [ref.blob] : []));
  return { blobs, isSmall: (ref: OutputsRef) => small.has(ref) };
}

/** N5 with a smaller bound; what is not small is not read. */
export function bindForReaders(
  state: WorkflowState,
  step: StepState,
  isSmall: (ref: OutputsRef) => boolean,
  read: ReadOutputs,
  code: readonly string[] | undefined,
): ShownParams {
  const readSmall: ReadOutputs = (ref) => {
    if (!isSmall(ref)) throw new BindingError('the outputs that are referred to are too large to be shown here');
    return read(ref);
  };
  const sources = sourcesOf(state, step.of, step, readSmall);
  return bindShown(step.params, sources, { charsMax: limits.boundParamsBytesMax, code });
}

/** `read` knows the blobs of `neededFor`. */
export function toStepText(
  state: WorkflowState,
  step: StepState,
  needed: Needed,
  read: ReadOutputs,
  bound?: ShownParams,
): StepText {
  const question = isAsked(step) ? tryQuestion(state, step, read) : null;
  const view = toWholeView(step);
  const outputs = isGroup(step.flow) ? toGathered(state, step, needed, read) : view.outputs;
  const shown = {
    ...view,
    ...(bound === undefined ? {} : { params_bound: bound.params }),
    ...(bound === undefined || bound.unbound.length === 0 ? {} : { params_unbound: bound.unbound }),
    outputs,
    ...(question === null ? {} : { message: question.message }),
  };
  return {
    json: JSON.stringify(shown, null, 2),
    hasBlobs: !isGroup(step.flow) && step.outputs !== null && 'blob' in step.outputs,
    ...(question?.dataSchema && step.wait !== null ? { dataSchema: question.dataSchema } : {}),
  };
}

/** A step with all that its definition says, also where a group has made it. Outputs in a blob appear as `{blob, bytes}`. */
export function toWholeView(step: StepState): WorkflowStep {
  const { params, timeoutMs, retry, flow } = step;
  return { ...toStepView(step), params, timeoutMs, retry, ...toFlowFields(flow) };
}

/** null where the question cannot be bound any more: a step that it names runs again. */
function tryQuestion(state: WorkflowState, step: StepState, read: ReadOutputs): ApprovalQuestion | null {
  try {
    return bindQuestion(state, step, read);
  } catch (error) {
    if (error instanceof BindingError) return null;
    throw error;
  }
}

function toGathered(
  state: WorkflowState,
  step: StepState,
  { gathered }: Needed,
  read: ReadOutputs,
): WorkflowStep['outputs'] {
  if (gathered > limits.answerBytesMax) return { truncated: true, bytes: gathered };
  try {
    const outputs = wholeOutputs(state, step, read) as WorkflowStep['outputs'];
    // Groups within a group have their bound each.
    if (jsonLengthWithin(outputs, limits.answerBytesMax) !== null) return outputs;
  } catch (error) {
    if (!(error instanceof BindingError)) throw error;
    // Steps that refer to it fail with the same words.
    if (!(error instanceof TooMuchGathered)) return { ...toStepView(step).outputs, fault: error.message };
  }
  return { truncated: true, bytes: limits.answerBytesMax + 1 };
}
