/**
 * The thread's side of a bundle: starts its jobs, watches their deadlines, posts what they say and their outcomes, obeys
 * cancellations.
 *
 * Jobs begin a few at a time, and the thread's sockets are served in between. Where a thousand begin in one go, the first
 * request leaves after the last one is made, and every answer comes back in the same moment.
 *
 * A job of the I/O lane shares the thread, so it is ended by its signal. A job of the CPU lane has the thread to itself
 * and may block it: the pool ends it from outside, no timer in here could.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { Job, Outcome, Said } from '../contract/job.ts';
import {
  type AbortReason,
  type FromThread,
  type ThreadData,
  type ToThread,
  toThreadSchema,
} from '../contract/pool-messages.ts';
import type { Task } from '../contract/task.ts';
import { runAttempt } from './attempt.ts';

/** In one turn of the event loop. Measured with 1,000 model calls: 8 and 16 were no faster, all at once was slower by 0.2 s. */
const beginsMax = 32;

export function createBundleRunner(tasks: ReadonlyMap<string, Task>): (given: unknown) => Promise<void> {
  const { network, prices, sharing } = workerData as ThreadData;
  const begin = createGate();
  return async (given) => {
    const { jobs, port } = readMessage('bundle', given);
    const aborts = new Map<number, AbortController>();
    const outbox = createOutbox(port);
    // Nobody reads a thread's port while an exclusive job is on it.
    const onSaid = sharing === 'shared' ? outbox.say : undefined;
    port.on('message', (sent: unknown) => {
      for (const jobId of readMessage('cancel', sent).jobIds) abort(aborts.get(jobId), 'CANCELLED');
    });
    await Promise.all(
      jobs.map(async (job) => {
        const controller = new AbortController();
        aborts.set(job.jobId, controller);
        const turn = begin(controller.signal);
        if (turn !== undefined) await waitForTurn(turn, job, controller, outbox);
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

/** Piscina hands over bundles, a bundle's port cancellations. Anything else ends the thread, as a fault of the pool. */
function readMessage<Kind extends ToThread['kind']>(kind: Kind, given: unknown): Extract<ToThread, { kind: Kind }> {
  const message = toThreadSchema.parse(given);
  if (message.kind !== kind) throw new Error(`the pool sent a message of kind "${message.kind}" in place of a ${kind}`);
  return message as Extract<ToThread, { kind: Kind }>;
}

/** Lets `beginsMax` through in a turn of the event loop, in the order of their coming; one that is aborted has no wait. */
function createGate(): (signal: AbortSignal) => Promise<void> | undefined {
  const waiting: (() => void)[] = [];
  let passed = 0;
  const open = (): void => {
    const passing = waiting.splice(0, beginsMax);
    passed = passing.length;
    for (const pass of passing) pass();
    if (passed > 0) setImmediate(open);
  };
  return (signal) => {
    if (passed === beginsMax) {
      return new Promise((resolve) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    if (passed === 0) setImmediate(open);
    passed += 1;
    return undefined;
  };
}

/** A job whose time passes while it waits ends without a beginning; once it begins it has all of it, and the pool is told. */
async function waitForTurn(turn: Promise<void>, job: Job, controller: AbortController, outbox: Outbox): Promise<void> {
  const deadline = armDeadline(job, controller);
  await turn;
  clearTimeout(deadline);
  if (!controller.signal.aborted) outbox.tellBegun(job.jobId);
}

function armDeadline(job: Job, controller: AbortController): NodeJS.Timeout | undefined {
  return job.lane === 'io' ? setTimeout(() => abort(controller, 'TIMEOUT'), job.timeoutMs) : undefined;
}

function abort(controller: AbortController | undefined, reason: AbortReason): void {
  controller?.abort(reason);
}

interface Outbox {
  flush(): void;
  tellBegun(jobId: number): void;
  add(outcome: Outcome): void;
  say(piece: Said): void;
}

/** Outcomes that are ready together share a message, and so do pieces of text, which go before them. */
function createOutbox(port: MessagePort): Outbox {
  let ready: Outcome[] = [];
  let said: Said[] = [];
  let begunJobIds: number[] = [];
  const post = (message: FromThread): void => port.postMessage(message);
  const flush = (): void => {
    if (begunJobIds.length > 0) post({ kind: 'begun', jobIds: begunJobIds });
    if (said.length > 0) post({ kind: 'said', said });
    if (ready.length > 0) post({ kind: 'outcomes', outcomes: ready });
    begunJobIds = [];
    said = [];
    ready = [];
  };
  const flushSoon = (): void => {
    // nextTick runs once the promises that are settled by now have been worked off, and before any other event.
    if (begunJobIds.length + said.length + ready.length === 1) process.nextTick(flush);
  };
  return {
    flush,
    tellBegun(jobId: number): void {
      begunJobIds.push(jobId);
      flushSoon();
    },
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
