/** The outcome of an attempt that gave none itself. Its code says who ended the attempt, or how its place died. */
import type { FailureCode } from '../contract/failures.ts';
import type { Job, Outcome } from '../contract/job.ts';
import { type AbortReason, describeAbort } from '../contract/pool-messages.ts';

export interface Loss {
  /** Where the attempt ran. */
  readonly place: 'thread' | 'process';
  /** Set when the pool ended the attempt. */
  readonly ended: AbortReason | null;
  readonly isOutOfMemory: boolean;
  readonly reason: string;
}

export function toLostOutcome(job: Job, { place, ended, isOutOfMemory, reason }: Loss): Outcome {
  const failed = (code: FailureCode, message: string): Outcome => ({
    kind: 'failed',
    jobId: job.jobId,
    code,
    message,
    retryAfterMs: null,
    logs: [],
    metadata: null,
    metrics: null,
    isLost: true,
  });
  if (ended !== null) return failed(ended, describeAbort(ended, job));
  if (isOutOfMemory) return failed('WORKER_OUT_OF_MEMORY', `the ${place} of this attempt ran out of memory`);
  return failed('WORKER_LOST', `the ${place} of this attempt was lost: ${reason}`);
}
