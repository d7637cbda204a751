/**
 * Goal: conditions and lists over large data are decided by the reader, as small ones are decided at the coordinator, and what
 * the reader has read too long ago decides nothing (FL1, SW1). Method: workflows whose outputs lie in blobs, beside the same
 * with small ones; a reader that the test holds; lives after a crash.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DataReader, InquiryBatch } from '../../../src/contract/inquiry.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { inlineReader } from '../../fixtures/inline-reader.ts';
import { type Life, live, newDir, restart } from '../restarts.ts';

const pad = 'p'.repeat(100_000);
const timeout = 30_000;

/** Counts what it reads; `hold` keeps the next batches until `letGo`. */
class WatchedReader implements DataReader {
  readonly kinds: string[] = [];
  #gate: Promise<void> = Promise.resolve();
  letGo: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.letGo = resolve;
    });
  }

  async read(batch: InquiryBatch) {
    this.kinds.push(...batch.inquiries.map(({ kind }) => kind));
    await this.#gate;
    return inlineReader.read(batch);
  }

  async close(): Promise<void> {}
}

async function open(): Promise<Life & { reader: WatchedReader }> {
  const reader = new WatchedReader();
  return { ...(await live(newDir(), { reader, settings: { maxParallelNodes: 64 } })), reader };
}

const made = (id: string, outputs: object, rest: object = {}) => ({
  id,
  action: 'hold',
  params: { name: id, outputs },
  ...rest,
});

