/**
 * Goal: the same key gives the same answer and one effect (K2): for each call that changes something, for callers that
 * come at once, after a restart, and when the workflow has left memory.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { Engine, WorkflowReply } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type Holds, openInline } from '../fixtures/inline-engine.ts';
import { refusalOf, startInline, stepOf } from './running-engine.ts';

const boom = { action: 'transform', params: { input: {}, expression: '$error("boom")' } };

function asFirst(reply: WorkflowReply): object {
  return { id: reply.id, version: reply.version, status: reply.status, workflow: reply.workflow };
}

async function expectOtherBodyRefused(call: Promise<unknown>): Promise<void> {
  const refusal = await refusalOf(call);
  expect(refusal).toMatchObject({ code: 'INVALID', status: 422, errors: [{ path: 'Idempotency-Key' }] });
}

test('a creation under a known key makes nothing new, gives the first answer, and takes no other body', async () => {
  const { engine } = await startInline();
  const definition = { name: 'once', steps: [{ id: 'a', action: 'noop' }] };
  const options = { idempotencyKey: 'k' };
  const first = await engine.submit(definition, options);
  await engine.finished(first.id);
  const second = await engine.submit(definition, options);
  expect(asFirst(second)).toEqual(asFirst(first));
  expect([first.replayed, second.replayed]).toEqual([false, true]);
  expect(second.workflow.status).toBe('PENDING');
  await expectOtherBodyRefused(engine.submit({ ...definition, name: 'twice' }, options));
  await expectOtherBodyRefused(engine.submitTemplate('noop', {}, options));
  await expectOtherBodyRefused(engine.stop(first.id, options));
  const other = await engine.submit(definition, { idempotencyKey: 'another' });
  expect(other.id).not.toBe(first.id);
  expect((await engine.list()).total).toBe(2);
  expect((await engine.stats()).steps_started).toBe(2);
});

test('a waiting creation under a known key waits for the first one', async () => {
  const { engine } = await startInline();
  const definition = { name: 'waited', steps: [{ id: 'a', action: 'delay', params: { ms: 50 } }] };
  const [one, two] = await Promise.all([
    engine.submit(definition, { idempotencyKey: 'w', waitMs: 60_000 }),
    engine.submit(definition, { idempotencyKey: 'w', waitMs: 60_000 }),
  ]);
  expect(one.id).toBe(two.id);
  expect([one.status, two.status]).toEqual(['COMPLETED', 'COMPLETED']);
});

test('of many calls at once under one key, one has the effect and all have its answer', async () => {
  const { engine } = await startInline();
  const definition = { name: 'crowd', steps: [{ id: 'in', action: 'external_data' }] };
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => engine.submit(definition, { idempotencyKey: 'crowd' })),
  );
  expect(new Set(replies.map((reply) => reply.id)).size).toBe(1);
  expect(replies.filter((reply) => !reply.replayed)).toHaveLength(1);
  const id = replies[0]!.id;
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => engine.externalData(id, { content: 'x' }, { idempotencyKey: 'data' })),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect((await engine.get(id)).workflow.steps).toHaveLength(2);
});

test('callers at once under one key with different bodies: one is carried out, the others are refused', async () => {
  const { engine } = await startInline();
  const calls = Array.from({ length: 5 }, (_, n) =>
    engine.submit({ name: `body ${n}`, steps: [{ id: 'a', action: 'noop' }] }, { idempotencyKey: 'mixed' }),
  );
  const settled = await Promise.allSettled(calls);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect((await engine.list()).total).toBe(1);
});

/** Each call that changes a workflow, made once; `again` repeats it word for word. */
async function changeEverything(engine: Engine, holds: Holds) {
  const created = await engine.submitTemplate('noop', { any: 1 }, { idempotencyKey: 'template' });
  await engine.finished(created.id);
  const held = await engine.submit({ name: 'held', steps: [holds.step('key-held')] });
  await holds.arrived('key-held');
  const stopped = await engine.stop(held.id, { idempotencyKey: 'stop' });
  const resumed = await engine.resume(held.id, { idempotencyKey: 'resume' });
  const failed = await engine.submit({ name: 'failed', steps: [{ id: 'bad', ...boom }] }, { waitMs: 60_000 });
  const retried = await engine.retry(failed.id, { idempotencyKey: 'retry' });
  const branched = await engine.branch(failed.id, { stepId: 'bad' }, { idempotencyKey: 'branch' });
  const data = { content: '👋'.repeat(40_000), metadata: { n: 1 } };
  const ingested = await engine.externalData(failed.id, data, { idempotencyKey: 'data' });
  await Promise.all([engine.finished(failed.id), engine.finished(branched.id)]);
  return {
    ids: { created: created.id, held: held.id, failed: failed.id, branched: branched.id },
    first: [asFirst(created), asFirst(stopped), asFirst(resumed), asFirst(retried), asFirst(branched), ingested],
    again: async (target: Engine) => {
      const replies = [
        await target.submitTemplate('noop', { any: 1 }, { idempotencyKey: 'template' }),
        await target.stop(held.id, { idempotencyKey: 'stop' }),
        await target.resume(held.id, { idempotencyKey: 'resume' }),
        await target.retry(failed.id, { idempotencyKey: 'retry' }),
        await target.branch(failed.id, { stepId: 'bad' }, { idempotencyKey: 'branch' }),
      ];
      expect(replies.map((reply) => reply.replayed)).toEqual([true, true, true, true, true]);
      return [...replies.map(asFirst), await target.externalData(failed.id, data, { idempotencyKey: 'data' })];
    },
    otherBodies: async (target: Engine) => {
      await expectOtherBodyRefused(target.submitTemplate('noop', { any: 2 }, { idempotencyKey: 'template' }));
      await expectOtherBodyRefused(target.stop(failed.id, { idempotencyKey: 'stop' }));
      await expectOtherBodyRefused(target.retry(failed.id, { idempotencyKey: 'resume' }));
      await expectOtherBodyRefused(
        target.branch(failed.id, { stepId: 'bad', params: {} }, { idempotencyKey: 'branch' }),
      );
      await expectOtherBodyRefused(target.externalData(failed.id, { content: 'other' }, { idempotencyKey: 'data' }));
    },
  };
}

