/**
 * Goal: SC1 to SC4 and X4, a step with `cache` that asks what was asked before gets that answer, calls nobody and costs
 * nothing; whatever is wrong with the cache is a miss. Method: steps that count their runs and end when the test says so,
 * on real files, over crashes.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { stepOf } from '../../engine/running-engine.ts';
import type { EngineDir } from '../../fixtures/engine-dir.ts';
import { createFaultDisk, diskError } from '../../store/fault-disk.ts';
import { end, type Life, live, newDir, restart } from '../restarts.ts';

const spends = { model: 'm', provider: 'p', tokens: 7, input_tokens: 5, output_tokens: 2, cost: 0.25, calls: 1 };
const question = { name: 'q', spends, outputs: { content: 'yes', list: [1, null] } };

const asking = (id: string, params: object = question, rest: object = {}) => ({
  id,
  action: 'hold',
  params,
  cache: true,
  ...rest,
});

async function submit({ engine }: Life, ...steps: object[]): Promise<string> {
  return (await engine.submit({ name: 'w', steps })).id;
}

/** As soon as the workflow has finished. */
async function finished({ engine }: Life, id: string): Promise<Workflow> {
  return (await engine.finished(id)).workflow;
}

async function asked(life: Life, name = 'q'): Promise<Workflow> {
  const id = await submit(life, asking('first', { ...question, name }));
  await life.holds.arrived(name);
  life.holds.release(name);
  const workflow = await finished(life, id);
  await life.coordinator.parts.cache.idle();
  return workflow;
}

function cachedFiles(dir: EngineDir): string[] {
  const directory = path.join(dir.workflowsDir, '.engine', 'cache');
  if (!fs.existsSync(directory)) return [];
  const names = fs.readdirSync(directory, { recursive: true }) as string[];
  return names.filter((name) => name.endsWith('.json')).map((name) => path.join(directory, name));
}

test('the second who asks gets the answer of the first, with where it is from, and nothing is used or spent', async () => {
  const life = await live();
  const first = await asked(life);
  const id = await submit(life, asking('second', { outputs: question.outputs, spends, name: 'q' }));
  const workflow = await finished(life, id);
  expect(life.holds.arrivals('q')).toBe(1);
  const from = { workflow: first.id, step: 'first', at: stepOf(first, 'first').endTime };
  expect(stepOf(workflow, 'second')).toMatchObject({
    status: 'COMPLETED',
    cache: true,
    attempt: 1,
    outputs: question.outputs,
    metadata: { cache: { hit: true, from: { ...from, at: expect.any(String) } } },
    execution_metrics: {
      model: 'm',
      provider: 'p',
      tokens: 0,
      input_tokens: 0,
      cost: 0,
      calls: 0,
      cost_source: 'cache',
    },
    logs: [
      expect.stringMatching(/^Started execution/),
      expect.stringMatching(`^Taken from the cache: step "first" of workflow ${first.id} at 20`),
      expect.stringMatching(/^Completed successfully/),
    ],
  });
  expect(workflow).toMatchObject({
    metrics: { total_cost: 0, total_tokens: 0, cost_is_floor: false },
    cost_breakdown: {},
  });
  expect(first.metrics.total_cost).toBe(0.25);
  await life.engine.close();
  expect(life.dir.stateText(first.id)).toContain('"spending"');
  expect(life.dir.stateText(id)).not.toContain('"spending"');
});

test.each([
  ['the step', {}, { cache: false }],
  ['the workflow', { cache: true }, { cache: false }],
])('what %s says goes: without it nothing is looked up, and nothing is kept', async (_who, workflow, step) => {
  const life = await live();
  for (const nth of [1, 2]) {
    const { id } = await life.engine.submit({ name: 'w', ...workflow, steps: [asking('a', question, step)] });
    await life.holds.arrived('q', nth);
    life.holds.release('q');
    expect(stepOf(await finished(life, id), 'a')).not.toHaveProperty('cache');
  }
  expect(cachedFiles(life.dir)).toEqual([]);
});

test('what the workflow says holds for its steps, and goes along with a branch', async () => {
  const life = await live();
  const step = { id: 'a', action: 'hold', params: question };
  const { id } = await life.engine.submit({ name: 'w', cache: true, steps: [step] });
  await life.holds.arrived('q');
  life.holds.release('q');
  expect(stepOf(await finished(life, id), 'a').cache).toBe(true);
  await life.coordinator.parts.cache.idle();
  const branch = await life.engine.branch(id, { stepId: 'a' });
  expect(stepOf(await finished(life, branch.id), 'a')).toMatchObject({
    cache: true,
    metadata: { cache: { from: { workflow: id, step: 'a' } } },
  });
  expect(life.holds.arrivals('q')).toBe(1);
});

