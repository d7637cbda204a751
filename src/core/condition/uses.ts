/** What a condition reads, so that its caller knows which values and blobs to load. */
import { type Node, partsOf, pathOf } from './node.ts';

export interface OutputPath {
  readonly root: 'steps' | 'previous';
  readonly step: string;
  /** Keys within the outputs; none: the outputs as a whole. A place in a list ends the path before it. */
  readonly path: readonly string[];
  /** `size` and `has` do not read the value itself. */
  readonly use: 'value' | 'size' | 'has';
}

export interface ConditionUse {
  /** Ids of the steps upstream that it asks about, each once, in the order in which they are met. */
  readonly steps: readonly string[];
  readonly outputPaths: readonly OutputPath[];
  /** Other names than `params` and `steps`: `index`, `round`, `previous`, `workflow` and names of items, each once. */
  readonly roots: readonly string[];
  /** Names of the params that it reads, each once. */
  readonly params: readonly string[];
}

export const noUse: ConditionUse = { steps: [], outputPaths: [], roots: [], params: [] };

export function usesOf(node: Node): ConditionUse {
  const steps = new Set<string>();
  const roots = new Set<string>();
  const outputPaths: OutputPath[] = [];
  const params = new Set<string>();

  const visit = (part: Node, use: OutputPath['use'], local: string | undefined): void => {
    const path = pathOf(part);
    if (path === undefined) {
      // The list that a macro looks through does not know the name of its element.
      const inner = (next: Node) => (part.kind === 'macro' && next === part.test ? part.local : local);
      for (const next of partsOf(part)) visit(next, useOf(part), inner(next));
      return;
    }
    const { root, keys } = path;
    if (root === local) return;
    if (root === 'params') params.add(keys[0] as string);
    else if (root === 'steps') steps.add(keys[0] as string);
    else roots.add(root);
    if ((root !== 'steps' && root !== 'previous') || keys[1] !== 'outputs') return;
    outputPaths.push({ root, step: keys[0] as string, path: keys.slice(2), use });
  };

  visit(node, 'value', undefined);
  return { steps: [...steps], outputPaths, roots: [...roots], params: [...params] };
}

function useOf(node: Node): OutputPath['use'] {
  if (node.kind === 'has') return 'has';
  return node.kind === 'call' && node.name === 'size' ? 'size' : 'value';
}
