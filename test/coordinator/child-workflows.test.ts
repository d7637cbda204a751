/**
 * Goal: a step runs a template as a workflow of its own: the two know each other, end together, and what one has used counts
 * once (CH1 to CH3, CP1 to CP3, BA4, CL1 to CL3). Method: the real coordinator and store, with steps that end when the test
 * says so; deaths are copies of the directory.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import { Refusal } from '../../src/contract/failures.ts';
import type { StorePort } from '../../src/contract/store.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';

let dir: EngineDir;
let inline: InlineEngine;
const dirs: EngineDir[] = [];

beforeEach(async () => {
  dir = new EngineDir();
  dirs.push(dir);
  inline = await openInline(dir);
});
afterEach(async () => {
  await inline.engine.close();
  expect(inline.fatal).toEqual([]);
  for (const each of dirs.splice(0)) each.remove();
});

const hold = (name: string, params: object = {}, rest: object = {}) => ({
  id: name,
  action: 'hold',
  params: { name, ...params },
  ...rest,
});
const spends = (model: string, cost: number, tokens: number) => ({ model, cost, tokens, calls: 1 });

function writeTemplate(id: string, steps: object[], rest: object = {}): void {
  const { templatesDir } = dir.settings;
  fs.mkdirSync(templatesDir, { recursive: true });
  fs.writeFileSync(path.join(templatesDir, `${id}.json`), JSON.stringify({ id, name: `The ${id}`, steps, ...rest }));
}

const call = (id: string, template: string, rest: object = {}, params?: object) => ({
  id,
  action: 'workflow',
  params: { template, ...(params ? { params } : {}) },
  ...rest,
});

async function submit(steps: object[], rest: object = {}): Promise<string> {
  return (await inline.engine.submit({ name: 'parent', steps, ...rest })).id;
}

async function read(id: string): Promise<Workflow> {
  return (await inline.engine.get(id)).workflow;
}

function stepOf({ steps }: Workflow, id: string): WorkflowStep {
  const step = steps.find((each) => each.id === id);
  if (step === undefined) throw new Error(`no step ${id}`);
  return step;
}

async function childOf(id: string, stepId = 'sub'): Promise<string> {
  const { child } = stepOf(await read(id), stepId);
  if (child === undefined) throw new Error(`step ${stepId} has no child`);
  return child;
}

/** Dies now, and begins a new life on what the disk holds. */
async function die(): Promise<void> {
  const image = dir.crashImage();
  const old = inline;
  dir = image;
  dirs.push(image);
  inline = await openInline(image);
  old.holds.releaseAll();
  await old.engine.close();
}

async function refused(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error;
  throw error;
}

const finished = async (id: string) => (await inline.engine.finished(id)).workflow;

