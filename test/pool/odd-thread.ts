/** A thread that keeps none of the rules: it answers twice, for jobs nobody sent, with rubbish, or not at all. */
import type { BundleMessage } from '../../src/contract/pool-messages.ts';

export default async ({ jobs, port }: BundleMessage): Promise<void> => {
  for (const { jobId, action } of jobs) {
    if (action === 'silent') continue;
    const outcome = { kind: 'completed', jobId, outputsJson: '{}', logs: [], metadata: null, metrics: null };
    port.postMessage('rubbish');
    port.postMessage([{ ...outcome, outputsJson: 7 }]);
    port.postMessage([{ ...outcome, jobId: 1_000_000 + jobId }]);
    port.postMessage([outcome, { ...outcome, outputsJson: '{"second":true}' }]);
    port.postMessage([{ ...outcome, outputsJson: '{"third":true}' }]);
  }
};
