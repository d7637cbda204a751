/** Goal: what is kept of a step's tries is right, however they ended. Method: workflows driven by hand. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import * as decide from '../../src/core/decide.ts';
import { sizeOfResults } from '../../src/core/size.ts';
import { toStepView } from '../../src/core/view.ts';
import { bornAt, completed, failed, LiveWorkflow, throughFile } from './live-workflow.ts';

const iso = (seconds: number) => new Date(bornAt + seconds * 1_000).toISOString();
const half = (seconds: number) => new Date(bornAt + seconds * 1_000 + 500).toISOString();

test('a step whose only try was successful has no list, and its code is null', () => {
  const live = LiveWorkflow.of({ a: '' });
  live.run('a');
  expect(live.step('a')).toMatchObject({ attempts: [], errorCode: null, queuedAt: bornAt });
  expect(Object.keys(toStepView(live.step('a')))).not.toContain('attempts');
  expect(Object.keys(toStepView(live.step('a')))).not.toContain('errorCode');
});

test('each try has its time, its code, its cost and how long it waited', () => {
  const live = LiveWorkflow.with([{ id: 'a', retry: { attemptsMax: 3 } }]);
  live.start('a');
  live.end('a', failed('TIMEOUT', { metrics: { tokens: 3, cost: 0.25, model: 'm' } }));
  expect(live.step('a')).toMatchObject({ status: 'PENDING', errorCode: 'TIMEOUT', queuedAt: bornAt + 2_000 });
  live.start('a');
  expect(live.step('a')).toMatchObject({ error: null, errorCode: null });
  live.end('a', completed({ metrics: { tokens: 5, cost: 0.5, model: 'm' } }));
  const error = 'TIMEOUT for the test';
  expect(live.step('a').attempts).toEqual([
    { attempt: 1, startTime: iso(1), endTime: half(1), errorCode: 'TIMEOUT', error, cost: 0.25, waitedMs: 1_000 },
    { attempt: 2, startTime: iso(3), endTime: half(3), errorCode: null, error: null, cost: 0.5, waitedMs: 1_000 },
  ]);
  expect(live.step('a').errorCode).toBeNull();
  expect(live.step('a').metrics).toMatchObject({ cost: 0.75 });
});

test('a try that cost nothing has the cost 0, one whose cost is not known has none', () => {
  const live = LiveWorkflow.with([{ id: 'a', retry: { attemptsMax: 3 } }]);
  for (const cost of [0, null]) {
    live.start('a');
    live.end('a', failed('TIMEOUT', { metrics: { tokens: 3, cost, model: 'm' } }));
  }
  expect(live.step('a').attempts.map(({ cost }) => cost)).toEqual([0, null]);
});

test('a failure keeps its code until the step starts again; a retry by hand adds to the list', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.runToFailure('a');
  expect(live.step('a')).toMatchObject({ status: 'FAILED', errorCode: 'BINDING' });
  expect(live.step('b')).toMatchObject({ status: 'STOPPED', errorCode: null, queuedAt: null });
  live.retry();
  expect(live.step('a')).toMatchObject({ errorCode: null, queuedAt: bornAt + 3_000 });
  live.run('a');
  expect(live.step('a').attempts.map(({ attempt, errorCode }) => [attempt, errorCode])).toEqual([
    [1, 'BINDING'],
    [2, null],
  ]);
  expect(live.step('b').queuedAt).toBe(live.step('a').endTime);
});

test('a step that fails before any try has a code and no list', () => {
  const live = LiveWorkflow.with([{ id: 'a', when: 'params.x' }], { params: { x: 1 } });
  live.unready('a');
  expect(live.step('a')).toMatchObject({ status: 'FAILED', errorCode: 'BINDING', attempts: [] });
});

test('a try that was stopped is cancelled, one that the engine outlived not is lost', () => {
  const stopped = LiveWorkflow.of({ a: '' });
  stopped.start('a');
  stopped.stop();
  expect(stopped.step('a').attempts).toMatchObject([
    { errorCode: 'CANCELLED', error: 'the workflow was stopped', endTime: iso(2), cost: null },
  ]);
  const lost = LiveWorkflow.of({ a: '', b: '' });
  lost.start('a');
  lost.apply(decide.decideRecovery(lost.state, lost.tick())!);
  expect(lost.step('a')).toMatchObject({ queuedAt: bornAt + 2_000, status: 'PENDING' });
  expect(lost.step('a').attempts).toMatchObject([{ attempt: 1, errorCode: 'WORKER_LOST', endTime: iso(2) }]);
  expect(lost.step('b')).toMatchObject({ queuedAt: bornAt + 2_000, attempts: [] });
});

test('a group that has failed says so by its code', () => {
  const live = LiveWorkflow.with([{ id: 'g', forEach: [1, 2] }]);
  live.map('g', 2);
  live.runToFailure('g.0');
  expect(live.step('g')).toMatchObject({ status: 'FAILED', errorCode: 'ITEMS_FAILED' });
  expect(live.step('g.0')).toMatchObject({ queuedAt: bornAt + 1_000, errorCode: 'BINDING' });
});

describe('bounds', () => {
  test('the last tries are kept, and the beginning of each error', () => {
    const most = limits.attemptsShownMax;
    const live = LiveWorkflow.with([{ id: 'a', retry: { attemptsMax: 100 } }]);
    for (let i = 0; i < most + 2; i += 1) {
      live.start('a');
      live.end('a', { ...failed('TIMEOUT'), message: `${i} `.padEnd(limits.attemptErrorLengthMax + 1, 'x') });
    }
    const { attempts } = live.step('a');
    expect(attempts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: most }, (_, i) => i + 3));
    expect(attempts[0]?.error).toBe('2 '.padEnd(limits.attemptErrorLengthMax, 'x'));
    const { attempts: none, ...rest } = { ...live.step('a') };
    expect(none).toHaveLength(most);
    const alone = sizeOfResults({ ...rest, attempts: [] });
    expect(sizeOfResults(live.step('a')) - alone).toBe(most * (limits.attemptErrorLengthMax + 240));
    expect(live.state.resultsSize).toBe(sizeOfResults(live.step('a')));
  });

  test('they survive the state file; what no engine writes does not', () => {
    const live = LiveWorkflow.with([{ id: 'a', retry: { attemptsMax: 3 } }]);
    live.start('a');
    live.end('a', failed('TIMEOUT'));
    const { steps } = throughFile(live.state);
    expect(steps[0]).toMatchObject({ errorCode: 'TIMEOUT', queuedAt: bornAt + 2_000 });
    expect(steps[0]?.attempts).toEqual(live.step('a').attempts);
    const odd = { error: 'e', errorCode: 7, queuedAt: 'soon', attempts: [{ attempt: 'x' }] };
    const foreign = LiveWorkflow.adopted({
      steps: [
        { id: 'a', action: 'noop', status: 'FAILED', ...odd },
        { id: 'b', action: 'noop', status: 'COMPLETED', ...odd, error: null, errorCode: 'TIMEOUT' },
        { id: 'c', action: 'noop', status: 'PENDING', ...odd },
      ],
    });
    expect(foreign.step('a')).toMatchObject({ errorCode: null, queuedAt: null, attempts: [] });
    expect(foreign.step('b')).toMatchObject({ errorCode: null });
  });
});