describe('a step that runs a workflow', () => {
  test('starts it, waits for it without a slot, and hands its results on', async () => {
    writeTemplate(
      'summary',
      [hold('read', { outputs: { text: '{{params.text}}' } }), hold('last', {}, { dependencies: ['read'] })],
      {
        params: { type: 'object', properties: { text: { type: 'string' }, size: { default: 7 } }, required: ['text'] },
      },
    );
    const id = await submit([
      hold('first', { outputs: { content: 'a text' } }),
      call('sub', 'summary', { dependencies: ['first'] }, { text: '{{steps.first.outputs.content}}' }),
      hold('after', { outputs: { got: '{{steps.sub.outputs.steps.read.text}}' } }, { dependencies: ['sub'] }),
    ]);
    await inline.holds.arrived('first');
    inline.holds.release('first');
    await inline.holds.arrived('read');
    const parent = await read(id);
    const child = await childOf(id);
    expect(parent.status).toBe('RUNNING');
    expect(parent.children).toEqual([{ id: child, stepId: 'sub', createdAt: expect.any(String) }]);
    expect(stepOf(parent, 'sub')).toMatchObject({
      status: 'WAITING_FOR_DEPENDENCY',
      waits: { for: 'workflow' },
      reason: `waits for workflow ${child}`,
      attempt: 0,
    });
    expect(await read(child)).toMatchObject({
      parentId: id,
      parentStepId: 'sub',
      templateId: 'summary',
      name: 'The summary',
      params: { text: 'a text', size: 7 },
      status: 'RUNNING',
    });
    expect((await inline.engine.stats()).queue.running).toBe(1);
    inline.holds.release('read');
    await inline.holds.arrived('last');
    inline.holds.release('last');
    await inline.holds.arrived('after');
    inline.holds.release('after');
    const done = await finished(id);
    expect(done).toMatchObject({ status: 'COMPLETED', progress: 100 });
    expect(stepOf(done, 'sub').outputs).toEqual({ workflow_id: child, steps: { read: { text: 'a text' }, last: {} } });
    expect(stepOf(done, 'after').outputs).toEqual({ got: 'a text' });
    expect((await read(child)).status).toBe('COMPLETED');
  });

  test('has as its content that of the last step of the template', async () => {
    writeTemplate('two', [
      hold('one', { outputs: { content: 'first' } }),
      hold('two', { outputs: { content: 'second' } }, { dependencies: ['one'] }),
    ]);
    const id = await submit([call('sub', 'two')]);
    await inline.holds.arrived('one');
    inline.holds.release('one');
    await inline.holds.arrived('two');
    inline.holds.release('two');
    expect(stepOf(await finished(id), 'sub').outputs?.content).toBe('second');
  });

  test('hands on results of any size, and reads those that lie in blobs', async () => {
    const long = 'x'.repeat(70_000);
    writeTemplate('large', [hold('big', { outputs: { content: long } })]);
    const id = await submit([
      call('sub', 'large'),
      hold('after', { outputs: { got: '{{steps.sub.outputs.content}}' } }, { dependencies: ['sub'] }),
    ]);
    await inline.holds.arrived('big');
    inline.holds.release('big');
    await inline.holds.arrived('after');
    inline.holds.release('after');
    const done = await finished(id);
    expect(stepOf(done, 'after').outputs).toEqual({ got: long });
  });

  test('is followed by events that name the two', async () => {
    writeTemplate('one', [hold('a')]);
    const events: (EngineEvent | EventGap)[] = [];
    inline.coordinator.subscribe(null, null, (more) => void events.push(...more));
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    inline.holds.release('a');
    await finished(id);
    const told = events.flatMap((event) => ('workflow_id' in event ? [event] : []));
    expect(told.find(({ kind, workflow_id }) => kind === 'workflow.created' && workflow_id === child)).toMatchObject({
      parent_id: id,
      parent_step_id: 'sub',
    });
    expect(told.find(({ kind }) => kind === 'step.waiting')).toMatchObject({ workflow_id: id, child_id: child });
    expect(told.find(({ kind }) => kind === 'step.returned')).toMatchObject({
      workflow_id: id,
      child_id: child,
      step_status: 'COMPLETED',
      status: 'COMPLETED',
    });
  });
});