test('every changing call keeps its answer: in memory, out of memory, after a crash, after a clean stop', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { engine, holds } = await openInline(dir);
  const { ids, first, again, otherBodies } = await changeEverything(engine, holds);
  const versions = async (target: Engine) =>
    Promise.all([ids.created, ids.failed, ids.branched].map(async (id) => (await target.peek(id)).version));
  const before = await versions(engine);
  expect(await again(engine)).toEqual(first);

  // Only the held one stays in memory once the others' files say everything.
  for (const id of [ids.created, ids.failed, ids.branched])
    await dir.untilState(id, ({ status }) => status !== 'RUNNING');
  expect(await again(engine)).toEqual(first);
  await otherBodies(engine);

  const image = dir.crashImage();
  onTestFinished(() => image.remove());
  const { engine: afterCrash } = await openInline(image, { holds });
  expect(await again(afterCrash)).toEqual(first);
  await otherBodies(afterCrash);
  expect(await versions(afterCrash)).toEqual(before);
  await afterCrash.stop(ids.held);
  await afterCrash.close();

  holds.release('key-held');
  await engine.close();
  const { engine: afterStop } = await openInline(dir);
  onTestFinished(() => afterStop.close());
  expect(await again(afterStop)).toEqual(first);
  await otherBodies(afterStop);
  expect(await versions(afterStop)).toEqual(before);
  expect((await afterStop.list()).total).toBe(4);
  expect(
    (await afterStop.get(ids.failed)).workflow.steps.filter(({ action }) => action === 'external_data'),
  ).toHaveLength(1);
});

test('a large first answer is given again in full', async () => {
  const { engine, dir } = await startInline();
  const steps = Array.from({ length: 300 }, (_, n) => ({
    id: `s${n}`,
    action: 'noop',
    params: { text: 'ü'.repeat(50) },
  }));
  const first = await engine.submit({ name: 'large', steps }, { idempotencyKey: 'large' });
  await engine.finished(first.id);
  await dir.untilState(first.id, ({ status }) => status === 'COMPLETED');
  const second = await engine.submit({ name: 'large', steps }, { idempotencyKey: 'large' });
  expect(second.json === first.json).toBe(true);
});

test('a refused call leaves its key free', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit({ name: 'x', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
  expect((await refusalOf(engine.stop(id, { idempotencyKey: 'free' }))).code).toBe('CONFLICT');
  expect((await refusalOf(engine.stop(id, { idempotencyKey: 'free' }))).code).toBe('CONFLICT');
  expect((await engine.externalData(id, { content: 'y' }, { idempotencyKey: 'free' })).status).toBe('success');
});

test('a key goes with its workflow, and an unusable one is refused', async () => {
  const { engine } = await startInline();
  const definition = { name: 'x', steps: [{ id: 'a', action: 'noop' }] };
  const first = await engine.submit(definition, { idempotencyKey: 'gone', waitMs: 60_000 });
  await engine.delete(first.id);
  const second = await engine.submit(definition, { idempotencyKey: 'gone', waitMs: 60_000 });
  expect(second.id).not.toBe(first.id);
  expect(second.replayed).toBe(false);
  expect(stepOf(second.workflow, 'a').status).toBe('COMPLETED');
  for (const idempotencyKey of ['', 'x'.repeat(256)]) {
    expect((await refusalOf(engine.submit(definition, { idempotencyKey }))).code).toBe('INVALID');
  }
});
