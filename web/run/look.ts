/**
 * Looks as numbers, for the columns of a run. The first six are the statuses of REST; the other three tell apart what
 * one status holds: a waiting step that needs somebody, and completed steps that have done nothing. Words and colours
 * are in `ui/look.ts`, shapes in `glyph.ts`.
 */
import type { JobStatus } from '../../src/contract/workflow.ts';
import { type Look, looks, lookWords } from '../ui/look.ts';

/** Places of the statuses in a run's `status` column, and of all looks in its counts. */
export const look = {
  queued: 0,
  running: 1,
  completed: 2,
  failed: 3,
  waiting: 4,
  stopped: 5,
  needs: 6,
  skipped: 7,
  tolerated: 8,
} as const satisfies Record<Look, number>;

export const lookNames = Object.keys(look) as readonly Look[];
export const looksCount = lookNames.length;

const statusCodes: Readonly<Record<JobStatus, number>> = {
  PENDING: look.queued,
  RUNNING: look.running,
  COMPLETED: look.completed,
  FAILED: look.failed,
  WAITING_FOR_DEPENDENCY: look.waiting,
  STOPPED: look.stopped,
};

/** The place of a status; a status of a later engine counts as waiting. */
export function toStatusCode(status: string): number {
  return statusCodes[status as JobStatus] ?? look.waiting;
}

/** The look of that name, as an address has it; -1 where there is none. */
export function toLook(name: string | null): number {
  return lookNames.indexOf(name as Look);
}

export function toLookName(code: number): Look {
  return lookNames[code] ?? 'waiting';
}

export function toLookWord(code: number): string {
  return lookWords[toLookName(code)];
}

/** What matters most comes first: the order of the chips, and of what a box of many steps shows. */
export const lookOrder: readonly number[] = looks.map((name) => look[name]);

/** The order of the parts of a progress bar: what is done, what moves, what went wrong, what is still to come. */
export const progressOrder: readonly number[] = [
  look.completed,
  look.tolerated,
  look.skipped,
  look.running,
  look.queued,
  look.failed,
  look.stopped,
  look.needs,
  look.waiting,
];
