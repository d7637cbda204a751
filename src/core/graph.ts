/**
 * The step graph: dependencies, order and cycles. Steps are numbered by their place in the list. Edges to unknown ids
 * are left out (validation names them).
 */
import { broken } from '../contract/broken.ts';
import { addAt, itemAt } from './item-at.ts';

export interface GraphNode {
  readonly id: string;
  readonly dependencies: readonly string[];
}

export interface Graph {
  readonly index: ReadonlyMap<string, number>;
  /** For each step, the steps it waits for. A repeated dependency counts once. */
  readonly upstream: readonly (readonly number[])[];
  /** For each step, the steps that wait for it. */
  readonly downstream: readonly (readonly number[])[];
}

/** O(steps + dependencies). If two steps share an id, the first one counts. */
export function createGraph(nodes: readonly GraphNode[]): Graph {
  const index = new Map<string, number>();
  nodes.forEach((node, i) => {
    if (!index.has(node.id)) index.set(node.id, i);
  });
  const downstream: number[][] = nodes.map(() => []);
  const upstream = nodes.map((node, i) => {
    const found = new Set<number>();
    for (const dependency of node.dependencies) {
      const at = index.get(dependency);
      if (at !== undefined) found.add(at);
    }
    for (const at of found) itemAt(downstream, at).push(i);
    return [...found];
  });
  return { index, upstream, downstream };
}

/** Kahn's order. Steps on a cycle, or downstream of one, are missing from it. */
export function topologicalOrder(graph: Graph): number[] {
  const missing = graph.upstream.map((steps) => steps.length);
  const order: number[] = [];
  missing.forEach((count, i) => {
    if (count === 0) order.push(i);
  });
  for (const i of order) {
    for (const next of itemAt(graph.downstream, i)) if (addAt(missing, next, -1) === 0) order.push(next);
  }
  return order;
}

/**
 * Cycles that share no step, at most `cyclesMax`; each as step numbers, every step waiting for the next. The steps
 * that Kahn's order leaves over lie on a cycle or downstream of one, so a walk upstream from any of them ends in a
 * cycle. That cycle is cut out, the steps that waited for it alone are settled, and the walk begins again. Linear
 * over all cycles.
 */
export function findCycles(graph: Graph, cyclesMax = 20): number[][] {
  const missing = graph.upstream.map((steps) => steps.length);
  const left = new Set(graph.upstream.keys());
  const settle = (settled: number[]) => {
    for (const i of settled) left.delete(i);
    for (const i of settled) {
      for (const next of itemAt(graph.downstream, i)) {
        if (addAt(missing, next, -1) === 0 && left.delete(next)) settled.push(next);
      }
    }
  };
  settle(missing.flatMap((count, i) => (count === 0 ? [i] : [])));
  const cycles: number[][] = [];
  while (left.size > 0 && cycles.length < cyclesMax) {
    const cycle = walkToCycle(graph, left);
    cycles.push(cycle);
    settle([...cycle]);
  }
  return cycles;
}

function walkToCycle(graph: Graph, left: ReadonlySet<number>): number[] {
  const place = new Map<number, number>();
  let at = itemAt([...left], 0);
  while (!place.has(at)) {
    place.set(at, place.size);
    at = itemAt(
      itemAt(graph.upstream, at).filter((up) => left.has(up)),
      0,
    );
  }
  return [...place.keys()].slice(place.get(at));
}

/**
 * The steps and all their dependents, direct or not. A step for which `isEnd` holds is left out, and so are the steps
 * that are reached through it alone.
 */
export function withDownstream(
  graph: Pick<Graph, 'downstream'>,
  starts: Iterable<number>,
  isEnd: (i: number) => boolean = () => false,
): Set<number> {
  const reached = new Set(starts);
  for (const i of reached) for (const next of itemAt(graph.downstream, i)) if (!isEnd(next)) reached.add(next);
  return reached;
}

/**
 * Whether one step is upstream of another, over any distance. One walk in topological order answers for 32 steps at
 * once: bit b of a step's mask says that it waits for step 32 × block + b. If every step refers to another, all
 * answers together cost steps × (steps + dependencies) / 32 (0.3 s for a chain of 20,000; a walk for each reference
 * took 19 s).
 */
export class Ancestry {
  readonly #graph: Graph;
  readonly #order: readonly number[];
  readonly #ordered: Uint8Array;
  readonly #blocks = new Map<number, Int32Array>();

  readonly #needsOne: (step: number) => boolean;

  /** `needsOne`: of what such a step waits for, only what lies upstream of all of it must be complete. */
  constructor(graph: Graph, needsOne: (step: number) => boolean = () => false) {
    this.#graph = graph;
    this.#needsOne = needsOne;
    this.#order = topologicalOrder(graph);
    this.#ordered = new Uint8Array(graph.upstream.length);
    for (const i of this.#order) this.#ordered[i] = 1;
  }

  /**
   * Whether `up` must be complete before `step` starts. True on a cycle and downstream of one: the cycle is the
   * fault.
   */
  isUpstream(up: number, step: number): boolean {
    if (this.#ordered[step] === 0) return true;
    const block = up >>> 5;
    let masks = this.#blocks.get(block);
    if (!masks) {
      masks = this.#walk(block);
      this.#blocks.set(block, masks);
    }
    return ((maskAt(masks, step) >>> (up & 31)) & 1) === 1;
  }

  #walk(block: number): Int32Array {
    const masks = new Int32Array(this.#ordered.length);
    for (const i of this.#order) {
      const upstream = itemAt(this.#graph.upstream, i);
      const isOne = upstream.length > 1 && this.#needsOne(i);
      let mask = isOne ? -1 : 0;
      for (const above of upstream) {
        const ofAbove = maskAt(masks, above) | (above >>> 5 === block ? 1 << (above & 31) : 0);
        mask = isOne ? mask & ofAbove : mask | ofAbove;
      }
      masks[i] = mask;
    }
    return masks;
  }
}

/** As `itemAt`, which has to serve lists of every kind and would cost this walk a third of its time. */
function maskAt(masks: Int32Array, i: number): number {
  return masks[i] ?? broken('IA1', `place ${i} of a list of ${masks.length}`);
}
