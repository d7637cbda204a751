/** Goal: a task that waits stops at once when its attempt is ended. Method: an endless wait, and an abort. */
import { expect, test } from 'vitest';
import { rehearsedTasks } from '../../src/tasks/registry.ts';
import { runTask } from './run-task.ts';

const hourMs = 3_600_000;

test.each([
  ['delay', { ms: hourMs }],
  ['$simulate', { action: 'unheard_of', ms: hourMs }],
])('%s ends when its attempt is aborted', async (action, params) => {
  const attempt = new AbortController();
  const run = runTask(action, params, { signal: attempt.signal });
  attempt.abort('CANCELLED');
  await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  const late = runTask(action, params, { signal: attempt.signal });
  await expect(late).rejects.toMatchObject({ name: 'AbortError' });
});

test('a rehearsed delay waits for nothing, and tells how many milliseconds it would take', async () => {
  const delay = rehearsedTasks.get('delay');
  expect(await delay?.run({ ms: 1_500 }, {} as never)).toEqual({
    outputs: {},
    metadata: { rehearsal: { kind: 'wait', ms: 1_500, open: [] } },
  });
});
