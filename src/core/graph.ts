/**
 * The step graph: who waits for whom, in which order, and where it runs in circles. Steps are numbered by their place
 * in the list; edges to ids that are not there are left out (validation names them).
 */

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

/** O(steps + dependencies). Of two steps with one id the first counts. */
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
    for (const at of found) downstream[at]!.push(i);
    return [...found];
  });
  return { index, upstream, downstream };
}

/** Kahn's order. Steps on or behind a cycle are missing from it. */
export function topologicalOrder(graph: Graph): number[] {
  const missing = graph.upstream.map((steps) => steps.length);
  const order: number[] = [];
  missing.forEach((count, i) => {
    if (count === 0) order.push(i);
  });
  for (let head = 0; head < order.length; head += 1) {
    for (const next of graph.downstream[order[head]!]!) {
      missing[next]! -= 1;
      if (missing[next] === 0) order.push(next);
    }
  }
  return order;
}

/**
 * Cycles that share no step, at most `cyclesMax`, as step numbers in the order of waiting. What stays over when Kahn's
 * order is taken out lies on a cycle or behind one, so walking upstream from any of it must close a circle; that circle
 * is then cut out, what hung on it alone is settled, and the rest is walked again. Linear over all cycles.
 */
export function findCycles(graph: Graph, cyclesMax = 20): number[][] {
  const missing = graph.upstream.map((steps) => steps.length);
  const left = new Set(graph.upstream.keys());
  const settle = (settled: number[]) => {
    for (const i of settled) left.delete(i);
    for (const i of settled) {
      for (const next of graph.downstream[i]!) {
        missing[next]! -= 1;
        if (missing[next] === 0 && left.delete(next)) settled.push(next);
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
  let at = left.values().next().value!;
  while (!place.has(at)) {
    place.set(at, place.size);
    at = graph.upstream[at]!.find((up) => left.has(up))!;
  }
  return [...place.keys()].slice(place.get(at));
}

/**
 * The steps themselves and everything that waits for them, directly or not. Steps for which `isEnd` holds are left out,
 * and so is what hangs on them alone.
 */
export function withDownstream(
  graph: Pick<Graph, 'downstream'>,
  starts: Iterable<number>,
  isEnd: (i: number) => boolean = () => false,
): Set<number> {
  const reached = new Set(starts);
  for (const i of reached) for (const next of graph.downstream[i]!) if (!isEnd(next)) reached.add(next);
  return reached;
}

/** Whether `up` must be complete before `step` starts. `rank` is a topological rank; it keeps the walk short. */
export function isUpstream(graph: Graph, rank: readonly number[], up: number, step: number): boolean {
  const seen = new Set<number>([step]);
  for (const i of seen) {
    for (const above of graph.upstream[i]!) {
      if (above === up) return true;
      if (rank[above]! > rank[up]!) seen.add(above);
    }
  }
  return false;
}
