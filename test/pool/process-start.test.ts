/**
 * Goal: a process that cannot be started is an ordinary outcome of its job, and is tried again where the fault may pass
 * (P1). Method: the real lane, whose next calls of `fork` fail as Node.js lets them: ENOMEM is thrown, EMFILE is told by a
 * child without a process.
 */
import { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { ProcessLane } from '../../src/pool/process-lane.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { createJob } from './harness.ts';

type Fault = { readonly code: string; readonly isThrown: boolean };

const faults = vi.hoisted((): { next(): Fault | undefined } => ({ next: () => undefined }));
vi.mock('node:child_process', async (importActual) => {
  const actual = await importActual<typeof import('node:child_process')>();
  const fork = (...call: Parameters<typeof actual.fork>) => {
    const fault = faults.next();
    return fault === undefined ? actual.fork(...call) : failToFork(fault);
  };
  return { ...actual, fork };
});

function failToFork({ code, isThrown }: Fault): ChildProcess {
  const error = Object.assign(new Error(`spawn ${code}`), { code });
  if (isThrown) throw error;
  const child = new ChildProcess();
  process.nextTick(() => {
    child.emit('error', error);
    child.emit('close', -24, null);
  });
  return child;
}

const processUrl = emittedUrl('test/pool/faulty-process.ts');
const told: string[] = [];
let onOutcome: (outcome: Outcome) => void = () => undefined;
let lane: ProcessLane;
beforeAll(() => {
  lane = new ProcessLane({
    processUrl,
    execArgv: [],
    heapMbMax: 192,
    onOutcomes: ([outcome]) => onOutcome(outcome!),
    onFault: (message) => void told.push(message),
  });
});
afterEach(() => {
  faults.next = () => undefined;
});
afterAll(() => lane.close());

const failOnce = (...list: Fault[]) => {
  faults.next = () => list.shift();
};

function run(timeoutMs: number, afterDispatch: (jobId: number) => void = () => undefined): Promise<Outcome> {
  const job = createJob('exits', { lane: 'cpu', isolated: true, timeoutMs });
  return new Promise((resolve) => {
    let isDispatched = false;
    onOutcome = (outcome) => {
      expect(isDispatched).toBe(true);
      resolve(outcome);
    };
    lane.dispatch(job);
    expect(lane.runningCount).toBe(1);
    afterDispatch(job.jobId);
    isDispatched = true;
  });
}

it('a fault that does not pass is told once the dispatch is over, with its code', async () => {
  for (const isThrown of [true, false]) {
    failOnce({ code: 'EACCES', isThrown });
    expect(await run(30_000)).toMatchObject({
      code: 'WORKER_LOST',
      message: 'the process of this attempt was lost: it could not be started: spawn EACCES',
    });
    expect(lane.runningCount).toBe(0);
  }
  expect(told).toEqual([]);
});

it('a fault that passes costs the job nothing', async () => {
  failOnce({ code: 'ENOMEM', isThrown: true }, { code: 'EMFILE', isThrown: false });
  // It ran: this is how it ends.
  expect(await run(30_000)).toMatchObject({ message: expect.stringContaining('it ended with code 0') });
});

it('a fault that lasts ends with the time of the job, or with its cancellation', async () => {
  faults.next = () => ({ code: 'EMFILE', isThrown: false });
  expect(await run(300)).toMatchObject({ code: 'WORKER_LOST', message: expect.stringContaining('EMFILE') });
  expect(await run(30_000, (jobId) => lane.cancel(jobId))).toMatchObject({ code: 'CANCELLED' });
  faults.next = () => ({ code: 'ENOMEM', isThrown: true });
  expect(await run(30_000, (jobId) => lane.cancel(jobId))).toMatchObject({ code: 'CANCELLED' });
  expect(lane.runningCount).toBe(0);
});
