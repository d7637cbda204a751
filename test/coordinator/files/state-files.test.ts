/** Goal: waiting for the views comes to an end, whatever becomes of a file. Method: a store that refuses, a still clock. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { DiskFullError, type StorePort } from '../../../src/contract/store.ts';
import { createClock } from '../../../src/coordinator/clock.ts';
import { Views } from '../../../src/coordinator/files/state-files.ts';
import { Workflows } from '../../../src/coordinator/workflows.ts';
import { createWorkflow } from '../../../src/core/create-workflow.ts';
import { decideCreate } from '../../../src/core/decide.ts';

test('a file that could not be written is not waited for once its workflow is deleted', async () => {
  let refuse = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = () => reject(new DiskFullError('no space'));
  });
  let onAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  const writeState = () => {
    onAsked();
    return refused;
  };
  const store = { writeState } as Partial<StorePort> as StorePort;
  const workflows = new Workflows();
  const faults: unknown[] = [];
  const views = new Views({
    store,
    workflows,
    clock: { ...createClock(), timer: () => () => undefined },
    isDurable: () => true,
    onFault: (error) => faults.push(error),
  });
  const id = randomUUID();
  const definition = { name: 'gone', steps: [{ id: 'a', action: 'noop' }] };
  const live = workflows.add(createWorkflow(decideCreate({ id, definition, templateId: null, now: 0 }), 1), 1);
  views.touch(live);
  await asked;
  workflows.remove(id);
  views.forget(id);
  refuse();
  await views.settled(id);
  expect(faults).toHaveLength(1);
  await views.flush();
});
