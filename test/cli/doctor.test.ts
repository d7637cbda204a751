/** Goal: `doctor` names what is wrong with the events of a journal. Method: a journal with events that no engine writes. */
import { expect, onTestFinished, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { openStore } from '../../src/store/store.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';

const sound = { kind: 'workflow.stopped', workflowId: 'w', at: 1, version: 1 };

async function diagnose(events: readonly unknown[]): Promise<{ status: number; problems: string[] }> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const queueStateFile = `${dir.workflowsDir}/../queue-state.json`;
  const store = await openStore({ workflowsDir: dir.workflowsDir, queueStateFile });
  store.begin(events.map((event) => JSON.stringify(event)));
  await store.close();
  let text = '';
  const stdout = { write: (part: string) => (text += part) };
  const env = { WORKFLOWS_DIR: dir.workflowsDir, QUEUE_STATE_FILE: queueStateFile };
  const context = { env, cwd: dir.root, stdout, stderr: stdout } as unknown as CliContext;
  const status = await doctor({ json: true }, context);
  return { status, problems: (JSON.parse(text) as { problems: string[] }).problems };
}

test('an event with a wrong field is a problem, named by its number and its first wrong field', async () => {
  const { status, problems } = await diagnose([sound, { ...sound, version: '2' }, { ...sound, kind: 'step.dreamt' }]);
  expect(problems).toEqual([
    expect.stringMatching(/^journal: event 2 is not one that this engine writes: version: /),
    expect.stringMatching(/^journal: event 3 is not one that this engine writes: kind: /),
  ]);
  expect(status).toBe(1);
});

test('sound events are none', async () => {
  expect(await diagnose([sound])).toEqual({ status: 0, problems: [] });
});

test('of many wrong events the first twenty are named, and the others counted', async () => {
  const { problems } = await diagnose(Array.from({ length: 25 }, () => ({ ...sound, at: null })));
  expect(problems).toHaveLength(21);
  expect(problems[20]).toBe('journal: 5 more events like these');
});

test('a record that is no event is a problem like any other', async () => {
  const { status, problems } = await diagnose([sound, null, 5, 'text', []]);
  expect(status).toBe(1);
  expect(problems).toHaveLength(4);
  for (const problem of problems) expect(problem).toMatch(/^journal: event \d is not one that this engine writes: /);
  expect(problems[0]).not.toContain('not JSON');
});