test('SC1: other params, bound or written, are another question', async () => {
  const life = await live();
  const made = (id: string, topic: string) => [
    { id: `${id}-made`, action: 'transform', params: { input: topic, expression: '$' } },
    asking(
      id,
      { name: 'q', outputs: { about: `{{steps.${id}-made.outputs.value}}` } },
      { dependencies: [`${id}-made`] },
    ),
  ];
  const id = await submit(life, ...made('tea', 'tea'), ...made('ale', 'ale'));
  await life.holds.arrived('q', 2);
  life.holds.release('q');
  await finished(life, id);
  await life.coordinator.parts.cache.idle();
  const again = await finished(life, await submit(life, ...made('again', 'tea')));
  expect(stepOf(again, 'again')).toMatchObject({
    outputs: { about: 'tea' },
    metadata: { cache: { from: { workflow: id, step: 'tea' } } },
  });
  expect(life.holds.arrivals('q')).toBe(2);
});

test('SC1: what failed or was simulated is not kept', async () => {
  const life = await live();
  const failing = await submit(life, asking('fails', question, { retry: { attemptsMax: 1 } }));
  await life.holds.arrived('q');
  life.holds.release('q', 'fail');
  expect((await finished(life, failing)).status).toBe('FAILED');
  const simulated = await submit(life, { id: 'x', action: 'nobody_knows', cache: true });
  expect((await finished(life, simulated)).tags).toContain('simulated');
  await life.coordinator.parts.cache.idle();
  expect(cachedFiles(life.dir)).toEqual([]);
});

test('SC2: of many who ask the same at once one goes, and the others get what it has made', async () => {
  const life = await live();
  const id = await submit(life, ...[...Array(100).keys()].map((i) => asking(`s${i}`)));
  await life.holds.arrived('q');
  life.holds.release('q');
  const { steps, metrics } = await finished(life, id);
  expect(life.holds.arrivals('q')).toBe(1);
  expect(steps.filter(({ metadata }) => metadata?.cache === undefined)).toHaveLength(1);
  expect(metrics).toMatchObject({ completed_steps: 100, total_cost: 0.25 });
});

test.each([
  ['fails', (life: Life) => life.holds.release('q', 'fail')],
  ['is stopped', (life: Life, id: string) => life.engine.stop(id)],
  ['is deleted', (life: Life, id: string) => life.engine.delete(id)],
])('SC2: where the one who goes %s, the next one goes', async (_what, endIt) => {
  const life = await live();
  const first = await submit(life, asking('a', question, { retry: { attemptsMax: 1 } }));
  await life.holds.arrived('q');
  const second = await submit(life, asking('b'));
  await endIt(life, first);
  await life.holds.arrived('q', 2);
  life.holds.release('q');
  expect(stepOf(await finished(life, second), 'b').metadata).toBeNull();
});

test('SC2: one that waits for its slot holds up nobody once it is stopped', async () => {
  const life = await live(newDir(), { settings: { maxParallelNodes: 1 } });
  const blocker = await submit(life, life.holds.step('block'));
  await life.holds.arrived('block');
  const first = await submit(life, asking('a'));
  const second = await submit(life, asking('b'));
  await life.engine.stop(first);
  life.holds.release('block');
  await finished(life, blocker);
  await life.holds.arrived('q');
  life.holds.release('q');
  expect((await finished(life, second)).status).toBe('COMPLETED');
});

test('SC2: a step that goes again after a failed attempt asks anew', async () => {
  const life = await live();
  const id = await submit(life, asking('a', question, { retry: { attemptsMax: 2, backoffMs: 0 } }));
  await life.holds.arrived('q');
  life.holds.release('q', 'fail');
  await life.holds.arrived('q', 2);
  life.holds.release('q');
  expect(stepOf(await finished(life, id), 'a')).toMatchObject({ attempt: 2, execution_metrics: { cost: 0.5 } });
  expect(stepOf(await finished(life, await submit(life, asking('b'))), 'b').metadata).toMatchObject({
    cache: { from: { workflow: id } },
  });
});

test('an answer outlives a crash, the workflow that made it, and comes back byte for byte when it is large', async () => {
  const before = await live();
  const outputs = { content: 'x'.repeat(100_000), '10': 1, b: 2 };
  const id = await submit(before, asking('large', { name: 'q', outputs }));
  await before.holds.arrived('q');
  before.holds.release('q');
  await finished(before, id);
  await before.coordinator.parts.cache.idle();
  await before.engine.delete(id);
  const life = await restart(before.dir);
  const hit = await submit(life, asking('again', { name: 'q', outputs }));
  const { steps } = await finished(life, hit);
  expect(steps[0]).toMatchObject({ outputs, metadata: { cache: { from: { workflow: id, step: 'large' } } } });
  expect(life.dir.blobs(hit)).toHaveLength(1);
  expect(life.holds.arrivals('q')).toBe(0);
  expect(life.fatal).toEqual([]);
});

test('after a crash a step that was about to be answered is answered', async () => {
  const before = await live(newDir(), { settings: { maxParallelNodes: 1 } });
  await asked(before);
  await submit(before, before.holds.step('block'));
  await before.holds.arrived('block');
  const id = await submit(before, asking('late'));
  const life = await restart(before.dir);
  expect(stepOf(await finished(life, id), 'late').metadata).toMatchObject({ cache: { hit: true } });
  expect(life.holds.arrivals('q')).toBe(0);
});