async function run({ engine, holds, fatal }: Life, steps: object[], more: object = {}): Promise<Workflow> {
  const { id } = await engine.submit({ name: 'far', steps, ...more } as never);
  const names = [...JSON.stringify(steps).matchAll(/"name":"(\w+)"/g)].map(([, name]) => String(name));
  for (;;) {
    expect(fatal).toEqual([]);
    const { workflow } = await engine.get(id);
    if (['COMPLETED', 'FAILED', 'STOPPED'].includes(workflow.status)) return workflow;
    for (const name of names) holds.release(name);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const shown = ({ steps }: Workflow) =>
  steps.map(({ id, name, status, outcome, error }) => ({ id, name, status, outcome, error }));

describe.each([
  ['small', {}, []],
  ['in a blob', { pad }, ['condition', 'condition', 'condition']],
])('a condition whose data is %s', (_, more, kinds) => {
  test('is true, false or a fault, and its reader has read no more than it had to', async () => {
    const life = await open();
    const workflow = await run(
      life,
      [
        made('a', { score: 0.8, ...more }),
        { id: 'yes', action: 'noop', dependencies: ['a'], when: 'steps.a.outputs.score >= 0.8' },
        { id: 'no', action: 'noop', dependencies: ['a'], when: 'steps.a.outputs.score > params.least', tolerate: true },
        { id: 'odd', action: 'noop', dependencies: ['a'], when: 'steps.a.outputs.score == steps.a.outputs.nope' },
      ],
      { params: { least: 0.8 } },
    );
    expect(shown(workflow).slice(1)).toEqual([
      { id: 'yes', name: 'yes', status: 'COMPLETED', outcome: undefined, error: null },
      { id: 'no', name: 'no', status: 'COMPLETED', outcome: 'skipped', error: null },
      {
        id: 'odd',
        name: 'odd',
        status: 'FAILED',
        outcome: undefined,
        error:
          'the condition steps.a.outputs.score == steps.a.outputs.nope cannot be answered: steps.a.outputs has no "nope"',
      },
    ]);
    expect(life.reader.kinds).toEqual(kinds);
  });
});

test('inline outputs that are long together are read by the reader, and so is a condition beside long params', async () => {
  const life = await open();
  const texts = Array.from({ length: 3 }, (_, i) => made(`a${i}`, { x: i, y: 'y'.repeat(6_000) }));
  const long = Array.from({ length: 9_000 }, (_, i) => `item ${i}`);
  const workflow = await run(
    life,
    [
      ...texts,
      {
        id: 'b',
        action: 'noop',
        dependencies: ['a0', 'a1', 'a2'],
        when: 'steps.a0.outputs.x + steps.a1.outputs.x + steps.a2.outputs.x == 3.0 && params.long[8999] == "item 8999"',
      },
    ],
    { params: { long } },
  );
  expect(workflow.steps[3]).toMatchObject({ status: 'COMPLETED', attempt: 1 });
  expect(life.reader.kinds).toEqual(['condition']);
});

describe.each([
  ['small', {}, []],
  ['in a blob', { pad }, ['list']],
])('a list that is %s', (_, more, kinds) => {
  test('has the same items, labels and values', async () => {
    const life = await open();
    const urls = ['u0', 'u1', 'u2'];
    const workflow = await run(life, [
      made('a', { urls, ...more }),
      {
        id: 'm',
        dependencies: ['a'],
        forEach: { url: '{{steps.a.outputs.urls}}', n: [7, 8] },
        label: '{{url}}/{{n}}/{{index}}',
        action: 'render',
        params: { template: '{{ d.u }}{{ d.n }}', data: { d: { u: '{{url}}', n: '{{n}}' } } },
      },
      { id: 'z', action: 'noop', dependencies: ['m'], params: { got: '{{steps.m.outputs.items}}' } },
    ]);
    expect(workflow.status).toBe('COMPLETED');
    const items = workflow.steps.slice(3);
    expect(items.map(({ name, outputs }) => [name, outputs?.content])).toEqual([
      ['u0/7/0', 'u07'],
      ['u0/8/1', 'u08'],
      ['u1/7/2', 'u17'],
      ['u1/8/3', 'u18'],
      ['u2/7/4', 'u27'],
      ['u2/8/5', 'u28'],
    ]);
    expect(life.reader.kinds).toEqual(kinds);
  });
});

test.each([
  ['what a map has gathered', 40_000, '{{steps.m.outputs.items}}', "item.v ?? 'none'", ['i0', 'none', 'i2']],
  ['the same from blobs', 70_000, '{{steps.m.outputs.items}}', "item.v ?? 'none'", ['i0', 'none', 'i2']],
  ['one item of it', 70_000, '{{steps.m.outputs.items[2].list}}', 'item', ['l2', 'm2']],
  ['its errors', 70_000, '{{steps.m.outputs.errors}}', 'item.item.name', ['i1']],
])('a list of %s', async (_, padLength, forEach, path, wanted) => {
  const life = await open();
  const { engine, holds } = life;
  const params = { name: '{{name}}', outputs: { v: '{{name}}', list: ['l{{index}}', 'm{{index}}'], pad: '{{pad}}' } };
  const { id } = await engine.submit({
    name: 'gathered',
    steps: [
      {
        id: 'm',
        forEach: { name: ['i0', 'i1', 'i2'], pad: ['p'.repeat(padLength)] },
        tolerate: 1,
        retry: { attemptsMax: 1 },
        action: 'hold',
        params,
      },
      {
        id: 'n',
        dependencies: ['m'],
        forEach,
        action: 'render',
        params: { template: '{{ v }}', data: { v: `{{${path}}}` } },
      },
    ],
  });
  await holds.arrived('i2');
  holds.release('i0');
  holds.release('i1', 'fail');
  holds.release('i2');
  await expect.poll(async () => (await engine.get(id)).workflow.status, { timeout }).toBe('COMPLETED');
  const { workflow } = await engine.get(id);
  const contents = workflow.steps.filter(({ of }) => of?.step === 'n').map(({ outputs }) => outputs?.content);
  expect(contents).toEqual(wanted);
  expect(life.reader.kinds.at(-1)).toBe('list');
});

test('what a map makes by `output` is gathered at the coordinator, also from blobs', async () => {
  const life = await open();
  const workflow = await run(life, [
    {
      id: 'm',
      forEach: ['x', 'y'],
      steps: [made('s', { pad, v: '{{item}}' })],
      output: { only: '{{steps.s.outputs.v}}', index: '{{index}}' },
    },
    {
      id: 'n',
      dependencies: ['m'],
      forEach: '{{steps.m.outputs.items}}',
      action: 'render',
      params: { template: '{{ v }}', data: { v: '{{item.only}}{{item.index}}' } },
    },
  ]);
  expect(workflow.steps.slice(-2).map(({ outputs }) => outputs?.content)).toEqual(['x0', 'y1']);
});

test('rounds are judged over blobs, and a list within a round is made from the round before', async () => {
  const life = await open();
  const workflow = await run(life, [
    {
      id: 'loop',
      repeat: { until: 'steps.a.outputs.n >= 2.0 && (round == 0 || previous.a.outputs.n < steps.a.outputs.n)', max: 5 },
      steps: [
        made('a', { n: '{{round}}', list: ['r{{round}}'], pad }),
        {
          id: 'b',
          dependencies: ['a'],
          forEach: { was: '{{previous.a.outputs.list ?? []}}', is: '{{steps.a.outputs.list}}' },
          action: 'render',
          params: { template: '{{ v }}', data: { v: '{{was}}>{{is}}' } },
        },
      ],
    },
  ]);
  expect(workflow.status).toBe('COMPLETED');
  expect(workflow.steps[0]).toMatchObject({ outputs: { rounds: 3, done: true } });
  const made2 = workflow.steps
    .filter(({ of, action }) => of?.step.endsWith('.b') && action === 'render')
    .map(({ outputs }) => outputs?.content);
  expect(made2).toEqual(['r0>r1', 'r1>r2']);
  expect(life.reader.kinds.filter((kind) => kind === 'condition')).toHaveLength(3);
});

test('a list within an item of a large list, and conditions of its items over them', async () => {
  const life = await open();
  const rows = Array.from({ length: 20 }, (_, i) => ({
    id: `r${i}`,
    parts: [`p${i}`, `q${i}`],
    pad: 'p'.repeat(5_000),
  }));
  const workflow = await run(life, [
    made('a', { rows }),
    {
      id: 'm',
      dependencies: ['a'],
      forEach: { row: '{{steps.a.outputs.rows}}' },
      steps: [
        {
          id: 'x',
          forEach: { part: '{{row.parts}}' },
          steps: [
            {
              id: 'y',
              when: 'row.id != "r3" && part != "q4" && index < 2',
              action: 'render',
              params: { template: '{{ v }}', data: { v: '{{row.id}}{{part}}' } },
            },
          ],
        },
      ],
    },
  ]);
  expect(workflow.steps.flatMap(({ error }) => error ?? []).slice(0, 1)).toEqual([]);
  const contents = workflow.steps.filter(({ id }) => id.endsWith('.y')).map(({ outputs }) => outputs?.content ?? null);
  expect(contents).toEqual(
    rows.flatMap(({ id, parts }) => parts.map((part) => (id === 'r3' || part === 'q4' ? null : `${id}${part}`))),
  );
  expect(life.reader.kinds.filter((kind) => kind === 'list')).toEqual(['list']);
});

describe('a reader that is slow', () => {
  const steps = (a: object) => [a, { id: 'b', action: 'noop', dependencies: ['a'], when: 'steps.a.outputs.n == 1.0' }];

  test('SW1: what it was asked before a retry decides nothing after it: the data has changed', async () => {
    const life = await open();
    const { engine, holds, reader } = life;
    reader.hold();
    const { id } = await engine.submit({
      name: 'slow',
      steps: [
        made('a', { n: 1, pad }),
        holds.step('x', { retry: { attemptsMax: 1 } }),
        {
          id: 'b',
          action: 'noop',
          dependencies: ['a', 'x'],
          join: 'ended',
          when: 'steps.a.outputs.n == 1.0 && steps.x.outcome == "failed"',
        },
      ] as never,
    });
    await holds.arrived('a');
    await holds.arrived('x');
    holds.release('a');
    holds.release('x', 'fail');
    await expect.poll(() => reader.kinds.length, { timeout }).toBe(1);
    await engine.retry(id);
    await holds.arrived('x', 2);
    holds.release('x');
    await expect.poll(async () => (await engine.getStep(id, 'b')).status, { timeout }).toBe('PENDING');
    reader.letGo();
    await expect.poll(async () => (await engine.get(id)).workflow.status, { timeout }).toBe('COMPLETED');
    expect((await engine.getStep(id, 'b')).outcome).toBe('skipped');
    expect(reader.kinds).toEqual(['condition', 'condition']);
  });

  test('a death while it reads: the next life asks again, and decides the same', async () => {
    const life = await open();
    const { engine, holds, reader } = life;
    reader.hold();
    const { id } = await engine.submit({ name: 'slow', steps: steps(made('a', { n: 2, pad })) as never });
    await holds.arrived('a');
    holds.release('a');
    await expect.poll(() => reader.kinds.length, { timeout }).toBe(1);
    const later = await restart(life.dir);
    await expect.poll(async () => (await later.engine.get(id)).workflow.status, { timeout }).toBe('COMPLETED');
    expect((await later.engine.getStep(id, 'b')).outcome).toBe('skipped');
    reader.letGo();
  });

  test('a workflow that is deleted meanwhile is gone', async () => {
    const life = await open();
    const { engine, holds, reader } = life;
    reader.hold();
    const { id } = await engine.submit({ name: 'slow', steps: steps(made('a', { n: 1, pad })) as never });
    await holds.arrived('a');
    holds.release('a');
    await expect.poll(() => reader.kinds.length, { timeout }).toBe(1);
    await engine.delete(id);
    reader.letGo();
    await expect(engine.get(id)).rejects.toThrow('not found');
    expect(life.fatal).toEqual([]);
  });
});

test('after a death the items of a large list go on with the values of their places; the list is read once', async () => {
  const life = await open();
  const { engine, holds } = life;
  const urls = Array.from({ length: 40 }, (_, i) => `u${i}${'p'.repeat(3_000)}`);
  const { id } = await engine.submit({
    name: 'again',
    steps: [
      made('a', { urls }),
      {
        id: 'm',
        dependencies: ['a'],
        forEach: '{{steps.a.outputs.urls}}',
        action: 'hold',
        params: { name: 'item{{index}}', outputs: { url: '{{item}}' } },
      },
    ],
  });
  await holds.arrived('a');
  holds.release('a');
  await holds.arrived('item39');
  for (let i = 0; i < 10; i += 1) holds.release(`item${i}`);
  await expect.poll(async () => (await engine.getStep(id, 'm.9')).status, { timeout }).toBe('COMPLETED');
  const reader = new WatchedReader();
  const later = await restart(life.dir, undefined, { reader, settings: { maxParallelNodes: 64 } });
  await later.holds.arrived('item39');
  for (let i = 10; i < 40; i += 1) later.holds.release(`item${i}`);
  await expect.poll(async () => (await later.engine.get(id)).workflow.status, { timeout }).toBe('COMPLETED');
  const { workflow } = await later.engine.get(id);
  expect(workflow.steps.slice(2).map(({ outputs }) => outputs?.url)).toEqual(urls);
  expect(reader.kinds).toEqual(['list']);
});

test('data that is damaged fails the step, and says what is wrong', async () => {
  const life = await open();
  const { engine, holds } = life;
  const { id } = await engine.submit({
    name: 'damaged',
    steps: [
      made('a', { n: 1, list: [1], pad }),
      holds.step('gate', { dependencies: ['a'] }),
      { id: 'b', action: 'noop', dependencies: ['gate'], when: 'steps.a.outputs.n == 1.0' },
      { id: 'c', action: 'noop', dependencies: ['gate'], forEach: '{{steps.a.outputs.list}}' },
    ] as never,
  });
  await holds.arrived('a');
  holds.release('a');
  await holds.arrived('gate');
  for (const name of life.dir.blobs(id)) {
    fs.writeFileSync(path.join(life.dir.directory(id), 'blobs', name), '{"n":1,"list":[1]}');
  }
  holds.release('gate');
  const lastOf = (stepId: string) => engine.getStep(id, stepId);
  await expect.poll(async () => (await lastOf('c')).status, { timeout }).toBe('FAILED');
  await expect.poll(async () => (await lastOf('b')).status, { timeout }).toBe('FAILED');
  const errors = [(await lastOf('b')).error, (await lastOf('c')).error];
  expect(errors).toEqual(
    Array(2).fill(
      expect.stringMatching(/outputs that the step refers to cannot be read: blob [0-9a-f]{64} is damaged/),
    ),
  );
});