describe('a definition with such a step', () => {
  const errorsOf = async (steps: object[], rest: object = {}) => {
    const refusal = await refused(inline.engine.submit({ name: 'p', steps, ...rest }));
    expect(refusal.code).toBe('INVALID');
    return refusal.toData().errors ?? [];
  };

  test('names a template that there is, by its id', async () => {
    writeTemplate('known', [hold('a')]);
    expect(await errorsOf([call('a', 'knwon'), call('b', '{{params.t}}')], { params: { t: 'known' } })).toEqual([
      { path: 'steps[0].params.template', message: expect.stringMatching(/^there is no template "knwon".*known/) },
      { path: 'steps[1].params.template', message: expect.stringMatching(/without references/) },
    ]);
  });

  test('cannot reach itself: the circle is named', async () => {
    writeTemplate('a', [call('x', 'b')]);
    writeTemplate('b', [call('y', 'c')]);
    writeTemplate('c', [{ id: 'm', forEach: [1], steps: [call('z', 'b')] }]);
    const [error] = await errorsOf([call('sub', 'a')]);
    expect(error?.path).toBe('steps[0].params.template');
    expect(error?.message).toMatch(/circle: b → c → b$/);
    const own = await refused(inline.engine.submitTemplate('b', {}));
    expect(own.detail).toMatch(/circle: b → c → b$/);
  });

  test('goes five deep, and no deeper', async () => {
    for (let depth = 1; depth <= 6; depth += 1) {
      writeTemplate(`t${depth}`, [depth === 6 ? { id: 'end', action: 'noop' } : call('next', `t${depth + 1}`)]);
    }
    const [error] = await errorsOf([call('sub', 't1')]);
    expect(error?.message).toBe(
      'workflows within workflows go 5 deep at most, and here it is t1 → t2 → t3 → t4 → t5 → t6',
    );
    const id = await submit([call('sub', 't2')]);
    expect((await finished(id)).status).toBe('COMPLETED');
    expect(Object.keys((await read(id)).templates ?? {}).sort()).toEqual(['t2', 't3', 't4', 't5', 't6']);
    const child = await read(await childOf(id));
    expect(Object.keys(child.templates ?? {}).sort()).toEqual(['t3', 't4', 't5', 't6']);
  });

  test('is refused for a fault of a template that it reaches, with its place', async () => {
    writeTemplate('bad', [{ id: 'a', action: 'noop', params: { x: '{{steps.no.outputs.x}}' } }]);
    writeTemplate('over', [call('sub', 'bad')]);
    const [error] = await errorsOf([call('sub', 'over')]);
    expect(error?.message).toMatch(
      /^template "over" cannot be called: steps\[0\].params.template: template "bad" cannot be called: steps\[0\]\.params\.x: /,
    );
    fs.writeFileSync(path.join(dir.settings.templatesDir, 'torn.yaml'), 'id: torn\nsteps: [');
    const [torn] = await errorsOf([call('sub', 'torn')]);
    expect(torn?.message).toMatch(/^template "torn" has a fault: torn\.yaml: /);
  });

  test('is refused for a faulty schema of the data of a decision in a template that it reaches', async () => {
    const asks = (data: object) => ({ id: 'ask', action: 'approval', params: { message: 'Well?', data } });
    const map = { id: 'each', forEach: { n: [1, 2] }, steps: [asks({ type: 'objekt' })] };
    writeTemplate('asks', [asks({ type: 'objekt' })]);
    writeTemplate('asks-last', [{ id: 'a', action: 'noop' }], { finally: [asks({ type: 'objekt' })] });
    writeTemplate('asks-each', [map]);
    writeTemplate('over', [call('sub', 'asks')]);
    const places = { asks: 'steps[0]', 'asks-last': 'finally[0]', 'asks-each': 'steps[0].steps[0]' };
    for (const [template, place] of Object.entries(places)) {
      const [error, more] = await errorsOf([call('sub', template)]);
      expect(error?.path).toBe('steps[0].params.template');
      expect(error?.message).toContain(`template "${template}" cannot be called: ${place}.params.data.type: `);
      expect(more).toBeUndefined();
    }
    const [deep] = await errorsOf([call('sub', 'over')]);
    expect(deep?.message).toContain('template "asks" cannot be called: steps[0].params.data.type: ');
    writeTemplate('asks-well', [asks({ type: 'object' })]);
    expect(await submit([call('sub', 'asks-well')])).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is refused for params that are written out and do not fit', async () => {
    const properties = {
      url: { type: 'string' },
      n: { type: 'integer' },
      list: { type: 'array', items: { type: 'string' } },
    };
    writeTemplate('strict', [hold('a')], { params: { type: 'object', properties, required: ['url', 'n'] } });
    const errors = await errorsOf(
      [
        call('a', 'strict', {}, { url: 5, list: ['{{params.x}}', 7] }),
        call('b', 'strict', {}, { url: '{{params.x}}', n: '{{params.x}}', list: '{{params.x}}' }),
      ],
      { params: { x: 'x' } },
    );
    expect(errors.map((error) => error.path).sort()).toEqual([
      'steps[0].params.params.list[1]',
      'steps[0].params.params.n',
      'steps[0].params.params.url',
    ]);
  });

  test('has its params checked when they are bound', async () => {
    writeTemplate('strict', [hold('a')], { params: { type: 'object', properties: { n: { type: 'integer' } } } });
    const id = await submit([call('sub', 'strict', {}, { n: '{{params.x}}' })], { params: { x: 'many' } });
    const done = await finished(id);
    expect(done.status).toBe('FAILED');
    expect(stepOf(done, 'sub').error).toMatch(/^The params do not fit template strict: params\.n /);
    expect(done.children).toBeUndefined();
  });

  test('does not change with the file', async () => {
    writeTemplate('edited', [hold('old')]);
    const id = await submit([hold('first'), call('sub', 'edited', { dependencies: ['first'] })]);
    await inline.holds.arrived('first');
    writeTemplate('edited', [hold('new')]);
    inline.holds.release('first');
    await inline.holds.arrived('old');
    fs.rmSync(path.join(dir.settings.templatesDir, 'edited.json'));
    inline.holds.release('old');
    expect((await finished(id)).status).toBe('COMPLETED');
  });
});

