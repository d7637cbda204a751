/** Goal: rules CA1 to CA3 of the admission of model calls. Method: a schedule and a clock that stands until it is moved. */
import { describe, expect, test } from 'vitest';
import type { FailureCode } from '../../../src/contract/failures.ts';
import type { LimitsByModel } from '../../../src/contract/model-limits.ts';
import type { PlannedCall } from '../../../src/contract/task.ts';
import { CallAdmission } from '../../../src/coordinator/steps/call-admission.ts';
import type { AttemptResult } from '../../../src/core/decide.ts';
import { type ReadyStep, Schedule } from '../../../src/core/schedule.ts';
import { StillClock } from '../../damage/still-clock.ts';

const nothing = { metadata: null, metrics: null, logs: [] };
const answered = (tokens?: number): AttemptResult => ({
  kind: 'completed',
  outputs: { json: '{}' },
  simulated: false,
  ...nothing,
  metrics: tokens === undefined ? { tokens: null, calls: 1 } : { tokens },
});
const failed = (code: FailureCode, change: Partial<AttemptResult & { kind: 'failed' }> = {}): AttemptResult => ({
  kind: 'failed',
  code,
  message: code,
  retryAfterMs: null,
  ...nothing,
  ...change,
});

/** A schedule of model steps, named in order. */
function line(modelLimits: LimitsByModel = {}) {
  const clock = new StillClock();
  const admission = new CallAdmission(modelLimits, { hold: () => null, begin: () => undefined }, clock);
  const schedule = new Schedule(100, 1, admission);
  const taken: ReadyStep[] = [];
  const add = (ids: string, { model = 'gpt-4', inputTokens = 10, outputTokens = 90 }: Partial<PlannedCall> = {}) => {
    for (const stepId of ids) {
      const call = { provider: 'openai', model, baseUrl: 'https://api.openai.com/v1', inputTokens, outputTokens };
      const readyAt = clock.monotonic();
      schedule.add({ workflowId: 'w', stepId, lane: 'io', rankMs: 0, readyAt, call, gate: admission.enter(call) });
    }
  };
  const take = () => {
    const now = schedule.take();
    taken.push(...now);
    return now.map(({ stepId }) => stepId).join('');
  };
  const stepOf = (id: string) => taken.find(({ stepId }) => stepId === id)!;
  const endCall = (id: string, result: AttemptResult) => admission.end(stepOf(id).call!, result);
  const end = (id: string, result: AttemptResult) => {
    schedule.release('io');
    endCall(id, result);
  };
  const waits = (id: string) => admission.toWaitLines(stepOf(id));
  return { clock, schedule, admission, add, take, end, endCall, waits };
}

describe('CA1: a call is in the books until its attempt has ended', () => {
  test('and its place is free then, however it ended, and once', () => {
    const { add, take, end, endCall } = line({ 'openai/gpt-4': { concurrency: 2 } });
    add('abcdefg');
    expect(take()).toBe('ab');
    end('a', answered(5));
    endCall('a', answered(5));
    expect(take()).toBe('c');
    end('b', failed('WORKER_LOST'));
    end('c', failed('CANCELLED'));
    expect(take()).toBe('de');
    end('d', failed('MISSING_SECRET'));
    end('e', failed('TIMEOUT', { metrics: { calls: 1, tokens: null } }));
    expect(take()).toBe('fg');
  });

  test('with the tokens that the answer names, the estimate where it may have been answered, and none where it never left', () => {
    const left = (result: AttemptResult) => {
      const { add, take, end, schedule } = line({ 'openai/*': { tokensPerMinute: 6_000 } });
      add('ab', { inputTokens: 1_000, outputTokens: 2_000 });
      expect(take()).toBe('a');
      end('a', result);
      expect(take()).toBe('');
      return schedule.heldUntil;
    };
    expect(left(answered(1_500))).toBe(15_000);
    expect(left(answered())).toBe(30_000);
    expect(left(failed('WORKER_LOST'))).toBe(30_000);
    expect(left(failed('TIMEOUT', { metrics: { calls: 1, tokens: null } }))).toBe(30_000);
    const { add, take, end } = line({ 'openai/*': { tokensPerMinute: 6_000 } });
    add('ab', { inputTokens: 1_000, outputTokens: 2_000 });
    expect(take()).toBe('a');
    end('a', failed('MISSING_SECRET'));
    expect(take()).toBe('b');
  });
});

