/**
 * Goal: stop, resume, retry, branch and delete do what CONTRACT says, and nothing where the status does not allow them.
 * Attempts are held by a local HTTP server, which also sees whether two of one step ever overlap (G5).
 */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Follower } from '../fixtures/follower.ts';
import { Gate } from '../fixtures/gate.ts';
import { expectRefusal, openEngine, refusalOf, statuses, stepOf, timeless } from './running-engine.ts';

const dir = new EngineDir();
let gate: Gate;
let engine: Engine;

beforeAll(async () => {
  gate = await Gate.start();
  engine = await openEngine(dir, { settings: { httpAllowHosts: [gate.host], maxParallelNodes: 4 } });
});
afterAll(async () => {
  await engine.close();
  await gate.close();
  dir.remove();
});

const absent = '00000000-0000-7000-8000-000000000000';
const boom = { action: 'transform', params: { input: {}, expression: '$error("boom")' } };

describe('stop and resume', () => {
  test('a stop aborts what runs, and the answer shows every unfinished step STOPPED', async () => {
    const { id } = await engine.submit({
      name: 'stopped',
      steps: [
        { id: 'done', action: 'noop' },
        gate.step('stop-held', { dependencies: ['done'] }),
        { id: 'after', action: 'noop', dependencies: ['stop-held'] },
      ],
    });
    await gate.arrived('stop-held');
    const { workflow } = await engine.stop(id);
    expect(workflow.status).toBe('STOPPED');
    expect(statuses(workflow)).toEqual({ done: 'COMPLETED', 'stop-held': 'STOPPED', after: 'STOPPED' });
    expect(timeless(stepOf(workflow, 'stop-held').logs)).toEqual(['Started execution at <time>', 'Stopped at <time>']);
    expect(timeless(stepOf(workflow, 'after').logs)).toEqual(['Stopped at <time>']);
    await gate.left('stop-held');
    await dir.untilQueue((queue) => queue.length === 0);

    await engine.resume(id);
    await gate.arrived('stop-held', 2);
    gate.release('stop-held');
    const { workflow: end } = await engine.finished(id);
    expect(statuses(end)).toEqual({ done: 'COMPLETED', 'stop-held': 'COMPLETED', after: 'COMPLETED' });
    expect(stepOf(end, 'stop-held').attempt).toBe(2);
    // What was complete is not run again.
    expect(stepOf(end, 'done')).toEqual(stepOf(workflow, 'done'));
    expect(end.version).toBeGreaterThan(workflow.version);
  });

  test('the next attempt starts only after the old one has ended, however often it is stopped and resumed', async () => {
    const follower = new Follower(engine);
    const { id } = await engine.submit({ name: 'again', steps: [gate.step('again')] });
    for (let round = 1; round <= 5; round += 1) {
      await gate.arrived('again', round);
      await engine.stop(id);
      await engine.resume(id);
    }
    await gate.arrived('again', 6);
    gate.release('again');
    await engine.finished(id);
    await follower.end();
    expect(gate.mostActive).toBe(1);
    expect(gate.arrivals('again')).toBe(6);
    const attempts = follower.kinds(id).filter((kind) => kind === 'step.started again');
    expect(attempts).toHaveLength(6);
  });

  test('a step that waits for its next attempt can be stopped, and resumes at once', async () => {
    const follower = new Follower(engine);
    const retry = { attemptsMax: 2, backoffMs: 600_000 };
    const { id } = await engine.submit({ name: 'backoff', steps: [gate.step('backoff', { retry })] });
    await gate.arrived('backoff');
    gate.release('backoff', { status: 500 });
    await follower.untilStep('step.retrying', id, 'backoff');
    expect((await engine.stop(id)).status).toBe('STOPPED');
    gate.open('backoff');
    await engine.resume(id);
    const { workflow } = await engine.finished(id);
    await follower.end();
    expect(stepOf(workflow, 'backoff')).toMatchObject({ status: 'COMPLETED', attempt: 2 });
  });

  test('what is queued behind full slots is taken out of line', async () => {
    const blockers = [1, 2, 3, 4].map((n) => gate.step(`blocker${n}`));
    const first = await engine.submit({ name: 'blockers', steps: blockers });
    await Promise.all(blockers.map(({ id }) => gate.arrived(id as string)));
    const second = await engine.submit({ name: 'queued', steps: [gate.step('queued-step')] });
    expect((await engine.stats()).queue).toMatchObject({ depth: 1, running: 4, max_parallel_nodes: 4 });
    await engine.stop(second.id);
    expect((await engine.stats()).queue.depth).toBe(0);
    for (const { id } of blockers) gate.release(id as string);
    await engine.finished(first.id);
    expect(gate.arrivals('queued-step')).toBe(0);
    expect(stepOf((await engine.get(second.id)).workflow, 'queued-step')).toMatchObject({
      status: 'STOPPED',
      attempt: 0,
    });
  });
});

