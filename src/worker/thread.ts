/**
 * The module that every thread of the pool loads. A shared thread loads the libraries of the I/O tasks before it
 * takes work: loading one blocks the thread for up to half a second, and meanwhile it would obey no deadline and no
 * cancellation.
 */
import { workerData } from 'node:worker_threads';
import type { ThreadData } from '../contract/pool-messages.ts';
import { loadIoLibraries, tasks } from '../tasks/registry.ts';
import { createBundleRunner } from './bundle-runner.ts';

async function prepare() {
  if ((workerData as ThreadData).sharing === 'shared') await loadIoLibraries();
  return createBundleRunner(tasks);
}

// Piscina waits for an export that is a promise.
export default prepare();
