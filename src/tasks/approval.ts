/** `approval`: a step that a person completes, by `POST /api/workflows/<id>/steps/<step>/decision`. */
import { z } from 'zod';
import { durationSchema } from '../contract/flow.ts';
import { limits } from '../contract/limits.ts';
import { type Task, TaskFailure } from '../contract/task.ts';

const params = z
  .strictObject({
    message: z.string().min(1).meta({ description: 'What is to be decided, in words; references allowed.' }),
    within: durationSchema.optional().meta({ description: 'How long the decision may take, as in `3d`.' }),
    otherwise: z
      .enum(['approve', 'reject', 'fail'])
      .optional()
      .meta({ description: 'What counts when nobody has decided in time. `within` needs it.' }),
    data: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'JSON Schema of the `data` that a decision may or must carry.' }),
  })
  .refine(({ within, otherwise }) => within === undefined || otherwise !== undefined, {
    path: ['otherwise'],
    message: 'say what counts when nobody has decided in time: approve, reject or fail',
  });

export const approval: Task<z.infer<typeof params>> = {
  action: 'approval',
  lane: 'none',
  description:
    'Waits until a person has decided, by POST /api/workflows/<id>/steps/<step>/decision. It never runs on a thread. Whether it was approved is an output: other steps ask for it with `when`.',
  params,
  timeoutMs: limits.timeoutMsMax,
  run() {
    throw new TaskFailure('TASK_ERROR', 'an approval is decided by a person and cannot be run');
  },
};
