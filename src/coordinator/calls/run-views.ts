/** The calls that show a run in other ways than as a whole: as columns, as what has changed, and with its relatives. */
import type { Call, CallHandlers } from '../../contract/coordinator.ts';
import { Refusal } from '../../contract/failures.ts';
import { toChangesView, toGraphView } from '../../core/graph-view.ts';
import type { WorkflowState } from '../../core/state.ts';
import { isOver, type Waits } from '../followers/waits.ts';
import type { Turns } from '../turns.ts';
import type { Workflows } from '../workflows.ts';
import type { KeyedCalls } from './keyed-calls.ts';

export interface RunViewParts {
  workflows: Workflows;
  turns: Turns;
  waits: Waits;
}

export function createRunViewCalls(parts: RunViewParts, keyed: KeyedCalls): CallHandlers<'graph'> {
  const { workflows, turns, waits } = parts;

  const graph: Call<'graph'> = async ({ id, since, waitMs, until }, signal) => {
    turns.checkDurable(id);
    if (waitMs !== 0 && !isOver(workflows.status(id), until)) await waits.wait(id, until, waitMs, signal);
    return keyed.pinned(id, async ({ state }) => {
      turns.checkDurable(id);
      const { version, status } = state.header;
      const view = since === undefined ? toGraphView(state) : changesOf(state, since);
      return { id: state.header.id, version, status, json: JSON.stringify(view), hasBlobs: false, replayed: false };
    });
  };

  return { graph };
}

function changesOf(state: WorkflowState, since: number) {
  const view = toChangesView(state, since);
  if (view !== null) return view;
  const { id, version } = state.header;
  const detail = `What has changed since version ${since} of workflow ${id} is too old to be known, or no version of it (it is at ${version}): read it with view=graph`;
  throw new Refusal({ code: 'CONFLICT', detail });
}
