/** The outcome of an attempt that ended without one of its own: told by who ended it, or by how its place went down. */
import type { FailureCode } from '../contract/failures.ts';
import type { Job, Outcome } from '../contract/job.ts';
import { type AbortReason, describeAbort } from '../contract/pool-messages.ts';

export interface Loss {
  /** Where the attempt ran: `thread` or `process`. */
  readonly place: 'thread' | 'process';
  /** Set where the pool ended it. */
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
