/**
 * Whether a failed attempt is followed by another, and when. The only place that retries: tasks and HTTP clients
 * never repeat a call themselves.
 */
import { type FailureCode, failureTable } from '../contract/failures.ts';
import type { RetryPolicy } from '../contract/workflow.ts';

const attemptsMaxTransient = 3;
const backoffMsDefault = 1_000;
const backoffMsMaxDefault = 60_000;
/** If a server asks for a longer wait, the next attempt comes after this time all the same. */
const retryAfterMsMax = 60_000;

export interface RetryInput {
  code: FailureCode;
  policy: RetryPolicy | null;
  /** How many attempts have failed, this one included. */
  failures: number;
  retryAfterMs: number | null;
  /** True when the failure is repeated only where the policy says `attemptsMax`. Default: false. */
  onlyIfAsked?: boolean;
  /** Uniform in [0, 1). */
  random: number;
}

export type RetryDecision = { kind: 'retry'; delayMs: number; attemptsMax: number } | { kind: 'give-up' };

/**
 * Exponential backoff with equal jitter: half of `backoffMs × 2^(failures-1)`, capped, plus a random part of the
 * other half (Brooker, "Exponential Backoff And Jitter"). A server's Retry-After is a lower bound.
 */
export function decideRetry(input: RetryInput): RetryDecision {
  const kind = failureTable[input.code];
  const isRepeated = kind === 'transient' && input.onlyIfAsked !== true;
  const attemptsMax = input.policy?.attemptsMax ?? (isRepeated ? attemptsMaxTransient : 1);
  if (kind === 'final' || input.failures >= attemptsMax) return { kind: 'give-up' };
  const cap = input.policy?.backoffMsMax ?? Math.max(backoffMsMaxDefault, input.policy?.backoffMs ?? 0);
  const base = Math.min(cap, (input.policy?.backoffMs ?? backoffMsDefault) * 2 ** (input.failures - 1));
  const jittered = Math.round(base / 2 + (base / 2) * input.random);
  const asked = Math.min(Math.max(0, input.retryAfterMs ?? 0), retryAfterMsMax);
  return { kind: 'retry', delayMs: Math.max(jittered, asked), attemptsMax };
}
