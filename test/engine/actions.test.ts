/** Goal: the list of actions is the catalogue's, and what a caller does to its copy is seen by no other. */
import { expect, test } from 'vitest';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { startEngine } from './running-engine.ts';

test('each call has a list of its own, with every action of the catalogue', async () => {
  const { engine } = await startEngine();
  const first = await engine.actions();
  expect(first.map(({ action }) => action)).toEqual([...createActionCatalogue().keys()]);
  const chat = first.find(({ action }) => action === 'openai_chat')!;
  expect(chat).toMatchObject({ lane: 'io', secrets: expect.arrayContaining(['OPENAI_API_KEY']) });
  expect(chat.params).toMatchObject({ type: 'object' });
  const before = structuredClone(first);
  for (const action of first) {
    action.params.type = 'spoiled';
    action.secrets.length = 0;
  }
  expect(await engine.actions()).toEqual(before);
});
