/** A process that does nothing but close its pool, whose one job has left a child behind. Runs as JavaScript. */
import { createJob, createTestPool } from './harness.ts';

const processUrl = new URL('./faulty-process.js', import.meta.url);
const isolatedActions = new Set(['leaves_a_child']);
const { pool, run } = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, { processUrl, isolatedActions });
await run(createJob('leaves_a_child', { lane: 'cpu' }));
await pool.close();
