/**
 * Goal: a caller that counts memory is asked for room before a large answer is made, and a change that is refused for it
 * has not happened. Method: each call on an engine, with what it asked for; small answers ask for nothing.
 */
import { expect, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { refusalOf, startInline } from './running-engine.ts';

const noRoom = new Refusal({ code: 'BUSY', detail: 'no room' });

function ledger() {
  const asked: [bytes: number, isPatient: boolean][] = [];
  const room = async (bytes: number, isPatient = false) => void asked.push([bytes, isPatient]);
  return { asked, room };
}

/** A definition whose workflow is a text of some 100 KB. */
const wide = {
  name: 'wide',
  steps: Array.from({ length: 300 }, (_, n) => ({ id: `s${n}`, action: 'noop', params: { text: 'ü'.repeat(50) } })),
};
const refuse = async (_bytes: number, isPatient = false) => {
  if (!isPatient) throw noRoom;
};

test('a small answer asks for no room', async () => {
  const { engine } = await startInline();
  const { asked, room } = ledger();
  const definition = { name: 'small', steps: [{ id: 'a', action: 'external_data' }] };
  const { id } = await engine.submit(definition, { room, waitMs: 60_000 });
  await engine.get(id, { room });
  await engine.getStep(id, 'a', { room });
  await engine.externalSteps(id, { room });
  expect(asked.filter(([bytes]) => bytes > 10_000)).toEqual([]);
});

test('a large text is asked for with its length, and comes whole', async () => {
  const { engine } = await startInline();
  const { asked, room } = ledger();
  const { id } = await engine.submit(wide);
  const { json } = await engine.finished(id);
  expect((await engine.get(id, { room })).json === json).toBe(true);
  expect(asked).toEqual([[json.length, false]]);
  expect((await refusalOf(engine.get(id, { room: refuse }))).code).toBe('BUSY');
});

test('outputs in blobs are asked for before they are read, and a list leaves them out', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit({ name: 'x', steps: [{ id: 'a', action: 'noop' }] });
  const content = 'x'.repeat(100_000);
  const { step_id } = await engine.externalData(id, { content });
  const { version } = await engine.get(id);
  const whole = ledger();
  const reply = await engine.get(id, { room: whole.room });
  expect([reply.version, reply.workflow.steps[1]?.outputs?.content]).toEqual([version, content]);
  const [[bytes] = [0]] = whole.asked;
  expect(whole.asked).toHaveLength(1);
  expect(bytes).toBeGreaterThan(content.length);
  expect(bytes).toBeLessThan(content.length + 10_000);
  const step = ledger();
  expect((await engine.getStep(id, step_id, { room: step.room })).outputs?.content).toBe(content);
  expect(step.asked.map(([each]) => each > content.length)).toEqual([true]);
  const steps = ledger();
  expect((await engine.externalSteps(id, { room: steps.room }))[0]?.outputs?.content).toBe(content);
  expect(steps.asked.map(([each]) => each > content.length)).toEqual([true]);
  const listed = ledger();
  const { workflow } = await engine.get(id, { room: listed.room, withoutBlobs: true });
  expect(listed.asked).toEqual([]);
  expect(workflow.steps[1]?.outputs).toEqual({ truncated: true, bytes: expect.any(Number) });
});

test('the answer of a creation shows the workflow as created, and after a wait as it is then', async () => {
  const { engine } = await startInline();
  const { asked, room } = ledger();
  const options = { room, idempotencyKey: 'k' };
  const created = await engine.submit(wide, options);
  expect([created.status, created.workflow.progress, created.replayed]).toEqual(['PENDING', 0, false]);
  const waited = await engine.submit(wide, { ...options, waitMs: 60_000 });
  expect([waited.id, waited.status, waited.replayed]).toEqual([created.id, 'COMPLETED', true]);
  expect(asked).toEqual([[waited.json.length, true]]);
  const again = await engine.submit(wide, options);
  expect([again.json === created.json, again.replayed]).toEqual([true, true]);
});

test('a change without room for its answer is refused and has not happened', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit({
    ...wide,
    steps: [
      ...wide.steps,
      { id: 'waits', action: 'external_data' },
      { id: 'last', action: 'noop', dependencies: ['waits'] },
    ],
  });
  const before = await engine.get(id, { waitMs: 60_000 });
  const calls = [
    () => engine.stop(id, { room: refuse }),
    () => engine.resume(id, { room: refuse, budget: { calls: 3 } }),
    () => engine.branch(id, { stepId: 's0' }, { room: refuse }),
  ];
  for (const call of calls) expect((await refusalOf(call())).code).toBe('BUSY');
  const after = await engine.get(id);
  expect([after.version, after.json === before.json]).toEqual([before.version, true]);
  const { asked, room } = ledger();
  const stopped = await engine.stop(id, { room });
  expect(stopped.status).toBe('STOPPED');
  expect(asked[0]).toEqual([before.json.length, false]);
  const branched = await engine.branch(id, { stepId: 'waits' }, { room, waitMs: 60_000 });
  expect((branched.workflow as Workflow).status).toBe('WAITING_FOR_DEPENDENCY');
  expect((await refusalOf(engine.stop('00000000-0000-4000-8000-000000000000', { room }))).code).toBe('NOT_FOUND');
});
