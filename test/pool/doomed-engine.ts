/** A process with a pool, whose job in a process of its own never ends; killed by its test. Runs as JavaScript. */
import { createJob, createTestPool } from './harness.ts';

const [action = '', file = ''] = process.argv.slice(2);
const processUrl = new URL('./faulty-process.js', import.meta.url);
const { pool } = await createTestPool({ cpuThreads: 1, ioThreads: 1 }, { processUrl });
pool.dispatch([createJob(action, { lane: 'cpu', isolated: true, params: { file } })]);
setInterval(() => {}, 1_000);
