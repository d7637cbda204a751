/**
 * The pool of a dry run: its threads run rehearsals, which make no network call. Where the shape of an answer cannot
 * be known, the made-up outputs get the fields that other steps refer to. Outputs of a known shape stay as they are,
 * so that a dry run finds a reference to a field that does not exist.
 */
import type { Job, Outcome, PoolOptions, PoolPort } from '../contract/job.ts';
import {
  addMadeUpField,
  madeUpReadings,
  rehearsalSchema,
  standInBeginning,
  toWrittenId,
} from '../contract/rehearsal.ts';
import type { DryRun } from '../contract/settings.ts';
import { dryThreadUrl } from '../worker/entries.ts';
import { createPool } from './pool.ts';

export async function createDryPool(options: PoolOptions, { wanted }: DryRun): Promise<PoolPort> {
  const jobs = new Map<number, Pick<Job, 'stepId' | 'action'> & { isStandIn: boolean }>();
  const complete = (outcome: Outcome): Outcome => {
    const { stepId = '', action = '', isStandIn = false } = jobs.get(outcome.jobId) ?? {};
    const paths = wanted[stepId] ?? wanted[toWrittenId(stepId)];
    jobs.delete(outcome.jobId);
    if (outcome.kind === 'failed' && isStandIn) return toReading(outcome.jobId, action, paths ?? []);
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
    dispatch(given) {
      for (const job of given) jobs.set(job.jobId, { ...job, isStandIn: readsStandIn(job) });
      pool.dispatch(given);
    },
  };
}

/** Whether a step reads a text that stands in for an answer: it fails for that alone. */
function readsStandIn({ action, paramsJson }: Job): boolean {
  const reading = madeUpReadings[action];
  if (reading === undefined) return false;
  const text = (JSON.parse(paramsJson) as Record<string, unknown>)[reading.text];
  return typeof text === 'string' && text.includes(standInBeginning);
}

function toReading(jobId: number, action: string, paths: readonly (readonly string[])[]): Outcome {
  const outputs = structuredClone(madeUpReadings[action]?.outputs ?? {}) as Record<string, unknown>;
  // What is in the XML, nobody knows.
  if (action === 'xml_parse') for (const path of paths) if (path[0] === 'value') addMadeUpField(outputs, path);
  const logs = ['Dry run: there is no text to read yet; the outputs are made up'];
  return { kind: 'completed', jobId, outputsJson: JSON.stringify(outputs), metadata: null, metrics: null, logs };
}
