/** What a dry run has shown: the steps by waves, what each of them would have done, and what that would have cost. */

import type { Budget } from '../contract/budget.ts';
import { type Rehearsal, rehearsalSchema } from '../contract/rehearsal.ts';
import type { JobStatus, Workflow, WorkflowStep } from '../contract/workflow.ts';
import { counted } from '../core/duration.ts';
import { groupAction } from '../core/flow.ts';
import { createGraph, type GraphNode, topologicalOrder, withDownstream } from '../core/graph.ts';
import { toDollars, toPico } from '../core/metrics.ts';
import { workflowAction } from '../core/step-state.ts';
import { createActionCatalogue } from '../tasks/registry.ts';
import { toElapsed } from './elapsed.ts';
import { toTable } from './table.ts';
import { toFlowNotes, toWait, WrittenSteps } from './written-steps.ts';

const warningMark = 'Warning: ';

interface DryStep {
  /** From 1: steps of a wave wait for none of each other. */
  wave: number;
  id: string;
  action: string;
  status: JobStatus;
  error: string | null;
  would: Rehearsal | null;
  /** Its condition; a dry run takes it for true. */
  when: string | null;
  /** At most so often: the rounds of the loops around it. Its calls count so many times. */
  times: number;
}

interface DrySummary {
  name: string;
  status: JobStatus;
  waves: string[][];
  max_parallel_nodes: number;
  steps: DryStep[];
  /** Steps that run only when another has failed; they are not among `steps`, and not in the sums. */
  after_failure: { id: string; action: string; when: string | null }[];
  models: { calls: number; input_tokens: number; output_tokens: number; cost: number | null; cost_is_floor: boolean };
  notes: string[];
}

export function toDrySummary({ name, status, steps, budget }: Workflow, maxParallelNodes: number): DrySummary {
  const written = new WrittenSteps(steps);
  const nodes = toNodes(steps);
  const waves = toWaves(nodes);
  const all = steps.map((step, i) => {
    const { id, action, status, error, metadata } = step;
    const would = rehearsalSchema.safeParse(metadata?.rehearsal).data ?? toWait(step, written);
    const { when = null } = written.of(step);
    const row = { wave: waves[i] ?? 0, id, action, status, error, would, when, times: written.timesOf(step) };
    return { row, isSkipped: step.outcome === 'skipped' };
  });
  // Conditions count as true, so what is skipped here is so for want of a failure before it.
  const rows = all.filter(({ isSkipped }) => !isSkipped).map(({ row }) => row);
  const later = all.filter(({ isSkipped }) => isSkipped).map(({ row }) => row);
  // Stable, so that a wave keeps the order of the definition.
  rows.sort((a, b) => a.wave - b.wave);
  return {
    name,
    status,
    waves: Array.from({ length: waves.reduce((last, wave) => Math.max(last, wave), 0) }, (_, i) =>
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

function sumUp(rows: readonly DryStep[]): DrySummary['models'] {
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

/** `width` is the terminal's. */
export function toSummaryText(summary: DrySummary, width: number | undefined): string {
  const { name, status, steps, waves, max_parallel_nodes: atOnce, after_failure: later, models, notes } = summary;
  const rows = steps.map((step) => [String(step.wave), step.id, step.action, step.status, toDoing(step)]);
  const count = counted(steps.length, 'step');
  const inWaves = counted(waves.length, 'wave');
  return [
    `dry run of ${name}: ${status}, ${count} in ${inWaves}, at most ${atOnce} at once; nobody was called`,
    '',
    toTable(['WAVE', 'STEP', 'ACTION', 'STATUS', 'WOULD'], rows, width).trimEnd(),
    '',
    ...(later.length === 0 ? [] : [`only after a failure: ${later.map(({ id }) => id).join(', ')}`]),
    toCallsLine(models),
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}

function toDoing(step: DryStep): string {
  const { status, error, when, times } = step;
  if (status !== 'COMPLETED') return error ?? '';
  return `${toDeed(step)}${times > 1 ? `, up to ${times} times` : ''}${when === null ? '' : `, if ${when}`}`;
}

function toDeed({ action, would }: DryStep): string {
  if (would === null) {
    if (action === 'external_data') return 'wait for data from outside';
    if (action === 'approval') return 'wait for a decision, taken for approved';
    if (action === groupAction) return 'make its steps';
    if (action === workflowAction) return 'run a workflow of its own';
    return createActionCatalogue().has(action) ? 'run as it did here' : 'be simulated: nobody knows this action';
  }
  switch (would.kind) {
    case 'model_call': {
      const { model, address, input_tokens: input, output_tokens: output, cost } = would;
      return `ask ${model} at ${address}: about ${input} + ${output} tokens, ${toMoney(cost)}`;
    }
    case 'request':
      return `send ${would.method} ${would.url}`;
    case 'wait':
      return `wait ${toElapsed(would.ms)}`;
    default: {
      const never: never = would;
      throw new Error(`unknown rehearsal ${JSON.stringify(never)}`);
    }
  }
}

function toCallsLine({ calls, input_tokens, output_tokens, cost, cost_is_floor }: DrySummary['models']): string {
  if (calls === 0) return 'no model would be asked';
  const price = cost !== null && cost_is_floor ? `at least ${toMoney(cost)}` : toMoney(cost);
  const count = calls === 1 ? '1 call of a model' : `${calls} calls of models`;
  return `${count}, about ${input_tokens} + ${output_tokens} tokens, ${price}`;
}

/** To a millionth of a dollar, without zeros at the end. */
function toMoney(cost: number | null): string {
  if (cost === null) return 'price not known';
  if (cost > 0 && cost < 0.000001) return 'less than $0.000001';
  return `$${cost.toFixed(6).replace(/\.?0+$/, '')}`;
}
