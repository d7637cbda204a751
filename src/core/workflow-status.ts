/**
 * A workflow's status as a function of its steps. `evolve.ts` makes two exceptions: a finished workflow keeps its status,
 * and `workflow.stopped` makes it STOPPED whatever its steps are.
 */
import type { JobStatus } from '../contract/workflow.ts';
import type { StatusCounts } from './state.ts';

interface Steps {
  readonly counts: StatusCounts;
  readonly steps: { readonly length: number };
  /** How many steps wait for a time of their own: they go on by themselves. */
  readonly timed: number;
}

export function toWorkflowStatus({ counts, steps, timed }: Steps, started: boolean): JobStatus {
  if (steps.length === 0) return 'PENDING';
  if (counts.COMPLETED === steps.length) return 'COMPLETED';
  if (counts.RUNNING + timed > 0) return 'RUNNING';
  if (counts.PENDING > 0) return started ? 'RUNNING' : 'PENDING';
  if (counts.WAITING_FOR_DEPENDENCY > 0) return 'WAITING_FOR_DEPENDENCY';
  return counts.FAILED > 0 ? 'FAILED' : 'STOPPED';
}
