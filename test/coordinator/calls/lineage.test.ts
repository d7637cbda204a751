/** Goal: the family of a workflow is shown whole up to its bound, says how each came to be, and says that it is cut only where something is left out. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../../src/contract/failures.ts';
import { limits } from '../../../src/contract/limits.ts';
import type { WorkflowSummary } from '../../../src/contract/workflow.ts';
import type { KeyedCalls } from '../../../src/coordinator/calls/keyed-calls.ts';
import { findLineage } from '../../../src/coordinator/calls/lineage.ts';
import type { Workflows } from '../../../src/coordinator/workflows.ts';

interface Member {
  readonly parentId: string | null;
  readonly branches?: object[];
  readonly children?: object[];
}

/** Finished workflows by id. Those in `unreadable` cannot be read. */
function lineageOf(id: string, members: Record<string, Member>, unreadable: string[] = []) {
  const finished = new Map(
    Object.entries(members).map(([name, { parentId }]) => [
      name,
      { summary: { id: name, parentId } as WorkflowSummary },
    ]),
  );
  const workflows = { finished, live: new Map(), status: () => 'COMPLETED' } as unknown as Workflows;
  const keyed = {
    async pinned(name: string, run: (live: unknown) => unknown) {
      if (unreadable.includes(name)) throw new Refusal({ code: 'SET_ASIDE', detail: 'gone' });
      const { branches = [], children = [] } = members[name]!;
      return run({ state: { header: { branches, children } } });
    },
  } as unknown as KeyedCalls;
  return findLineage(workflows, keyed, id, () => true);
}

const of = (parentId: string | null, more: Partial<Member> = {}): Member => ({ parentId, ...more });

test('branches, children of steps, and what nobody knows of are told apart', async () => {
  const family = {
    root: of(null, { branches: [{ id: 'b', stepId: 's1' }], children: [{ id: 'c', stepId: 's2' }] }),
    b: of('root'),
    c: of('root'),
    d: of('c'),
    stranger: of(null),
  };
  for (const id of ['root', 'd']) {
    const { root, nodes, edges, cut } = await lineageOf(id, family, ['c']);
    expect({ root, cut, nodes: nodes.map((node) => node.id) }).toEqual({
      root: 'root',
      cut: false,
      nodes: ['root', 'b', 'c', 'd'],
    });
    expect(edges).toEqual([
      { parent: 'root', child: 'b', kind: 'branch', stepId: 's1' },
      { parent: 'root', child: 'c', kind: 'step', stepId: 's2' },
      { parent: 'c', child: 'd', kind: 'branch', stepId: null },
    ]);
  }
});

test('parents in a circle, and a parent that is gone, end the search for the root', async () => {
  expect((await lineageOf('a', { a: of('b'), b: of('a') })).nodes).toHaveLength(2);
  expect((await lineageOf('a', { a: of('gone') })).root).toBe('a');
});

describe('the bound', () => {
  const familyOf = (children: number) =>
    Object.fromEntries([
      ['root', of(null)],
      ...Array.from({ length: children }, (_, i) => [`c${i}`, of('root')] as const),
    ]);

  test.each([
    [limits.lineageMax - 1, false, limits.lineageMax],
    [limits.lineageMax, true, limits.lineageMax],
  ])('of a root with %i children', async (children, cut, shown) => {
    const found = await lineageOf('root', familyOf(children));
    expect([found.cut, found.nodes.length, found.edges.length]).toEqual([cut, shown, shown - 1]);
  });
});
