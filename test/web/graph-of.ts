/** The graph view of a workflow: what `GET /api/workflows/{id}?view=graph` answers, made from the full view. */
import type { GraphColumns, GraphView } from '../../src/contract/run-view.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { toStatusCode } from '../../web/run/look.ts';

export function graphOf(workflow: Workflow): GraphView {
  const { steps, params: _params, cost_breakdown: _costs, budget: _budget, ...head } = workflow;
  const createdAt = Date.parse(workflow.createdAt);
  const places = new Map(steps.map(({ id }, i) => [id, i]));
  const actions = [...new Set(steps.map(({ action }) => action))];
  const columns: GraphColumns = {
    ...{ id: [], name: [], action: [], deps: [], status: '', queued: [], start: [], ms: [], attempt: [], cost: [] },
    ...{ tokens: [], error: {}, waits: {}, outcome: {}, of: {}, group: {}, count: {}, child: {}, final: [] },
  };
  const since = (time: string | null | undefined) => (time ? Date.parse(time) - createdAt : -1);
  steps.forEach((step, i) => {
    columns.id.push(step.id);
    columns.name.push(step.name);
    columns.action.push(actions.indexOf(step.action));
    columns.deps.push(step.dependencies.map((id) => places.get(id) ?? -1));
    columns.status += String(toStatusCode(step.status));
    columns.queued.push(since(step.queuedAt));
    columns.start.push(since(step.startTime));
    columns.ms.push(step.startTime && step.endTime ? Date.parse(step.endTime) - Date.parse(step.startTime) : -1);
    columns.attempt.push(step.attempt);
    setSparse(columns, i, steps, places);
  });
  return { ...head, seq: 0, steps_total: steps.length, actions, steps: columns };
}

interface Written {
  readonly id?: string;
  readonly forEach?: unknown;
  readonly repeat?: unknown;
  readonly steps?: readonly Written[];
}

/** What the definition says of a step; that of a step that a group has made stands in the group's body. */
function definitionOf(
  { of, id, forEach, repeat, body }: WorkflowStep,
  steps: readonly WorkflowStep[],
  places: ReadonlyMap<string, number>,
): Written {
  if (!of) return { id, forEach, repeat, steps: (body ?? []) as Written[] };
  const group = definitionOf(steps[places.get(of.step) ?? 0]!, steps, places);
  const inner = id.slice(`${of.step}.${of.index}.`.length);
  return group.steps?.find((written) => written.id === inner) ?? {};
}

function setSparse(
  columns: GraphColumns,
  i: number,
  steps: readonly WorkflowStep[],
  places: ReadonlyMap<string, number>,
): void {
  const step = steps[i]!;
  const { cost, tokens } = step.execution_metrics ?? {};
  columns.cost.push(step.execution_metrics === null ? -1 : typeof cost === 'number' ? cost : null);
  columns.tokens.push(typeof tokens === 'number' ? tokens : -1);
  const place = String(i);
  if (step.error !== null) columns.error[place] = step.errorCode ?? '';
  if (step.waits) columns.waits[place] = step.waits.for;
  if (step.outcome) columns.outcome[place] = step.outcome === 'skipped' ? 's' : 't';
  if (step.of) columns.of[place] = [places.get(step.of.step) ?? 0, step.of.index];
  if (step.count !== undefined) columns.count[place] = step.count;
  const written = definitionOf(step, steps, places);
  if (written.forEach !== undefined) columns.group[place] = 'map';
  if (written.repeat !== undefined) columns.group[place] = 'loop';
  if (step.final) columns.final.push(i);
}
