/**
 * Goal: a person's decision completes the step that waits for it, once, and its data fits what the step asks for. Readers
 * see what is to be decided. A step is shown whole, with what its group has gathered.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { expectRefusal, isoTime, openEngine, refusalOf, startInline, stepOf } from './running-engine.ts';

const dir = new EngineDir();
let engine: Engine;

beforeAll(async () => {
  engine = await openEngine(dir, { settings: { secrets: { OPENAI_API_KEY: 'a-key-of-the-settings' } } });
});
afterAll(async () => {
  await engine.close();
  dir.remove();
});

const wait = { waitMs: 60_000 };
const publish = {
  name: 'asks',
  params: { page: 'tea' },
  steps: [
    { id: 'ask', action: 'approval', params: { message: 'Publish {{params.page}}?' } },
    { id: 'yes', action: 'noop', when: 'steps.ask.outputs.approved', dependencies: ['ask'] },
    { id: 'no', action: 'noop', when: '!steps.ask.outputs.approved', dependencies: ['ask'] },
  ],
};

test('a decision completes the step, and what was decided is its outputs', async () => {
  const { id, status } = await engine.submit(publish, wait);
  expect(status).toBe('WAITING_FOR_DEPENDENCY');
  const step = await engine.decide(id, 'ask', { approved: false, by: 'Ada', comment: 'Not yet' });
  expect(step).toMatchObject({ id: 'ask', status: 'COMPLETED', params: publish.steps[0]?.params });
  expect(step.outputs).toEqual({
    approved: false,
    by: 'Ada',
    comment: 'Not yet',
    data: null,
    decided_at: expect.stringMatching(isoTime),
    expired: false,
  });
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'yes').outcome).toBe('skipped');
  expect(stepOf(workflow, 'no')).not.toHaveProperty('outcome');
});

test('the second of two decisions is refused, as is one about a step that is not there or asks for none', async () => {
  const { id } = await engine.submit(publish, wait);
  const two = await Promise.allSettled([
    engine.decide(id, 'ask', { approved: true }),
    engine.decide(id, 'ask', { approved: false }),
  ]);
  expect(two.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expectRefusal(engine.decide(id, 'ask', { approved: false }), 'CONFLICT', /decided already/);
  await expectRefusal(engine.decide(id, 'yes', { approved: true }), 'CONFLICT', /is no approval/);
  await expectRefusal(engine.decide(id, 'nobody', { approved: true }), 'NOT_FOUND', /no step "nobody"/);
  await expectRefusal(engine.decide(id, 'ask', { approved: 1 } as never), 'INVALID', /decision is not valid/);
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'ask').outputs?.approved).toBe(two[0].status === 'fulfilled');
});

test('a key gives the same answer and one decision', async () => {
  const { id } = await engine.submit(publish, wait);
  const options = { idempotencyKey: `decide ${id}`.replace(' ', '-') };
  const first = await engine.decide(id, 'ask', { approved: true }, options);
  const again = await engine.decide(id, 'ask', { approved: true }, options);
  expect(again).toEqual(first);
  expect([first.replayed, again.replayed]).toEqual([false, true]);
  await expectRefusal(engine.decide(id, 'ask', { approved: false }, options), 'INVALID', /another request/);
});

const asksForData = {
  name: 'asks for data',
  params: { tones: ['formal', 'plain'] },
  steps: [
    {
      id: 'ask',
      action: 'approval',
      params: {
        message: 'Which tone?',
        data: {
          type: 'object',
          required: ['tone'],
          additionalProperties: false,
          properties: { tone: { enum: '{{params.tones}}' }, length: { type: 'integer', default: 3 } },
        },
      },
    },
  ],
};

test('data of a decision fits the schema of its step, or the decision is refused and the step waits on', async () => {
  const { id } = await engine.submit(asksForData, wait);
  const wrong = await refusalOf(engine.decide(id, 'ask', { approved: true, data: { tone: 'loud', tune: 1 } }));
  expect(wrong.code).toBe('INVALID');
  expect(wrong.errors?.map(({ path }) => path)).toEqual(['data.tone', 'data.tune']);
  const left = await refusalOf(engine.decide(id, 'ask', { approved: true }));
  expect(left.errors).toEqual([{ path: 'data.tone', message: 'is required' }]);
  const step = await engine.decide(id, 'ask', { approved: true, data: { tone: 'plain' } });
  expect(step.outputs?.data).toEqual({ tone: 'plain', length: 3 });
});

test('a rejection needs no data', async () => {
  const { id } = await engine.submit(asksForData, wait);
  expect((await engine.decide(id, 'ask', { approved: false })).outputs).toMatchObject({ approved: false, data: null });
});

test('a schema that a reference has brought and that is none is said, and the step waits on', async () => {
  const odd = {
    name: 'odd',
    params: { schema: { type: 'string', pattern: '(' } },
    steps: [{ id: 'ask', action: 'approval', params: { message: '?', data: '{{params.schema}}' } }],
  };
  const { id } = await engine.submit(odd, wait);
  const refusal = await refusalOf(engine.decide(id, 'ask', { approved: true, data: 'a' }));
  expect(refusal.errors?.[0]).toMatchObject({
    path: 'data',
    message: expect.stringContaining('schema of the step is faulty'),
  });
});

test('a key of the settings in a decision is refused', async () => {
  const { id } = await engine.submit(publish, wait);
  const refusal = await refusalOf(engine.decide(id, 'ask', { approved: true, comment: 'use a-key-of-the-settings' }));
  expect(refusal.errors?.[0]?.path).toBe('comment');
  expect(JSON.stringify(refusal.toData())).not.toContain('a-key-of-the-settings');
});

test('the message is bound, in the step and among all that wait', async () => {
  const { id } = await engine.submit(
    {
      name: 'asks for each',
      steps: [
        { id: 'page', action: 'transform', params: { input: {}, expression: '$join([1..30000].("words "))' } },
        {
          id: 'each',
          forEach: ['a', 'b'],
          dependencies: ['page'],
          action: 'approval',
          params: { message: '{{item}}: {{steps.page.outputs.content}}', within: '3d', otherwise: 'reject' },
        },
        { id: 'data', name: 'The data', action: 'external_data', dependencies: ['page'] },
        { id: 'later', action: 'external_data', dependencies: ['data'] },
      ],
    },
    wait,
  );
  const step = await engine.getStep(id, 'each.1');
  expect(step.message).toMatch(/^b: words words/);
  expect(step.message?.length).toBe(16 * 1024);
  const { total, items } = await engine.waiting({ limit: 1_000 });
  const ours = items.filter(({ workflow_id }) => workflow_id === id);
  expect(total).toBeGreaterThanOrEqual(3);
  expect(ours.map(({ step_id, for: what, action }) => [step_id, what, action])).toEqual([
    ['data', 'data', 'external_data'],
    ['each.0', 'decision', 'approval'],
    ['each.1', 'decision', 'approval'],
  ]);
  expect(ours[2]).toMatchObject({
    name: 'each',
    message: step.message,
    until: step.waits?.until,
    since: step.startTime,
  });
  expect(ours[0]).toMatchObject({ name: 'The data' });
  await engine.decide(id, 'each.0', { approved: true });
  expect((await engine.waiting({ limit: 1_000 })).total).toBe(total - 1);
  await engine.stop(id);
  expect((await engine.waiting({ limit: 1_000 })).items.filter(({ workflow_id }) => workflow_id === id)).toEqual([]);
});

test('the longest wait comes first, in pages', async () => {
  const first = await engine.submit(publish, wait);
  const second = await engine.submit(publish, wait);
  const all = await engine.waiting();
  const places = [first, second].map(({ id }) => all.items.findIndex((item) => item.workflow_id === id));
  expect(places[0]).toBeLessThan(places[1] ?? -1);
  for (const place of places) {
    expect(await engine.waiting({ limit: 1, offset: place })).toEqual({ total: all.total, items: [all.items[place]] });
  }
});

test('a message that leads nowhere fails the step: nobody could read it', async () => {
  const { workflow } = await engine.submit(
    {
      name: 'nowhere',
      steps: [
        { id: 'a', action: 'noop' },
        { id: 'ask', action: 'approval', dependencies: ['a'], params: { message: '{{steps.a.outputs.x.y}}' } },
      ],
    },
    wait,
  );
  expect(stepOf(workflow, 'ask')).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/leads nowhere/) });
});

test('a step that a group has made is shown with its params, and a group with what it has gathered', async () => {
  const { id } = await engine.submit(
    {
      name: 'groups',
      steps: [
        {
          id: 'map',
          forEach: { n: [1, 2, 3] },
          tolerate: 1,
          timeoutMs: 5_000,
          retry: { attemptsMax: 1 },
          action: 'transform',
          params: { input: { v: '{{n}}' }, expression: 'v = 2 ? $error("two") : v * 10' },
        },
        { id: 'loop', repeat: { until: 'round == 1', max: 3 }, steps: [{ id: 'in', action: 'noop' }] },
      ],
    },
    wait,
  );
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'map.0')).toMatchObject({ params: {}, timeoutMs: null, retry: null });
  expect(await engine.getStep(id, 'map.0')).toMatchObject({
    params: { input: { v: '{{n}}' } },
    timeoutMs: 5_000,
    retry: { attemptsMax: 1 },
    of: { step: 'map', index: 0 },
  });
  expect((await engine.getStep(id, 'map')).outputs).toEqual({
    count: 3,
    failed: 1,
    skipped: 0,
    items: [{ value: 10 }, null, { value: 30 }],
    errors: [{ index: 1, error: expect.stringContaining('two'), item: 2 }],
  });
  expect((await engine.getStep(id, 'loop')).outputs).toEqual({ rounds: 2, done: true, last: { in: {} } });
});

test('an output that leads nowhere is said where the group is shown, and where it is referred to', async () => {
  const definition = {
    name: 'nowhere',
    steps: [
      {
        id: 'map',
        forEach: [1],
        output: '{{steps.a.outputs.x.y}}',
        steps: [{ id: 'a', action: 'transform', params: { input: 1, expression: '$' } }],
      },
      {
        id: 'use',
        action: 'render',
        dependencies: ['map'],
        params: { template: 'x', data: '{{steps.map.outputs.items}}' },
      },
    ],
  };
  const { id, workflow } = await engine.submit(definition, wait);
  const { error } = stepOf(workflow, 'use');
  expect(error).toMatch(/leads nowhere/);
  expect((await engine.getStep(id, 'map')).outputs).toEqual({ count: 1, failed: 0, skipped: 0, fault: error });
});

test('what a group has gathered beyond 64 MiB is cut, and its size said', async () => {
  const { engine: inline } = await startInline();
  const big = 'x'.repeat(1024 * 1024);
  const { id } = await inline.submit(
    {
      name: 'much',
      params: { big },
      steps: [
        { id: 'map', forEach: Array.from({ length: 80 }, (_, i) => i), output: '{{params.big}}', action: 'noop' },
        { id: 'use', action: 'noop', dependencies: ['map'], params: { x: '{{steps.map.outputs.items}}' } },
      ],
    },
    wait,
  );
  expect((await inline.getStep(id, 'map')).outputs).toEqual({ truncated: true, bytes: 64 * 1024 * 1024 + 1 });
  const { workflow } = await inline.get(id, wait);
  expect(stepOf(workflow, 'use').error).toMatch(/the items of step "map" have more than 67108864 characters/);
});
