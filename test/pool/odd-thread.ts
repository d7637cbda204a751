/** A thread that keeps none of the rules: it answers twice, for jobs nobody sent, with rubbish, or not at all. */
import type { Outcome } from '../../src/contract/job.ts';
import type { FromThread, ToThread } from '../../src/contract/pool-messages.ts';

export default async ({ jobs, port }: Extract<ToThread, { kind: 'bundle' }>): Promise<void> => {
  const post = (outcomes: Outcome[]): void => port.postMessage({ kind: 'outcomes', outcomes } satisfies FromThread);
  for (const { jobId, action } of jobs) {
    if (action === 'silent') continue;
    const outcome: Outcome & { kind: 'completed' } = {
      kind: 'completed',
      jobId,
      outputsJson: '{}',
      logs: [],
      metadata: null,
      metrics: null,
    };
    port.postMessage('rubbish');
    port.postMessage({ kind: 'outcomes', outcomes: [{ ...outcome, outputsJson: 7 }] });
    port.postMessage({ kind: 'outcome', outcome });
    post([{ ...outcome, jobId: 1_000_000 + jobId }]);
    post([outcome, { ...outcome, outputsJson: '{"second":true}' }]);
    post([{ ...outcome, outputsJson: '{"third":true}' }]);
  }
};
