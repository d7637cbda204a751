/** `noop`: does nothing. For joins in a graph, for tests and for measuring the engine itself. */
import { z } from 'zod';
import type { Task } from '../contract/task.ts';

export const noop: Task = {
  action: 'noop',
  lane: 'io',
  description: 'Does nothing and completes at once, whatever its params are. Useful to join branches of a workflow.',
  params: z.record(z.string(), z.unknown()).meta({ description: 'Anything; ignored.' }),
  timeoutMs: 30_000,
  run: () => ({ outputs: {} }),
};
