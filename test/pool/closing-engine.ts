/** A process that does nothing but close its pool, whose one job has left a child behind. Runs as JavaScript. */
import { createJob, createTestPool } from './harness.ts';

const processUrl = new URL('./faulty-process.js', import.meta.url);
const { pool, run } = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, { processUrl });
await run(createJob('leaves_a_child', { lane: 'cpu', isolated: true }));
await pool.close();