describe('retry', () => {
  test('runs the failed steps and all that hung on them again, and nothing else', async () => {
    const { id } = await engine.submit({
      name: 'retried',
      steps: [
        { id: 'good', action: 'noop' },
        gate.step('heals', { dependencies: ['good'] }),
        { id: 'after', action: 'noop', dependencies: ['heals'] },
      ],
    });
    await gate.arrived('heals');
    gate.release('heals', { status: 404 });
    const { workflow: failed } = await engine.finished(id);
    expect(statuses(failed)).toEqual({ good: 'COMPLETED', heals: 'FAILED', after: 'STOPPED' });
    gate.open('heals');
    const { workflow: retried } = await engine.retry(id);
    expect(statuses(retried)).toEqual({ good: 'COMPLETED', heals: 'PENDING', after: 'WAITING_FOR_DEPENDENCY' });
    expect(stepOf(retried, 'heals').error).toBeNull();
    const { workflow: end } = await engine.finished(id);
    expect(end.status).toBe('COMPLETED');
    expect(stepOf(end, 'good')).toEqual(stepOf(failed, 'good'));
    expect(stepOf(end, 'heals').attempt).toBe(2);
    expect(dir.hasState(id)).toBe(true);
  });

  test('can be repeated while the cause stays', async () => {
    const { id } = await engine.submit({ name: 'hopeless', steps: [{ id: 'bad', ...boom }] });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const { workflow } = await engine.finished(id);
      expect(stepOf(workflow, 'bad')).toMatchObject({ status: 'FAILED', attempt });
      await engine.retry(id);
    }
  });
});

describe('branch', () => {
  const big = 'x'.repeat(100_000);
  const steps = [
    { id: 'big', action: 'render', params: { template: big } },
    { id: 'side', action: 'noop' },
    {
      id: 'length',
      action: 'transform',
      dependencies: ['big'],
      params: { input: '{{steps.big.outputs.content}}', expression: '$length($)' },
    },
    { id: 'end', action: 'noop', dependencies: ['length', 'side'] },
  ];

  test('takes over what is not downstream, blobs too, runs the rest, and is listed by its parent', async () => {
    const parent = await engine.submit({ name: 'parent', tags: ['t'], steps }, { waitMs: 60_000 });
    const params = { input: [1, 2, 3], expression: '$count($)' };
    const branch = await engine.branch(parent.id, { stepId: 'length', params });
    expect(branch.workflow).toMatchObject({
      name: 'parent',
      tags: ['t'],
      parentId: parent.id,
      status: 'PENDING',
      version: 1,
    });
    expect(statuses(branch.workflow)).toEqual({
      big: 'COMPLETED',
      side: 'COMPLETED',
      length: 'PENDING',
      end: 'WAITING_FOR_DEPENDENCY',
    });
    const { workflow } = await engine.finished(branch.id);
    expect(stepOf(workflow, 'big')).toEqual(stepOf(parent.workflow, 'big'));
    expect(stepOf(workflow, 'side')).toEqual(stepOf(parent.workflow, 'side'));
    expect(stepOf(workflow, 'length')).toMatchObject({ params, outputs: { value: 3 } });
    expect(dir.blobs(branch.id)).toEqual(dir.blobs(parent.id));

    const after = (await engine.get(parent.id)).workflow;
    expect(after.branches).toEqual([{ id: branch.id, stepId: 'length', createdAt: branch.workflow.createdAt }]);
    expect(after.status).toBe('COMPLETED');
    // Once for the entry, once for its telling.
    expect(after.version).toBe(parent.version + 2);
    expect({ ...after, branches: [], version: 0, updatedAt: '' }).toEqual({
      ...parent.workflow,
      branches: [],
      version: 0,
      updatedAt: '',
    });

    // The parent may go: the branch has its own bytes.
    await engine.delete(parent.id);
    expect(stepOf((await engine.get(branch.id)).workflow, 'big').outputs).toEqual({ content: big });
  });

  test('without params the step runs again as it was', async () => {
    const parent = await engine.submit({ name: 'same', steps }, { waitMs: 60_000 });
    const branch = await engine.branch(parent.id, { stepId: 'big' }, { waitMs: 60_000 });
    expect(branch.status).toBe('COMPLETED');
    expect(stepOf(branch.workflow, 'big')).toMatchObject({ attempt: 1, params: { template: big } });
    expect(stepOf(branch.workflow, 'length').outputs).toEqual({ value: 100_000 });
  });

  test('can leave a failed workflow and a running one', async () => {
    const { id } = await engine.submit({ name: 'half', steps: [{ id: 'bad', ...boom }, gate.step('half-held')] });
    await gate.arrived('half-held');
    const branch = await engine.branch(id, { stepId: 'bad', params: { input: {}, expression: '1' } });
    expect(statuses(branch.workflow)).toEqual({ bad: 'PENDING', 'half-held': 'PENDING' });
    gate.open('half-held');
    expect((await engine.finished(branch.id)).status).toBe('COMPLETED');
    expect((await engine.finished(id)).status).toBe('FAILED');
  });

  test('bad requests are refused, and make nothing', async () => {
    const parent = await engine.submit({ name: 'refused', steps }, { waitMs: 60_000 });
    const { total } = await engine.list();
    await expectRefusal(engine.branch(parent.id, { stepId: 'ghost' }), 'INVALID', /no step "ghost"/);
    const referring = { input: '{{steps.end.outputs.x}}', expression: '1' };
    const refusal = await refusalOf(engine.branch(parent.id, { stepId: 'length', params: referring }));
    expect(refusal).toMatchObject({ code: 'INVALID', errors: [{ path: 'params.input' }] });
    await expectRefusal(
      engine.branch(parent.id, { stepId: 'length', params: { nope: 1 } }),
      'INVALID',
      /not valid: params\.input: /,
    );
    await expectRefusal(engine.branch(parent.id, {} as { stepId: string }), 'INVALID', /stepId/);
    await expectRefusal(engine.branch(absent, { stepId: 'a' }), 'NOT_FOUND', /not found/);
    expect((await engine.list()).total).toBe(total);
    expect((await engine.get(parent.id)).version).toBe(parent.version);
  });
});

