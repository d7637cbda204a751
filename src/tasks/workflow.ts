/** `workflow`: a step that runs a template as a workflow of its own, its child, and ends with it (core/child.ts). */
import { z } from 'zod';
import { templateIdSchema } from '../contract/definition.ts';
import { durationSchema } from '../contract/flow.ts';
import { limits } from '../contract/limits.ts';
import { type Task, TaskFailure } from '../contract/task.ts';

const params = z.strictObject({
  template: templateIdSchema.meta({
    description: 'Id of the template; its definition is copied when the workflow with this step is created.',
  }),
  params: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'The params of that workflow, references allowed; its template says which it takes.' }),
  within: durationSchema.optional().meta({ description: 'How long it may take, as in `2h`; then the step fails.' }),
});

export const workflow: Task<z.infer<typeof params>> = {
  action: 'workflow',
  lane: 'none',
  description:
    'Runs a template as a workflow of its own and waits for its end, without a slot. Its outputs are those of the steps of that workflow, by id.',
  params,
  timeoutMs: limits.timeoutMsMax,
  run() {
    throw new TaskFailure('TASK_ERROR', 'a workflow is started by the engine and cannot be run');
  },
};
