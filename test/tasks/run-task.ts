/** Runs one task in this thread, its params parsed by its schema, as a pool thread does. */
import { type TaskContext, TaskFailure } from '../../src/contract/task.ts';
import { tasks } from '../../src/tasks/registry.ts';

export async function runTask(
  action: string,
  params: unknown,
  context: Partial<TaskContext> = {},
): Promise<Record<string, unknown>> {
  const task = tasks.get(action);
  if (task === undefined) throw new Error(`no task ${action}`);
  const result = await task.run(task.params.parse(params), {
    signal: new AbortController().signal,
    timeoutMs: task.timeoutMs,
    idempotencyKey: 'workflow/step',
    workflowId: 'workflow',
    stepId: 'step',
    attempt: 1,
    secrets: {},
    network: { allowHosts: [], ownPort: null },
    log() {},
    account() {},
    say() {},
    ...context,
  });
  return result.outputs;
}

/** The TaskFailure of a run that must not succeed. */
export async function failureOf(run: Promise<unknown>): Promise<TaskFailure> {
  const error = await run.then(
    (value) => new Error(`it succeeded with ${JSON.stringify(value)?.slice(0, 200)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof TaskFailure) return error;
  throw error;
}
