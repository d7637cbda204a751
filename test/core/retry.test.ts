/** Goal: what is repeated, how often and after how long. Method: `decideRetry` with the random number given. */
import { describe, expect, test } from 'vitest';
import { failureCodes, failureTable } from '../../src/contract/failures.ts';
import { decideRetry, type RetryInput } from '../../src/core/retry.ts';

const decide = (input: Partial<RetryInput>) =>
  decideRetry({ code: 'TIMEOUT', policy: null, failures: 1, retryAfterMs: null, random: 0, ...input });
const delay = (input: Partial<RetryInput>) => {
  const decision = decide(input);
  return decision.kind === 'retry' ? decision.delayMs : null;
};

describe('the number of attempts', () => {
  test.each(failureCodes)('%s is repeated according to its class', (code) => {
    const attempts = [1, 2, 3].filter((failures) => decide({ code, failures }).kind === 'retry').length + 1;
    expect(attempts).toBe(failureTable[code] === 'transient' ? 3 : 1);
  });

  test('a policy overrides the default in both directions', () => {
    expect(decide({ policy: { attemptsMax: 1 } })).toEqual({ kind: 'give-up' });
    expect(decide({ policy: { attemptsMax: 5 }, failures: 4 })).toMatchObject({ kind: 'retry', attemptsMax: 5 });
    expect(decide({ policy: { attemptsMax: 5 }, failures: 5 })).toEqual({ kind: 'give-up' });
    expect(decide({ code: 'TASK_ERROR', policy: { attemptsMax: 2 } })).toMatchObject({ kind: 'retry' });
  });

  test.each([
    // code, what the step's policy says, whether a second attempt follows
    ['TIMEOUT', null, false],
    ['NETWORK', null, false],
    ['HTTP_RETRYABLE', null, false],
    ['HTTP_RETRYABLE', {}, false],
    ['HTTP_RETRYABLE', { backoffMs: 0, backoffMsMax: 1 }, false],
    ['HTTP_RETRYABLE', { attemptsMax: 1 }, false],
    ['HTTP_RETRYABLE', { attemptsMax: 2 }, true],
    ['NETWORK', { attemptsMax: 2 }, true],
    ['TASK_ERROR', { attemptsMax: 2 }, true],
    ['TASK_ERROR', null, false],
    ['TARGET_REFUSED', { attemptsMax: 2 }, false],
  ] as const)('%s that is repeated only if asked, with %j: %s', (code, policy, isRepeated) => {
    expect(decide({ code, policy, onlyIfAsked: true }).kind).toBe(isRepeated ? 'retry' : 'give-up');
  });

  test('onlyIfAsked changes neither the number of attempts that were asked for nor the delay', () => {
    const policy = { attemptsMax: 3, backoffMs: 400 };
    expect(decide({ policy, failures: 2, onlyIfAsked: true })).toEqual({
      kind: 'retry',
      delayMs: 400,
      attemptsMax: 3,
    });
    expect(decide({ policy, failures: 3, onlyIfAsked: true })).toEqual({ kind: 'give-up' });
    expect(decide({ policy, onlyIfAsked: true, retryAfterMs: 7_000 })).toMatchObject({ delayMs: 7_000 });
    expect(decide({ onlyIfAsked: false })).toMatchObject({ kind: 'retry', attemptsMax: 3 });
  });

  test('no policy repeats a failure that is final', () => {
    expect(decide({ code: 'BINDING', policy: { attemptsMax: 100 } })).toEqual({ kind: 'give-up' });
  });
});

describe('the delay', () => {
  test('doubles from one second, half of it at random, up to one minute', () => {
    const policy = { attemptsMax: 100 };
    expect([1, 2, 3, 7, 99].map((failures) => delay({ policy, failures }))).toEqual([
      500, 1_000, 2_000, 30_000, 30_000,
    ]);
    expect([1, 2, 3, 7, 99].map((failures) => delay({ policy, failures, random: 0.5 }))).toEqual([
      750, 1_500, 3_000, 45_000, 45_000,
    ]);
  });

  test('starts from backoffMs and stops at backoffMsMax', () => {
    expect(delay({ policy: { backoffMs: 0 }, random: 0.9 })).toBe(0);
    expect(delay({ policy: { backoffMs: 200 } })).toBe(100);
    expect(delay({ policy: { attemptsMax: 9, backoffMs: 200, backoffMsMax: 300 }, failures: 5 })).toBe(150);
    expect(delay({ policy: { backoffMs: 5_000, backoffMsMax: 1_000 } })).toBe(500);
  });

  test('a backoffMs above one minute is its own bound', () => {
    expect(delay({ policy: { backoffMs: 100_000 }, failures: 2 })).toBe(50_000);
  });

  test('is at least what the server asked for, and that at most one minute', () => {
    expect(delay({ retryAfterMs: 7_000 })).toBe(7_000);
    expect(delay({ retryAfterMs: 100 })).toBe(500);
    expect(delay({ retryAfterMs: -100 })).toBe(500);
    expect(delay({ retryAfterMs: 3_600_000 })).toBe(60_000);
  });
});
