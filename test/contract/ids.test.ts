/** Goal: the id of a step is never taken for the id of a workflow. Method: the compiler says what fits what. */
import { expectTypeOf, test } from 'vitest';
import type { StepId, WorkflowId } from '../../src/contract/ids.ts';
import type { Job } from '../../src/contract/job.ts';
import type { JournalEvent } from '../../src/contract/journal-event.ts';
import type { ReadyStep } from '../../src/core/schedule.ts';
import type { Header } from '../../src/core/state.ts';
import type { StepState } from '../../src/core/step-state.ts';

test('neither id fits where the other belongs, and a string without a mark fits both', () => {
  expectTypeOf<StepId>().not.toExtend<WorkflowId>();
  expectTypeOf<WorkflowId>().not.toExtend<StepId>();
  expectTypeOf<string>().toExtend<StepId & string>();
});

test('events, jobs, ready steps and workflows carry the marks', () => {
  expectTypeOf<JournalEvent['workflowId']>().not.toExtend<StepId>();
  expectTypeOf<Extract<JournalEvent, { kind: 'step.started' }>['stepId']>().not.toExtend<WorkflowId>();
  expectTypeOf<Job['workflowId']>().not.toExtend<StepId>();
  expectTypeOf<ReadyStep['stepId']>().not.toExtend<WorkflowId>();
  expectTypeOf<Header['id']>().not.toExtend<StepId>();
  expectTypeOf<StepState['id']>().not.toExtend<WorkflowId>();
});
