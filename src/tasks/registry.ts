/** The one list of tasks. Importing it is cheap: what a task needs to run, it imports when it runs. */
import type { ActionCatalogue, Task } from '../contract/task.ts';
import { delay } from './delay.ts';
import { externalData } from './external-data.ts';
import { htmlExtract } from './html-extract.ts';
import { httpRequest } from './http-request.ts';
import { noop } from './noop.ts';
import { render } from './render.ts';
import { simulate } from './simulate.ts';
import { textKeywords } from './text-keywords.ts';
import { textSplit } from './text-split.ts';
import { textSummarize } from './text-summarize.ts';
import { transform } from './transform.ts';

const actions: readonly Task[] = [
  noop,
  delay,
  httpRequest,
  htmlExtract,
  textSplit,
  textKeywords,
  textSummarize,
  transform,
  render,
  externalData,
];

/** Run by the engine itself, under a name that no definition may use. */
export const simulatedAction: Task = simulate;

/** What a thread can run. */
export const tasks: ReadonlyMap<string, Task> = new Map(
  [...actions, simulatedAction].map((task): [string, Task] => [task.action, task]),
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
