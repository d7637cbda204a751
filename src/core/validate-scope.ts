/**
 * The steps that can name each other: those of the definition, or those within one group, which also see what their group
 * sees.
 */
import type { StepDefinition } from '../contract/definition.ts';
import type { PlacedStep } from './finally.ts';
import { toItemNames } from './flow.ts';
import { Ancestry, createGraph, type Graph, type GraphNode } from './graph.ts';
import { itemAt } from './item-at.ts';
import type { Names } from './references.ts';

export interface NameScope {
  /** undefined in place of a step that has no readable shape. */
  readonly steps: readonly (PlacedStep | undefined)[];
  readonly graph: Graph;
  readonly ancestry: Ancestry;
  /** Whether one step has run whenever the other does (N8). */
  readonly certain: Ancestry;
  /** Known in the params of the steps, besides `params` and `steps`. */
  readonly names: Names;
  /** The steps of the nearest loop around, which `previous` knows. */
  readonly rounds: NameScope | null;
  readonly outer: { readonly scope: NameScope; readonly i: number } | null;
  pathOf(i: number): readonly PropertyKey[];
}

interface ScopeParts extends Pick<NameScope, 'steps' | 'names' | 'outer' | 'pathOf'> {
  readonly nodes: readonly GraphNode[];
  readonly isLoop?: boolean;
  readonly rounds?: NameScope | null;
}

export function createScope({ nodes, isLoop, rounds = null, ...parts }: ScopeParts): NameScope {
  const graph = createGraph(nodes);
  const joinOf = (i: number) => parts.steps[i]?.join ?? 'all';
  const leaves = (i: number) => joinOf(i) === 'ended' || joinOf(i) === 'failed';
  const sure = createGraph(
    nodes.map(({ id, dependencies }, i) => ({ id, dependencies: leaves(i) ? [] : dependencies })),
  );
  const scope = {
    ...parts,
    graph,
    ancestry: new Ancestry(graph),
    certain: new Ancestry(sure, (i) => joinOf(i) === 'any'),
    rounds,
  };
  if (isLoop) scope.rounds = scope;
  return scope;
}

/**
 * The scope within a group: its inner steps. Where its own action runs in each round, that step has the loop's name; where
 * it runs for each item there is none.
 */
export function innerScope(outer: NameScope, i: number, step: StepDefinition): NameScope {
  const { id, action = '' } = step;
  const inner = step.steps ?? (step.repeat === undefined ? [] : [{ id, action }]);
  const names = new Set(outer.names);
  for (const name of toItemNames({ forEach: step.forEach ?? null })) names.add(name);
  if (step.forEach !== undefined) names.add('index');
  if (step.repeat !== undefined) for (const name of ['round', 'previous']) names.add(name);
  return createScope({
    steps: inner,
    nodes: inner.map(({ id, dependencies = [] }) => ({ id, dependencies })),
    names,
    outer: { scope: outer, i },
    pathOf: (k) => [...outer.pathOf(i), 'steps', k],
    isLoop: step.repeat !== undefined,
    rounds: outer.rounds,
  });
}

/** Where an id is known: in the scope itself or, failing that, in one around it; `at` is the place seen from there. */
export function find(
  scope: NameScope,
  id: string,
  at: number,
): { scope: NameScope; up: number; at: number } | undefined {
  const up = scope.graph.index.get(id);
  if (up !== undefined) return { scope, up, at };
  return scope.outer === null ? undefined : find(scope.outer.scope, id, scope.outer.i);
}

/** '' in place of a step that has no readable shape. */
export function idAt(scope: NameScope, i: number): string {
  return scope.steps[i]?.id ?? '';
}

export function isKnown(scope: NameScope, id: string): boolean {
  return scope.graph.index.has(id) || (scope.outer !== null && isKnown(scope.outer.scope, id));
}

/** All ids that a step may name, the nearest first. */
export function* idsWithin(scope: NameScope): Generator<string> {
  yield* scope.graph.index.keys();
  if (scope.outer !== null) yield* idsWithin(scope.outer.scope);
}

/** Whether a step has run whenever its item has been dealt with: neither it nor a step before it may be skipped. */
export function runsAlways(scope: NameScope, i: number): boolean {
  const step = scope.steps[i];
  // With forEach it is the items that are tolerated: the map runs all the same.
  const isTolerated = step?.tolerate === true && step.forEach === undefined;
  const isPlain = step?.when === undefined && (step?.join ?? 'all') === 'all' && !isTolerated;
  return isPlain && itemAt(scope.graph.upstream, i).every((up) => runsAlways(scope, up));
}
