/** The calls that show a run in other ways than as a whole: as columns, as what has changed, its log, its relatives. */
import type { Call, CallHandlers, WorkflowText } from '../../contract/coordinator.ts';
import { Refusal } from '../../contract/failures.ts';
import type { StorePort } from '../../contract/store.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { toDefinitionBack } from '../../core/definition-back.ts';
import { toChangesView, toGraphView } from '../../core/graph-view.ts';
import { toLoggedStep } from '../../core/run-log.ts';
import type { WorkflowState } from '../../core/state.ts';
import { isOver, type Waits } from '../followers/waits.ts';
import type { Turns } from '../turns.ts';
import type { Workflows } from '../workflows.ts';
import { GraphTexts } from './graph-texts.ts';
import type { KeyedCalls } from './keyed-calls.ts';
import { findLineage } from './lineage.ts';

export interface RunViewParts {
  store: Pick<StorePort, 'stampState'>;
  workflows: Workflows;
  turns: Turns;
  waits: Waits;
}

type RunViewCalls = CallHandlers<'graph' | 'definition' | 'logs' | 'lineage'>;

export function createRunViewCalls(parts: RunViewParts, keyed: KeyedCalls): RunViewCalls {
  const { store, workflows, turns, waits } = parts;
  const texts = new GraphTexts();

  const show = (id: string, toView: (state: WorkflowState) => unknown): Promise<WorkflowText> => {
    turns.checkDurable(id);
    return keyed.pinned(id, async ({ state }) => {
      turns.checkDurable(id);
      const { version, status } = state.header;
      const json = JSON.stringify(toView(state));
      return { id: state.header.id, version, status, json, hasBlobs: false, replayed: false };
    });
  };

  const graph: Call<'graph'> = async ({ id, since, waitMs, until }, signal) => {
    turns.checkDurable(id);
    if (waitMs !== 0 && !isOver(workflows.status(id), until)) await waits.wait(id, until, waitMs, signal);
    if (since !== undefined) return show(id, (state) => changesOf(state, since));
    const entry = workflows.finished.get(id);
    if (entry === undefined) return show(id, toGraphView);
    const stamp = await store.stampState(id);
    const kept = texts.find(id, entry.summary.version, stamp);
    if (kept !== null && workflows.finished.get(id) === entry) return kept;
    const text = await show(id, toGraphView);
    if (stamp !== null && isTerminal(text.status)) texts.keep(text, stamp);
    return text;
  };

  return {
    graph,
    definition: async ({ id }) => show(id, toDefinitionBack),
    logs: async ({ id }) => show(id, ({ steps }) => steps.map(toLoggedStep)),
    lineage: async ({ id }) => {
      turns.checkDurable(id);
      return findLineage(workflows, keyed, id, (other) => turns.isDurable(other));
    },
  };
}

function changesOf(state: WorkflowState, since: number) {
  const view = toChangesView(state, since);
  if (view !== null) return view;
  const { id, version } = state.header;
  const detail = `What has changed since version ${since} of workflow ${id} is too old to be known, or no version of it (it is at ${version}): read it with view=graph`;
  throw new Refusal({ code: 'CONFLICT', detail });
}
