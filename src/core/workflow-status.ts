/**
 * A workflow's status as a function of its steps. `evolve.ts` makes two exceptions: a finished workflow keeps its status,
 * and `workflow.stopped` makes it STOPPED whatever its steps are.
 */
import type { JobStatus } from '../contract/workflow.ts';
import type { StatusCounts } from './state.ts';

export function toWorkflowStatus(counts: StatusCounts, stepsTotal: number, started: boolean): JobStatus {
  if (stepsTotal === 0) return 'PENDING';
  if (counts.COMPLETED === stepsTotal) return 'COMPLETED';
  if (counts.RUNNING > 0) return 'RUNNING';
  if (counts.PENDING > 0) return started ? 'RUNNING' : 'PENDING';
  if (counts.WAITING_FOR_DEPENDENCY > 0) return 'WAITING_FOR_DEPENDENCY';
  return counts.FAILED > 0 ? 'FAILED' : 'STOPPED';
}