test.each([
  ['damaged', (file: string) => fs.appendFileSync(file, ' '), true],
  ['gone', (file: string) => fs.rmSync(file), false],
])('SC3: an answer that is %s is asked for again, and kept again', async (_what, harm, isSetAside) => {
  const before = await live();
  await asked(before);
  const life = await restart(before.dir, (image) => {
    for (const file of cachedFiles(image)) harm(file);
  });
  const id = await submit(life, asking('again'));
  await life.holds.arrived('q');
  life.holds.release('q');
  expect(stepOf(await finished(life, id), 'again').metadata).toBeNull();
  expect(life.dir.quarantined()).toHaveLength(isSetAside ? 1 : 0);
  expect((await life.engine.health()).notices).toHaveLength(isSetAside ? 1 : 0);
  await life.coordinator.parts.cache.idle();
  expect(cachedFiles(life.dir)).toHaveLength(1);
});

test('SC3: an answer of another format is a miss', async () => {
  const life = await live();
  await asked(life);
  const { store } = life.coordinator.parts;
  const key = path.basename(cachedFiles(life.dir)[0] ?? '', '.json');
  await store.writeCached(key, '{"format":2,"outputs":{}}');
  const id = await submit(life, asking('again'));
  await life.holds.arrived('q', 2);
  life.holds.release('q');
  expect((await finished(life, id)).status).toBe('COMPLETED');
});

test('SC3: without room for answers steps complete all the same, and each is told', async () => {
  let isFull = true;
  const { disk } = createFaultDisk(({ name, path: at }) => {
    if (isFull && name === 'mkdir' && at.includes('cache')) throw diskError('ENOSPC');
    return undefined;
  });
  const life = await live(newDir(), { disk });
  expect((await asked(life)).status).toBe('COMPLETED');
  expect(life.log.filter((line) => line.includes('was not kept'))).toHaveLength(1);
  isFull = false;
  const second = await submit(life, asking('second'));
  await life.holds.arrived('q', 2);
  life.holds.release('q');
  await finished(life, second);
  await finished(life, await submit(life, asking('third')));
  expect(life.holds.arrivals('q')).toBe(2);
  expect(life.fatal).toEqual([]);
});

test('SC5: who waited for one whose answer could not be kept gets it all the same', async () => {
  const { disk } = createFaultDisk(({ name, path: at }) => {
    if (name === 'mkdir' && at.includes('cache')) throw diskError('ENOSPC');
    return undefined;
  });
  const life = await live(newDir(), { disk });
  const id = await submit(life, asking('a'), asking('b'), asking('c'));
  await life.holds.arrived('q');
  life.holds.release('q');
  const again = life.holds.arrived('q', 2).then(() => expect.fail('asked again'));
  const { steps } = await Promise.race([finished(life, id), again]);
  expect(steps.map(({ metadata }) => metadata?.cache)).toEqual([
    undefined,
    expect.objectContaining({ hit: true }),
    expect.objectContaining({ hit: true }),
  ]);
  expect(life.holds.arrivals('q')).toBe(1);
});

test('SC3: params that cannot be bound fail their step, not the cache', async () => {
  const life = await live();
  const id = await submit(
    life,
    { id: 'made', action: 'noop' },
    asking('a', { name: '{{steps.made.outputs.nothing}}' }, { dependencies: ['made'] }),
  );
  expect(stepOf(await finished(life, id), 'a')).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('leads nowhere'),
  });
});

test('SC4: more answers than are held at once all reach their steps', async () => {
  const life = await live(newDir(), { settings: { maxParallelNodes: 2 } });
  const questions = [...Array(80).keys()].map((i) => ({ name: 'q', outputs: { i } }));
  const first = await submit(life, ...questions.map((params, i) => asking(`s${i}`, params)));
  for (let nth = 1; nth <= 80; nth += 1) {
    await life.holds.arrived('q', nth);
    life.holds.release('q');
  }
  await finished(life, first);
  await life.coordinator.parts.cache.idle();
  const { steps } = await finished(life, await submit(life, ...questions.map((params, i) => asking(`s${i}`, params))));
  expect(steps.map(({ outputs }) => outputs)).toEqual(questions.map(({ outputs }) => outputs));
  expect(life.holds.arrivals('q')).toBe(80);
});

test('X4: an answered step of the CPU lane needs no thread of it', async () => {
  const life = await live(newDir(), { settings: { poolThreads: 1 } });
  const split = { id: 'split', action: 'text_split', params: { text: 'one two' }, cache: true };
  const first = await submit(life, split);
  await finished(life, first);
  await life.coordinator.parts.cache.idle();
  const second = await finished(life, await submit(life, split));
  expect(stepOf(second, 'split')).toMatchObject({ metadata: { cache: { hit: true } }, execution_metrics: null });
  expect(life.coordinator.parts.readySteps.schedule.running).toBe(0);
});

test('an engine that is closed while steps wait for an answer ends in good order', async () => {
  const life = await live();
  const id = await submit(life, asking('a'), asking('b'));
  await life.holds.arrived('q');
  await end(life);
  expect(life.fatal).toEqual([]);
  expect(life.dir.state(id).status).toBe('STOPPED');
});
