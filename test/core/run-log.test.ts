/** Goal: the log of a run is in the order of time, and every line has the time of what it is about. */
import { describe, expect, test } from 'vitest';
import { type LoggedStep, toLoggedStep, toLogLines, toRunLog } from '../../src/core/run-log.ts';
import { completed, failed, LiveWorkflow } from './live-workflow.ts';

const at = (seconds: number) => `2026-01-31T12:00:${String(seconds).padStart(2, '0')}.000Z`;
const plain: LoggedStep = { id: 's', logs: [], queuedAt: null, startTime: null, endTime: null, attempts: [] };
const lines = (step: Partial<LoggedStep>) =>
  toLogLines({ ...plain, ...step }).map(({ at, level, text }) => [at, level, text]);

describe('the time and the level of a line', () => {
  test('of tries that fail, are repeated and succeed', () => {
    const live = LiveWorkflow.with([{ id: 'a', retry: { attemptsMax: 2 } }]);
    live.start('a');
    live.end('a', failed('TIMEOUT', { logs: ['asked'] }));
    live.start('a');
    live.end('a', completed({ logs: ['asked again', 'Warning: odd'] }));
    const half = (seconds: number) => at(seconds).replace('.000Z', '.500Z');
    expect(lines(toLoggedStep(live.step('a')))).toEqual([
      [at(1), 'info', `Started execution at ${at(1)}`],
      [at(1), 'info', 'asked'],
      [half(1), 'warn', expect.stringMatching(/^Retrying in [\d.]+ s \(attempt 2 of 2\): TIMEOUT for the test$/)],
      [at(3), 'info', `Started execution at ${at(3)}`],
      [at(3), 'info', 'asked again'],
      [at(3), 'warn', 'Warning: odd'],
      [half(3), 'info', `Completed successfully at ${half(3)}`],
    ]);
  });

  test('of a step that has not begun: it has no line and no time', () => {
    const live = LiveWorkflow.of({ a: '', b: 'a' });
    expect(toLoggedStep(live.step('b'))).toEqual({ ...plain, id: 'b' });
  });

  test('of a failure: the end of its try, or of the step where no try is kept', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.runToFailure('a');
    expect(lines(toLoggedStep(live.step('a'))).at(-1)).toEqual([
      at(1).replace('.000Z', '.500Z'),
      'error',
      'Failed: BINDING for the test',
    ]);
    const logs = [`Started execution at ${at(1)}`, 'Failed: x'];
    expect(lines({ logs, startTime: at(1), endTime: at(4) }).at(-1)).toEqual([at(4), 'error', 'Failed: x']);
    expect(lines({ logs, startTime: at(2), endTime: at(4) }).at(-1)).toEqual([at(1), 'error', 'Failed: x']);
    expect(lines({ logs: ['Failed: x'], endTime: at(4) })).toEqual([[at(4), 'error', 'Failed: x']]);
  });

  test.each([
    [`Completed with the data that was kept at ${at(5)}`, 'info'],
    [`Stopped at ${at(5)}`, 'warn'],
    [`Paused at ${at(5)}: used up`, 'warn'],
    [`Resumed at ${at(5)}`, 'info'],
    [`Skipped at ${at(5)}: its condition`, 'warn'],
    [`Recovered from orphaned RUNNING state at ${at(5)}`, 'warn'],
    [`Re-queued during recovery at ${at(5)}`, 'warn'],
    [`External data ingested at ${at(5)}`, 'info'],
    [`External data ingested at ${at(5)}, kept until the dependencies of this step are complete`, 'info'],
    [`Queued due to external data dependency satisfaction at ${at(5)}`, 'info'],
    [`Approved by Ada\nat home at ${at(5)}`, 'info'],
    [`Rejected at ${at(5)}`, 'warn'],
    [`Nobody decided until ${at(5)}: rejected`, 'info'],
    [`Started 3 items at ${at(5)}`, 'info'],
    [`Started 1 item at ${at(5)}`, 'info'],
    [`Started round 2 at ${at(5)}`, 'info'],
  ])('%s', (text, level) => {
    expect(lines({ logs: [text], queuedAt: at(1) })).toEqual([[at(5), level, text]]);
    expect(lines({ logs: ['x', text] })[0]).toEqual([at(5), 'info', 'x']);
  });

  test.each([`I was there at ${at(5)}`, `Stopped at ${at(5)} or so`, `Waits for data until ${at(5)}`, 'x'])(
    'a line that tells no time of its own has that of the one before: %s',
    (text) => {
      expect(lines({ logs: [text] })).toEqual([[null, expect.any(String), text]]);
      expect(lines({ logs: [text], queuedAt: at(2) })[0]?.[0]).toBe(at(2));
    },
  );

  test('a line never goes before the one above it', () => {
    const logs = [`Stopped at ${at(5)}`, `Stopped at ${at(4)}`];
    expect(lines({ logs }).map(([time]) => time)).toEqual([at(5), at(5)]);
  });
});

describe('merged', () => {
  const steps: LoggedStep[] = [
    { ...plain, id: '0', logs: ['none'] },
    { ...plain, id: 'a', logs: [`Stopped at ${at(2)}`, `Stopped at ${at(6)}`] },
    { ...plain, id: 'b', logs: [`Stopped at ${at(2)}`, `Stopped at ${at(4)}`] },
  ];
  const shown = (options: { after?: string; limit: number }) => {
    const { lines, ...rest } = toRunLog(steps, options);
    return [lines.map(({ step_id, line }) => `${step_id}${line}`).join(' '), rest];
  };

  test('by time, those of one time in the order of the steps', () => {
    expect(shown({ limit: 99 })).toEqual(['00 a0 b0 b1 a1', { more: false, next: at(6) }]);
  });

  test('pages never split lines of one time, and lead through all of them', () => {
    expect(shown({ limit: 1 })).toEqual(['00 a0 b0', { more: true, next: at(2) }]);
    expect(shown({ limit: 2 })).toEqual(['00 a0 b0', { more: true, next: at(2) }]);
    expect(shown({ limit: 3 })).toEqual(['00 a0 b0', { more: true, next: at(2) }]);
    expect(shown({ after: at(2), limit: 1 })).toEqual(['b1', { more: true, next: at(4) }]);
    expect(shown({ after: at(4), limit: 1 })).toEqual(['a1', { more: false, next: at(6) }]);
    expect(shown({ after: at(6), limit: 1 })).toEqual(['', { more: false, next: null }]);
    // A time may be written in another zone.
    expect(shown({ after: '2026-01-31T14:00:04+02:00', limit: 9 })[0]).toBe('a1');
  });
});
