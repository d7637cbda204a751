/** Starts the built engine in this process's own thread and prints how long that took and what it holds afterwards. */
import { createEngine } from '../dist/main.js';

const [workflowsDir, queueStateFile] = process.argv.slice(2);
const heapMiB = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};
const before = heapMiB();
const startedAt = performance.now();
await createEngine({ settings: { workflowsDir, queueStateFile, logLevel: 'fatal' }, ownThread: false });
const startMs = performance.now() - startedAt;
process.stdout.write(JSON.stringify({ startMs, heapMiB: heapMiB() - before }));
process.exit();
