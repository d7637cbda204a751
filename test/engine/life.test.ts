/**
 * Goal: a workflow's life from the accepting answer to the last log line, as CONTRACT says it, over the public port with
 * real files and the real pool. Steps that must be seen running are held by a local HTTP server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Follower } from '../fixtures/follower.ts';
import { Gate } from '../fixtures/gate.ts';
import {
  expectRefusal,
  isoTime,
  openEngine,
  refusalOf,
  startEngine,
  statuses,
  stepOf,
  timeless,
} from './running-engine.ts';

const dir = new EngineDir();
let gate: Gate;
let engine: Engine;

beforeAll(async () => {
  gate = await Gate.start();
  engine = await openEngine(dir, { settings: { httpAllowHosts: [gate.host], poolThreads: 2, maxParallelNodes: 4 } });
});
afterAll(async () => {
  await engine.close();
  await gate.close();
  dir.remove();
});

describe('creation', () => {
  test('the answer shows the workflow as created, and state.json stands there, whole and no older', async () => {
    const reply = await engine.submit({
      name: 'two steps',
      description: 'a, then b',
      tags: ['x'],
      params: { who: 'world' },
      steps: [
        { id: 'a', action: 'noop', params: { greeting: '{{params.who}}' } },
        { id: 'b', name: 'Second', action: 'noop', dependencies: ['a'], retry: { attemptsMax: 2 }, timeoutMs: 500 },
      ],
    });
    const onDisk = dir.state(reply.id);
    expect(onDisk).toMatchObject({ id: reply.id, name: 'two steps', createdAt: reply.workflow.createdAt });
    expect(onDisk.steps.map((step) => step.params)).toEqual(reply.workflow.steps.map((step) => step.params));
    expect(onDisk.version).toBeGreaterThanOrEqual(reply.version);
    expect(reply.workflow).toMatchObject({
      name: 'two steps',
      description: 'a, then b',
      tags: ['x'],
      status: 'PENDING',
      progress: 0,
      version: 1,
      parentId: null,
      templateId: null,
      failurePolicy: 'continue',
      branches: [],
      warnings: [],
      params: { who: 'world' },
      cost_breakdown: {},
      metrics: { total_tokens: 0, total_cost: 0, completed_steps: 0, total_steps: 2 },
    });
    expect(stepOf(reply.workflow, 'a')).toMatchObject({
      status: 'PENDING',
      name: 'a',
      outputs: null,
      attempt: 0,
      logs: [],
    });
    expect(stepOf(reply.workflow, 'b')).toMatchObject({
      status: 'WAITING_FOR_DEPENDENCY',
      name: 'Second',
      retry: { attemptsMax: 2 },
      timeoutMs: 500,
      dependencies: ['a'],
    });
    expect(reply.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

    const { workflow } = await engine.finished(reply.id);
    expect(workflow).toMatchObject({ status: 'COMPLETED', progress: 100, createdAt: reply.workflow.createdAt });
    // Params stay as they were written.
    expect(stepOf(workflow, 'a').params).toEqual({ greeting: '{{params.who}}' });
    for (const step of workflow.steps) {
      expect(step).toMatchObject({ status: 'COMPLETED', error: null, attempt: 1, duration: '0 sec' });
      expect(step.outputs).toEqual({});
      expect(step.logs).toEqual([
        `Started execution at ${step.startTime}`,
        `Completed successfully at ${step.endTime}`,
      ]);
      expect(step.startTime).toMatch(new RegExp(`^${isoTime}$`));
    }
    expect(Date.parse(stepOf(workflow, 'b').startTime!)).toBeGreaterThanOrEqual(
      Date.parse(stepOf(workflow, 'a').endTime!),
    );
  });

  test('a waiting creation answers with the finished workflow', async () => {
    const reply = await engine.submit({ name: 'short', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
    expect(reply.status).toBe('COMPLETED');
    expect(reply.workflow.progress).toBe(100);
  });

  test('events tell the life in order, with versions that grow by one', async () => {
    const follower = new Follower(engine);
    const { id } = await engine.submit({
      name: 'diamond',
      steps: [
        { id: 'd', action: 'noop', dependencies: ['b', 'c'] },
        { id: 'b', action: 'noop', dependencies: ['a'] },
        gate.step('c', { dependencies: ['a'] }),
        { id: 'a', action: 'noop' },
      ],
    });
    await follower.untilStep('step.completed', id, 'b');
    await gate.arrived('c');
    expect(statuses((await engine.get(id)).workflow)).toMatchObject({ c: 'RUNNING', d: 'WAITING_FOR_DEPENDENCY' });
    gate.release('c');
    await follower.untilStep('step.completed', id, 'd');
    await follower.end();
    const kinds = follower.kinds(id);
    expect(kinds[0]).toBe('workflow.created');
    expect(kinds).toHaveLength(9);
    for (const [before, after] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'd'],
      ['c', 'd'],
    ]) {
      expect(kinds.indexOf(`step.completed ${before}`)).toBeLessThan(kinds.indexOf(`step.started ${after}`));
    }
    const own = follower.events.filter((event) => event.workflow_id === id);
    expect(own.map((event) => event.version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(own.at(-1)).toMatchObject({ status: 'COMPLETED', step_status: 'COMPLETED' });
  });

  test('progress is exact while the workflow runs, and state.json and the queue file follow', async () => {
    const follower = new Follower(engine);
    const names = ['p1', 'p2', 'p3'];
    const { id } = await engine.submit({ name: 'progress', steps: names.map((name) => gate.step(name)) });
    await Promise.all(names.map((name) => gate.arrived(name)));
    expect((await engine.get(id)).workflow).toMatchObject({ status: 'RUNNING', progress: 0 });
    await dir.untilQueue((queue) => queue.length === 3 && queue.every(({ status }) => status === 'RUNNING'));
    await dir.untilState(id, ({ status }) => status === 'RUNNING');
    gate.open('p1');
    await follower.untilStep('step.completed', id, 'p1');
    expect((await engine.get(id)).workflow).toMatchObject({ status: 'RUNNING', progress: 33 });
    gate.open('p2');
    await follower.untilStep('step.completed', id, 'p2');
    expect((await engine.get(id)).workflow).toMatchObject({ status: 'RUNNING', progress: 66 });
    gate.open('p3');
    await engine.finished(id);
    await follower.end();
    await dir.untilQueue((queue) => queue.length === 0);
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    expect(dir.state(id)).toMatchObject({ status: 'COMPLETED', progress: 100 });
  });
});

test('never more than MAX_PARALLEL_NODES steps run at once over all workflows, and all slots are used', async () => {
  const follower = new Follower(engine);
  const steps = Array.from({ length: 8 }, (_, i) => ({ id: `s${i}`, action: 'delay', params: { ms: 20 } }));
  const replies = await Promise.all([1, 2, 3].map((n) => engine.submit({ name: `wide ${n}`, steps })));
  for (const { id } of replies) expect((await engine.finished(id)).status).toBe('COMPLETED');
  await follower.end();
  expect(follower.events.filter(({ kind }) => kind === 'step.started')).toHaveLength(24);
  expect(follower.mostRunning()).toBe(4);
});

test('the CPU lane runs at most its threads at once, and the other slots go on', async () => {
  const { engine: narrow } = await startEngine({ settings: { poolThreads: 1, maxParallelNodes: 4 } });
  const follower = new Follower(narrow);
  const steps = [1, 2, 3].flatMap((n) => [
    { id: `cpu${n}`, action: 'render', params: { template: `${n}` } },
    { id: `io${n}`, action: 'noop' },
  ]);
  const { id } = await narrow.submit({ name: 'lanes', steps });
  expect((await narrow.finished(id)).status).toBe('COMPLETED');
  await follower.end();
  let cpu = 0;
  let most = 0;
  for (const { kind, step_id } of follower.events) {
    if (!step_id?.startsWith('cpu')) continue;
    cpu += kind === 'step.started' ? 1 : -1;
    most = Math.max(most, cpu);
  }
  expect(most).toBe(1);
});

describe('results', () => {
  test('a reference takes the value with its type, in text its text', async () => {
    const { workflow } = await engine.submit(
      {
        name: 'bindings',
        params: { list: [1, 2], city: 'Zürich' },
        steps: [
          { id: 'sum', action: 'transform', params: { input: '{{params.list}}', expression: '{"total": $sum($)}' } },
          {
            id: 'text',
            action: 'render',
            dependencies: ['sum'],
            params: {
              template: '{{ n }} in {{ place }}',
              data: { n: '{{steps.sum.outputs.value.total}}', place: 'x{{params.city}}' },
            },
          },
        ],
      },
      { waitMs: 60_000 },
    );
    expect(stepOf(workflow, 'sum').outputs).toEqual({ value: { total: 3 } });
    expect(stepOf(workflow, 'text').outputs).toEqual({ content: '3 in xZürich' });
  });

  test('a reference that leads nowhere fails the step at once and names itself', async () => {
    const { workflow } = await engine.submit(
      {
        name: 'nowhere',
        steps: [
          { id: 'a', action: 'noop' },
          {
            id: 'b',
            action: 'render',
            dependencies: ['a'],
            params: { template: '{{steps.a.outputs.missing}}' },
            retry: { attemptsMax: 5 },
          },
        ],
      },
      { waitMs: 60_000 },
    );
    expect(workflow.status).toBe('FAILED');
    const step = stepOf(workflow, 'b');
    expect(step).toMatchObject({
      status: 'FAILED',
      attempt: 1,
      error: expect.stringContaining('{{steps.a.outputs.missing}}'),
    });
    expect(timeless(step.logs)).toEqual(['Started execution at <time>', `Failed: ${step.error}`]);
  });

  test('outputs over 64 KiB lie in blobs, come whole through every read, and feed bindings', async () => {
    const big = 'ä'.repeat(40_000);
    const definition = {
      name: 'blobs',
      steps: [
        { id: 'big', action: 'render', params: { template: big } },
        { id: 'small', action: 'render', params: { template: 'b'.repeat(60_000) } },
        {
          id: 'copy',
          action: 'transform',
          dependencies: ['big'],
          params: { input: '{{steps.big.outputs.content}}', expression: '$length($)' },
        },
        {
          id: 'wide1',
          action: 'transform',
          dependencies: ['big'],
          params: { input: '{{steps.big.outputs}}', expression: '$substring(content, 0, 3)' },
        },
      ],
    };
    const { id, workflow } = await engine.submit(definition, { waitMs: 60_000 });
    expect(workflow.status).toBe('COMPLETED');
    expect(stepOf(workflow, 'big').outputs).toEqual({ content: big });
    expect(stepOf(workflow, 'copy').outputs).toEqual({ value: 40_000 });
    expect(stepOf(workflow, 'wide1').outputs).toEqual({ value: 'äää', content: 'äää' });
    expect(await engine.getStep(id, 'big')).toEqual(stepOf(workflow, 'big'));
    const onDisk = dir.state(id);
    const bytes = Buffer.byteLength(JSON.stringify({ content: big }));
    const ref = stepOf(onDisk, 'big').outputs as { blob: string; bytes: number };
    expect(ref).toEqual({ blob: expect.stringMatching(/^[0-9a-f]{64}$/), bytes });
    expect(dir.blobs(id)).toEqual([ref.blob]);
    expect(stepOf(onDisk, 'small').outputs).toEqual({ content: 'b'.repeat(60_000) });
  });
});

describe('failure', () => {
  const boom = { action: 'transform', params: { input: {}, expression: '$error("boom")' } };

  test('under "continue" independent branches finish, and what hung on the failure is stopped and names it', async () => {
    const { workflow } = await engine.submit(
      {
        name: 'continue',
        steps: [
          { id: 'bad', ...boom },
          { id: 'after', action: 'noop', dependencies: ['bad'] },
          { id: 'later', action: 'noop', dependencies: ['after', 'good'] },
          { id: 'good', action: 'delay', params: { ms: 30 } },
          { id: 'better', action: 'noop', dependencies: ['good'] },
        ],
      },
      { waitMs: 60_000 },
    );
    expect(workflow.status).toBe('FAILED');
    expect(statuses(workflow)).toEqual({
      bad: 'FAILED',
      after: 'STOPPED',
      later: 'STOPPED',
      good: 'COMPLETED',
      better: 'COMPLETED',
    });
    expect(stepOf(workflow, 'bad')).toMatchObject({
      error: expect.stringContaining('boom'),
      attempt: 1,
      outputs: null,
    });
    expect(timeless(stepOf(workflow, 'bad').logs).at(-1)).toBe(`Failed: ${stepOf(workflow, 'bad').error}`);
    expect(stepOf(workflow, 'later').error).toContain('"bad"');
    expect(timeless(stepOf(workflow, 'after').logs)).toEqual(['Stopped at <time>']);
    expect(workflow.metrics).toMatchObject({ completed_steps: 2, failed_steps: 1, total_steps: 5 });
  });

  test('under "fail-fast" running steps are aborted and everything unfinished is stopped', async () => {
    const { id } = await engine.submit({
      name: 'fail fast',
      failurePolicy: 'fail-fast',
      steps: [gate.step('ff-held'), gate.step('ff-bad'), { id: 'after', action: 'noop', dependencies: ['ff-held'] }],
    });
    await Promise.all([gate.arrived('ff-held'), gate.arrived('ff-bad')]);
    gate.release('ff-bad', { status: 404 });
    const { workflow } = await engine.finished(id);
    expect(workflow.status).toBe('FAILED');
    expect(statuses(workflow)).toEqual({ 'ff-held': 'STOPPED', 'ff-bad': 'FAILED', after: 'STOPPED' });
    await gate.left('ff-held');
    expect(stepOf(workflow, 'ff-held').error).toContain('fail-fast');
    expect(stepOf(workflow, 'ff-held').logs.at(-1)).toMatch(new RegExp(`^Stopped at ${isoTime}$`));
  });

  test('a failure that repeating can cure is repeated, with a line for each wait', async () => {
    const follower = new Follower(engine);
    const { id } = await engine.submit({
      name: 'retries',
      steps: [gate.step('flaky', { retry: { attemptsMax: 3, backoffMs: 200, backoffMsMax: 200 } })],
    });
    await gate.arrived('flaky', 1);
    gate.release('flaky', { status: 503, body: 'not yet' });
    await follower.untilStep('step.retrying', id, 'flaky');
    const waiting = stepOf((await engine.get(id)).workflow, 'flaky');
    expect(waiting).toMatchObject({ status: 'PENDING', attempt: 1, error: expect.stringContaining('503') });
    await gate.arrived('flaky', 2);
    gate.release('flaky', { status: 503 });
    await gate.arrived('flaky', 3);
    gate.release('flaky', { body: 'at last' });
    const step = stepOf((await engine.finished(id)).workflow, 'flaky');
    await follower.end();
    expect(step).toMatchObject({ status: 'COMPLETED', attempt: 3, error: null, outputs: { content: 'at last' } });
    expect(timeless(step.logs)).toEqual([
      'Started execution at <time>',
      expect.stringMatching(/^Retrying in 0\.[12] s \(attempt 2 of 3\): .*503/),
      'Started execution at <time>',
      expect.stringMatching(/^Retrying in 0\.[12] s \(attempt 3 of 3\): .*503/),
      'Started execution at <time>',
      'Completed successfully at <time>',
    ]);
    expect(gate.mostActive).toBe(1);
    expect((await engine.stats()).steps_retried).toBe(2);
  });

  test('a step that fails in its last attempt is FAILED with the attempt that it was', async () => {
    gate.open('down', { status: 500 });
    const { workflow } = await engine.submit(
      { name: 'down', steps: [gate.step('down', { retry: { attemptsMax: 2, backoffMs: 0 } })] },
      { waitMs: 60_000 },
    );
    expect(stepOf(workflow, 'down')).toMatchObject({ status: 'FAILED', attempt: 2 });
    expect(gate.arrivals('down')).toBe(2);
  });

  test('a step that outlives its timeout fails, and its attempt is over', async () => {
    const { workflow } = await engine.submit(
      { name: 'slow', steps: [gate.step('slow', { timeoutMs: 100, retry: { attemptsMax: 1 } })] },
      { waitMs: 60_000 },
    );
    expect(stepOf(workflow, 'slow')).toMatchObject({
      status: 'FAILED',
      error: expect.stringMatching(/timeout|timed out|100/i),
    });
    await gate.left('slow');
  });
});

describe('unknown actions', () => {
  const definition = { name: 'unknown', steps: [{ id: 'a', action: 'dream_up', params: { any: 'thing' } }] };

  test('under "simulate" the result says everywhere that it was simulated', async () => {
    const { workflow } = await engine.submit(definition, { waitMs: 60_000 });
    expect(workflow.tags).toContain('simulated');
    const step = stepOf(workflow, 'a');
    expect(step).toMatchObject({ status: 'COMPLETED', outputs: { simulated: true }, metadata: { action: 'dream_up' } });
    expect(step.logs.join('\n')).toMatch(/warning.*dream_up/i);
  });

  test('under "reject" it is refused, and names the action', async () => {
    const { engine: strict } = await startEngine({ settings: { unknownActions: 'reject' } });
    const refusal = await refusalOf(strict.submit(definition));
    expect(refusal).toMatchObject({ code: 'INVALID', status: 422 });
    expect(refusal.errors).toEqual([{ path: 'steps[0].action', message: expect.stringContaining('dream_up') }]);
    await expectRefusal(strict.submitTemplate('dream_up', {}), 'NOT_FOUND', /dream_up/);
    expect(await strict.list()).toEqual({ total: 0, rest: 0, items: [] });
  });

  test('a template id that no file defines makes the one-step workflow of the plans', async () => {
    const reply = await engine.submitTemplate('dream_up', { prompt: 'sheep' }, { waitMs: 60_000 });
    expect(reply.workflow).toMatchObject({
      name: 'Workflow from dream_up',
      description: 'Generated from template: dream_up',
      templateId: 'dream_up',
      steps: [
        { name: 'Initial Step - dream_up', action: 'dream_up', params: { prompt: 'sheep' }, status: 'COMPLETED' },
      ],
    });
  });
});

describe('definitions that are refused', () => {
  test('every fault is named at once, and nothing is left behind', async () => {
    const before = (await engine.list()).total;
    const refusal = await refusalOf(
      engine.submit({
        name: 'bad',
        colour: 'red',
        steps: [
          { id: 'a', action: 'noop', dependencies: ['b'] },
          { id: 'b', action: 'noop', dependencies: ['a', 'ghost'] },
          { id: 'a', action: 'noop' },
        ],
      }),
    );
    expect(refusal).toMatchObject({ code: 'INVALID', status: 422 });
    const text = JSON.stringify(refusal.errors);
    for (const part of ['colour', 'ghost', 'a → b', 'unique']) expect(text).toContain(part);
    expect((await engine.list()).total).toBe(before);
  });

  test('params that an action cannot take are refused where they stand', async () => {
    const refusal = await refusalOf(
      engine.submit({ name: 'bad', steps: [{ id: 'a', action: 'delay', params: { ms: 'soon' } }] }),
    );
    expect(refusal.errors).toEqual([{ path: 'steps[0].params.ms', message: expect.any(String) }]);
  });

  test('a reference to what is not upstream is refused', async () => {
    const steps = [
      { id: 'a', action: 'noop', params: { x: '{{steps.b.outputs.y}}' } },
      { id: 'b', action: 'noop' },
    ];
    await expectRefusal(engine.submit({ name: 'bad', steps }), 'INVALID', /not upstream/);
  });

  test('no steps, no object, no name: refused', async () => {
    await expectRefusal(engine.submit({ name: 'empty', steps: [] }), 'INVALID', /at least one step/);
    await expectRefusal(engine.submit(null), 'INVALID', /./);
    await expectRefusal(engine.submit({ steps: [{ id: 'a', action: 'noop' }] }), 'INVALID', /name/);
  });
});
