/** All steps of a definition, those within groups and of `finally` included. */
import type { StepDefinition, WorkflowDefinition } from '../contract/definition.ts';

type Path = readonly (string | number)[];

interface Visited {
  readonly step: StepDefinition;
  /** As in `['steps', 3, 'steps', 0]`. */
  readonly path: Path;
}

export function* stepsWithin({
  steps,
  finally: last = [],
}: Pick<WorkflowDefinition, 'steps' | 'finally'>): Generator<Visited> {
  yield* within(steps, ['steps']);
  yield* within(last, ['finally']);
}

function* within(steps: readonly StepDefinition[], path: Path): Generator<Visited> {
  for (const [i, step] of steps.entries()) {
    const at = [...path, i];
    yield { step, path: at };
    if (step.steps) yield* within(step.steps, [...at, 'steps']);
  }
}

/** The values of a step in which references are replaced. */
export function boundValues({ params, forEach, output, label }: StepDefinition): unknown[] {
  return [params ?? {}, forEach, output, label].filter((value) => value !== undefined);
}
