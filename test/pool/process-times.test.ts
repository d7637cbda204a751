/**
 * Goal: a process of the pool starts, works, idles and ends within its times, and none of its timers stays. Method: the real
 * lane over processes that are none, on a clock that the test moves.
 */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Job, Outcome } from '../../src/contract/job.ts';
import { ProcessLane } from '../../src/pool/process-lane.ts';
import { toLoaderArgv } from '../../src/pool/thread-setup.ts';
import { watchOver } from '../../src/pool/watch.ts';
import { createJob } from './harness.ts';

class FakeProcess extends EventEmitter {
  readonly sent: { kind: string; job: Job }[] = [];
  readonly pid = 4_711;
  readonly stderr = Object.assign(new EventEmitter(), { setEncoding: () => this.stderr });
  connected = true;
  kills = 0;
  refs = 0;

  send(message: { kind: string; job: Job }): void {
    this.sent.push(message);
  }

  kill(): void {
    this.kills += 1;
    this.connected = false;
    this.emit('close', null, 'SIGKILL');
  }

  ref(): void {
    this.refs += 1;
  }

  unref(): void {
    this.refs -= 1;
  }
}

const forked = vi.hoisted(() => ({ fork: (): unknown => undefined }));
vi.mock('node:child_process', () => ({ fork: () => forked.fork() }));

