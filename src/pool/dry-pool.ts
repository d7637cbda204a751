/**
 * The pool of a dry run: its threads run rehearsals, which make no network call. Where the shape of an answer cannot
 * be known, the made-up outputs get the fields that other steps refer to. Outputs of a known shape stay as they are,
 * so that a dry run finds a reference to a field that does not exist.
 */
import type { Outcome, PoolOptions, PoolPort } from '../contract/job.ts';
import { addMadeUpField, rehearsalSchema, toWrittenId } from '../contract/rehearsal.ts';
import type { DryRun } from '../contract/settings.ts';
import { dryThreadUrl } from '../worker/entries.ts';
import { createPool } from './pool.ts';

export async function createDryPool(options: PoolOptions, { wanted }: DryRun): Promise<PoolPort> {
  const stepOf = new Map<number, string>();
  const complete = (outcome: Outcome): Outcome => {
    const stepId = stepOf.get(outcome.jobId) ?? '';
    const paths = wanted[stepId] ?? wanted[toWrittenId(stepId)];
    stepOf.delete(outcome.jobId);
    const open = rehearsalSchema.safeParse(outcome.metadata?.rehearsal).data?.open ?? [];
    if (outcome.kind === 'failed' || paths === undefined || open.length === 0) return outcome;
    const outputs = JSON.parse(outcome.outputsJson) as Record<string, unknown>;
    for (const path of paths) if (path[0] !== undefined && open.includes(path[0])) addMadeUpField(outputs, path);
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
