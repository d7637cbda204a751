/** The relatives of a workflow: the eldest that it comes from, and all that were branched from that one. */
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import type { Lineage } from '../../contract/run-view.ts';
import type { WorkflowSummary } from '../../contract/workflow.ts';
import { toSummary } from '../../core/view.ts';
import type { Workflows } from '../workflows.ts';
import type { KeyedCalls } from './keyed-calls.ts';

export async function findLineage(
  workflows: Workflows,
  keyed: KeyedCalls,
  id: string,
  isShown: (id: string) => boolean,
): Promise<Lineage> {
  // Refuses an id that is not there.
  workflows.status(id);
  const known = new Map<string, WorkflowSummary>();
  const children = new Map<string, string[]>();
  for (const summary of allSummaries(workflows, isShown)) {
    known.set(summary.id, summary);
    const { parentId } = summary;
    if (parentId !== null) children.set(parentId, [...(children.get(parentId) ?? []), summary.id]);
  }
  const root = findRoot(known, id);
  const found = new Set([root]);
  const edges: Lineage['edges'] = [];
  let isCut = false;
  for (const parent of found) {
    const own = (children.get(parent) ?? []).filter((child) => !found.has(child));
    const room = Math.max(0, limits.lineageMax - found.size);
    isCut ||= own.length > room;
    // The workflow that was asked for is there, however many relatives it has.
    const shown = own.slice(0, room);
    const made = shown.length === 0 ? new Map<string, Origin>() : await readOrigins(keyed, parent);
    for (const child of shown) {
      found.add(child);
      edges.push({ parent, child, ...(made.get(child) ?? { kind: 'branch', stepId: null }) });
    }
  }
  const nodes = [...found].flatMap((each) => known.get(each) ?? []);
  return { root, nodes, edges, cut: isCut };
}

function* allSummaries(workflows: Workflows, isShown: (id: string) => boolean): Generator<WorkflowSummary> {
  for (const entry of workflows.finished.values()) yield entry.summary;
  for (const { state } of workflows.live.values()) if (isShown(state.header.id)) yield toSummary(state);
}

/** A hand-written file may name a descendant as its parent: a circle ends where it began. */
function findRoot(known: ReadonlyMap<string, WorkflowSummary>, id: string): string {
  const seen = new Set([id]);
  let root = id;
  for (;;) {
    const parent = known.get(root)?.parentId ?? null;
    if (parent === null || !known.has(parent) || seen.has(parent)) return root;
    seen.add(parent);
    root = parent;
  }
}

type Origin = Pick<Lineage['edges'][number], 'kind' | 'stepId'>;

/** The step that each branch and each child of a workflow began at; empty where it cannot be read any more. */
async function readOrigins(keyed: KeyedCalls, id: string): Promise<Map<string, Origin>> {
  try {
    return await keyed.pinned(id, async ({ state }) => {
      const { branches, children } = state.header;
      const origins = new Map<string, Origin>(
        branches.map((each) => [each.id, { kind: 'branch', stepId: each.stepId }]),
      );
      for (const each of children) origins.set(each.id, { kind: 'step', stepId: each.stepId });
      return origins;
    });
  } catch (error) {
    if (error instanceof Refusal) return new Map();
    throw error;
  }
}
