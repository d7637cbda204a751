/** In a dry run: whether a value comes of what was made up, so that nobody can know yet how long a list in it is. */
import { around, type Context, toNames, toScopedId } from '../../core/context.ts';
import { eachReference } from '../../core/references.ts';
import type { WorkflowState } from '../../core/state.ts';
import { externalAction, type StepState } from '../../core/step-state.ts';

/** By the references in it, and in what those steps were given. */
export function comesOfMadeUp(
  state: WorkflowState,
  value: unknown,
  of: { readonly context: Context; readonly step: Pick<StepState, 'flow'> },
  seen: Set<string> = new Set(),
): boolean {
  const { context, step } = of;
  let isFound = false;
  const names = toNames(state, context, step.flow.isFinal);
  const isStep = (id: string) => state.index.has(toScopedId(state, context, id));
  eachReference(value, { isStep, names }, (source) => {
    if (isFound) return;
    if (source.kind === 'step') isFound = isMadeUp(state, toScopedId(state, context, source.stepId), seen);
    if (source.kind === 'item') {
      isFound = [...around(state, context)].some(({ group }) => isMadeUp(state, group.id, seen));
    }
  });
  return isFound;
}

function isMadeUp(state: WorkflowState, id: string, seen: Set<string>): boolean {
  const step = state.step(id);
  if (step === undefined || seen.has(id)) return false;
  seen.add(id);
  if (step.action === externalAction || step.action === 'approval' || step.metadata?.rehearsal !== undefined)
    return true;
  const given = [step.params, step.flow.forEach];
  if (comesOfMadeUp(state, given, { context: step.of, step }, seen)) return true;
  return state.placesOf(state.placeOf(id)).some((i) => isMadeUp(state, state.stepAt(i).id, seen));
}
