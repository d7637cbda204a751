/** `delay`: completes after a while, and ends at once when it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { durationSchema } from '../contract/flow.ts';
import { limits } from '../contract/limits.ts';
import type { Rehearsal } from '../contract/rehearsal.ts';
import { type Task, TaskFailure } from '../contract/task.ts';

const params = z
  .strictObject({
    ms: z
      .int()
      .min(0)
      .max(limits.timeoutMsMax)
      .optional()
      .meta({ description: 'How long to wait, in milliseconds (at most 24 hours). Takes a slot.' }),
    for: durationSchema.optional(),
    until: z.iso
      .datetime({ offset: true, error: 'expected a time with a zone, as in 2026-01-31T12:00:00Z' })
      .optional()
      .meta({ description: 'A time with a zone. One that is past is over at once.' }),
  })
  .refine((given) => Object.values(given).filter((value) => value !== undefined).length === 1, {
    error: 'takes one of ms (a number), for (as in "30s") and until (a time with a zone)',
  });

export const delay: Task<z.infer<typeof params>> = {
  action: 'delay',
  lane: 'io',
  description:
    'Waits. With `ms` it holds a slot, and the wait starts anew when the engine is restarted meanwhile. With `for` or `until` it takes no slot, and its end is recorded: after a restart it is the same.',
  params,
  timeoutMs: limits.timeoutMsMax,
  async run({ ms }, { signal }) {
    if (ms === undefined) throw new TaskFailure('TASK_ERROR', 'a delay with for or until is no work for a thread');
    await sleep(ms, undefined, { signal });
    return { outputs: {} };
  },
  rehearse: ({ ms = 0 }) => ({
    outputs: {},
    metadata: { rehearsal: { kind: 'wait', ms, open: [] } satisfies Rehearsal },
  }),
};