describe('what is done to the parent', () => {
  test('a stop goes down, to all depths, in the same turn', async () => {
    writeTemplate('low', [hold('a')]);
    writeTemplate('high', [call('sub', 'low'), hold('b')]);
    const id = await submit([call('sub', 'high')]);
    await inline.holds.arrived('a');
    const high = await childOf(id);
    const low = await childOf(high);
    const { workflow } = await inline.engine.stop(id);
    expect(workflow.status).toBe('STOPPED');
    expect([(await read(high)).status, (await read(low)).status]).toEqual(['STOPPED', 'STOPPED']);
    expect(stepOf(await read(low), 'a').status).toBe('STOPPED');
  });

  test('a resume takes the child up again, and what is complete stays so', async () => {
    writeTemplate('two', [hold('a'), hold('b', {}, { dependencies: ['a'] })]);
    const id = await submit([call('sub', 'two')]);
    await inline.holds.arrived('a');
    inline.holds.release('a');
    await inline.holds.arrived('b');
    const child = await childOf(id);
    await inline.engine.stop(id);
    await inline.engine.resume(id);
    await inline.holds.arrived('b', 2);
    inline.holds.release('b');
    const done = await finished(id);
    expect(done).toMatchObject({ status: 'COMPLETED', children: [{ id: child }] });
    expect(inline.holds.arrivals('a')).toBe(1);
  });

  test('a retry runs the failed steps of the child again', async () => {
    writeTemplate('two', [hold('a'), hold('b', {}, { dependencies: ['a'], retry: { attemptsMax: 1 } })]);
    const id = await submit([call('sub', 'two'), hold('after', {}, { dependencies: ['sub'] })]);
    await inline.holds.arrived('a');
    inline.holds.release('a');
    await inline.holds.arrived('b');
    const child = await childOf(id);
    inline.holds.release('b', 'fail');
    const failed = await finished(id);
    expect(failed.status).toBe('FAILED');
    expect(stepOf(failed, 'sub')).toMatchObject({
      status: 'FAILED',
      error: `CHILD_FAILED: workflow ${child} failed: step "b" failed: b failed`,
      child,
    });
    await inline.engine.retry(id);
    await inline.holds.arrived('b', 2);
    inline.holds.release('b');
    await inline.holds.arrived('after');
    inline.holds.release('after');
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', children: [{ id: child }] });
    expect(inline.holds.arrivals('a')).toBe(1);
  });

  test('a delete takes all below with it, running or finished', async () => {
    writeTemplate('low', [hold('a')]);
    writeTemplate('high', [{ id: 'n', action: 'noop' }, call('sub', 'low')]);
    writeTemplate('quick', [{ id: 'n', action: 'noop' }]);
    const id = await submit([call('sub', 'high'), call('q', 'quick')]);
    await inline.holds.arrived('a');
    const high = await childOf(id);
    const low = await childOf(high);
    const quick = await childOf(id, 'q');
    await inline.engine.finished(quick);
    // It leaves memory.
    await inline.coordinator.parts.views.flush();
    await inline.engine.delete(id);
    for (const each of [id, high, low, quick]) {
      expect((await refused(inline.engine.get(each))).code).toBe('NOT_FOUND');
      expect(fs.existsSync(dir.directory(each))).toBe(false);
    }
    await die();
    expect((await inline.engine.list()).total).toBe(0);
  });
});

