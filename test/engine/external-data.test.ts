/** Goal: data from outside completes the right step, is kept byte for byte, and sets going what waited for it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import {
  expectRefusal,
  isoTime,
  openEngine,
  refusalOf,
  startInline,
  statuses,
  stepOf,
  timeless,
} from './running-engine.ts';

const dir = new EngineDir();
let engine: Engine;

beforeAll(async () => {
  engine = await openEngine(dir);
});
afterAll(async () => {
  await engine.close();
  dir.remove();
});

const waiting = {
  name: 'waits for a page',
  steps: [
    { id: 'page', name: 'The page', action: 'external_data' },
    {
      id: 'length',
      action: 'transform',
      dependencies: ['page'],
      params: { input: '{{steps.page.outputs.content}}', expression: '$length($)' },
    },
    { id: 'other', action: 'noop', dependencies: ['page'] },
    { id: 'both', action: 'noop', dependencies: ['length', 'other'] },
  ],
};

test('a declared step waits, is completed by its id, and what hung on it alone is queued before the answer', async () => {
  const created = await engine.submit(waiting, { waitMs: 60_000 });
  expect(created.status).toBe('WAITING_FOR_DEPENDENCY');
  expect(await engine.externalSteps(created.id)).toEqual([stepOf(created.workflow, 'page')]);
  const answer = await engine.externalData(created.id, {
    step_id: 'page',
    content: 'four',
    source_url: 'https://example.com/a?b=c',
    content_type: 'html',
    metadata: { tab: 7 },
  });
  expect(answer).toEqual({ step_id: 'page', workflow_id: created.id, queued_dependents: 2, status: 'success' });
  const { workflow } = await engine.finished(created.id);
  expect(workflow.status).toBe('COMPLETED');
  const page = stepOf(workflow, 'page');
  expect(page).toMatchObject({
    status: 'COMPLETED',
    duration: '0 sec',
    metadata: { tab: 7 },
    outputs: {
      content: 'four',
      source_url: 'https://example.com/a?b=c',
      content_type: 'html',
      captured_at: expect.stringMatching(isoTime),
    },
  });
  expect(timeless(page.logs)).toEqual(['External data ingested at <time>']);
  expect(timeless(stepOf(workflow, 'length').logs)).toEqual([
    'Queued due to external data dependency satisfaction at <time>',
    'Started execution at <time>',
    'Completed successfully at <time>',
  ]);
  expect(stepOf(workflow, 'length').outputs).toEqual({ value: 4 });
  expect(timeless(stepOf(workflow, 'both').logs)[0]).toBe('Started execution at <time>');
  await expectRefusal(engine.externalData(created.id, { step_id: 'page', content: 'again' }), 'CONFLICT', /COMPLETED/);
  expect(stepOf((await engine.get(created.id)).workflow, 'page')).toEqual(page);
});

test('without an id the waiting step of that name is meant', async () => {
  const { id } = await engine.submit(waiting, { waitMs: 60_000 });
  const answer = await engine.externalData(id, { step_name: 'The page', content: '' });
  expect(answer).toMatchObject({ step_id: 'page', queued_dependents: 2 });
  expect(stepOf((await engine.finished(id)).workflow, 'page')).toMatchObject({
    metadata: {},
    outputs: { content: '', source_url: null, content_type: 'text' },
  });
});

test('what matches nothing becomes a step of its own, also in a finished workflow, which keeps its status', async () => {
  const { id, version } = await engine.submit(
    { name: 'done', steps: [{ id: 'a', action: 'noop' }] },
    { waitMs: 60_000 },
  );
  await dir.untilState(id, ({ status }) => status === 'COMPLETED');
  const unnamed = await engine.externalData(id, { content: '1', source_url: 'https://example.com/' });
  expect(unnamed).toMatchObject({ step_id: expect.stringMatching(/^ext_[0-9a-f]{8}$/), queued_dependents: 0 });
  const named = await engine.externalData(id, {
    content: '2',
    step_id: 'mine',
    step_name: 'My data',
    action_type: 'browser_capture',
  });
  expect(named.step_id).toBe('mine');
  const bare = await engine.externalData(id, { content: '3', step_name: 'No such step' });
  const { workflow } = await engine.get(id);
  expect(workflow).toMatchObject({ status: 'COMPLETED', progress: 100, version: version + 3 });
  expect(
    workflow.steps
      .map(({ id: stepId, name, action, status, dependencies, params, duration }) => ({
        stepId,
        name,
        action,
        status,
        dependencies,
        params,
        duration,
      }))
      .slice(1),
  ).toEqual([
    {
      stepId: unnamed.step_id,
      name: 'External Data from https://example.com/',
      action: 'external_data',
      status: 'COMPLETED',
      dependencies: [],
      params: { source: 'browser_extension' },
      duration: '0 sec',
    },
    {
      stepId: 'mine',
      name: 'My data',
      action: 'browser_capture',
      status: 'COMPLETED',
      dependencies: [],
      params: { source: 'browser_extension' },
      duration: '0 sec',
    },
    {
      stepId: bare.step_id,
      name: 'No such step',
      action: 'external_data',
      status: 'COMPLETED',
      dependencies: [],
      params: { source: 'browser_extension' },
      duration: '0 sec',
    },
  ]);
  expect((await engine.externalSteps(id)).map((step) => step.id)).toEqual([unnamed.step_id, 'mine', bare.step_id]);
  const anonymous = await engine.externalData(id, { content: '4' });
  expect((await engine.getStep(id, anonymous.step_id)).name).toBe('External Data from Browser');
});

test('content is kept byte for byte, small or in a blob, over the port, on disk and in bindings', async () => {
  const odd =
    'emoji 👩‍👩‍👧 \u0000 CRLF\r\n tab\t "quotes" \\ {{params.x}} {{ liquid }} \u2028\u2029 \u{10ffff} é e\u0301';
  for (const content of [odd, odd.repeat(3_000)]) {
    const { id } = await engine.submit(
      {
        name: 'bytes',
        steps: [
          { id: 'in', action: 'external_data' },
          {
            id: 'out',
            action: 'transform',
            dependencies: ['in'],
            params: { input: '{{steps.in.outputs.content}}', expression: '$' },
          },
        ],
      },
      { waitMs: 60_000 },
    );
    await engine.externalData(id, { step_id: 'in', content });
    const { workflow } = await engine.finished(id);
    expect(stepOf(workflow, 'in').outputs!.content === content).toBe(true);
    expect(stepOf(workflow, 'out').outputs!.value === content).toBe(true);
    expect((await engine.getStep(id, 'in')).outputs!.content === content).toBe(true);
    expect((await engine.externalSteps(id))[0]!.outputs!.content === content).toBe(true);
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    const stored = stepOf(dir.state(id), 'in').outputs!;
    if (content === odd) expect(stored.content === content).toBe(true);
    else expect(stored).toEqual({ blob: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: expect.any(Number) });
  }
});

test('a stopped workflow takes data without moving, and goes on from it when it is resumed', async () => {
  const { id } = await engine.submit(waiting, { waitMs: 60_000 });
  await engine.stop(id);
  await expectRefusal(engine.externalData(id, { step_id: 'page', content: 'x' }), 'CONFLICT', /STOPPED/);
  const added = await engine.externalData(id, { step_name: 'The page', content: 'x' });
  expect(added.queued_dependents).toBe(0);
  expect((await engine.get(id)).status).toBe('STOPPED');
  await engine.resume(id);
  expect((await engine.get(id, { waitMs: 60_000 })).status).toBe('WAITING_FOR_DEPENDENCY');
  expect((await engine.externalData(id, { step_id: 'page', content: 'abc' })).queued_dependents).toBe(2);
  expect(statuses((await engine.finished(id)).workflow)).toMatchObject({ length: 'COMPLETED', both: 'COMPLETED' });
});

test('a step that exists and does not wait is a conflict, and bad bodies are refused', async () => {
  const { id } = await engine.submit(waiting, { waitMs: 60_000 });
  await expectRefusal(engine.externalData(id, { step_id: 'length', content: 'x' }), 'CONFLICT', /"length"/);
  await expectRefusal(engine.externalData(id, {} as { content: string }), 'INVALID', /content/);
  await expectRefusal(
    engine.externalData(id, { content: 'x', source_url: 'javascript:alert(1)' }),
    'INVALID',
    /source_url/,
  );
  await expectRefusal(engine.externalData(id, { content: 'x', step_id: '../x' }), 'INVALID', /step_id/);
  await expectRefusal(
    engine.externalData(id, { content: 'x', colour: 'red' } as { content: string }),
    'INVALID',
    /colour/,
  );
  expect((await engine.get(id)).workflow.steps).toHaveLength(4);
});

test('metadata has a bound, which is named', async () => {
  const { id } = await engine.submit(waiting);
  const metadata = { note: 'x'.repeat(70_000) };
  await expectRefusal(engine.externalData(id, { step_id: 'page', content: '', metadata }), 'INVALID', /65536 bytes/);
});

test('outputs that look like a blob are given back as they are', async () => {
  const { engine: inline, holds, dir: ownDir } = await startInline();
  const outputs = { blob: 'a'.repeat(64), bytes: 5 };
  const step = { id: 'odd', action: 'hold', params: { name: 'odd', outputs } };
  const { id } = await inline.submit({ name: 'odd', steps: [step] });
  holds.release('odd');
  await inline.finished(id);
  expect((await inline.getStep(id, 'odd')).outputs).toEqual(outputs);
  await ownDir.untilState(id, ({ status }) => status === 'COMPLETED');
  expect(stepOf((await inline.get(id)).workflow, 'odd').outputs).toEqual(outputs);
});

test('data without id and name completes the one step that waits', async () => {
  const { id } = await engine.submit(waiting, { waitMs: 60_000 });
  expect(await engine.externalData(id, { content: 'four' })).toEqual({
    step_id: 'page',
    workflow_id: id,
    queued_dependents: 2,
    status: 'success',
  });
  expect(statuses((await engine.finished(id)).workflow)).toMatchObject({ page: 'COMPLETED', length: 'COMPLETED' });
});

const two = {
  name: 'waits for two',
  steps: [
    { id: 'one', name: 'The one', action: 'external_data' },
    { id: 'two', action: 'external_data' },
    { id: 'end', action: 'noop', dependencies: ['one', 'two'] },
  ],
};

test('of several that wait none is guessed at: they are named, and add: true adds a step beside them', async () => {
  const { id } = await engine.submit(two);
  const refusal = await refusalOf(engine.externalData(id, { content: 'x' }));
  expect([refusal.code, refusal.errors]).toEqual([
    'INVALID',
    [{ path: 'step_id', message: 'say which: one (The one), two; or say add: true to add a new step' }],
  ]);
  expect((await engine.get(id)).workflow.steps).toHaveLength(3);
  const added = await engine.externalData(id, { content: 'x', add: true });
  expect(added).toEqual({
    step_id: expect.stringMatching(/^ext_[0-9a-f]{8}$/),
    workflow_id: id,
    queued_dependents: 0,
    status: 'success',
    added: true,
    waiting: ['one', 'two'],
  });
});

test('an id or a name that no step has, while steps wait, says so in the answer', async () => {
  const { id } = await engine.submit(two);
  expect(await engine.externalData(id, { content: 'x', step_id: 'onee' })).toMatchObject({
    step_id: 'onee',
    added: true,
    waiting: ['one', 'two'],
  });
  await engine.externalData(id, { content: 'y', step_id: 'one' });
  expect(await engine.externalData(id, { content: 'x', step_name: 'no one' })).toMatchObject({
    added: true,
    waiting: ['two'],
  });
  await engine.externalData(id, { content: 'z' });
  const last = await engine.externalData(id, { content: 'x', step_id: 'more' });
  expect(last).toEqual({ step_id: 'more', workflow_id: id, queued_dependents: 0, status: 'success', added: true });
});

test('data for a step that is not due is kept, and completes it when its dependencies are complete', async () => {
  const { id } = await engine.submit({
    name: 'early',
    steps: [
      { id: 'first', action: 'external_data' },
      { id: 'approval', action: 'external_data', dependencies: ['first'] },
      {
        id: 'end',
        action: 'transform',
        dependencies: ['approval'],
        params: { input: '{{steps.approval.outputs.content}}', expression: '$ & "!"' },
      },
    ],
  });
  expect(await engine.externalData(id, { step_id: 'approval', content: 'yes', metadata: { by: 'Ada' } })).toEqual({
    step_id: 'approval',
    workflow_id: id,
    queued_dependents: 0,
    status: 'success',
    held: true,
  });
  const early = stepOf((await engine.get(id)).workflow, 'approval');
  expect(early).toMatchObject({
    status: 'WAITING_FOR_DEPENDENCY',
    outputs: { content: 'yes' },
    metadata: { by: 'Ada' },
  });
  await expectRefusal(engine.externalData(id, { step_id: 'approval', content: 'no' }), 'CONFLICT', /data that is kept/);
  expect(await engine.externalData(id, { content: 'x' })).toMatchObject({ step_id: 'first', queued_dependents: 1 });
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'end').outputs).toEqual({ value: 'yes!', content: 'yes!' });
  expect(stepOf(workflow, 'approval').metadata).toEqual({ by: 'Ada' });
});
