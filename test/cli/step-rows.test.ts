// Goal: steps that a group has made stand folded under it, counted, the ones that need a look first.
import { expect, test } from 'vitest';
import { toStepRows } from '../../src/cli/step-rows.ts';
import type { JobStatus, WorkflowStep } from '../../src/contract/workflow.ts';

const step = (id: string, status: JobStatus, fields: Partial<WorkflowStep> = {}) =>
  ({ id, action: 'noop', status, attempt: 1, duration: null, error: null, ...fields }) as WorkflowStep;
const item = (index: number, status: JobStatus, fields: Partial<WorkflowStep> = {}) =>
  step(`m.${index}`, status, { of: { step: 'm', index }, ...fields });
const shown = (steps: WorkflowStep[]) =>
  toStepRows(steps).map(([id, , status, , , remark]) => [id, status, remark].filter(Boolean).join(' | '));

test('items are counted under their group; failed ones come first, done ones are left out', () => {
  expect(
    shown([
      step('a', 'COMPLETED'),
      step('m', 'WAITING_FOR_DEPENDENCY', { count: 6 }),
      step('b', 'COMPLETED', { outcome: 'skipped' }),
      item(0, 'COMPLETED'),
      item(1, 'RUNNING'),
      item(2, 'COMPLETED', { outcome: 'tolerated', error: 'HTTP 404' }),
      item(3, 'FAILED', { error: 'HTTP 500' }),
      item(4, 'WAITING_FOR_DEPENDENCY', { waits: { for: 'decision' }, reason: 'waits for a decision' }),
      item(5, 'WAITING_FOR_DEPENDENCY'),
    ]),
  ).toEqual([
    'a | COMPLETED',
    'm | WAITING_FOR_DEPENDENCY | 6 items: 1 failed, 1 tolerated, 1 done, 1 running, 2 waiting',
    '  m.3 | FAILED | HTTP 500',
    '  m.2 | COMPLETED (tolerated) | HTTP 404',
    '  m.4 | WAITING_FOR_DEPENDENCY | waits for a decision',
    '  m.1 | RUNNING',
    'b | COMPLETED (skipped)',
  ]);
});

test('of many only the first are shown, and the others counted', () => {
  const items = Array.from({ length: 13 }, (_, i) => item(i, 'FAILED'));
  const rows = shown([step('m', 'FAILED', { count: 13, error: 'item 0 failed: x' }), ...items]);
  expect(rows[0]).toBe('m | FAILED | 13 items: 13 failed; item 0 failed: x');
  expect(rows).toHaveLength(12);
  expect(rows[11]).toBe('  and 3 more like these');
});

test('a group within an item, and rounds of a loop', () => {
  expect(
    shown([
      step('m', 'WAITING_FOR_DEPENDENCY', { count: 1 }),
      item(0, 'WAITING_FOR_DEPENDENCY', { id: 'm.0.l', count: 1, repeat: { until: 'x', max: 2 } }),
      step('m.0.l.0', 'RUNNING', { of: { step: 'm.0.l', index: 0 } }),
    ]),
  ).toEqual([
    'm | WAITING_FOR_DEPENDENCY | 1 item: 1 waiting',
    '  m.0.l | WAITING_FOR_DEPENDENCY | 1 round: 1 running',
    '    m.0.l.0 | RUNNING',
  ]);
});