let processes: FakeProcess[];
let outcomes: Outcome[];
let faults: string[];
let lane: ProcessLane;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  processes = [];
  outcomes = [];
  faults = [];
  forked.fork = () => {
    const made = new FakeProcess();
    processes.push(made);
    return made;
  };
  const onFault = (message: string) => void faults.push(message);
  const onOutcomes = (some: Outcome[]) => void outcomes.push(...some);
  lane = new ProcessLane({
    heapMbMax: 64,
    processUrl: new URL('file:///process.js'),
    execArgv: [],
    onOutcomes,
    onFault,
  });
});
afterEach(async () => {
  await lane.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const job = (more: Partial<Job> = {}) =>
  createJob('transform', { lane: 'cpu', isolated: true, timeoutMs: 100_000, ...more });
const up = (at: FakeProcess) => at.emit('message', { kind: 'up' });
const complete = (at: FakeProcess, { jobId }: Job, isSpent = false) => {
  const outcome = { kind: 'completed', jobId, outputsJson: '{}', metadata: null, metrics: null, logs: [] };
  at.emit('message', { kind: 'outcome', outcome, isSpent });
};
const told = () =>
  outcomes.map((outcome) => (outcome.kind === 'failed' ? `${outcome.code}: ${outcome.message}` : outcome.kind));

it('has thirty seconds to start, and the time of its job from then on', () => {
  const late = job({ timeoutMs: 40_000 });
  lane.dispatch(late);
  vi.advanceTimersByTime(29_999);
  expect(processes[0]!.kills).toBe(0);
  up(processes[0]!);
  vi.advanceTimersByTime(39_999);
  expect(told()).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told()).toEqual([expect.stringMatching(/^TIMEOUT: the attempt took longer than its 40000 ms/)]);
  lane.dispatch(job());
  vi.advanceTimersByTime(30_000);
  expect(told()[1]).toBe('WORKER_LOST: the process of this attempt was lost: it did not start within 30 s');
});

it('idles for a minute, is used again meanwhile, and does not keep the engine', () => {
  const [first, second] = [job(), job()];
  lane.dispatch(first);
  const [only] = processes as [FakeProcess];
  up(only);
  complete(only, first);
  expect([told(), lane.runningCount]).toEqual([['completed'], 0]);
  expect(only.refs).toBeLessThan(0);
  vi.advanceTimersByTime(59_999);
  lane.dispatch(second);
  vi.advanceTimersByTime(59_999);
  expect([processes.length, only.kills, only.sent.map((sent) => sent.job.jobId)]).toEqual([
    1,
    0,
    [first.jobId, second.jobId],
  ]);
  complete(only, second);
  vi.advanceTimersByTime(59_999);
  expect(only.kills).toBe(0);
  vi.advanceTimersByTime(1);
  expect([only.kills, told()]).toEqual([1, ['completed', 'completed']]);
  lane.dispatch(job());
  expect(processes).toHaveLength(2);
});

it('that is spent ends with its answer', () => {
  const last = job();
  lane.dispatch(last);
  up(processes[0]!);
  complete(processes[0]!, last, true);
  expect([processes[0]!.kills, told()]).toEqual([1, ['completed']]);
});

it('is judged by the last 16,384 characters that it wrote during its job', () => {
  const [first, second, third] = [job(), job(), job()];
  lane.dispatch(first);
  const [at] = processes as [FakeProcess];
  up(at);
  at.stderr.emit('data', 'FATAL ERROR: out of memory');
  complete(at, first);
  lane.dispatch(second);
  at.kill();
  expect(told()[1]).toBe('WORKER_LOST: the process of this attempt was lost: it ended with SIGKILL');
  lane.dispatch(third);
  const next = processes[1]!;
  up(next);
  next.stderr.emit('data', 'x'.repeat(20_000));
  next.stderr.emit('data', 'FATAL ERROR: out of memory');
  next.kill();
  expect(told()[2]).toBe('WORKER_OUT_OF_MEMORY: the process of this attempt ran out of memory');
});

it('that cannot be started for a moment is tried again after a quarter of a second, for as long as a start may take', () => {
  const { fork } = forked;
  let tries = 0;
  forked.fork = () => {
    tries += 1;
    throw Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  };
  const waits = job();
  lane.dispatch(waits);
  expect([tries, lane.runningCount]).toEqual([1, 1]);
  vi.advanceTimersByTime(249);
  expect(tries).toBe(1);
  vi.advanceTimersByTime(1);
  expect(tries).toBe(2);
  forked.fork = fork;
  vi.advanceTimersByTime(250);
  expect([processes.length, processes[0]!.sent[0]?.job.jobId]).toEqual([1, waits.jobId]);
  forked.fork = () => {
    throw Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  };
  const cancelled = job();
  lane.dispatch(cancelled);
  lane.cancel(cancelled.jobId);
  vi.advanceTimersByTime(250);
  expect(told()).toEqual(['CANCELLED: the attempt was cancelled']);
  lane.dispatch(job());
  vi.advanceTimersByTime(30_000);
  expect(told()).not.toContainEqual(expect.stringContaining('could not be started'));
  vi.advanceTimersByTime(1);
  expect(told()).toContain('WORKER_LOST: the process of this attempt was lost: it could not be started: spawn EAGAIN');
});

it('that waits for another try when the pool ends is not heard of again', async () => {
  forked.fork = () => {
    throw Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  };
  lane.dispatch(job());
  await lane.close();
  expect([vi.getTimerCount(), lane.runningCount]).toEqual([0, 0]);
  lane.dispatch(job());
  expect(told()).toEqual([]);
});

it('that says something else than the outcome of its job is ended, and told of', () => {
  const mine = job();
  lane.dispatch(mine);
  up(processes[0]!);
  complete(processes[0]!, job());
  expect(faults).toEqual(['a process of the pool sent a message that is not the outcome of its job; it is ended']);
  expect(told()).toEqual([expect.stringMatching(/^WORKER_LOST/)]);
});

it('a deadline that is noticed late has its grace once, and one that was cleared never comes', () => {
  let ends = 0;
  const watch = watchOver(1_000, 250, () => {
    ends += 1;
  });
  vi.advanceTimersByTime(1_000);
  expect([ends, vi.getTimerCount()]).toEqual([1, 0]);
  watch.clear();
  const lateNow = vi.spyOn(performance, 'now');
  lateNow.mockReturnValueOnce(0).mockReturnValue(5_000);
  watchOver(1_000, 250, () => {
    ends += 1;
  });
  vi.advanceTimersByTime(1_000);
  expect([ends, vi.getTimerCount()]).toEqual([1, 1]);
  lateNow.mockReturnValue(50_000);
  vi.advanceTimersByTime(250);
  expect([ends, vi.getTimerCount()]).toEqual([2, 0]);
  lateNow.mockRestore();
  watchOver(1_000, 250, () => {
    ends += 1;
  }).clear();
  expect(vi.getTimerCount()).toBe(0);
});

it('threads get the loaders of the engine’s own call, each with its value, and nothing else', () => {
  const argv = [
    '--max-old-space-size=99',
    '--import',
    'a.mjs',
    '--require=b.cjs',
    '-r',
    'c.cjs',
    '--inspect',
    '--conditions=x',
  ];
  expect(toLoaderArgv(argv)).toEqual(['--import', 'a.mjs', '--require=b.cjs', '-r', 'c.cjs', '--conditions=x']);
  expect(toLoaderArgv(['--importance', '--import'])).toEqual(['--import', '']);
});
