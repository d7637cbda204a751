/**
 * The one list of tasks. Importing it is cheap: a task imports the packages that it needs when it runs. Our own files
 * are always imported statically. From source, a file that is imported both statically and dynamically is loaded
 * twice, and its classes exist twice.
 */
import { type ActionCatalogue, type Task, TaskFailure } from '../contract/task.ts';
import { approval } from './approval.ts';
import { delay } from './delay.ts';
import { externalData } from './external-data.ts';
import { httpRequest } from './http-request.ts';
import { isolatedTasks } from './isolated.ts';
import { anyChat } from './llm/any-chat.ts';
import { chat } from './llm/chat.ts';
import { providerTasks } from './llm/provider-task.ts';
import { noop } from './noop.ts';
import { simulate } from './simulate.ts';
import { textJoin } from './text-join.ts';
import { textKeywords } from './text-keywords.ts';
import { textSplit } from './text-split.ts';
import { textSummarize } from './text-summarize.ts';
import { workflow } from './workflow.ts';

const actions: readonly Task[] = [
  noop,
  delay,
  httpRequest,
  ...providerTasks,
  chat,
  anyChat,
  textSplit,
  textJoin,
  textKeywords,
  textSummarize,
  ...isolatedTasks,
  externalData,
  approval,
  workflow,
];

/** Runs in place of an unknown action, under a name that no definition may use. */
export const simulatedAction: Task = simulate;

/** Every task that a thread knows, by action. */
export const tasks: ReadonlyMap<string, Task> = new Map(
  [...actions, simulatedAction].map((task): [string, Task] => [task.action, task]),
);

/** The same for a dry run: a task that has a rehearsal runs that instead. */
export const rehearsedTasks: ReadonlyMap<string, Task> = new Map(
  [...tasks].map(([action, task]): [string, Task] => [action, toRehearsed(task)]),
);

function toRehearsed(task: Task): Task {
  const { rehearse } = task;
  if (rehearse !== undefined) return { ...task, run: rehearse };
  if (task.goesOut !== true) return task;
  const run = () => {
    throw new TaskFailure('TASK_ERROR', `${task.action} calls other machines and has no rehearsal`);
  };
  return { ...task, run };
}

/** Loads what tasks of the I/O lane import when they run. `worker/thread.ts` says why that happens earlier. */
export async function loadIoLibraries(): Promise<void> {
  await Promise.all([
    import('undici'),
    import('openai'),
    import('@pydantic/genai-prices'),
    import('@exodus/bytes/encoding.js'),
  ]);
}

/** The actions that a definition can name. */
export function createActionCatalogue(): ActionCatalogue {
  return new Map(
    actions.map(
      ({
        action,
        lane,
        description,
        params,
        isolated,
        secrets = [],
        timeoutMs,
        code,
        addresses,
        goesOut = false,
        takesSecrets,
        staysHome,
        version,
        callsModel,
      }) => [
        action,
        {
          action,
          lane,
          description,
          params,
          isolated,
          secrets,
          timeoutMs,
          code,
          addresses,
          goesOut,
          takesSecrets,
          staysHome,
          version,
          ...(callsModel ? { callsModel } : {}),
        },
      ],
    ),
  );
}
