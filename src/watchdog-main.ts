/**
 * The watchdog thread: ends the process, with an exit status of its own, when the server's or the coordinator's thread
 * has not answered for `patienceMs`. Whoever supervises the process starts it again, and the next start recovers.
 *
 * A thread that is stuck runs no code of ours, so it cannot be asked to end. The main thread is reached through the
 * inspector, which interrupts it wherever it is; should that fail, the process is killed.
 */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { isMainThread, workerData } from 'node:worker_threads';
import { ThreadWatch } from './watchdog/thread-watch.ts';

export interface WatchdogThreadData {
  beats: SharedArrayBuffer;
  lookMs: number;
  /** A whole number of looks. */
  patienceMs: number;
}

/** Of the process that the watchdog has ended. */
export const stuckExitStatus = 71;
/** How long the main thread may take to end. */
const graceMs = 5_000;

function watch({ beats, lookMs, patienceMs }: WatchdogThreadData): void {
  const watching = new ThreadWatch(beats, patienceMs / lookMs);
  const timer = setInterval(() => {
    const stuck = watching.look();
    if (stuck === null) return;
    clearInterval(timer);
    const what = `the ${stuck}'s thread has not answered for ${patienceMs / 1_000} s`;
    writeSync(2, `Hybrid Engine has to end (exit status ${stuckExitStatus}): ${what}\n`);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
    const session = new Session();
    session.connectToMainThread();
    session.post('Runtime.evaluate', { expression: `process.exit(${stuckExitStatus})` });
  }, lookMs);
}

if (!isMainThread && (workerData as WatchdogThreadData | null)?.beats) watch(workerData as WatchdogThreadData);