describe('delete', () => {
  test('removes the workflow and its files, and stops it first when it runs', async () => {
    const follower = new Follower(engine);
    const { id } = await engine.submit({
      name: 'deleted',
      steps: [{ id: 'big', action: 'render', params: { template: 'y'.repeat(70_000) } }, gate.step('delete-held')],
    });
    await gate.arrived('delete-held');
    await follower.untilStep('step.completed', id, 'big');
    const waiting = refusalOf(engine.finished(id));
    await engine.delete(id);
    expect(fs.existsSync(dir.directory(id))).toBe(false);
    expect((await waiting).code).toBe('NOT_FOUND');
    await gate.left('delete-held');
    await expectRefusal(engine.get(id), 'NOT_FOUND', new RegExp(`Workflow with ID ${id} not found`));
    await expectRefusal(engine.delete(id), 'NOT_FOUND', /not found/);
    await follower.until((event) => event.kind === 'workflow.deleted' && event.workflow_id === id);
    await follower.end();
    expect(follower.kinds(id).slice(-2)).toEqual(['workflow.stopped', 'workflow.deleted']);
    await dir.untilQueue((queue) => queue.length === 0);
    expect((await engine.list({ q: id })).total).toBe(0);
  });

  test('takes a finished one that has left memory', async () => {
    const { id } = await engine.submit({ name: 'gone', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    await engine.delete(id);
    expect(fs.existsSync(dir.directory(id))).toBe(false);
    await expectRefusal(engine.get(id), 'NOT_FOUND', /not found/);
  });
});

describe('refusals', () => {
  test('a call that the status does not allow is a conflict that names the status, and changes nothing', async () => {
    const done = await engine.submit({ name: 'done', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
    const failed = await engine.submit({ name: 'failed', steps: [{ id: 'a', ...boom }] }, { waitMs: 60_000 });
    const held = await engine.submit({ name: 'held', steps: [gate.step('conflict-held')] });
    await gate.arrived('conflict-held');
    const { version } = await engine.peek(held.id);
    await expectRefusal(engine.stop(done.id), 'CONFLICT', /COMPLETED/);
    await expectRefusal(engine.resume(done.id), 'CONFLICT', /COMPLETED/);
    await expectRefusal(engine.retry(done.id), 'CONFLICT', /COMPLETED/);
    await expectRefusal(engine.stop(failed.id), 'CONFLICT', /FAILED/);
    await expectRefusal(engine.resume(failed.id), 'CONFLICT', /FAILED/);
    await expectRefusal(engine.resume(held.id), 'CONFLICT', /RUNNING/);
    await expectRefusal(engine.retry(held.id), 'CONFLICT', /RUNNING/);
    expect(await engine.peek(held.id)).toEqual({ version, status: 'RUNNING' });
    expect((await engine.get(done.id)).json).toBe(done.json);
    await engine.stop(held.id);
    await expectRefusal(engine.stop(held.id), 'CONFLICT', /STOPPED/);
    await expectRefusal(engine.retry(held.id), 'CONFLICT', /STOPPED/);
  });

  test('an unknown workflow, step or template is not found, whatever the id looks like', async () => {
    for (const id of [absent, 'nope', '../../etc/passwd', '', absent.toUpperCase()]) {
      await expectRefusal(engine.get(id), 'NOT_FOUND', /Workflow with ID .* not found/s);
      await expectRefusal(engine.peek(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.finished(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.getStep(id, 'a'), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.stop(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.resume(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.retry(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.delete(id), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.externalData(id, { content: 'x' }), 'NOT_FOUND', /not found/);
      await expectRefusal(engine.externalSteps(id), 'NOT_FOUND', /not found/);
    }
    const { id } = await engine.submit({ name: 'x', steps: [{ id: 'a', action: 'noop' }] });
    await expectRefusal(engine.getStep(id, 'b'), 'NOT_FOUND', /no step "b"/);
    await expectRefusal(engine.template('nope'), 'NOT_FOUND', /nope/);
    await expectRefusal(engine.submitTemplate('../x', {}), 'INVALID', /template/);
  });
});
