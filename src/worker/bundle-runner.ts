/**
 * The thread's side of a bundle: starts its jobs, watches their deadlines, posts their pieces of text and their
 * outcomes, and obeys cancellations.
 *
 * Jobs begin a few at a time, and the thread serves its sockets in between. If a thousand began in one go, the first
 * request would leave after the last one was made, and all answers would come back in the same moment.
 *
 * A job of the I/O lane shares the thread, so its signal ends it. The thread itself measures how long a job outlives its
 * abort, because the pool cannot tell one that ignores its signal from one whose thread is busy with a neighbour: ending
 * the thread would cost all that are on it. A job of the CPU lane has the thread to itself and may block it, and with it
 * every timer in here: the pool ends the thread from outside.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { Outcome, Said } from '../contract/job.ts';
import {
  type AbortReason,
  deafMsMax,
  type FromThread,
  type PlacedJob,
  type ThreadData,
  type ToThread,
  toThreadSchema,
} from '../contract/pool-messages.ts';
import type { Task } from '../contract/task.ts';
import { runAttempt } from './attempt.ts';

/**
 * Jobs that begin in one turn of the event loop. With 1,000 model calls 8 and 16 were no faster, all at once was 0.2
 * s slower.
 */
const beginsMax = 32;

export function createBundleRunner(tasks: ReadonlyMap<string, Task>): (given: unknown) => Promise<void> {
  const { network, prices, sharing, secretStore } = workerData as ThreadData;
  const begin = createGate();
  return async (given) => {
    const { jobs, port } = readMessage('bundle', given);
    const aborts = new Map<number, AbortController>();
    const outbox = createOutbox(port);
    // The pool does not read the port while an exclusive job runs.
    const onSaid = sharing === 'shared' ? outbox.say : undefined;
    port.on('message', (sent: unknown) => {
      for (const jobId of readMessage('cancel', sent).jobIds) abort(aborts.get(jobId), 'CANCELLED');
    });
    await Promise.all(
      jobs.map(async (job) => {
        const controller = new AbortController();
        aborts.set(job.jobId, controller);
        const heeds = watchHeed(job, controller.signal, outbox);
        const turn = begin(controller.signal);
        if (turn !== undefined) await waitForTurn(turn, job, controller, outbox);
        const attempt = runAttempt(job, { tasks, network, prices, secretStore, signal: controller.signal, onSaid });
        // Armed after the task has begun, so that a task's own timer of the same length is the first to fire.
        const deadline = armDeadline(job, controller);
        const outcome = await attempt;
        clearTimeout(deadline);
        heeds();
        aborts.delete(job.jobId);
        outbox.add(outcome);
      }),
    );
    outbox.flush();
    port.close();
  };
}

/**
 * Piscina delivers bundles, and a bundle's port cancellations. Any other message is a fault of the pool and ends the
 * thread.
 */
function readMessage<Kind extends ToThread['kind']>(kind: Kind, given: unknown): Extract<ToThread, { kind: Kind }> {
  const message = toThreadSchema.parse(given);
  if (message.kind !== kind) throw new Error(`the pool sent a message of kind "${message.kind}" in place of a ${kind}`);
  return message as Extract<ToThread, { kind: Kind }>;
}

/**
 * Lets `beginsMax` jobs begin in a turn of the event loop, in the order of their arrival. An aborted job does not
 * wait.
 */
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

/**
 * A job whose time passes while it waits ends without having begun. A job that begins has all of its time, and the
 * pool is told.
 */
async function waitForTurn(
  turn: Promise<void>,
  job: PlacedJob,
  controller: AbortController,
  outbox: Outbox,
): Promise<void> {
  const deadline = armDeadline(job, controller);
  await turn;
  clearTimeout(deadline);
  if (!controller.signal.aborted) outbox.tellBegun(job.jobId);
}

function armDeadline(job: PlacedJob, controller: AbortController): NodeJS.Timeout | undefined {
  return job.lane === 'io' ? setTimeout(() => abort(controller, 'TIMEOUT'), job.timeoutMs) : undefined;
}

/** Tells the pool when the job outlives its abort. Returns what ends the watch. */
function watchHeed(job: PlacedJob, signal: AbortSignal, outbox: Outbox): () => void {
  if (job.lane !== 'io') return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const tell = () => {
    if (!isOver) outbox.tellDeaf(job.jobId);
  };
  signal.addEventListener(
    'abort',
    () => {
      // A timer that comes late may come before the events that end the job: they have a turn of the event loop more.
      if (!isOver) timer = setTimeout(() => setImmediate(() => setImmediate(tell)), deafMsMax);
    },
    { once: true },
  );
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

function abort(controller: AbortController | undefined, reason: AbortReason): void {
  controller?.abort(reason);
}

interface Outbox {
  flush(): void;
  tellBegun(jobId: number): void;
  tellDeaf(jobId: number): void;
  add(outcome: Outcome): void;
  say(piece: Said): void;
}

/** Outcomes that are ready together share a message. So do pieces of text; they go before the outcomes. */
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
    // nextTick runs after all promises that are settled by now, and before any other event.
    if (begunJobIds.length + said.length + ready.length === 1) process.nextTick(flush);
  };
  return {
    flush,
    tellBegun(jobId: number): void {
      begunJobIds.push(jobId);
      flushSoon();
    },
    /** At once: what is ready goes first. */
    tellDeaf(jobId: number): void {
      flush();
      post({ kind: 'deaf', jobIds: [jobId] });
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
