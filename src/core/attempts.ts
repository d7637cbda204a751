/**
 * The tries of a step that have ended, for people who look for what went wrong. A step whose only try was successful has
 * no list: its own fields tell of that try.
 */
import { z } from 'zod';
import type { FailureCode } from '../contract/failures.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { type StepAttempt, stepAttemptSchema, stepErrorCodeSchema } from '../contract/workflow.ts';
import type { StepState } from './step-state.ts';
import { toIso } from './time.ts';

interface AttemptOutcome {
  /** Milliseconds since 1970. */
  endTime: number;
  errorCode: string | null;
  error: string | null;
  /** What it alone has used; null where it called nobody. */
  metrics: JsonObject | null;
}

/** The list with the try that ends now, the last `limits.attemptsShownMax`. */
export function addAttemptEnd(
  step: StepState,
  { endTime, errorCode, error, metrics }: AttemptOutcome,
): readonly StepAttempt[] {
  const { attempt, attempts, startTime, queuedAt } = step;
  if (errorCode === null && attempts.length === 0) return attempts;
  const cost = metrics?.cost;
  const ended: StepAttempt = {
    attempt,
    startTime: startTime === null ? null : toIso(startTime),
    endTime: toIso(endTime),
    errorCode,
    error: error === null ? null : error.slice(0, limits.attemptErrorLengthMax),
    cost: typeof cost === 'number' ? cost : null,
    waitedMs: startTime === null || queuedAt === null ? null : Math.max(0, startTime - queuedAt),
  };
  return [...attempts, ended].slice(-limits.attemptsShownMax);
}

/** The list with a running try that counts no longer from `at` on. */
export function addCancelled(
  step: StepState,
  at: number,
  error: string,
  errorCode: FailureCode = 'CANCELLED',
): readonly StepAttempt[] {
  const endTime = Math.max(at, step.startTime ?? at);
  return addAttemptEnd(step, { endTime, errorCode, error, metrics: null });
}

const attemptsSchema = z.array(stepAttemptSchema).max(limits.attemptsShownMax);

/** From a state file; none where they are not what an engine writes. */
export function readAttempts(value: unknown): readonly StepAttempt[] {
  // Most steps have none, and a schema that refuses costs more than the rest of a step.
  if (value === undefined) return [];
  return attemptsSchema.safeParse(value).data ?? [];
}

/** null where it is none that an engine writes. */
export function readErrorCode(value: unknown): string | null {
  return stepErrorCodeSchema.safeParse(value).data ?? null;
}
