/** What a dry run has shown: the steps by waves, what each of them would have done, and what that would have cost. */

import type { Budget } from '../contract/budget.ts';
import type { DryRunReply, DryStep } from '../contract/dry-run.ts';
import { rehearsalSchema } from '../contract/rehearsal.ts';
import type { Workflow, WorkflowStep } from '../contract/workflow.ts';
import { counted } from '../core/duration.ts';
import { groupAction } from '../core/flow.ts';
import { createGraph, type GraphNode, topologicalOrder, withDownstream } from '../core/graph.ts';
import { toDollars, toPico } from '../core/metrics.ts';
import { createActionCatalogue } from '../tasks/registry.ts';
import { toFlowNotes, toWait, WrittenSteps } from './written-steps.ts';

const warningMark = 'Warning: ';

export function toDrySummary({ name, status, steps, budget }: Workflow, maxParallelNodes: number): DryRunReply {
  const written = new WrittenSteps(steps);
  const nodes = toNodes(steps);
  const waves = toWaves(nodes);
  const all = steps.map((step, i) => {
    const { id, action, status, error, metadata } = step;
    const would = rehearsalSchema.safeParse(metadata?.rehearsal).data ?? toWait(step, written);
    const { when = null } = written.of(step);
    const group = written.isGroup(step) ? { group: true as const } : {};
    const row = { wave: waves[i] ?? 0, id, action, status, error, would, when, times: written.timesOf(step), ...group };
    return { row, isSkipped: step.outcome === 'skipped' };
  });
  // Conditions count as true, so what is skipped here is so for want of a failure before it.
  const rows = renumber(all.filter(({ isSkipped }) => !isSkipped).map(({ row }) => row));
  const later = all.filter(({ isSkipped }) => isSkipped).map(({ row }) => row);
  // Stable, so that a wave keeps the order of the definition.
  rows.sort((a, b) => a.wave - b.wave);
  return {
    name,
    status,
    waves: Array.from({ length: rows.at(-1)?.wave ?? 0 }, (_, i) =>
      rows.filter(({ wave }) => wave === i + 1).map(({ id }) => id),
    ),
    max_parallel_nodes: maxParallelNodes,
    steps: rows,
    after_failure: later.map(({ id, action, when }) => ({ id, action, when })),
    models: sumUp(rows),
    notes: [...toNotes(rows, steps), ...toFlowNotes(steps, written), ...(budget ? toBudgetNotes(budget, rows) : [])],
  };
}

/** The graph with the steps of groups in it: they come after their group, and before what waits for it. */
function toNodes(steps: readonly WorkflowStep[]): GraphNode[] {
  const made = new Map<string, string[]>();
  for (const { id, of } of steps) {
    const siblings = of && made.get(of.step);
    if (siblings) siblings.push(id);
    else if (of) made.set(of.step, [id]);
  }
  const isKnown = new Set(steps.map(({ id }) => id));
  const withMade = (id: string): string[] => [id, ...(made.get(id) ?? []).flatMap(withMade)];
  return steps.map(({ id, of, dependencies }) => ({
    id,
    dependencies: [...(of ? [of.step] : []), ...dependencies.filter((name) => isKnown.has(name)).flatMap(withMade)],
  }));
}

function toWaves(steps: readonly GraphNode[]): number[] {
  const graph = createGraph(steps);
  const waves = steps.map(() => 1);
  for (const i of topologicalOrder(graph)) {
    for (const next of graph.downstream[i] ?? []) waves[next] = Math.max(waves[next] ?? 1, (waves[i] ?? 1) + 1);
  }
  return waves;
}

/** Without the waves in which nothing happens, because their steps are skipped. */
function renumber(rows: DryStep[]): DryStep[] {
  const used = [...new Set(rows.map(({ wave }) => wave))].sort((a, b) => a - b);
  const places = new Map(used.map((wave, i) => [wave, i + 1]));
  return rows.map((row) => ({ ...row, wave: places.get(row.wave) ?? row.wave }));
}