describe('CA2: a model pauses', () => {
  test('for as long as its provider says, for all workflows, and no other model with it', () => {
    const { add, take, end, clock, schedule } = line();
    add('a');
    expect(take()).toBe('a');
    end('a', failed('RATE_LIMITED', { retryAfterMs: 7_000, metrics: { tokens: 0 } }));
    add('bc');
    add('x', { model: 'gpt-4o' });
    expect([take(), schedule.heldUntil]).toEqual(['x', 7_000]);
    expect(schedule.held()).toMatchObject([{ waitsFor: 'the end of a pause of openai/gpt-4', until: 7_000 }]);
    clock.advance(7_000);
    expect([take(), schedule.heldUntil]).toEqual(['b', null]);
    expect(schedule.held()).toMatchObject([{ waitsFor: 'the first answers after a pause of openai/gpt-4' }]);
    end('b', answered(5));
    expect(take()).toBe('c');
  });

  test('for a short time where it does not say, and also where it is only busy', () => {
    const silent = line();
    silent.add('ab');
    expect(silent.take()).toBe('ab');
    silent.end('a', failed('RATE_LIMITED'));
    silent.add('c');
    expect([silent.take(), silent.schedule.heldUntil]).toEqual(['', 2_000]);
    const busy = line();
    busy.add('a');
    expect(busy.take()).toBe('a');
    busy.end('a', failed('HTTP_RETRYABLE', { retryAfterMs: 500 }));
    busy.add('c');
    expect([busy.take(), busy.schedule.heldUntil]).toEqual(['', 500]);
  });

  test('for no time at all where its provider says so', () => {
    const { add, take, end, schedule } = line();
    add('a');
    expect(take()).toBe('a');
    end('a', failed('RATE_LIMITED', { retryAfterMs: 0 }));
    add('bc');
    expect([take(), schedule.heldUntil]).toEqual(['b', null]);
    end('b', failed('HTTP_RETRYABLE', { retryAfterMs: 0 }));
    expect([take(), schedule.heldUntil]).toEqual(['c', null]);
  });

  test('not for any other failure', () => {
    const { add, take, end } = line();
    add('a');
    expect(take()).toBe('a');
    end('a', failed('HTTP_RETRYABLE'));
    add('b');
    expect(take()).toBe('b');
  });
});

describe('CA3: what was waited for is told', () => {
  test('for each step by the time since it came, without what it waited for a slot', () => {
    const { add, take, clock, waits, schedule } = line({ '*': { requestsPerMinute: 6 } });
    add('ab');
    expect(take()).toBe('a');
    clock.advance(4_000);
    add('c');
    clock.advance(6_000);
    expect(take()).toBe('b');
    expect(schedule.heldUntil).toBe(20_000);
    // Nobody asked for 5 s after the time was up: the slots were taken.
    clock.advance(15_000);
    expect(take()).toBe('c');
    expect([waits('a'), waits('b'), waits('c')]).toEqual([
      [],
      ['Waited 10.0 s for requests a minute of openai/gpt-4'],
      ['Waited 16.0 s for requests a minute of openai/gpt-4'],
    ]);
  });

  test.each([
    [99, []],
    [100, ['Waited 0.1 s for the end of another call of openai/gpt-4']],
  ])('from a tenth of a second on: %d ms', (ms, lines) => {
    const { add, take, end, clock, waits } = line({ '*': { concurrency: 1 } });
    add('ab');
    expect(take()).toBe('a');
    clock.advance(ms);
    end('a', answered(5));
    expect([take(), waits('b')]).toEqual(['b', lines]);
  });

  test('not where it was next to nothing, nor of steps that call no model', () => {
    const { add, take, clock, waits, schedule, admission } = line({ '*': { requestsPerMinute: 1_000 } });
    add('a'.repeat(1));
    for (let i = 0; i < 40; i += 1) add(String.fromCharCode(200 + i));
    expect(take()).toHaveLength(33);
    clock.advance(60);
    add('z');
    expect(take()).toHaveLength(1);
    expect(waits(String.fromCharCode(232))).toEqual([]);
    schedule.add({ workflowId: 'w', stepId: 'plain', lane: 'io', rankMs: 9_999, readyAt: 0 });
    const [plain] = schedule.take(1);
    expect([plain!.stepId, admission.toWaitLines(plain!)]).toEqual(['plain', []]);
  });
});
