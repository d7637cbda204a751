/** `prune`: removes finished workflows from a server, as KEEP_FINISHED would. What they have cost stays in `costs`. */
import { keepFinishedAllowed, parseKeepFinished } from '../contract/keep-finished.ts';
import { limits } from '../contract/limits.ts';
import type { WorkflowSummary } from '../contract/workflow.ts';
import { findExpired } from '../core/retention.ts';
import type { CliContext, CliEngine } from './context.ts';
import { openServer } from './engine-access.ts';
import { usageError } from './exit.ts';

export interface PruneOptions {
  keep: string;
  dryRun?: boolean;
  server?: string;
}

const finishedStatuses = ['COMPLETED', 'FAILED', 'STOPPED'] as const;

/** `now`: milliseconds since 1970. */
export async function prune(
  { keep: text, dryRun = false, server }: PruneOptions,
  context: CliContext,
  now: number = Date.now(),
): Promise<void> {
  const keep = parseKeepFinished(text);
  if (keep === null) throw usageError(`--keep ${text}: it must be ${keepFinishedAllowed}`);
  const access = openServer(context, server);
  try {
    const expired = findExpired(await listFinished(access.engine), keep, now);
    if (!dryRun) for (const id of expired) await access.engine.delete(id);
    const what = `${expired.length} finished workflow${expired.length === 1 ? '' : 's'}`;
    context.stdout.write(dryRun ? `${[...expired, `${what} would go`].join('\n')}\n` : `${what} removed\n`);
  } finally {
    await access.close();
  }
}

async function listFinished(engine: CliEngine): Promise<WorkflowSummary[]> {
  const all: WorkflowSummary[] = [];
  for (const status of finishedStatuses) {
    for (let offset = 0; ; ) {
      const { items, total } = await engine.list({ status, limit: limits.listLimitMax, offset });
      for (const item of items) all.push(item);
      offset += items.length;
      if (items.length === 0 || offset >= total) break;
    }
  }
  return all;
}
