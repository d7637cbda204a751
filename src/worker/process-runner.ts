/**
 * The process's side of an isolated job: takes one job at a time and answers with its outcome. The lane watches the
 * deadline and ends the process.
 *
 * The process never outlives the engine. An idle process hears that the channel has closed. A process that is busy in
 * a loop is ended by a thread of its own, which checks every second that the engine is still the parent.
 */
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { type FromProcess, toProcessSchema } from '../contract/pool-messages.ts';
import type { NetworkRules, Task } from '../contract/task.ts';
import { runAttempt } from './attempt.ts';

/** Isolated tasks make no network call. */
const network: NetworkRules = { allowHosts: [], ownPort: null };

export function serveIsolatedJobs(tasks: ReadonlyMap<string, Task>): void {
  const { signal } = new AbortController();
  process.on('disconnect', endAtOnce);
  process.on('message', async (given: unknown) => {
    const { job } = toProcessSchema.parse(given);
    const outcome = await runAttempt(job, { tasks, network, signal });
    send({ kind: 'outcome', outcome, isSpent: isSpent() });
  });
  startWatch(process.ppid);
  // The channel may have closed while the modules were loaded.
  if (!process.connected) endAtOnce();
  send({ kind: 'up' });
}

function send(message: FromProcess): void {
  process.send?.(message);
}

/** The process has nothing to save, and SIGKILL waits for nothing. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}

function isSpent(): boolean {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  return used_heap_size > heap_size_limit / 2;
}

function startWatch(parentPid: number): void {
  const watch = `
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (process.ppid === ${parentPid}) Atomics.wait(pause, 0, 0, 1_000);
    process.kill(process.pid, 'SIGKILL');
  `;
  new Worker(watch, { eval: true, env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8 } });
}
