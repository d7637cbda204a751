/**
 * `$simulate`: stands in for an action that no task implements, under `UNKNOWN_ACTIONS=simulate`. No definition can name
 * it; the engine dispatches it, and its result says everywhere that nothing was done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { limits } from '../contract/limits.ts';
import type { Task } from '../contract/task.ts';

const params = z.strictObject({ action: z.string(), ms: z.int().min(0).max(limits.timeoutMsMax) });

export const simulate: Task<z.infer<typeof params>> = {
  action: '$simulate',
  lane: 'io',
  description: 'Stands in for an action that no task implements.',
  params,
  timeoutMs: limits.timeoutMsMax,
  async run({ action, ms }, { signal, log }) {
    log(`Warning: no task implements the action "${action}"; it was simulated, nothing was done`);
    await sleep(ms, undefined, { signal });
    return { outputs: { simulated: true }, metadata: { action } };
  },
};
