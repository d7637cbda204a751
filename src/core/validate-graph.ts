/** What is wrong with the graph of a definition: repeated and unknown ids, and circles; and the list of all faults. */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { didYouMean } from '../contract/nearest.ts';
import { createGraph, findCycles, type GraphNode } from './graph.ts';
import { itemAt } from './item-at.ts';
import type { NameScope } from './validate-scope.ts';

/** At most so many faults are named; one more entry says how many were left out. */
const errorsMax = 100;

/** Names are compared with thousands of others: a definition with thousands of faults gets a guess for the first. */
export const guessesMax = 20;

/** The first faults, and how many there are: a body may hold hundreds of thousands. */
export class Faults {
  readonly #first: FieldError[] = [];
  #count = 0;

  add(fault: FieldError): void {
    this.#count += 1;
    if (this.#count <= errorsMax) this.#first.push(fault);
  }

  addAll(faults: readonly FieldError[]): void {
    for (const fault of faults) this.add(fault);
  }

  get count(): number {
    return this.#count;
  }

  toErrors(): FieldError[] {
    const left = this.#count - this.#first.length;
    return left === 0 ? this.#first : [...this.#first, { path: '', message: `and ${left} more` }];
  }
}

/** `places`: the index of each dependency in the input, whose list may also hold items that are not text. */
export interface InputNode extends GraphNode {
  readonly places: readonly number[];
}

/** As much of the graph as can be read, so that its faults are named together with those of shape. */
export function readNodes(steps: unknown): InputNode[] {
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, i) => {
    const { id, dependencies } = (step ?? {}) as { id?: unknown; dependencies?: unknown };
    const list: unknown[] = Array.isArray(dependencies) ? dependencies : [];
    const places = [...list.keys()].filter((place) => typeof list[place] === 'string');
    return {
      // A step without a usable id gets one that nothing can refer to; the schema names the fault.
      id: typeof id === 'string' ? id : `\u0000${i}`,
      dependencies: places.map((place) => list[place] as string),
      places,
    };
  });
}

/** `first`: how many of the steps stand in `steps`; those of `finally` follow. */
export function checkGraph(
  nodes: readonly InputNode[],
  { first, pathOf }: Pick<NameScope, 'pathOf'> & { first: number },
  faults: Faults,
): void {
  const graph = createGraph(nodes);
  const add = (i: number, path: readonly PropertyKey[], message: string) =>
    faults.add({ path: toFieldPath([...pathOf(i), ...path]), message });
  nodes.forEach((node, i) => {
    const before = graph.index.get(node.id);
    if (before !== undefined && before !== i) {
      const path = pathOf(before);
      const where = before < first && path.length === 2 ? `step ${before}` : toFieldPath(path);
      add(i, ['id'], `step id "${node.id}" is used before, by ${where}; ids must be unique`);
    }
    node.places.forEach((place, d) => {
      const dependency = itemAt(node.dependencies, d);
      const at = graph.index.get(dependency);
      if (at !== undefined && (i < first || at >= first)) return;
      if (at !== undefined) {
        const message = `step "${node.id}" of finally waits for every step of \`steps\` as it is; leave "${dependency}" out`;
        add(i, ['dependencies', place], message);
        return;
      }
      const guess = faults.count < guessesMax ? didYouMean(dependency, graph.index.keys()) : '';
      const message = `step "${node.id}" depends on "${dependency}", which is not a step of this workflow${guess}`;
      add(i, ['dependencies', place], message);
    });
  });
  for (const cycle of findCycles(graph)) {
    const names = [...cycle, itemAt(cycle, 0)].map((i) => itemAt(nodes, i).id);
    add(itemAt(cycle, 0), ['dependencies'], `steps wait for each other in a circle: ${names.join(' → ')}`);
  }
}
