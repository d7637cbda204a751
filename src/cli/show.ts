/** `show`: one workflow of a server with its steps. */
import type { Workflow } from '../contract/workflow.ts';
import { counted } from '../core/duration.ts';
import { withWaitingBelow } from '../rehearsal/family.ts';
import { awaitsData, toDecisionLines } from './awaited.ts';
import type { CliContext } from './context.ts';
import { type EngineAccess, openServer } from './engine-access.ts';
import { printable } from './printable.ts';
import { stepHead, toStepRows } from './step-rows.ts';
import { toTable } from './table.ts';

export interface ShowOptions {
  json?: boolean;
  server?: string;
}

export async function show(id: string, { json, server }: ShowOptions, context: CliContext): Promise<void> {
  const access = openServer(context, server);
  try {
    const reply = await access.engine.get(id);
    const { stdout } = context;
    if (json) {
      stdout.write(`${reply.json.trimEnd()}\n`);
      return;
    }
    stdout.write(toHead(reply.workflow));
    const rows = toStepRows(reply.workflow.steps);
    stdout.write(`\n${toTable(stepHead, rows, stdout.isTTY ? stdout.columns : undefined)}`);
    const lines: string[] = [];
    for (const each of await withWaitingBelow(reply.workflow, access.engine)) {
      for (const line of [...(await toDecisionLines(each, access)), ...toDataLines(each, access)]) lines.push(line);
    }
    if (lines.length > 0) stdout.write(`\n${lines.join('\n')}\n`);
  } finally {
    await access.close();
  }
}

function toHead(workflow: Workflow): string {
  const { metrics } = workflow;
  const floor = metrics.cost_is_floor ? '>= ' : '';
  const cost = metrics.total_tokens > 0 ? `${metrics.total_tokens} tokens, ${floor}$${metrics.total_cost}` : '';
  const fields: [string, string][] = [
    ['id', workflow.id],
    ['name', workflow.name],
    ['status', `${workflow.status}, ${workflow.progress} % of ${workflow.steps.length} steps`],
    ['created', workflow.createdAt],
    ['updated', workflow.updatedAt],
    ['template', workflow.templateId ?? ''],
    [
      'parent',
      `${workflow.parentId ?? ''}${workflow.parentStepId === undefined ? '' : `, step ${workflow.parentStepId}`}`,
    ],
    ['tags', workflow.tags.join(', ')],
    ['models', cost],
    ['budget', toBudget(workflow.budget)],
    ...workflow.warnings.map((warning): [string, string] => ['warning', warning]),
  ];
  return fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(9)} ${printable(value)}\n`)
    .join('');
}

function toDataLines(workflow: Workflow, { serverUrl }: EngineAccess): string[] {
  const ids = awaitsData(workflow).map(({ id }) => id);
  if (workflow.status !== 'WAITING_FOR_DEPENDENCY' || ids.length === 0) return [];
  return [`waits for data: ${printable(ids.join(', '))}: POST ${serverUrl}/api/workflows/${workflow.id}/external-data`];
}

function toBudget(budget: Workflow['budget']): string {
  if (budget === undefined) return '';
  const { usd, tokens, calls, spent } = budget;
  return [
    ...(usd === undefined ? [] : [`$${spent.usd} of $${usd} spent`]),
    ...(tokens === undefined ? [] : [`${spent.tokens} of ${counted(tokens, 'token')}`]),
    ...(calls === undefined ? [] : [`${spent.calls} of ${counted(calls, 'call')}`]),
  ].join(', ');
}
