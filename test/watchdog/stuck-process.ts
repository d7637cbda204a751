/**
 * A process with the product's watchdog, whose first argument says which thread gets stuck and how; the watchdog's
 * patience is in its second argument, in milliseconds. "none": both threads beat until the process is told to end.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { startWatchdog } from '../../src/main.ts';
import { createBeats, startHeartbeat } from '../../src/watchdog/heartbeat.ts';

function getStuck(how: string): void {
  switch (how) {
    case 'loop':
      for (;;);
    case 'pattern':
      /^(a+)+$/.test(`${'a'.repeat(60)}b`);
      return;
    case 'promises': {
      const again = (): Promise<void> => Promise.resolve().then(again);
      void again();
      return;
    }
    case 'wait':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
}

if (isMainThread) {
  const [thread = '', how = '', patienceMs = ''] = process.argv.slice(2);
  const beats = createBeats();
  startHeartbeat(beats, 'server');
  const stuck = thread === 'coordinator' ? how : '';
  new Worker(new URL(import.meta.url), { workerData: { beats, how: stuck } }).once('message', () => {
    // More often than the threads beat would be too often.
    startWatchdog({ beats, lookMs: 1_000, patienceMs: Number(patienceMs) });
    process.stdout.write('stands\n');
    if (thread === 'server') setImmediate(getStuck, how);
  });
  process.on('SIGTERM', () => process.exit(0));
} else {
  const { parentPort } = await import('node:worker_threads');
  const { beats, how } = workerData as { beats: SharedArrayBuffer; how: string };
  startHeartbeat(beats, 'coordinator');
  setInterval(() => undefined, 60_000);
  parentPort?.postMessage('stands');
  setImmediate(getStuck, how);
}