describe('what is done to the child', () => {
  test('a stop ends it, and its step fails', async () => {
    writeTemplate('one', [hold('a')]);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    await inline.engine.stop(child);
    const done = await finished(id);
    expect(stepOf(done, 'sub')).toMatchObject({
      status: 'FAILED',
      error: `CHILD_FAILED: workflow ${child} was stopped`,
    });
    await inline.engine.retry(id);
    await inline.holds.arrived('a', 2);
    inline.holds.release('a');
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', children: [{ id: child }] });
  });

  test('what would part it from its step is refused', async () => {
    writeTemplate('one', [hold('a', {}, { retry: { attemptsMax: 1 } })]);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    for (const status of ['RUNNING', 'FAILED']) {
      const detail = `Workflow ${child} is ${status}, and runs for step "sub" of workflow ${id}; delete that one, and this one with it`;
      expect(await refused(inline.engine.delete(child))).toMatchObject({ code: 'CONFLICT', detail });
      if (status === 'FAILED') break;
      inline.holds.release('a', 'fail');
      await finished(id);
    }
    expect((await refused(inline.engine.retry(child))).detail).toMatch(/; retry that one, and this one with it$/);
    expect((await refused(inline.engine.resume(child))).detail).toMatch(/; resume that one, and this one with it$/);
  });

  test('a branch of it is nobody’s child', async () => {
    writeTemplate('one', [hold('a')]);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    inline.holds.release('a');
    await finished(id);
    const { workflow } = await inline.engine.branch(child, { stepId: 'a' });
    expect(workflow.parentId).toBe(child);
    expect(workflow.parentStepId).toBeUndefined();
    await inline.holds.arrived('a', 2);
    await inline.engine.stop(workflow.id);
    await inline.engine.delete(workflow.id);
    expect((await read(id)).status).toBe('COMPLETED');
  });

  test('where it waits for somebody, its parent rests and goes on with it', async () => {
    writeTemplate('ask', [
      { id: 'o', action: 'approval', params: { message: 'Go on?' } },
      hold('a', {}, { dependencies: ['o'] }),
    ]);
    const { workflow } = await inline.engine.submit({ name: 'p', steps: [call('sub', 'ask')] }, { waitMs: 60_000 });
    expect(workflow.status).toBe('WAITING_FOR_DEPENDENCY');
    const { child, waits } = stepOf(workflow, 'sub');
    expect(waits).toEqual({ for: 'workflow', atRest: true });
    expect((await inline.engine.waiting()).items).toMatchObject([{ workflow_id: child, step_id: 'o' }]);
    await inline.engine.decide(String(child), 'o', { approved: true });
    expect((await read(workflow.id)).status).toBe('RUNNING');
    await inline.holds.arrived('a');
    inline.holds.release('a');
    expect((await finished(workflow.id)).status).toBe('COMPLETED');
  });
});

