/** In a thread: a coordinator that has started and then answers nothing but its end, as when its disk hangs in an fdatasync. */
import { parentPort } from 'node:worker_threads';
import type { ToCoordinator } from '../../src/contract/coordinator.ts';

parentPort?.postMessage({ kind: 'ready', notices: [] });
parentPort?.on('message', (message: ToCoordinator) => {
  if (message.kind === 'call' && message.name === 'close')
    parentPort?.postMessage({ kind: 'answer', callId: message.callId, answer: null });
});
