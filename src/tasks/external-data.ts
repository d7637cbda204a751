/** `external_data`: a step that something outside completes, by `POST /api/workflows/<id>/external-data`. */
import { z } from 'zod';
import { durationSchema } from '../contract/flow.ts';
import { limits } from '../contract/limits.ts';
import { collectSchema, takeSchema } from '../contract/taking.ts';
import { type Task, TaskFailure } from '../contract/task.ts';

export const externalData: Task = {
  action: 'external_data',
  lane: 'none',
  description:
    'Waits for content from outside, such as a page captured in the browser. It is completed by POST /api/workflows/<id>/external-data and never runs on a thread.',
  params: z
    .looseObject({
      take: takeSchema
        .optional()
        .meta({ description: 'Which data are for it, where the sender gives neither id nor name; no references.' }),
      collect: collectSchema
        .optional()
        .meta({ description: 'How many pieces it waits for; they are its `items`, in the order in which they come.' }),
      within: durationSchema.optional().meta({ description: 'How long to wait, as in `2d`; then the step fails.' }),
    })
    .meta({
      description: 'Free but for `take`, `collect` and `within`; `source` and the like tell people what is awaited.',
    }),
  timeoutMs: limits.timeoutMsMax,
  run() {
    throw new TaskFailure('TASK_ERROR', 'external_data is completed from outside and cannot be run');
  },
};