describe('with the other words of a step', () => {
  test('each item of a list has a child of its own', async () => {
    writeTemplate('each', [hold('a', { name: '{{params.name}}', outputs: { got: '{{params.name}}' } })]);
    const id = await submit([
      { ...call('m', 'each', {}, { name: '{{item}}' }), forEach: ['p', 'q', 'r'], concurrency: 2, tolerate: 1 },
      hold('all', { outputs: { items: '{{steps.m.outputs.items}}' } }, { dependencies: ['m'] }),
    ]);
    await inline.holds.arrived('p');
    await inline.holds.arrived('q');
    expect(inline.holds.arrivals('r')).toBe(0);
    await inline.engine.stop(await childOf(id, 'm.0'));
    await inline.holds.arrived('r');
    for (const name of ['q', 'r']) inline.holds.release(name);
    await inline.holds.arrived('all');
    inline.holds.release('all');
    const done = await finished(id);
    expect(done).toMatchObject({ status: 'COMPLETED' });
    expect(stepOf(done, 'm').outputs).toEqual({ count: 3, failed: 1, skipped: 0 });
    const items = stepOf(done, 'all').outputs?.items as ({ steps: object } | null)[];
    expect(items.map((item) => item?.steps)).toEqual([undefined, { a: { got: 'q' } }, { a: { got: 'r' } }]);
    expect(done.children).toHaveLength(3);
  });

  test('a condition, a join and tolerance mean what they always do', async () => {
    writeTemplate('fails', [hold('a', {}, { retry: { attemptsMax: 1 } })]);
    const id = await submit([
      call('no', 'fails', { when: '1 > 2' }),
      call('sub', 'fails', { when: '1 < 2', tolerate: true }),
      hold('end', {}, { dependencies: ['no', 'sub'], join: 'ended' }),
    ]);
    await inline.holds.arrived('a');
    inline.holds.release('a', 'fail');
    await inline.holds.arrived('end');
    inline.holds.release('end');
    const done = await finished(id);
    expect(done.status).toBe('COMPLETED');
    expect(stepOf(done, 'no').outcome).toBe('skipped');
    expect(stepOf(done, 'sub')).toMatchObject({ outcome: 'tolerated', error: expect.stringMatching(/^CHILD_FAILED/) });
    expect(done.children).toHaveLength(1);
  });

  test('its time may run out: the step fails, and the child is stopped', async () => {
    writeTemplate('slow', [hold('a')]);
    const id = await submit([{ id: 'sub', action: 'workflow', params: { template: 'slow', within: '50ms' } }]);
    const done = await finished(id);
    expect(stepOf(done, 'sub').error).toMatch(/^EXPIRED: workflow .* had not ended until /);
    expect((await finished(await childOf(id))).status).toBe('STOPPED');
  });

  test('under fail-fast the child of a step is stopped with it', async () => {
    writeTemplate('slow', [hold('a')]);
    const steps = [call('sub', 'slow'), hold('b', {}, { retry: { attemptsMax: 1 } })];
    const id = await submit(steps, { failurePolicy: 'fail-fast' });
    await inline.holds.arrived('a');
    await inline.holds.arrived('b');
    inline.holds.release('b', 'fail');
    expect((await finished(id)).status).toBe('FAILED');
    expect((await read(await childOf(id))).status).toBe('STOPPED');
  });
});

