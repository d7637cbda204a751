/**
 * The thread's side of a bundle: starts its jobs at once, watches their deadlines, posts what they say and their outcomes,
 * obeys cancellations.
 *
 * A job of the I/O lane shares the thread, so it is ended by its signal. A job of the CPU lane has the thread to itself
 * and may block it: the pool ends it from outside, no timer in here could.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { Job, Outcome, Said } from '../contract/job.ts';
import type { Task } from '../contract/task.ts';
import { type AbortReason, runAttempt } from './attempt.ts';
import type { BundleMessage, CancelMessage, SaidMessage, ThreadData } from './bundle.ts';

export function createBundleRunner(tasks: ReadonlyMap<string, Task>): (bundle: BundleMessage) => Promise<void> {
  const { network, prices, sharing } = workerData as ThreadData;
  return async ({ jobs, port }) => {
    const aborts = new Map<number, AbortController>();
    const outbox = createOutbox(port);
    // Nobody reads a thread's port while an exclusive job is on it.
    const onSaid = sharing === 'shared' ? outbox.say : undefined;
    port.on('message', (message: CancelMessage) => {
      for (const jobId of message.cancelledJobIds) abort(aborts.get(jobId), 'CANCELLED');
    });
    await Promise.all(
      jobs.map(async (job) => {
        const controller = new AbortController();
        aborts.set(job.jobId, controller);
        const attempt = runAttempt(job, { tasks, network, prices, signal: controller.signal, onSaid });
        // Armed after the task has begun, so that a task's own timer of the same length is the first to fire.
        const deadline = armDeadline(job, controller);
        const outcome = await attempt;
        clearTimeout(deadline);
        aborts.delete(job.jobId);
        outbox.add(outcome);
      }),
    );
    outbox.flush();
    port.close();
  };
}

function armDeadline(job: Job, controller: AbortController): NodeJS.Timeout | undefined {
  return job.lane === 'io' ? setTimeout(() => abort(controller, 'TIMEOUT'), job.timeoutMs) : undefined;
}

function abort(controller: AbortController | undefined, reason: AbortReason): void {
  controller?.abort(reason);
}

/** Outcomes that are ready together share a message, and so do pieces of text, which go before them. */
function createOutbox(port: MessagePort) {
  let ready: Outcome[] = [];
  let said: Said[] = [];
  const flush = (): void => {
    if (said.length > 0) port.postMessage({ said } satisfies SaidMessage);
    if (ready.length > 0) port.postMessage(ready);
    said = [];
    ready = [];
  };
  const flushSoon = (): void => {
    // nextTick runs once the promises that are settled by now have been worked off, and before any other event.
    if (said.length + ready.length === 1) process.nextTick(flush);
  };
  return {
    flush,
    add(outcome: Outcome): void {
      ready.push(outcome);
      flushSoon();
    },
    say(piece: Said): void {
      said.push(piece);
      flushSoon();
    },
  };
}
