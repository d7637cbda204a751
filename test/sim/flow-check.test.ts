/** Goal: the simulator's checker counts the items of a group at every depth (F2). Method: documents with too many at work. */
import { expect, test } from 'vitest';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { FlowCheck } from './checks/flow.ts';

const waiting = 'WAITING_FOR_DEPENDENCY';

/** An outer map of two items, one at a time; each holds a map of two, or a loop in its first round. */
function documentOf(inner: 'map' | 'loop', concurrency: number, statuses: [string, string, string, string]): Workflow {
  const flow = inner === 'map' ? { forEach: [1, 2], concurrency: 1 } : { repeat: { until: 'true', max: 2 } };
  const body = [{ id: 'i', ...flow }];
  const base = { dependencies: [], logs: [], status: waiting };
  const steps: object[] = [{ ...base, id: 'o', forEach: [1, 2], concurrency, count: 2, body }];
  for (const [index, own] of [statuses.slice(0, 2), statuses.slice(2)].entries()) {
    const made = inner === 'map' ? own : own.slice(0, 1);
    steps.push({ ...base, id: `o.${index}.i`, of: { step: 'o', index }, count: made.length });
    made.forEach((status, place) => {
      steps.push({ ...base, id: `o.${index}.i.${place}`, status, of: { step: `o.${index}.i`, index: place } });
    });
  }
  return { id: 'w', status: 'RUNNING', steps: steps as WorkflowStep[] } as Workflow;
}

test.each(['map', 'loop'] as const)('items at work through a %s within them count for the outer map', (inner) => {
  const told =
    (concurrency: number, ...statuses: [string, string, string, string]) =>
    () =>
      new FlowCheck().document(documentOf(inner, concurrency, statuses));
  expect(told(1, 'RUNNING', waiting, 'PENDING', waiting)).toThrow('F2: o of w has 2 items at work, and 1 is the most');
  expect(told(2, 'RUNNING', waiting, 'PENDING', waiting)).not.toThrow();
  expect(told(1, 'RUNNING', waiting, waiting, waiting)).not.toThrow();
});

test('and those of the inner map for itself', () => {
  const told = (second: string) => () =>
    new FlowCheck().document(documentOf('map', 1, ['RUNNING', second, waiting, waiting]));
  expect(told('PENDING')).toThrow('F2: o.0.i of w has 2 items at work, and 1 is the most');
  expect(told(waiting)).not.toThrow();
});