describe('what a child uses', () => {
  test('is the step’s, counts once, and is in the ledger once', async () => {
    writeTemplate('low', [hold('a', { spends: spends('m', 0.1, 10) })]);
    writeTemplate('high', [call('sub', 'low'), hold('b', { spends: spends('n', 0.2, 20) })]);
    const id = await submit([call('sub', 'high'), hold('c', { spends: spends('m', 0.3, 30) })]);
    for (const name of ['a', 'b', 'c']) {
      await inline.holds.arrived(name);
      inline.holds.release(name);
    }
    const done = await finished(id);
    expect(stepOf(done, 'sub').execution_metrics).toEqual({
      tokens: 30,
      cost: 0.3,
      calls: 2,
      cost_breakdown: { n: 0.2, m: 0.1 },
    });
    expect(done.metrics).toMatchObject({ total_tokens: 60, total_cost: 0.6 });
    expect(done.cost_breakdown).toEqual({ n: 0.2, m: 0.4 });
    const { total } = await inline.engine.costs();
    expect(total).toMatchObject({ calls: 3, tokens: 60, cost: 0.6 });
    await inline.engine.delete(id);
    expect((await inline.engine.costs()).total).toMatchObject({ calls: 3, tokens: 60, cost: 0.6 });
  });

  test('of one that was stopped is the step’s, too', async () => {
    writeTemplate('low', [hold('a', { spends: spends('m', 0.1, 10) })]);
    const id = await submit([call('sub', 'low')]);
    await inline.holds.arrived('a');
    await inline.engine.stop(id);
    const child = await childOf(id);
    await untilIdle();
    expect((await read(child)).metrics.total_cost).toBe(0.1);
    expect((await read(id)).metrics).toMatchObject({ total_cost: 0.1, total_tokens: 10 });
  });

  test('counts against the budget of its parent, which pauses the call of a child and goes on with a larger one', async () => {
    const plans = { model: 'costs-0.04', inputTokens: 5, outputTokens: 5 };
    const paid = (name: string, rest: object = {}) =>
      hold(name, { plans, spends: spends('costs-0.04', 0.04, 10) }, rest);
    writeTemplate('paid', [paid('a'), paid('b', { dependencies: ['a'] })]);
    const id = await submit([paid('first'), call('sub', 'paid', { dependencies: ['first'] })], {
      budget: { usd: 0.1 },
    });
    await inline.holds.arrived('first');
    inline.holds.release('first');
    await inline.holds.arrived('a');
    const child = await childOf(id);
    inline.holds.release('a');
    const paused = (await inline.engine.get(id, { waitMs: 60_000 })).workflow;
    expect(paused.status).toBe('WAITING_FOR_DEPENDENCY');
    expect(inline.holds.arrivals('b')).toBe(0);
    expect(stepOf(await read(child), 'b').reason).toBe(
      `the budget of workflow ${id} of $0.10 is used up: $0.08 spent, this call may take $0.04; resume that workflow with a larger budget`,
    );
    await die();
    expect(stepOf(await read(child), 'b').waits?.for).toBe('budget');
    // All that the family has used counts afresh, and is too much still.
    await inline.engine.resume(id, { budget: { usd: 0.11 } });
    await inline.engine.get(child, { waitMs: 60_000 });
    expect(stepOf(await read(child), 'b').reason).toMatch(/ of \$0\.11 is used up: \$0\.08 spent, /);
    expect(inline.holds.arrivals('b')).toBe(0);
    await inline.engine.resume(id, { budget: { usd: 0.2 } });
    await inline.holds.arrived('b');
    inline.holds.release('b');
    const done = await finished(id);
    expect(done).toMatchObject({ status: 'COMPLETED', budget: { usd: 0.2, spent: { usd: 0.12, calls: 3 } } });
  });
});

