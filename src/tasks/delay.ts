/** `delay`: completes after a while, and ends at once when it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { limits } from '../contract/limits.ts';
import type { Rehearsal } from '../contract/rehearsal.ts';
import type { Task } from '../contract/task.ts';

const params = z.strictObject({
  ms: z
    .int()
    .min(0)
    .max(limits.timeoutMsMax)
    .meta({ description: 'How long to wait, in milliseconds (at most 24 hours).' }),
});

export const delay: Task<z.infer<typeof params>> = {
  action: 'delay',
  lane: 'io',
  description: 'Waits for `ms` milliseconds. The wait starts anew when the engine is restarted meanwhile.',
  params,
  timeoutMs: limits.timeoutMsMax,
  async run({ ms }, { signal }) {
    await sleep(ms, undefined, { signal });
    return { outputs: {} };
  },
  rehearse: ({ ms }) => ({ outputs: {}, metadata: { rehearsal: { kind: 'wait', ms, open: [] } satisfies Rehearsal } }),
};
