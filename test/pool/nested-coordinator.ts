/** Runs a pool inside a worker thread, as the coordinator does, and tells its parent what came of it. */
import { parentPort } from 'node:worker_threads';
import { createJob, createTestPool } from './harness.ts';

async function main(): Promise<void> {
  const { pool, run } = await createTestPool({ cpuThreads: 1, ioThreads: 1 });
  const outcomes = await run(
    createJob('noop'),
    createJob('noop', { lane: 'cpu' }),
    createJob('throws'),
    createJob('exits', { lane: 'cpu' }),
    // Runs in a child process.
    createJob('transform', { lane: 'cpu', isolated: true, params: { input: [1], expression: '$sum($)' } }),
  );
  await pool.close();
  parentPort?.postMessage(outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind)));
}

void main();
