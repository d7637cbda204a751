/**
 * `finally`: steps that begin when all others have ended. Each becomes an ordinary step that waits for every step of
 * `steps` with `join: ended`. The last steps of the graph alone would not do: one that is stopped early would let a step
 * of `finally` run beside others that still work.
 */
import type { StepDefinition, WorkflowDefinition } from '../contract/definition.ts';

export type PlacedStep = StepDefinition & { readonly final?: true };

type Definition = Pick<WorkflowDefinition, 'steps' | 'finally'>;

export function withFinally({ steps, finally: last = [] }: Definition): readonly PlacedStep[] {
  if (last.length === 0) return steps;
  const before = steps.map(({ id }) => id);
  return [...steps, ...last.map((step) => toFinal(step, before))];
}

function toFinal(step: StepDefinition, before: readonly string[]): PlacedStep {
  return { ...step, dependencies: [...(step.dependencies ?? []), ...before], join: 'ended', final: true };
}
