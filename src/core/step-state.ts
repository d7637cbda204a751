/**
 * One step of a workflow in memory, and what its end means to others. Steps are never changed: an event puts a new one in
 * the place of the old (`state.ts`).
 */
import type { Of, StepOutcome } from '../contract/flow.ts';
import type { StepId, WorkflowId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Reservation } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import type { JobStatus, RetryPolicy, StepAttempt } from '../contract/workflow.ts';
import type { StepFlow } from './flow.ts';
import type { StepEnd } from './group-tally.ts';
import type { Results } from './size.ts';

/** After so many deaths a step is a suspect: it runs alone, so that other steps are not blamed. */
export const suspectDeaths = 3;

export const externalAction = 'external_data';
/** The action of a step that starts a workflow and waits for its end. */
export const workflowAction = 'workflow';

export interface StepState extends Results {
  readonly id: StepId;
  readonly name: string;
  readonly action: string;
  readonly dependencies: readonly string[];
  readonly params: JsonObject;
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy | null;
  /** The step may take its answer from the cache. */
  readonly cache: boolean;
  readonly flow: StepFlow;
  /** Set on a step that was made for an item of a list, or for a round. */
  readonly of: Of | null;
  /** Of a group: how many items its list has, or how many rounds have begun; null before that is known. */
  readonly count: number | null;
  /** Of a `workflow` step: the workflow that it has started; null before that, and where it starts another one. */
  readonly child: WorkflowId | null;
  /** What the step had used before it has started that workflow. */
  readonly base: JsonObject | null;
  /** Of a COMPLETED step that has done nothing. */
  readonly outcome: StepOutcome | null;
  /** Set while the step waits without a slot: what for, and until when, null without an end. */
  readonly wait: Wait | null;
  readonly status: JobStatus;
  /** Of the failure that `error` tells; null where there is none, or none with a code. */
  readonly errorCode: string | null;
  /** When the step last became PENDING. Milliseconds since 1970, as the two below. */
  readonly queuedAt: number | null;
  readonly startTime: number | null;
  readonly endTime: number | null;
  readonly attempt: number;
  /** Tries that have ended (`attempts.ts`). */
  readonly attempts: readonly StepAttempt[];
  /** Failed attempts since the step was last resumed or retried. */
  readonly failures: number;
  /** While the step waits for its next attempt: when that is due, and how long the whole wait is. */
  readonly dueAt: number | null;
  readonly delayMs: number;
  /** How many times in a row the engine has died while an attempt of this step ran. */
  readonly deaths: number;
  /** The reservation of its last attempt, until that has ended; an attempt that was stopped keeps it until then. */
  readonly reserved: Reservation | null;
  /** Set when a budget has paused the step: why, and until when. */
  readonly pause: { readonly reason: string; readonly until: 'resume' | 'day' } | null;
}

export interface Wait {
  readonly for: 'decision' | 'data' | 'time' | 'workflow';
  /** Milliseconds since 1970. */
  readonly until: number | null;
  /** The workflow that it waits for is at rest. */
  readonly atRest?: true;
}

/** Whether the wait ends without anything from outside. */
export function goesOn({ wait }: Pick<StepState, 'wait'>): boolean {
  return wait?.for === 'time' || (wait?.for === 'workflow' && wait.atRest === undefined);
}

/** What a step waits for without a slot, in words. */
export function toAwaited({ child, wait }: Pick<StepState, 'child'> & { readonly wait: Pick<Wait, 'for'> }): string {
  if (wait.for === 'workflow') return `workflow ${child}`;
  return { decision: 'a decision', data: 'data', time: 'its time' }[wait.for];
}

/** Whether the end of its child ends the step. */
export function attendsChild({ child, status, wait }: Pick<StepState, 'child' | 'status' | 'wait'>): boolean {
  return child !== null && (status === 'PENDING' || wait?.for === 'workflow');
}

/** What the end of a step means to those that wait for it. `lost`: FAILED, or STOPPED. */
export type EndOfStep = 'ran' | 'skipped' | 'tolerated' | 'lost';

/** null before its end. */
export function endOf({ status, outcome }: Pick<StepState, 'status' | 'outcome'>): EndOfStep | null {
  if (status === 'COMPLETED') return outcome ?? 'ran';
  return status === 'FAILED' || status === 'STOPPED' ? 'lost' : null;
}

/** Whether the failure of the step is one of its item: not where the step itself says `tolerate: true`. */
export function isItemFailure({ status, outcome, flow }: StepState): boolean {
  return status === 'FAILED' || (outcome === 'tolerated' && !toleratesItself(flow));
}

/** With `forEach` it is the items that are tolerated. */
export function toleratesItself({ tolerate, forEach }: StepFlow): boolean {
  return tolerate === true && forEach === null;
}

/** How many of a step's dependencies have ended so. */
export interface EndCounts {
  lost: number;
  skipped: number;
  tolerated: number;
}

/** Before any has. */
export function noEnds(): EndCounts {
  return { lost: 0, skipped: 0, tolerated: 0 };
}

/** One more, or one less; how many have run follows from the others. */
export function addEnd(ends: EndCounts, end: EndOfStep, change: 1 | -1): void {
  if (end !== 'ran') ends[end] += change;
}

/** How many items a group has, or how many rounds have begun; 0 before that is known. */
export function countOf({ count }: Pick<StepState, 'count'>): number {
  return count ?? 0;
}

/** For the counts of its group. `made`: whether what was made from the step has ended too, and is at work. */
export function toItemEnd(step: StepState, made = { isAtRest: true, isAtWork: false }): StepEnd {
  const isEnded = made.isAtRest && endOf(step) !== null;
  return { isEnded, isFailed: isItemFailure(step), isAtWork: !isEnded && (made.isAtWork || isAtWork(step)) };
}

/** It is in line, runs, or is held in a wait or by a budget: not what waits for others, or for data that may come any time. */
function isAtWork({ status, wait, pause }: StepState): boolean {
  return status === 'PENDING' || status === 'RUNNING' || wait !== null || pause !== null;
}

/** A step's log keeps its latest lines, each cut at a bound, so that endless attempts do not fill memory. */
export function addLogs(step: StepState, lines: readonly string[]): readonly string[] {
  const logs = [...step.logs, ...lines.map((line) => line.slice(0, limits.logLineLengthMax))];
  return logs.length > limits.logLinesMax ? logs.slice(-limits.logLinesMax) : logs;
}
