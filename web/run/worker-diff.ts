/** What the worker does for a comparison: both runs are read, parsed and kept here, and the page gets what it shows. */
import type { Workflow } from '../../src/contract/workflow.ts';
import { compareRuns, compareStep, toFacts } from '../diff/compare-runs.ts';
import { type DiffCallName, toApiPath, type WorkerRead, type WorkerTable } from './run-messages.ts';

export function createDiffCalls(read: WorkerRead): Pick<WorkerTable, DiffCallName> {
  const kept = new Map<string, Workflow>();
  const runOf = async (id: string, headers: Record<string, string>): Promise<Workflow> => {
    const known = kept.get(id);
    if (known !== undefined) return known;
    const { data } = await read<Workflow>(toApiPath(id), headers);
    // Two runs are compared at a time.
    for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - 1))) kept.delete(oldest);
    kept.set(id, data);
    return data;
  };
  return {
    async facts({ id }, headers) {
      kept.delete(id);
      return { facts: toFacts(await runOf(id, headers)) };
    },
    async compare({ left, right }, headers) {
      const other = await runOf(right, headers);
      return { comparison: compareRuns(await runOf(left, headers), other) };
    },
    async compareStep({ left, right, stepId }, headers) {
      const other = await runOf(right, headers);
      return { step: compareStep(await runOf(left, headers), other, stepId) };
    },
  };
}
