/**
 * The threads of faulty-thread.ts, whose start a test can spoil: the file named by the first entry of `allowHosts` says
 * how, as long as it is there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { ThreadData } from '../../src/contract/pool-messages.ts';
import runBundle from './faulty-thread.ts';

const [file = ''] = (workerData as ThreadData).network.allowHosts;
const readMode = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const pause = new Int32Array(new SharedArrayBuffer(4));

while (readMode() === 'waits') Atomics.wait(pause, 0, 0, 5);
if (readMode() === 'throws') throw new Error('spoiled on purpose');
if (readMode() === 'exits') process.exit(0);

export default runBundle;
