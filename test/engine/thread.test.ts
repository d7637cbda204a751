/** Goal: with the coordinator in a thread of its own, the port behaves as it does without: answers, refusals, events, waits, end. */
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { FromCoordinator } from '../../src/contract/coordinator.ts';
import { StartError } from '../../src/contract/store.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Follower } from '../fixtures/follower.ts';
import { expectRefusal, openEngine, refusalOf, startEngine, startGate, stepOf } from './running-engine.ts';

test('calls, waits, events and refusals cross the thread; a second owner does not start', async () => {
  const gate = await startGate();
  const { engine, dir } = await startEngine({ ownThread: true, settings: { httpAllowHosts: [gate.host] } });
  const follower = new Follower(engine);
  const reply = await engine.submit(
    {
      name: 'across',
      steps: [
        gate.step('held'),
        { id: 'b', action: 'render', dependencies: ['held'], params: { template: 'z'.repeat(80_000) } },
      ],
    },
    { idempotencyKey: 'k' },
  );
  expect(dir.state(reply.id)).toMatchObject({ id: reply.id, createdAt: reply.workflow.createdAt });
  await gate.arrived('held');
  const abort = new AbortController();
  const aborted = engine.finished(reply.id, { signal: abort.signal });
  abort.abort();
  expect((await aborted).status).toBe('RUNNING');
  gate.release('held');
  const { workflow } = await engine.finished(reply.id);
  expect(workflow.status).toBe('COMPLETED');
  expect(stepOf(workflow, 'b').outputs).toEqual({ content: 'z'.repeat(80_000) });
  await follower.untilStep('step.completed', reply.id, 'b');
  expect(follower.kinds()).toEqual([
    'workflow.created',
    'step.started held',
    'step.completed held',
    'step.started b',
    'step.completed b',
  ]);
  await expectRefusal(engine.stop(reply.id), 'CONFLICT', /COMPLETED/);
  expect((await refusalOf(engine.submit({}))).errors!.length).toBeGreaterThan(0);
  await expectRefusal(engine.branch(reply.id, { stepId: 'ghost' }), 'INVALID', /ghost/);

  const second = openEngine(dir, { ownThread: true });
  await expect(second).rejects.toThrow(StartError);
  await expect(second).rejects.toMatchObject({ exitStatus: 75, message: expect.stringContaining(dir.workflowsDir) });

  const backlog = new Follower(engine, { after: 1, workflowId: reply.id });
  await backlog.untilStep('step.completed', reply.id, 'b');
  expect(backlog.all).toEqual(follower.all.slice(1));
  await engine.close();
  await Promise.all([follower.done, backlog.done]);
  await expectRefusal(engine.get(reply.id), 'BUSY', /clos|stopp/);

  const again = await openEngine(dir, { ownThread: true });
  onTestFinished(() => again.close());
  expect((await again.get(reply.id)).workflow).toEqual(workflow);
});

/** What the coordinator's thread sends from here on: numbers of events, and how many subscriptions they are for. */
function countEvents() {
  const sent: { followers: number; workflowIds: string[] }[] = [];
  const { emit } = Worker.prototype;
  const spy = vi.spyOn(Worker.prototype, 'emit').mockImplementation(function (this: Worker, ...args: unknown[]) {
    const message = args[1] as FromCoordinator | undefined;
    if (args[0] === 'message' && message?.kind === 'events') {
      const workflowIds = message.events.map((event) => (event.kind === 'gap' ? 'gap' : event.workflow_id));
      sent.push({ followers: message.subscriptionIds.length, workflowIds });
    }
    return emit.apply(this, args as Parameters<typeof emit>);
  });
  onTestFinished(() => spy.mockRestore());
  return sent;
}

test('followers of a workflow that does nothing cost no message, and those of one that does share each of its messages', async () => {
  const { engine } = await startEngine({ ownThread: true });
  const idle = await engine.submit({ name: 'idle', steps: [{ id: 'in', action: 'external_data' }] });
  const busy = await engine.submit({ name: 'busy', steps: [{ id: 'in', action: 'external_data' }] });
  const sent = countEvents();
  const ofIdle = Array.from({ length: 32 }, () => new Follower(engine, { workflowId: idle.id }));
  for (let n = 0; n < 5; n += 1) await engine.externalData(busy.id, { content: 'x', step_id: `e${n}` });
  expect(sent).toEqual([]);

  const ofBusy = Array.from({ length: 3 }, () => new Follower(engine, { workflowId: busy.id }));
  await engine.externalData(busy.id, { content: 'x', step_id: 'in' });
  await Promise.all(ofBusy.map((follower) => follower.untilStep('external_data.ingested', busy.id, 'in')));
  expect(sent).toEqual([{ followers: 3, workflowIds: [busy.id] }]);

  await engine.delete(idle.id);
  await Promise.all(ofIdle.map((follower) => follower.until(({ kind }) => kind === 'workflow.deleted')));
  // Stopped and deleted in one turn: one message.
  expect(sent.slice(1)).toEqual([{ followers: 32, workflowIds: [idle.id, idle.id] }]);
  await Promise.all([...ofIdle, ...ofBusy].map((follower) => follower.end()));
  expect(ofIdle.flatMap(({ all }) => all)).toHaveLength(2 * 32);
});

test('a data directory that cannot be used rejects with one line and the status to end with', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  for (const ownThread of [true, false]) {
    const start = openEngine(dir, { ownThread, settings: { workflowsDir: '/proc/nowhere' } });
    await expect(start).rejects.toThrow(StartError);
    await expect(start).rejects.toMatchObject({
      message: expect.stringMatching(/^WORKFLOWS_DIR .*\/proc\/nowhere[^\n]*$/),
    });
  }
});
