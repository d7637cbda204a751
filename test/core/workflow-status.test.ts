/** Goal: a workflow's status follows from its steps as the contract words it. Method: one row for each rule. */
import { expect, test } from 'vitest';
import type { StatusCounts } from '../../src/core/state.ts';
import { toWorkflowStatus } from '../../src/core/workflow-status.ts';

const none: StatusCounts = { PENDING: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, WAITING_FOR_DEPENDENCY: 0, STOPPED: 0 };

test.each<[string, Partial<StatusCounts>, boolean, string]>([
  ['no steps at all', {}, false, 'PENDING'],
  ['queued, and nothing has started', { PENDING: 2, WAITING_FOR_DEPENDENCY: 1 }, false, 'PENDING'],
  ['queued after a start', { PENDING: 1, COMPLETED: 1 }, true, 'RUNNING'],
  ['a step runs', { RUNNING: 1, FAILED: 1, WAITING_FOR_DEPENDENCY: 1 }, true, 'RUNNING'],
  [
    'nothing moves and one waits for the outside',
    { COMPLETED: 1, WAITING_FOR_DEPENDENCY: 1 },
    true,
    'WAITING_FOR_DEPENDENCY',
  ],
  [
    'one waits, also when another branch has failed',
    { FAILED: 1, WAITING_FOR_DEPENDENCY: 1 },
    true,
    'WAITING_FOR_DEPENDENCY',
  ],
  ['an independent branch is still queued after a failure', { FAILED: 1, PENDING: 1 }, true, 'RUNNING'],
  ['nothing more can run and one failed', { FAILED: 1, STOPPED: 2, COMPLETED: 1 }, true, 'FAILED'],
  ['stopped steps and no failure', { STOPPED: 1, COMPLETED: 1 }, true, 'STOPPED'],
  ['all completed', { COMPLETED: 3 }, true, 'COMPLETED'],
])('%s: %o', (_, counts, started, status) => {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  expect(toWorkflowStatus({ counts: { ...none, ...counts }, steps: { length: total }, timed: 0 }, started)).toBe(
    status,
  );
});

test.each([
  [{ COMPLETED: 1, WAITING_FOR_DEPENDENCY: 1 }, true],
  [{ WAITING_FOR_DEPENDENCY: 1 }, false],
])('a step that waits for a time of its own goes on by itself: %o', (counts, started) => {
  const steps = { counts: { ...none, ...counts }, steps: { length: 2 } };
  expect(toWorkflowStatus({ ...steps, timed: 1 }, started)).toBe('RUNNING');
  expect(toWorkflowStatus({ ...steps, timed: 0 }, started)).toBe('WAITING_FOR_DEPENDENCY');
});