async function untilIdle(): Promise<void> {
  while ((await inline.engine.stats()).queue.running > 0) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('after a death', () => {
  test('both go on, and end together', async () => {
    writeTemplate('two', [hold('a'), hold('b', {}, { dependencies: ['a'] })]);
    const id = await submit([call('sub', 'two')]);
    await inline.holds.arrived('a');
    inline.holds.release('a');
    await inline.holds.arrived('b');
    const child = await childOf(id);
    await die();
    await inline.holds.arrived('b');
    inline.holds.release('b');
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', children: [{ id: child }] });
    expect(inline.holds.arrivals('a')).toBe(0);
  });

  /** What the disk holds where a death cuts a batch off before its first record of this kind. */
  function cutBefore(isCut: (payload: string) => boolean): { options: InlineOptions; image: () => EngineDir } {
    let image: EngineDir | null = null;
    const wrapStore = (store: StorePort): StorePort =>
      new Proxy(store, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key);
          if (key !== 'append') return typeof value === 'function' ? value.bind(target) : value;
          return (payloads: readonly string[]) => {
            const cut = image === null ? payloads.findIndex(isCut) : -1;
            if (cut !== -1) {
              if (cut > 0) target.append(payloads.slice(0, cut));
              image = dir.crashImage();
              dirs.push(image);
            }
            target.append(cut === -1 ? payloads : payloads.slice(cut));
          };
        },
      });
    const taken = () => {
      if (image === null) throw new Error('nothing was cut off');
      return image;
    };
    return { options: { wrapStore }, image: taken };
  }

  async function reopen(options: InlineOptions): Promise<void> {
    await inline.engine.close();
    inline = await openInline(dir, options);
  }

  async function liveOn(image: EngineDir): Promise<void> {
    inline.holds.releaseAll();
    await inline.engine.close();
    dir = image;
    inline = await openInline(image);
  }

  test('a child whose end its step has not been told ends it', async () => {
    writeTemplate('one', [hold('a', { outputs: { x: 1 } })]);
    const { options, image } = cutBefore((payload) => payload.includes('"kind":"step.returned"'));
    await reopen(options);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    inline.holds.release('a');
    await finished(id);
    await liveOn(image());
    expect((await read(child)).status).toBe('COMPLETED');
    const done = await finished(id);
    expect(stepOf(done, 'sub').outputs).toEqual({ workflow_id: child, steps: { a: { x: 1 } } });
    expect(inline.holds.arrivals('a')).toBe(0);
  });

  test('a child that was not stopped with its parent is stopped', async () => {
    writeTemplate('one', [hold('a')]);
    let child = 'none yet';
    const { options, image } = cutBefore((payload) => payload.includes('workflow.stopped') && payload.includes(child));
    await reopen(options);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    child = await childOf(id);
    await inline.engine.stop(id);
    await liveOn(image());
    expect((await read(id)).status).toBe('STOPPED');
    expect((await finished(child)).status).toBe('STOPPED');
  });

  test('a child whose file is gone fails its step, and a retry starts another one', async () => {
    writeTemplate('ask', [{ id: 'o', action: 'approval', params: { message: 'Go on?' } }]);
    const { workflow } = await inline.engine.submit({ name: 'p', steps: [call('sub', 'ask')] }, { waitMs: 60_000 });
    const child = await childOf(workflow.id);
    // Until the journal has forgotten it, it would be rebuilt from there.
    for (let times = 0; times < 2; times += 1) await inline.coordinator.parts.checkpoints.make();
    await inline.engine.close();
    fs.rmSync(dir.directory(child), { recursive: true });
    inline = await openInline(dir);
    const failed = await finished(workflow.id);
    expect(stepOf(failed, 'sub').error).toMatch(/^workflow .* was set aside: its state\.json is gone$/);
    await inline.engine.retry(workflow.id);
    const waiting = (await inline.engine.get(workflow.id, { waitMs: 60_000 })).workflow;
    expect(waiting.status).toBe('WAITING_FOR_DEPENDENCY');
    expect(waiting.children?.map(({ id }) => id)).toEqual([child, stepOf(waiting, 'sub').child]);
    await inline.engine.decide(String(stepOf(waiting, 'sub').child), 'o', { approved: true });
    expect((await finished(workflow.id)).status).toBe('COMPLETED');
  });

  test('a step that has started its child, and was not told of, waits for it', async () => {
    writeTemplate('one', [hold('a')]);
    const { options, image } = cutBefore((payload) => payload.includes('"kind":"step.waiting"'));
    await reopen(options);
    const id = await submit([call('sub', 'one')]);
    await inline.holds.arrived('a');
    const child = await childOf(id);
    await liveOn(image());
    await inline.holds.arrived('a');
    inline.holds.release('a');
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', children: [{ id: child }] });
  });
});
