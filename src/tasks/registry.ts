/** The one list of tasks. Importing it is cheap: what a task needs to run, it imports when it runs. */
import type { ActionCatalogue, Task } from '../contract/task.ts';
import { delay } from './delay.ts';
import { noop } from './noop.ts';
import { simulate } from './simulate.ts';

const actions: readonly Task[] = [noop, delay];

/** Run by the engine itself, under a name that no definition may use. */
export const simulatedAction = simulate;

/** What a thread can run. */
export const tasks: ReadonlyMap<string, Task> = new Map(
  [...actions, simulatedAction].map((task) => [task.action, task as Task]),
);

/** What a definition can name. */
export function createActionCatalogue(): ActionCatalogue {
  return new Map(
    actions.map(({ action, lane, description, params, secrets = [], timeoutMs }) => [
      action,
      { action, lane, description, params, secrets, timeoutMs },
    ]),
  );
}
