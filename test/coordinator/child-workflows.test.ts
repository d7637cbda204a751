/**
 * Goal: a step runs a template as a workflow of its own: the two know each other, end together, and what one has used counts
 * once (CH1 to CH3, CS1 to CS3, BA4, CT1 to CT3). Method: the real coordinator and store, with steps that end when the test
 * says so; deaths are copies of the directory.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import { Refusal } from '../../src/contract/failures.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Holds, type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';

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
async function die(options: InlineOptions = {}): Promise<void> {
  const image = dir.crashImage();
  const old = inline;
  dir = image;
  dirs.push(image);
  inline = await openInline(image, options);
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
