/**
 * The params that a workflow's own steps refer to. All of them are declared: its definition was checked against what a run
 * may give. One that the run has left out is there by its name alone, and a branch may refer to it too.
 */
import { eachReference } from './references.ts';
import type { StepState } from './step-state.ts';
import { boundValues, stepsWithin } from './steps-within.ts';
import { toWrittenStep } from './view.ts';

export function listNamedParams(steps: readonly StepState[]): string[] {
  const named = new Set<string>();
  const written = steps.filter(({ of }) => of === null).map(toWrittenStep);
  for (const { step, names } of stepsWithin({ steps: written })) {
    eachReference(boundValues(step), { isStep: () => true, names }, (source) => {
      if (source.kind === 'params') named.add(String(source.path[0]));
    });
  }
  return [...named];
}
