/**
 * A run as columns: what a graph and a timeline draw, without params, outputs and logs. 20,000 steps take 1 MB where the
 * whole run takes 13 MB (docs/rest.md). The shapes are in `contract/run-view.ts`.
 */
import { type ChangesView, type GraphColumns, type GraphView, statusDigits } from '../contract/run-view.ts';
import type { JobStatus } from '../contract/workflow.ts';
import { listAwaited } from './awaited.ts';
import { isGroup } from './flow.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';
import { toRelatives, toSummary } from './view.ts';

const digitOf = Object.fromEntries(statusDigits.map((status, digit) => [status, String(digit)])) as Record<
  JobStatus,
  string
>;

export function toGraphView(state: WorkflowState): GraphView {
  const { actions, steps } = toColumns(state, [...state.steps.keys()]);
  return { ...toHead(state), actions, steps };
}

/** The steps that have changed since the version; null where that is no longer known, or not a version of this workflow. */
export function toChangesView(state: WorkflowState, since: number): ChangesView | null {
  const at = state.changedSince(since);
  if (at === null) return null;
  const { actions, steps } = toColumns(state, at);
  return { ...toHead(state), since, at, actions, steps };
}

function toHead(state: WorkflowState) {
  return { ...toSummary(state), ...toRelatives(state), seq: state.header.seq };
}

/** Entry k of each column is about the step at `places[k]`; `waits` is that of all steps. */
function toColumns(state: WorkflowState, places: readonly number[]): { actions: string[]; steps: GraphColumns } {
  const { createdAt } = state.header;
  const actions = new Map<string, number>();
  const steps = emptyColumns();
  const digits: string[] = [];
  const since = (ms: number | null) => (ms === null ? -1 : ms - createdAt);
  for (const place of places) {
    const step = state.stepAt(place);
    const { startTime, endTime } = step;
    const action = actions.get(step.action) ?? actions.size;
    actions.set(step.action, action);
    digits.push(digitOf[step.status]);
    steps.id.push(step.id);
    steps.name.push(step.name);
    steps.action.push(action);
    steps.deps.push(step.dependencies.map((id) => state.index.get(id) ?? -1));
    steps.queued.push(since(step.queuedAt));
    steps.start.push(since(startTime));
    steps.ms.push(startTime === null || endTime === null ? -1 : endTime - startTime);
    steps.attempt.push(step.attempt);
    const { cost, tokens } = step.metrics ?? { cost: -1, tokens: -1 };
    steps.cost.push(typeof cost === 'number' ? cost : null);
    steps.tokens.push(typeof tokens === 'number' ? tokens : 0);
    addByPlace(steps, state, place);
  }
  addWaits(steps, state);
  return { actions: [...actions.keys()], steps: { ...steps, status: digits.join('') } };
}

function emptyColumns(): GraphColumns {
  const lists = { id: [], name: [], action: [], deps: [], queued: [], start: [], ms: [], attempt: [] };
  const maps = { error: {}, waits: {}, outcome: {}, of: {}, group: {}, count: {}, child: {} };
  return { ...lists, cost: [], tokens: [], status: '', final: [], ...maps };
}

function addByPlace(steps: GraphColumns, state: WorkflowState, place: number): void {
  const { error, errorCode, outcome, of, flow, count, child } = state.stepAt(place);
  if (error !== null) steps.error[place] = errorCode ?? '';
  if (outcome !== null) steps.outcome[place] = outcome === 'skipped' ? 's' : 't';
  if (of !== null) steps.of[place] = [state.placeOf(of.step), of.index];
  else if (flow.isFinal) steps.final.push(place);
  if (isGroup(flow)) steps.group[place] = flow.repeat === null ? 'map' : 'loop';
  if (count !== null) steps.count[place] = count;
  if (child !== null) steps.child[place] = child;
}

/** A step may begin to wait for data without a change of its own: when what it depends on has ended. */
function addWaits(steps: GraphColumns, state: WorkflowState): void {
  if (state.counts.WAITING_FOR_DEPENDENCY === 0) return;
  for (const { step, for: what } of listAwaited(state)) steps.waits[state.placeOf(step.id)] = what;
  state.steps.forEach((step, place) => {
    const what = toOwnWait(step);
    if (what !== null) steps.waits[place] = what;
  });
}

function toOwnWait({ pause, wait }: StepState): GraphColumns['waits'][string] | null {
  return pause === null ? (wait?.for ?? null) : 'budget';
}
