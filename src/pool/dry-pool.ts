/**
 * The pool of a dry run: its threads run rehearsals, which make no network call. Where the shape of an answer cannot
 * be known, the made-up outputs get the fields that other steps refer to. Outputs of a known shape stay as they are,
 * so that a dry run finds a reference to a field that does not exist.
 */
import type { Outcome, PoolOptions, PoolPort } from '../contract/job.ts';
import { rehearsalSchema } from '../contract/rehearsal.ts';
import type { DryRun } from '../contract/settings.ts';
import { dryThreadUrl } from '../worker/entries.ts';
import { createPool } from './pool.ts';

export async function createDryPool(options: PoolOptions, { wanted }: DryRun): Promise<PoolPort> {
  const stepOf = new Map<number, string>();
  const complete = (outcome: Outcome): Outcome => {
    const paths = wanted[stepOf.get(outcome.jobId) ?? ''];
    stepOf.delete(outcome.jobId);
    const open = rehearsalSchema.safeParse(outcome.metadata?.rehearsal).data?.open ?? [];
    if (outcome.kind === 'failed' || paths === undefined || open.length === 0) return outcome;
    const outputs = JSON.parse(outcome.outputsJson) as Record<string, unknown>;
    for (const path of paths) if (path[0] !== undefined && open.includes(path[0])) addField(outputs, path);
    return { ...outcome, outputsJson: JSON.stringify(outputs) };
  };
  const pool = await createPool(
    { ...options, onOutcomes: (outcomes) => options.onOutcomes(outcomes.map(complete)) },
    { threadUrl: dryThreadUrl },
  );
  return {
    ...pool,
    dispatch(jobs) {
      for (const { jobId, stepId } of jobs) stepOf.set(jobId, stepId);
      pool.dispatch(jobs);
    },
  };
}

/** Adds `['json', 'items', '0']` as `{json: {items: ['made up']}}`. Values that exist stay. */
function addField(outputs: Record<string, unknown>, path: readonly string[]): void {
  let at: Record<string, unknown> = outputs;
  for (const [i, key] of path.entries()) {
    const next = path[i + 1];
    if (!Object.hasOwn(at, key)) {
      const made = next === undefined ? toLeaf(path) : /^\d{1,4}$/.test(next) ? [] : {};
      // An assignment would set the prototype where the key is `__proto__`.
      Object.defineProperty(at, key, { value: made, enumerable: true, configurable: true, writable: true });
    }
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null) return;
    at = inner as Record<string, unknown>;
  }
}

/** A reference to a whole output gets an object, a reference to a field a text. */
function toLeaf(path: readonly string[]): unknown {
  return path.length === 1 ? {} : 'made up';
}