function sumUp(rows: readonly DryStep[]): DryRunReply['models'] {
  const calls = rows.flatMap(({ would, times }) => (would?.kind === 'model_call' ? [{ ...would, times }] : []));
  const costs = calls.map(({ cost, times }) => {
    const pico = toPico(cost);
    return pico === null ? null : pico * BigInt(times);
  });
  const priced = costs.filter((cost) => cost !== null);
  return {
    calls: calls.reduce((sum, { times }) => sum + times, 0),
    input_tokens: calls.reduce((sum, call) => sum + call.input_tokens * call.times, 0),
    output_tokens: calls.reduce((sum, call) => sum + call.output_tokens * call.times, 0),
    cost: calls.length > 0 && priced.length === 0 ? null : toDollars(priced.reduce((sum, cost) => sum + cost, 0n)),
    cost_is_floor: priced.length < calls.length,
  };
}

function toNotes(rows: readonly DryStep[], steps: readonly WorkflowStep[]): string[] {
  const catalogue = createActionCatalogue();
  const actions = [...new Set(rows.map(({ action }) => action))];
  const obstacles = rows.flatMap(({ would }) => (would?.kind === 'model_call' ? [would.obstacle ?? ''] : []));
  const madeUp = findMadeUp(steps);
  return [
    ...rows
      .filter(({ status }) => status === 'FAILED')
      .map(({ id, error }) => {
        const reserve = madeUp.has(id) ? ' (it worked on made-up results)' : '';
        return `step ${id} would fail: ${error ?? 'without a reason'}${reserve}`;
      }),
    ...actions
      .filter((action) => action !== groupAction && !catalogue.has(action))
      .map((action) => `action ${action} is not known here and would be simulated`),
    ...new Set(obstacles.filter((obstacle) => obstacle !== '')),
    ...steps
      .filter(({ action }) => catalogue.has(action))
      .flatMap(({ id, logs }) =>
        logs
          .filter((line) => line.startsWith(warningMark))
          .map((line) => line.slice(warningMark.length))
          .filter((warning) => !obstacles.includes(warning))
          .map((warning) => `step ${id}: ${warning}`),
      ),
  ];
}

/** What the calls may take at most, against what the workflow may use. */
function toBudgetNotes({ usd, tokens, calls }: Budget, rows: readonly DryStep[]): string[] {
  const models = sumUp(rows);
  const unpriced = rows.flatMap(({ id, would }) => (would?.kind === 'model_call' && would.cost === null ? [id] : []));
  const used = models.input_tokens + models.output_tokens;
  const short = (what: string, most: string) =>
    `the calls may take ${what}, and the workflow's budget is ${most}: when it is used up, steps are paused`;
  return [
    ...(usd !== undefined && unpriced.length > 0
      ? [
          `a budget in dollars would pause ${unpriced.join(', ')}, whose price is not known: name the model in PRICES_FILE, or set a budget in tokens or calls`,
        ]
      : []),
    ...(usd !== undefined && (models.cost ?? 0) > usd ? [short(toMoney(models.cost), toMoney(usd))] : []),
    ...(tokens !== undefined && used > tokens ? [short(counted(used, 'token'), counted(tokens, 'token'))] : []),
    ...(calls !== undefined && models.calls > calls
      ? [short(counted(models.calls, 'call'), counted(calls, 'call'))]
      : []),
  ];
}

/** Steps behind one whose results are made up. */
function findMadeUp(steps: readonly WorkflowStep[]): Set<string> {
  const graph = createGraph(toNodes(steps));
  const sources = steps.flatMap(({ action, metadata }, i) =>
    action === 'external_data' || metadata?.rehearsal !== undefined ? [i] : [],
  );
  const behind = withDownstream(graph, sources);
  return new Set(
    steps.filter(({ metadata }, i) => behind.has(i) && metadata?.rehearsal === undefined).map(({ id }) => id),
  );
}

/** To a millionth of a dollar, without zeros at the end. */
export function toMoney(cost: number | null): string {
  if (cost === null) return 'price not known';
  if (cost > 0 && cost < 0.000001) return 'less than $0.000001';
  return `$${cost.toFixed(6).replace(/\.?0+$/, '')}`;
}
