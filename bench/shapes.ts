/** The graphs that the benches run: the same number of steps in different shapes, all `noop`. */
import type { StepDefinition, WorkflowDefinition } from '../src/contract/definition.ts';

export interface Shape {
  name: string;
  workflows: number;
  stepsEach: number;
  definition: WorkflowDefinition;
}

function noop(id: number, dependencies: number[] = []): StepDefinition {
  return {
    id: `s${id}`,
    action: 'noop',
    ...(dependencies.length > 0 ? { dependencies: dependencies.map((up) => `s${up}`) } : {}),
  };
}

function shape(name: string, workflows: number, steps: StepDefinition[]): Shape {
  return { name, workflows, stepsEach: steps.length, definition: { name, steps } };
}

/** Rows of `width`; each step waits for the one above and its right neighbour. */
function toLattice(width: number, rows: number): StepDefinition[] {
  return Array.from({ length: width * rows }, (_, i) => {
    if (i < width) return noop(i);
    const above = i - width;
    const right = above - (above % width) + ((above + 1) % width);
    return noop(i, [above, right]);
  });
}

export const shapes: Shape[] = [
  shape('single', 1_000, [noop(0)]),
  shape(
    'chain',
    50,
    Array.from({ length: 100 }, (_, i) => (i === 0 ? noop(0) : noop(i, [i - 1]))),
  ),
  shape('fan', 1, [
    ...Array.from({ length: 5_000 }, (_, i) => noop(i)),
    noop(
      5_000,
      Array.from({ length: 5_000 }, (_, i) => i),
    ),
  ]),
  shape('lattice', 1, toLattice(100, 50)),
];
