/** `list`: the workflows of a server, newest change first. */
import type { ListQuery } from '../contract/list-query.ts';
import type { WorkflowSummary } from '../contract/workflow.ts';
import type { CliContext } from './context.ts';
import { openServer } from './engine-access.ts';
import { toTable } from './table.ts';

export interface ListOptions extends ListQuery {
  json?: boolean;
  server?: string;
}

export async function list({ json, server, ...query }: ListOptions, context: CliContext): Promise<void> {
  const access = openServer(context, server);
  try {
    const { total, items } = await access.engine.list(query);
    const { stdout } = context;
    if (json) {
      stdout.write(`${JSON.stringify(items, null, 2)}\n`);
      return;
    }
    const head = ['ID', 'STATUS', 'DONE', 'STEPS', 'UPDATED', 'NAME'];
    stdout.write(toTable(head, items.map(toRow), stdout.isTTY ? stdout.columns : undefined));
    if (items.length < total) stdout.write(`${items.length} of ${total}; more with --limit and --offset\n`);
  } finally {
    await access.close();
  }
}

function toRow(item: WorkflowSummary): string[] {
  const { id, status, progress, steps_total, updatedAt, name } = item;
  return [id, status, `${progress} %`, String(steps_total), updatedAt, name];
}
