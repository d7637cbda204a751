/**
 * The log of a run: the lines of all its steps, by time. A line of a step is a text, as people read it in `state.json`; most
 * tell their time. The others get the time of what they are about: a failure that of the end of its try, and what a task
 * has written that of the beginning of its try, which is the latest time that is sure to be before it.
 */
import type { LogLine, LogReply } from '../contract/run-view.ts';
import type { StepAttempt } from '../contract/workflow.ts';
import { itemAt } from './item-at.ts';
import type { StepState } from './step-state.ts';
import { toIso } from './time.ts';

/** What of a step its lines are read by. */
export interface LoggedStep {
  readonly id: string;
  readonly logs: readonly string[];
  /** ISO 8601. */
  readonly queuedAt: string | null;
  readonly startTime: string | null;
  readonly endTime: string | null;
  readonly attempts: readonly Pick<StepAttempt, 'startTime' | 'endTime'>[];
}

export function toLoggedStep({ id, logs, queuedAt, startTime, endTime, attempts }: StepState): LoggedStep {
  const toTime = (ms: number | null) => (ms === null ? null : toIso(ms));
  const times = { queuedAt: toTime(queuedAt), startTime: toTime(startTime), endTime: toTime(endTime) };
  return {
    id,
    logs,
    ...times,
    attempts: attempts.map((tried) => ({ startTime: tried.startTime, endTime: tried.endTime })),
  };
}

const time = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)`;
/** The engine's own lines. A task's line that looks like one is taken for one: it can only move among its step's lines. */
const timed = new RegExp(
  `^(?:Started (?:execution|workflow [^\\s]{1,64}|round \\d+|\\d+ items?)|Completed successfully|Completed with the data that was kept|Stopped|Paused|Resumed|Skipped|Recovered from orphaned RUNNING state|Re-queued during recovery|External data ingested|Queued due to external data dependency satisfaction|(?:Approved|Rejected)(?: by .{1,1000})?) at ${time}(?:[:,]|$)|^Nobody decided until ${time}:`,
  's',
);
const started = new RegExp(`^Started execution at ${time}$`);
const failure = /^(?:Failed: |Retrying in )/;
const unusual = /^(?:Warning: |Retrying in |Recovered |Re-queued |Tolerated: |Stopped |Paused |Skipped |Rejected )/;

export function toLogLines(step: LoggedStep): LogLine[] {
  let at: string | null = null;
  let startedAt: string | null = null;
  const lines = step.logs.map((text, line): LogLine => {
    startedAt = started.exec(text)?.[1] ?? startedAt;
    const told = timed.exec(text);
    const own = told?.[1] ?? told?.[2] ?? (failure.test(text) ? endOfTry(step, startedAt) : null);
    // Lines of a step stay in their order, whatever their times say.
    if (own !== null && (at === null || own > at)) at = own;
    const level = text.startsWith('Failed: ') ? 'error' : unusual.test(text) ? 'warn' : 'info';
    return { at, level, step_id: step.id, line, text };
  });
  // What comes before the first time is no later than that.
  const first = lines.reduceRight<string | null>((before, line) => line.at ?? before, step.queuedAt);
  return lines.map((line) => (line.at === null ? { ...line, at: first } : line));
}

function endOfTry({ attempts, startTime, endTime }: LoggedStep, startedAt: string | null): string | null {
  const ended = attempts.find((attempt) => attempt.startTime === startedAt);
  return ended?.endTime ?? (startTime === startedAt ? endTime : null);
}

/**
 * Lines after a time, by time; those of one time in the order of the steps. About `limit` of them: lines of one time are
 * never split, and those without a time come with the first that have one, so that the next page may begin after it.
 */
export function toRunLog(steps: readonly LoggedStep[], { after, limit }: { after?: string; limit: number }): LogReply {
  const from = after === undefined ? '' : new Date(after).toISOString();
  const all = steps.flatMap(toLogLines).filter((line) => after === undefined || timeOf(line) > from);
  all.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : Number(timeOf(a) > timeOf(b))));
  let end = Math.min(limit, all.length);
  while (end < all.length && isSplit(itemAt(all, end - 1), itemAt(all, end))) end += 1;
  const lines = all.slice(0, end);
  return { lines, more: end < all.length, next: lines.at(-1)?.at ?? null };
}

/** Those without a time come first. */
function timeOf({ at }: LogLine): string {
  return at ?? '';
}

function isSplit(before: LogLine, next: LogLine): boolean {
  return before.at === null || before.at === next.at;
}
