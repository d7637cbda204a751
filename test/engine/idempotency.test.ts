/**
 * Goal: the same key gives the same answer and one effect (K2): for each call that changes something, for callers that
 * come at once, after a restart, and when the workflow has left memory.
 */
import { expect, onTestFinished, test } from 'vitest';
import { workflowDefinitionSchema } from '../../src/contract/definition.ts';
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
    Array.from({ length: 20 }, () => engine.externalData(id, { content: 'x', add: true }, { idempotencyKey: 'data' })),
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

/** The value with the fields of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value).map(([name, field]) => [name, reordered(field)]);
  return Object.fromEntries(fields.reverse());
}

const ordered = {
  name: 'ordered',
  tags: ['b', 'a'],
  description: 'ü👋',
  steps: [
    { id: 'a', action: 'simulated', params: { z: { 10: 1, 9: [2, { y: 1.5, x: null }] }, ü: 'u', u: 'ü' } },
    { id: 'b', action: 'external_data', dependencies: ['a'] },
  ],
};

test('the same request with its fields in another order is the same request, for each call and over a restart', async () => {
  const { engine, dir } = await startInline();
  const first = await engine.submit(ordered, { idempotencyKey: 'submit' });
  await engine.get(first.id, { waitMs: 60_000 });
  const branched = await engine.branch(first.id, { stepId: 'a', params: { m: 1, n: 2 } }, { idempotencyKey: 'branch' });
  const data = { content: 'x', step_id: 'b', metadata: { k: { b: 1, a: 2 } }, source_url: 'https://x.test/' };
  const ingested = await engine.externalData(first.id, data, { idempotencyKey: 'data' });
  const fromTemplate = await engine.submitTemplate('t', { b: { d: 1, c: 2 }, a: 1 }, { idempotencyKey: 'template' });
  const again = async (target: Engine) => {
    const replies = [
      await target.submit(reordered(ordered), { idempotencyKey: 'submit' }),
      await target.branch(first.id, { params: { n: 2, m: 1 }, stepId: 'a' }, { idempotencyKey: 'branch' }),
      await target.submitTemplate('t', { a: 1, b: { c: 2, d: 1 } }, { idempotencyKey: 'template' }),
    ];
    expect(replies.map(({ id, replayed }) => [id, replayed])).toEqual([
      [first.id, true],
      [branched.id, true],
      [fromTemplate.id, true],
    ]);
    const sameData = reordered(data) as typeof data;
    expect(await target.externalData(first.id, sameData, { idempotencyKey: 'data' })).toEqual(ingested);
  };
  expect(JSON.stringify(reordered(ordered))).not.toBe(JSON.stringify(ordered));
  await again(engine);
  const image = dir.crashImage();
  onTestFinished(() => image.remove());
  const { engine: restarted } = await openInline(image);
  onTestFinished(() => restarted.close());
  await again(restarted);
});

test('fields that are not there make no other request; lists in another order, other values and other names do', async () => {
  const { engine } = await startInline();
  const options = { idempotencyKey: 'order' };
  const first = await engine.submit(ordered, options);
  const [a, b] = ordered.steps;
  const same = [
    { ...ordered, failurePolicy: undefined },
    { ...ordered, steps: [{ ...a, timeoutMs: undefined }, b] },
    JSON.parse(JSON.stringify(ordered).replace('"x":null', '"x": null').replace('10":1,', '10":1.0,')),
  ];
  for (const request of same)
    expect(await engine.submit(request, options)).toMatchObject({ id: first.id, replayed: true });
  const others = [
    { ...ordered, tags: ['a', 'b'] },
    { ...ordered, steps: [a, { ...b, dependencies: [] }] },
    { ...ordered, steps: [{ ...a, params: { ...a!.params, u: 'u', ü: 'ü' } }, b] },
    { ...ordered, steps: [{ ...a, params: { ...a!.params, z: { 9: 1, 10: [2, { y: 1.5, x: null }] } } }, b] },
    { ...ordered, steps: [b, a] },
  ];
  for (const request of others) await expectOtherBodyRefused(engine.submit(request, options));

  // Without the names that are numbers, which take another way to their text.
  const plain = { name: 'plain', tags: ['b', 'a'], steps: [{ id: 'a', action: 'noop' }] };
  await engine.submit(plain, { idempotencyKey: 'plain' });
  await expectOtherBodyRefused(engine.submit({ ...plain, tags: ['a', 'b'] }, { idempotencyKey: 'plain' }));
});

test('objects that JSON has no word for are the request that their text is', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit({ name: 'x', steps: [{ id: 'a', action: 'noop' }] });
  const dated = (metadata: Record<string, unknown>) =>
    engine.externalData(id, { content: 'x', step_id: 'dated', metadata }, { idempotencyKey: 'dated' });
  const first = await dated({ at: new Date(0), of: JSON.parse('{"__proto__":{"b":1,"a":2}}') });
  expect(await dated({ of: JSON.parse('{"__proto__":{"a":2,"b":1}}'), at: new Date(0).toISOString() })).toEqual(first);
  await expectOtherBodyRefused(dated({ at: new Date(1), of: JSON.parse('{"__proto__":{"b":1,"a":2}}') }));
  await expectOtherBodyRefused(dated({ at: new Date(0), of: JSON.parse('{"__proto__":{"b":1,"a":3}}') }));
  await expectOtherBodyRefused(dated({ at: new Date(0), of: {} }));
});

test('a key that an earlier engine has recorded is known for the request as it was sent then', async () => {
  const { engine, coordinator, dir } = await startInline();
  const sent = { steps: [{ id: 'a', action: 'noop' }], name: 'earlier' };
  // SHA-256 of `["submit",{"steps":[{"id":"a","action":"noop"}],"name":"earlier"}]`: what it recorded.
  const request = '2db3f8302d36356096e78b4225c8a243eb2c38e9c9972a9da47a053804c3f93d';
  const claim = { key: 'earlier', request, requestAsSent: request };
  const definition = workflowDefinitionSchema.parse(sent);
  const args = { definition, templateId: null, claim, waitMs: 60_000, until: 'rest' as const };
  const { id } = await coordinator.call('submit', args);
  const options = { idempotencyKey: 'earlier' };
  const check = async (target: Engine) => {
    expect(await target.submit(sent, options)).toMatchObject({ id, replayed: true });
    await expectOtherBodyRefused(target.submit({ ...sent, name: 'later' }, options));
    // As the earlier engine would have said.
    await expectOtherBodyRefused(target.submit({ name: sent.name, steps: sent.steps }, options));
  };
  await check(engine);
  const image = dir.crashImage();
  onTestFinished(() => image.remove());
  const { engine: restarted } = await openInline(image);
  onTestFinished(() => restarted.close());
  await check(restarted);
});

test('what is recorded is the hash of the canonical request alone', async () => {
  const { engine, dir } = await startInline();
  const { id } = await engine.submit({ steps: [{ action: 'noop', id: 'a' }], name: 'n' }, { idempotencyKey: 'k' });
  // SHA-256 of `["submit",{"name":"n","steps":[{"action":"noop","id":"a"}]}]`.
  const request = '6751720f79db871eb224124cff8037f1538cd948a797bf23bb684c5e4d387046';
  const { keys } = JSON.parse(dir.stateText(id))._meta;
  expect(keys).toEqual([{ key: 'k', request, reply: expect.anything() }]);
});
