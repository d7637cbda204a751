/** What a child returns to its step: `{workflow_id, steps: {<id>: outputs}, content}`. */
import { limits } from '../../contract/limits.ts';
import { BindingError } from '../../core/bindings.ts';
import { jsonLengthWithin } from '../../core/json-length.ts';
import type { WorkflowState } from '../../core/state.ts';
import { endOf, type StepState } from '../../core/step-state.ts';
import { NeededOutputs } from './needed-outputs.ts';
import { type ReadOutputs, wholeOutputs } from './step-scope.ts';

/** The steps of the definition that have run. What a group has made is in the outputs of the group. */
function returning({ steps }: WorkflowState): StepState[] {
  return steps.filter((step) => step.of === null && endOf(step) === 'ran');
}

export interface NeededForReturn {
  readonly blobs: readonly string[];
  /** About how many bytes of JSON the outputs have. */
  readonly bytes: number;
}

export function neededForReturn(child: WorkflowState): NeededForReturn {
  const needed = new NeededOutputs(child);
  for (const step of returning(child)) needed.addWhole(step);
  let bytes = 0;
  for (const ref of needed.found) bytes += 'json' in ref ? ref.json.length : ref.bytes;
  return { blobs: needed.blobs, bytes };
}

/** As JSON text. `read` knows the blobs of `neededForReturn`. Throws BindingError. */
export function toReturnJson(child: WorkflowState, read: ReadOutputs): string {
  const ran = returning(child);
  const steps = Object.fromEntries(ran.map((step) => [step.id, wholeOutputs(child, step, read)] as const));
  const last = child.steps.findLast(({ of, flow }) => of === null && !flow.isFinal);
  const { content } = (last === undefined ? null : (steps[last.id] as { content?: unknown } | undefined)) ?? {};
  const outputs = {
    ...(typeof content === 'string' ? { content } : {}),
    workflow_id: child.header.id,
    steps,
  };
  if (jsonLengthWithin(outputs, limits.outputsBytesMax) === null) throw new BindingError(tooLargeToReturn);
  return JSON.stringify(outputs);
}

export const tooLargeToReturn = `OUTPUT_TOO_LARGE: what the workflow returns has more than ${limits.outputsBytesMax} bytes; let its steps make less`;
