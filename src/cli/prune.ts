/**
 * `prune`: removes finished workflows from a server, as KEEP_FINISHED would. What they have cost stays in `costs`.
 *
 * Rules, numbered for tests:
 *   PN1  what has changed since it was listed stays: a workflow that somebody retries is not stopped and removed;
 *   PN2  one that the server refuses to remove does not hold up the others: the command names it at the end, and ends
 *        with 1.
 */
import { Refusal } from '../contract/failures.ts';
import { type KeepFinished, keepFinishedAllowed, parseKeepFinished } from '../contract/keep-finished.ts';
import { limits } from '../contract/limits.ts';
import { type FinishedAt, findExpired } from '../core/retention.ts';
import type { CliContext, CliEngine } from './context.ts';
import { openServer } from './engine-access.ts';
import { exits, usageError } from './exit.ts';
import { printable } from './printable.ts';

export interface PruneOptions {
  keep: string;
  dryRun?: boolean;
  server?: string;
}

const finishedStatuses = ['COMPLETED', 'FAILED', 'STOPPED'] as const;

export async function prune(options: PruneOptions, context: CliContext): Promise<number> {
  const keep = parseKeepFinished(options.keep);
  if (keep === null) throw usageError(`--keep ${options.keep}: it must be ${keepFinishedAllowed}`);
  const access = openServer(context, options.server);
  try {
    return await pruneOn(access.engine, keep, { dryRun: options.dryRun ?? false, now: Date.now() }, context);
  } finally {
    await access.close();
  }
}

type Pruned = Pick<CliEngine, 'list' | 'delete'>;

/** `now`: milliseconds since 1970. Resolves with the exit status. */
export async function pruneOn(
  engine: Pruned,
  keep: KeepFinished,
  { dryRun, now }: { dryRun: boolean; now: number },
  { stdout, stderr }: Pick<CliContext, 'stdout' | 'stderr'>,
): Promise<number> {
  const findOthers = async (known: ReadonlySet<string>) => {
    const finished = await listFinished(engine);
    const expired = findExpired([...finished.values()], keep, now).filter((id) => !known.has(id));
    return expired.map((id) => ({ id, version: finished.get(id)?.version }));
  };
  if (dryRun) {
    const expired = await findOthers(new Set());
    stdout.write(`${[...expired.map(({ id }) => id), `${counted(expired.length)} would go`].join('\n')}\n`);
    return exits.done;
  }
  const tried = new Set<string>();
  const refused: string[] = [];
  let removed = 0;
  try {
    // A page of a list begins where the one before has ended: of workflows that go in between, as many are not seen.
    for (let expired = await findOthers(tried); expired.length > 0; expired = await findOthers(tried)) {
      for (const { id, version } of expired) {
        tried.add(id);
        const refusal = await tryToRemove(engine, id, version);
        if (refusal === null) removed += 1;
        else if (refusal !== 'changed') refused.push(`${id}: ${refusal}`);
      }
    }
  } finally {
    // Also where the server does not answer any more.
    stdout.write(`${counted(removed)} removed\n`);
    for (const line of refused) stderr.write(`refused: ${printable(line)}\n`);
  }
  return refused.length === 0 ? exits.done : exits.failed;
}

/** PN1. null when it is removed; `changed` when somebody else has changed or removed it; else why it stays. */
async function tryToRemove(engine: Pruned, id: string, version: number | undefined): Promise<string | null> {
  try {
    await engine.delete(id, { version });
    return null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.code === 'NOT_FOUND' || error.code === 'CONFLICT' ? 'changed' : error.detail;
  }
}

/** Each once: a page may begin with what the one before ended with, when others have finished in between. */
async function listFinished(engine: Pruned): Promise<Map<string, FinishedAt & { version: number }>> {
  const all = new Map<string, FinishedAt & { version: number }>();
  for (const status of finishedStatuses) {
    for (let offset = 0; ; ) {
      const { items, total } = await engine.list({ status, limit: limits.listLimitMax, offset });
      for (const { id, updatedAt, version, parentStepId } of items) {
        // A workflow that runs for a step of another goes with that one.
        if (parentStepId === undefined) all.set(id, { id, updatedAt, version });
      }
      offset += items.length;
      if (items.length === 0 || offset >= total) break;
    }
  }
  return all;
}

function counted(count: number): string {
  return `${count} finished workflow${count === 1 ? '' : 's'}`;
}
