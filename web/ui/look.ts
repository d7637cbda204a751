/** What a person sees of a status: nine looks, each with a shape, a word and a colour. */
import type { JobStatus, WorkflowSummary } from '../../src/contract/workflow.ts';

export const looks = [
  'failed',
  'running',
  'queued',
  'waiting',
  'needs',
  'stopped',
  'completed',
  'skipped',
  'tolerated',
] as const;
export type Look = (typeof looks)[number];

export const lookWords: Readonly<Record<Look, string>> = {
  failed: 'Failed',
  running: 'Running',
  queued: 'Queued',
  waiting: 'Waiting',
  needs: 'Needs data',
  stopped: 'Stopped',
  completed: 'Completed',
  skipped: 'Skipped',
  tolerated: 'Tolerated',
};

/** Names of the colour in theme.css: `--fail`, `--fail-tint`. */
export const lookColours: Readonly<Record<Look, string>> = {
  failed: 'fail',
  running: 'run',
  queued: 'pend',
  waiting: 'wait',
  needs: 'need',
  stopped: 'stop',
  completed: 'ok',
  skipped: 'skip',
  tolerated: 'ok',
};

const looksOfStatus: Readonly<Record<JobStatus, Look>> = {
  PENDING: 'queued',
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  WAITING_FOR_DEPENDENCY: 'waiting',
  STOPPED: 'stopped',
};

/** The look of a step by its status alone. */
export function lookOfStatus(status: JobStatus): Look {
  return looksOfStatus[status];
}

/** `needsData`: it waits for a person, not for a time or a budget. */
export function lookOfWorkflow({ status }: Pick<WorkflowSummary, 'status'>, needsData: boolean): Look {
  return status === 'WAITING_FOR_DEPENDENCY' && needsData ? 'needs' : looksOfStatus[status];
}
