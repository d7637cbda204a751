/**
 * Goal: a valid state.json that the engine knows nothing of is taken in and goes on like any other; finished ones are left
 * as they stand, byte for byte, until somebody changes them.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { composeState } from '../../../src/store/state-bytes.ts';
import { expectRefusal, statuses, stepOf, timeless } from '../../engine/running-engine.ts';
import { live, newDir, restart } from '../restarts.ts';

/** As the first plan writes them: few fields, nulls, local times without a zone. */
function seedFile(steps: object[], rest: object = {}): { id: string } & Record<string, unknown> {
  return {
    id: randomUUID(),
    name: 'Workflow from seed',
    status: 'RUNNING',
    createdAt: '2025-03-01T10:00:00.123456',
    updatedAt: '2025-03-01T10:00:05',
    description: null,
    tags: null,
    progress: null,
    parentId: null,
    branches: null,
    metrics: null,
    steps,
    ...rest,
  };
}

/** As an engine on another machine has left it, at this event of its own journal. */
function engineFile(file: object, meta: { seq: number } & Record<string, unknown>): string {
  return composeState(JSON.stringify(file, null, 2), { started: true, ...meta }).bytes.toString('utf8');
}

test('a file with missing and null fields and naive times is adopted, its RUNNING step queued anew', async () => {
  const dir = newDir();
  const file = seedFile([
    {
      id: 'a',
      name: 'A',
      action: 'noop',
      status: 'COMPLETED',
      dependencies: [],
      outputs: { result: 'success' },
      startTime: '2025-03-01T10:00:00',
      endTime: '2025-03-01T10:01:30.5',
      duration: '1 min 30 sec',
      logs: ['by hand'],
    },
    {
      id: 'b',
      action: 'noop',
      status: 'RUNNING',
      dependencies: ['a'],
      startTime: '2025-03-01T10:00:02+02:00',
      logs: ['Started execution at some time'],
    },
    { id: 'c', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['b'], params: null, retry: null },
  ]);
  dir.writeState(file.id, file);
  const { engine, log } = await live(dir);
  expect(log.join('\n')).toContain(`Recovered workflow ${file.id}: 1 step re-queued`);
  const { workflow } = await engine.finished(file.id);
  expect(workflow).toMatchObject({
    name: 'Workflow from seed',
    status: 'COMPLETED',
    progress: 100,
    createdAt: '2025-03-01T10:00:00.123Z',
    description: '',
    tags: [],
    branches: [],
  });
  expect(stepOf(workflow, 'a')).toMatchObject({
    outputs: { result: 'success' },
    startTime: '2025-03-01T10:00:00.000Z',
    duration: '1 min 30 sec',
    logs: ['by hand'],
  });
  expect(timeless(stepOf(workflow, 'b').logs)).toEqual([
    'Started execution at some time',
    'Recovered from orphaned RUNNING state at <time>',
    'Re-queued during recovery at <time>',
    'Started execution at <time>',
    'Completed successfully at <time>',
  ]);
  expect(stepOf(workflow, 'c')).toMatchObject({ name: 'c', status: 'COMPLETED' });
  expect(stepOf(workflow, 'c').params).toEqual({});
});

test('the least that a file can be is enough', async () => {
  const dir = newDir();
  const id = randomUUID().toUpperCase();
  dir.writeState(id, { id, steps: [{ id: 'only', action: 'noop', status: 'PENDING' }] });
  const { engine } = await live(dir);
  expect((await engine.finished(id)).workflow).toMatchObject({ id, status: 'COMPLETED', name: expect.any(String) });
});

test('PENDING steps whose dependencies are not met wait, and run when they are', async () => {
  const dir = newDir();
  const file = seedFile([
    { id: 'last', action: 'noop', status: 'PENDING', dependencies: ['first', 'second'] },
    { id: 'first', action: 'noop', status: 'PENDING', dependencies: [] },
    {
      id: 'second',
      action: 'hold',
      params: { name: 'second' },
      status: 'WAITING_FOR_DEPENDENCY',
      dependencies: ['first'],
    },
  ]);
  dir.writeState(file.id, file);
  const { engine, holds } = await live(dir);
  await holds.arrived('second');
  expect(statuses((await engine.get(file.id)).workflow)).toEqual({
    last: 'WAITING_FOR_DEPENDENCY',
    first: 'COMPLETED',
    second: 'RUNNING',
  });
  holds.release('second');
  expect((await engine.finished(file.id)).status).toBe('COMPLETED');
});

test('a dependency on a step that is absent is data still missing; it comes from outside, also after a restart', async () => {
  const dir = newDir();
  const file = seedFile([
    {
      id: 'b',
      action: 'transform',
      status: 'PENDING',
      dependencies: ['page'],
      params: { input: '{{steps.page.outputs.content}}', expression: '$uppercase($)' },
    },
  ]);
  dir.writeState(file.id, file);
  const first = await live(dir);
  expect((await first.engine.get(file.id, { waitMs: 60_000 })).status).toBe('WAITING_FOR_DEPENDENCY');
  const second = await restart(dir);
  const answer = await second.engine.externalData(file.id, { step_id: 'page', content: 'abc' });
  expect(answer).toMatchObject({ step_id: 'page', queued_dependents: 1 });
  const { workflow } = await second.engine.finished(file.id);
  expect(workflow.status).toBe('COMPLETED');
  expect(stepOf(workflow, 'b').outputs).toMatchObject({ value: 'ABC' });
  expect(timeless(stepOf(workflow, 'b').logs)[0]).toBe('Queued due to external data dependency satisfaction at <time>');
});

test('numbers that cannot be held are warnings, in a file that is adopted and in one that is taken over', async () => {
  const dir = newDir();
  const wait = { id: 'in', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY', params: { x: '#1', y: '#2' } };
  const write = (text: string) => text.replace('"#1"', '9007199254740993').replace('"#2"', '1e400');
  const file = seedFile([wait], { warnings: ['mine'] });
  dir.writeState(file.id, write(JSON.stringify(file)));
  const lines = [
    'steps[0].params.x: 9007199254740993 cannot be held as a number and became 9007199254740992; put it into quotes to keep it',
    'steps[0].params.y: 1e400 cannot be held as a number and became null; put it into quotes to keep it',
  ];
  const first = await live(dir);
  const { workflow } = await first.engine.get(file.id);
  expect(workflow.warnings).toEqual(['mine', ...lines]);
  expect(stepOf(workflow, 'in').params).toEqual({ x: 9007199254740992, y: null });
  const second = await restart(dir);
  expect((await second.engine.get(file.id)).workflow).toEqual(workflow);
  const stopped = seedFile([{ ...wait, status: 'STOPPED' }], { status: 'STOPPED' });
  second.dir.writeState(stopped.id, write(JSON.stringify(stopped)));
  const third = await restart(second.dir);
  expect((await third.engine.get(stopped.id)).workflow.warnings).toEqual([]);
  third.dir.writeState(stopped.id, write(JSON.stringify({ ...stopped, name: 'edited' })));
  expect((await third.engine.get(stopped.id)).workflow.warnings).toEqual([
    ...lines,
    expect.stringContaining('taken over'),
  ]);
});

describe('finished and stopped files', () => {
  const done = { id: 'a', action: 'noop', status: 'COMPLETED', outputs: { n: 1 } };

  test('are not rewritten, and are served and listed all the same', async () => {
    const dir = newDir();
    const files = [
      seedFile([done], { status: 'COMPLETED' }),
      seedFile([{ ...done, status: 'FAILED', error: 'no' }], { status: 'FAILED', version: 41 }),
      seedFile([{ ...done, status: 'STOPPED', outputs: null }], { status: 'STOPPED' }),
    ];
    for (const file of files) dir.writeState(file.id, JSON.stringify(file, null, 7));
    const bytes = files.map(({ id }) => dir.stateText(id));
    const first = await live(dir);
    expect((await first.engine.list()).total).toBe(3);
    for (const { id, status } of files) expect((await first.engine.get(id)).workflow).toMatchObject({ id, status });
    expect((await first.engine.peek(files[1]!.id)).version).toBe(41);
    await first.coordinator.parts.checkpoints.make();
    const second = await restart(dir);
    expect((await second.engine.list()).total).toBe(3);
    for (const { id, status } of files) expect((await second.engine.get(id)).workflow).toMatchObject({ id, status });
    await first.engine.close();
    const third = await live(dir);
    expect((await third.engine.list()).total).toBe(3);
    expect(files.map(({ id }) => dir.stateText(id))).toEqual(bytes);
    expect(files.map(({ id }) => second.dir.stateText(id))).toEqual(bytes);
    expect(third.dir.quarantined()).toEqual([]);
  });

  test('that hold a RUNNING step show it STOPPED, now and after a start, and run it when they are resumed', async () => {
    const dir = newDir();
    const held = { id: 'b', action: 'hold', params: { name: 'b' }, status: 'RUNNING', dependencies: [] };
    const steps = [done, { ...held, startTime: '2025-03-01T10:00:01', attempt: 1 }];
    const files = ['COMPLETED', 'FAILED', 'STOPPED'].map((status) => seedFile(steps, { status, version: 7 }));
    for (const file of files) dir.writeState(file.id, file);
    const first = await live(dir);
    const show = async ({ engine }: Pick<typeof first, 'engine'>) =>
      Promise.all(files.map(async ({ id }) => (await engine.get(id)).workflow));
    const shown = await show(first);
    expect(shown.map((workflow) => [workflow.status, statuses(workflow), workflow.version])).toEqual(
      files.map(({ status }) => [status, { a: 'COMPLETED', b: 'STOPPED' }, 8]),
    );
    expect(stepOf(shown[0]!, 'b')).toMatchObject({
      error: 'It was RUNNING in a workflow that is COMPLETED: no attempt of it is known here',
      endTime: '2025-03-01T10:00:05.000Z',
      duration: '4 sec',
    });
    const second = await restart(dir);
    expect(await show(second)).toEqual(shown);
    expect(second.holds.arrivals('b')).toBe(0);
    const stopped = files[2]!.id;
    await second.engine.resume(stopped);
    await second.holds.arrived('b');
    second.holds.release('b');
    expect((await second.engine.finished(stopped)).status).toBe('COMPLETED');
  });

  test.each([
    ['known by the journal alone', false],
    ['in the index', true],
  ])(
    'keep what was acknowledged after their adoption when the crash comes before their file is written (%s)',
    async (_, indexed) => {
      const dir = newDir();
      const files = [1, 2, 3, 4].map(() =>
        seedFile([done, { id: 'b', action: 'hold', params: { name: 'b' }, status: 'STOPPED', dependencies: ['a'] }], {
          status: 'STOPPED',
          version: 5,
        }),
      );
      const [external, branched, resumed, deleted] = files.map(({ id }) => id) as [string, string, string, string];
      for (const file of files) dir.writeState(file.id, file);
      const texts = new Map(files.map(({ id }) => [id, dir.stateText(id)]));
      const first = await live(dir);
      if (indexed) await first.coordinator.parts.checkpoints.make();
      await first.engine.externalData(external, { content: 'kept', step_id: 'mine' }, { idempotencyKey: 'k' });
      const branch = await first.engine.branch(branched, { stepId: 'b' });
      await first.engine.resume(resumed);
      await first.holds.arrived('b', 2);
      await first.engine.delete(deleted);
      const expected = await Promise.all([external, branched].map(async (id) => (await first.engine.get(id)).workflow));
      const second = await restart(dir, (image) => {
        for (const id of [external, branched, resumed]) image.writeState(id, texts.get(id)!);
      });
      expect(await Promise.all([external, branched].map(async (id) => (await second.engine.get(id)).workflow))).toEqual(
        expected,
      );
      expect(stepOf(expected[0]!, 'mine').outputs).toMatchObject({ content: 'kept' });
      expect(expected[1]!.branches.map(({ id }) => id)).toEqual([branch.id]);
      await second.holds.arrived('b', 2);
      expect((await second.engine.get(resumed)).status).toBe('RUNNING');
      await expectRefusal(second.engine.get(deleted), 'NOT_FOUND', /not found/);
      await second.engine.externalData(external, { content: 'kept', step_id: 'mine' }, { idempotencyKey: 'k' });
      expect((await second.engine.get(external)).workflow).toEqual(expected[0]);
      expect(second.dir.quarantined()).toEqual([]);
      await second.coordinator.parts.checkpoints.make();
      const third = await restart(second.dir);
      expect((await third.engine.get(external)).workflow).toEqual(expected[0]);
    },
  );
});

test('what is no workflow is set aside, reported, refused with 410, and costs nobody else', async () => {
  const dir = newDir();
  const good = seedFile([{ id: 'a', action: 'noop', status: 'PENDING' }]);
  dir.writeState(good.id, good);
  const bad: Record<string, string> = {
    empty: '',
    'half a document': '{"id": "',
    'not an object': '[]',
    'no steps': JSON.stringify({ id: '$ID' }),
    'no step id': JSON.stringify({ id: '$ID', steps: [{ action: 'noop', status: 'PENDING' }] }),
    'a status that is none': JSON.stringify({ id: '$ID', steps: [{ id: 'a', action: 'noop', status: 'DONE' }] }),
    'a step twice': JSON.stringify({
      id: '$ID',
      steps: [1, 2].map(() => ({ id: 'a', action: 'noop', status: 'PENDING' })),
    }),
    'another workflow': JSON.stringify(seedFile([])),
    'a time that is none': JSON.stringify({ id: '$ID', createdAt: 'soon', steps: [] }),
  };
  const ids = Object.entries(bad).map(([, text]) => {
    const id = randomUUID();
    dir.writeState(id, text.replace('$ID', id));
    return id;
  });
  const texts = ids.map((id) => dir.stateText(id));
  const empty = randomUUID();
  fs.mkdirSync(dir.directory(empty));
  const first = await live(dir);
  expect((await first.engine.finished(good.id)).status).toBe('COMPLETED');
  const kept = dir.quarantined();
  for (const [n, id] of ids.entries()) {
    await expectRefusal(first.engine.get(id), 'SET_ASIDE', new RegExp(`${id} was set aside`));
    expect((await first.engine.health()).notices.join('\n')).toContain(id);
    const entry = kept.find((name) => name.includes(id))!;
    expect(fs.readFileSync(`${dir.workflowsDir}/.engine/quarantine/${entry}/state.json`, 'utf8')).toBe(texts[n]);
  }
  const noStatus = Object.keys(bad).indexOf('a status that is none');
  await expectRefusal(
    first.engine.get(ids[noStatus]!),
    'SET_ASIDE',
    /its state\.json is not a workflow: steps\[0\]\.status: expected one of "PENDING"/,
  );
  await expectRefusal(first.engine.get(empty), 'NOT_FOUND', /not found/);
  expect((await first.engine.list()).total).toBe(1);
  expect((await first.engine.stats()).set_aside).toBe(ids.length);
  await first.coordinator.parts.checkpoints.make();

  // Still set aside after a restart; a file that is put back is adopted.
  const second = await restart(dir, (image) => image.writeState(ids[0]!, { ...good, id: ids[0] }));
  await expectRefusal(second.engine.get(ids[1]!), 'SET_ASIDE', /set aside/);
  expect((await second.engine.finished(ids[0]!)).status).toBe('COMPLETED');
});

describe("another journal's file, with the number of an event that this one does not have", () => {
  const steps = [
    { id: 'in', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY', params: { workflowId: 'mine' } },
    { id: 'in2', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' },
  ];

  // The other is the number that the workflow's last event has here.
  test.each([1000, 2])('cannot take back what was acknowledged after its adoption (event %d)', async (seq) => {
    const dir = newDir();
    const file = seedFile(steps, { status: 'WAITING_FOR_DEPENDENCY', version: 7 });
    const { id } = file;
    const text = engineFile(file, { seq });
    dir.writeState(id, text);
    const first = await live(dir);
    await first.engine.externalData(id, { step_id: 'in', content: 'kept' }, { idempotencyKey: 'k' });
    const before = (await first.engine.get(id)).workflow;
    // Neither the view of the adoption nor that of the data had come to the disk.
    const second = await restart(dir, (image) => image.writeState(id, text));
    expect((await second.engine.get(id)).workflow).toEqual(before);
    expect(stepOf(before, 'in').outputs).toMatchObject({ content: 'kept' });
    expect(second.dir.state(id)).toEqual(before);
    expect((await second.engine.health()).notices).toEqual([]);
    const third = await restart(second.dir);
    expect((await third.engine.get(id)).workflow).toEqual(before);
  });

  test.each([
    ['known by the journal alone', false],
    ['in the index', true],
  ])('cannot take back what was acknowledged after it was left as it stood (%s)', async (_, isIndexed) => {
    const dir = newDir();
    const done = { id: 'a', action: 'noop', status: 'COMPLETED', outputs: { n: 1 } };
    const file = seedFile([done], { status: 'COMPLETED', version: 7 });
    const { id } = file;
    const text = engineFile(file, { seq: 1000 });
    dir.writeState(id, text);
    const first = await live(dir);
    if (isIndexed) await first.coordinator.parts.checkpoints.make();
    await first.engine.externalData(id, { step_id: 'mine', content: 'kept' }, { idempotencyKey: 'k' });
    const before = (await first.engine.get(id)).workflow;
    const second = await restart(dir, (image) => image.writeState(id, text));
    expect((await second.engine.get(id)).workflow).toEqual(before);
    expect(stepOf(before, 'mine').outputs).toMatchObject({ content: 'kept' });
    expect((await second.engine.health()).notices).toEqual([]);
  });

  test('is a witness as any other once it is the view of an event here: a journal that ends before it is damaged', async () => {
    const dir = newDir();
    const file = seedFile(steps, { status: 'WAITING_FOR_DEPENDENCY', version: 7 });
    const { id } = file;
    dir.writeState(id, engineFile(file, { seq: 1000 }));
    const first = await live(dir);
    await first.engine.externalData(id, { step_id: 'in', content: 'kept' });
    await dir.untilState(id, ({ version }) => version === 9);
    const second = await restart(dir, (image) => {
      const directory = `${image.workflowsDir}/.engine/journal`;
      const segment = `${directory}/${fs.readdirSync(directory).sort().at(-1)}`;
      const bytes = fs.readFileSync(segment);
      const record = bytes.lastIndexOf('\nHJ1 ', bytes.indexOf('"kind":"external_data.ingested"'));
      fs.truncateSync(segment, record + 1);
    });
    expect((await second.engine.health()).notices.join('\n')).toContain('other files name event 2');
    expect(stepOf((await second.engine.get(id)).workflow, 'in').outputs).toMatchObject({ content: 'kept' });
  });
});

describe('a key that is used again after the deletion of its first workflow', () => {
  const waits = { name: 'keyed', steps: [{ id: 'in', action: 'external_data' }] };
  const runs = { name: 'keyed', steps: [{ id: 'a', action: 'noop' }] };

  test.each([
    ['waits, and the journal holds the deletion', waits, false],
    ['waits, and the deletion is forgotten', waits, true],
    ['has finished, and the journal holds the deletion', runs, false],
    ['has finished, and the deletion is forgotten', runs, true],
  ])('stays with the second when the first is put back (%s)', async (_, definition, isForgotten) => {
    const first = await live();
    const submit = ({ engine }: typeof first) => engine.submit(definition, { idempotencyKey: 'k', waitMs: 60_000 });
    const old = await submit(first);
    await first.dir.untilState(old.id, ({ status }) => status === old.workflow.status);
    const text = first.dir.stateText(old.id);
    await first.engine.delete(old.id);
    const { id } = await submit(first);
    await first.engine.close();
    if (isForgotten) await (await live(first.dir)).engine.close();
    const second = await restart(first.dir, (image) => image.writeState(old.id, text));
    expect((await second.engine.get(old.id)).workflow.name).toBe('keyed');
    expect((await submit(second)).id).toBe(id);
    await second.coordinator.parts.checkpoints.make();
    const third = await restart(second.dir);
    expect((await submit(third)).id).toBe(id);
    await third.engine.branch(old.id, { stepId: definition.steps[0]!.id });
    await third.engine.delete(old.id);
    expect((await submit(third)).id).toBe(id);
    expect((await (await restart(third.dir)).engine.get(id)).status).toBe(old.workflow.status);
  });

  test('stays with the second when the first, put back as it stood, is changed', async () => {
    const first = await live();
    const submit = ({ engine }: typeof first) => engine.submit(waits, { idempotencyKey: 'k', waitMs: 60_000 });
    const old = await submit(first);
    await first.engine.stop(old.id);
    await first.dir.untilState(old.id, ({ status }) => status === 'STOPPED');
    const text = first.dir.stateText(old.id);
    await first.engine.delete(old.id);
    const { id } = await submit(first);
    await first.engine.close();
    // Then nothing but the manifest tells of the second, and it tells last.
    await (await live(first.dir)).engine.close();
    const second = await restart(first.dir, (image) => image.writeState(old.id, text));
    await second.engine.externalData(old.id, { step_id: 'mine', content: 'x' }, { idempotencyKey: 'own' });
    await second.dir.untilState(old.id, ({ version }) => version > old.workflow.version + 1);
    const killed = await restart(second.dir, (image) => image.writeState(old.id, text));
    await second.coordinator.parts.checkpoints.make();
    await killed.coordinator.parts.checkpoints.make();
    for (const life of [killed, await restart(second.dir), await restart(killed.dir)]) {
      expect((await submit(life)).id).toBe(id);
      await life.engine.externalData(old.id, { step_id: 'mine', content: 'x' }, { idempotencyKey: 'own' });
      await life.engine.delete(old.id);
      expect((await submit(life)).id).toBe(id);
    }
  });

  test('stays with the first that comes, and goes with no other', async () => {
    const { coordinator, engine } = await live();
    const { workflows } = coordinator.parts;
    const { id } = await engine.submit(runs, { idempotencyKey: 'k', waitMs: 60_000 });
    const summary = (await engine.list()).items[0]!;
    workflows.addFinished({ id: 'other', seq: 0, sha256: '', summary, keys: ['k'] }, true);
    expect(workflows.keyOwner('k')).toBe(id);
    workflows.remove('other');
    expect(workflows.keyOwner('k')).toBe(id);
  });
});

describe('what only the sums vouch for: what was spent, and answers to calls with a key', () => {
  const counts = { tokens: 9, input_tokens: 5, cached_input_tokens: 0, cache_write_tokens: 0, output_tokens: 4 };
  const row = { day: '2026-01-31', action: 'prompt', model: 'm', calls: 2, unpriced_calls: 0, cost_pico: '17' };
  const spending = [{ ...row, ...counts, reasoning_tokens: 0 }];
  const meta = (dir: ReturnType<typeof newDir>, id: string) => JSON.parse(dir.stateText(id))._meta;

  test('come along when a file is adopted', async () => {
    const dir = newDir();
    const file = seedFile([{ id: 'in', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' }], { version: 7 });
    dir.writeState(file.id, engineFile(file, { seq: 1000, spending }));
    await live(dir);
    expect(meta(dir, file.id)).toMatchObject({ spending });
    const second = await restart(dir, (image) => fs.writeFileSync(image.stateFile(file.id), '{}'));
    expect(meta(second.dir, file.id)).toMatchObject({ spending });
  });

  test.each([
    ['finished, and its file is found changed at a read', 'COMPLETED'],
    ['waiting, and its file is older than the engine knows', 'WAITING_FOR_DEPENDENCY'],
  ])('come along when a file is taken over (%s)', async (_, status) => {
    const first = await live();
    const steps = [{ id: 'in', action: status === 'COMPLETED' ? 'noop' : 'external_data' }];
    const submit = ({ engine }: typeof first) =>
      engine.submit({ name: 'keyed', steps }, { idempotencyKey: 'k', waitMs: 60_000 });
    const { id } = await submit(first);
    await first.dir.untilState(id, (workflow) => workflow.status === status);
    const { keys } = meta(first.dir, id);
    const text = engineFile(first.dir.state(id), { seq: status === 'COMPLETED' ? 1000 : 1, keys, spending });
    await first.engine.close();
    // The second chance goes as well.
    await (await live(first.dir)).engine.close();
    const second = await restart(first.dir, (image) => image.writeState(id, text));
    const { workflow } = await second.engine.get(id);
    expect(workflow.warnings).toEqual([expect.stringContaining('taken over')]);
    expect((await submit(second)).id).toBe(id);
    await second.dir.untilState(id, ({ warnings }) => warnings.length === 1);
    expect(meta(second.dir, id)).toMatchObject({ keys, spending });
    // Its view had not come to the disk.
    const third = await restart(second.dir, (image) => image.writeState(id, text));
    expect((await third.engine.get(id)).workflow).toEqual(workflow);
    expect((await submit(third)).id).toBe(id);
  });
});

test("another engine's newer file put over a known workflow costs that file: the journal holds the workflow", async () => {
  const ours = await live();
  const { id } = await ours.engine.submit(
    { name: 'ours', steps: [{ id: 'in', action: 'external_data' }] },
    { waitMs: 60_000 },
  );
  const { id: neighbour } = await ours.engine.submit({ name: 'b', steps: [{ id: 'in', action: 'external_data' }] });
  await ours.dir.untilState(id, ({ status }) => status === 'WAITING_FOR_DEPENDENCY');
  const theirs = await restart(ours.dir);
  for (let n = 0; n < 20; n += 1) {
    const made = await theirs.engine.submit({ name: `n${n}`, steps: [{ id: 'a', action: 'noop' }] });
    await theirs.engine.finished(made.id);
  }
  await theirs.engine.stop(id);
  await theirs.dir.untilState(id, ({ status }) => status === 'STOPPED');
  for (let n = 0; n < 3; n += 1) {
    await ours.engine.stop(id);
    await ours.engine.resume(id);
  }
  const { workflow: known } = await ours.engine.get(id);
  const text = theirs.dir.stateText(id);
  const later = await restart(ours.dir, (image) => image.writeState(id, text));
  expect(later.fatal).toEqual([]);
  const { workflow } = await later.engine.get(id);
  expect(workflow).toMatchObject({ status: known.status, version: known.version, steps: known.steps });
  await later.engine.externalData(id, { step_id: 'in', content: 'x' });
  await later.engine.externalData(neighbour, { step_id: 'in', content: 'x' });
  expect((await later.engine.finished(id)).status).toBe('COMPLETED');
  expect((await later.engine.finished(neighbour)).status).toBe('COMPLETED');
  expect(later.fatal).toEqual([]);
});

test.each([
  ['of this journal is what the workflow is', true],
  ['of another journal cannot win by its number, and is taken over with a warning', false],
])('an intact file whose number fits, %s', async (_what, isOurs) => {
  const first = await live();
  const waiting = { name: 'known', steps: [{ id: 'in', action: 'external_data' }] };
  const { id } = await first.engine.submit(waiting, { waitMs: 60_000 });
  // The journal no longer holds its beginning, so that its file is needed.
  for (const _ of [1, 2, 3]) await first.coordinator.parts.checkpoints.make();
  await first.engine.submit(waiting, { waitMs: 60_000 });
  const { last_seq: seq } = await first.engine.stats();
  const ours = JSON.parse(first.dir.stateText(id))._meta.journal;
  const next = await restart(first.dir, (image) => {
    const { name: _, ...file } = image.state(id);
    // The engine's own order of fields: the id is the first.
    image.writeState(id, engineFile({ ...file, name: 'theirs' }, { seq, journal: isOurs ? ours : 'another' }));
  });
  const { workflow } = await next.engine.get(id);
  expect(workflow.name).toBe('theirs');
  expect(workflow.warnings).toEqual(
    isOurs ? [] : ['state.json is not what the engine wrote; its content was taken over as found'],
  );
  expect(next.dir.quarantined()).toHaveLength(isOurs ? 0 : 1);
});

/** JSON text of objects, so many in each other. */
function nested(levels: number): string {
  return '{"a":'.repeat(levels - 1).concat('{}', '}'.repeat(levels - 1));
}

describe('what the HTTP interface bounds, a file is bounded by too (R3, R6)', () => {
  const step = { id: 'a', action: 'noop', status: 'PENDING' };
  const stepText = (more: string) => `{"id":"a","action":"noop","status":"PENDING",${more}}`;
  /** The file as text, because no library writes 100,000 levels. */
  const withStep = (id: string, text: string) => `{"id":"${id}","steps":[${text}]}`;

  test.each([
    ['params of 65 levels', (id: string) => withStep(id, stepText(`"params":${nested(65)}`)), /nested deeper than 67/],
    ['params of 10,000 levels', (id: string) => withStep(id, stepText(`"params":${nested(10_000)}`)), /nested deeper/],
    [
      'params of 100,000 levels',
      (id: string) => withStep(id, stepText(`"params":${nested(100_000)}`)),
      /nested deeper/,
    ],
    [
      'outputs of 100,000 lists',
      (id: string) => withStep(id, stepText(`"outputs":{"x":${'['.repeat(1e5)}${']'.repeat(1e5)}}`)),
      /nested deeper/,
    ],
    [
      'an unknown field of 100,000 levels',
      (id: string) => `{"id":"${id}","steps":[],"more":${nested(1e5)}}`,
      /nested deeper/,
    ],
    [
      '20,001 steps',
      (id: string) =>
        JSON.stringify({ id, steps: Array.from({ length: 20_001 }, (_, i) => ({ ...step, id: `s${i}` })) }),
      /has 20001 steps, at most 20000 are allowed/,
    ],
    [
      'a circle of two steps',
      (id: string) =>
        JSON.stringify({
          id,
          steps: [
            { ...step, dependencies: ['b'] },
            { ...step, id: 'b', dependencies: ['a'] },
          ],
        }),
      /wait for each other in a circle: (a → b|b → a)/,
    ],
    [
      'a step that waits for itself',
      (id: string) => JSON.stringify({ id, steps: [{ ...step, dependencies: ['a'] }] }),
      /in a circle: a/,
    ],
    [
      'a name of 1,001 characters',
      (id: string) => JSON.stringify({ id, name: 'n'.repeat(1_001), steps: [step] }),
      /has a name of 1001 characters, at most 1000/,
    ],
    [
      'an action of 129 characters',
      (id: string) => JSON.stringify({ id, steps: [{ ...step, action: 'a'.repeat(129) }] }),
      /an action of 129 characters/,
    ],
    [
      'a step id of 129 characters',
      (id: string) => JSON.stringify({ id, steps: [{ ...step, id: 'a'.repeat(129) }] }),
      /a step whose id is of 129 characters/,
    ],
    [
      '69 tags',
      (id: string) => JSON.stringify({ id, tags: Array.from({ length: 69 }, String), steps: [step] }),
      /has 69 tags/,
    ],
  ])('%s: set aside with the reason, and the others go on', async (_what, toText, reason) => {
    const dir = newDir();
    const [bad, good] = [randomUUID(), randomUUID()];
    dir.writeState(bad, toText(bad));
    dir.writeState(good, { id: good, steps: [step] });
    const { engine } = await live(dir);
    await expectRefusal(engine.get(bad), 'SET_ASIDE', reason);
    expect((await engine.finished(good)).status).toBe('COMPLETED');
    expect(dir.quarantined()).toHaveLength(1);
    expect(dir.hasState(bad)).toBe(false);
  });

  test('at each bound it is taken in', async () => {
    const dir = newDir();
    const [deep, long] = [randomUUID(), randomUUID()];
    dir.writeState(deep, withStep(deep, stepText(`"params":${nested(64)}`)));
    const steps = [{ ...step, id: 'a'.repeat(128), action: 'b'.repeat(128) }];
    dir.writeState(long, { id: long, name: 'n'.repeat(1_000), tags: Array.from({ length: 64 }, String), steps });
    const { engine } = await live(dir);
    expect((await engine.finished(deep)).status).toBe('COMPLETED');
    expect((await engine.finished(long)).workflow.steps).toHaveLength(1);
    expect(dir.quarantined()).toEqual([]);
  });

  test.each([
    ['64 levels', 64, 'COMPLETED'],
    ['65 levels', 65, /nested deeper than 67/],
  ])("the engine's own file of a known workflow, with params of %s", async (_what, levels, expected) => {
    const first = await live();
    const { id } = await first.engine.submit(
      { name: 'known', steps: [{ id: 'in', action: 'external_data' }] },
      { waitMs: 60_000 },
    );
    // The journal no longer holds its beginning, so that its file is needed.
    for (const _ of [1, 2, 3]) await first.coordinator.parts.checkpoints.make();
    const { journal, seq } = JSON.parse(first.dir.stateText(id))._meta;
    const next = await restart(first.dir, (image) => {
      const { steps, ...file } = image.state(id);
      const deep = steps.map((one) => ({ ...one, params: JSON.parse(nested(levels)) }));
      image.writeState(id, engineFile({ ...file, steps: deep }, { seq, journal }));
    });
    if (typeof expected !== 'string') {
      await expectRefusal(next.engine.get(id), 'SET_ASIDE', expected);
      expect(next.dir.quarantined()).toHaveLength(1);
      return;
    }
    await next.engine.externalData(id, { step_id: 'in', content: 'x' });
    expect((await next.engine.finished(id)).status).toBe(expected);
    expect(next.dir.quarantined()).toEqual([]);
  });

  test.each([
    ['keys that are no keys', { keys: [{ key: 1 }] }],
    ['spending that is no list', { spending: 5 }],
    ['a reservation without its tokens', { steps: { a: { reserved: { model: 'm' } } } }],
    ['failures that are text', { steps: { a: { failures: 'many' } } }],
  ])('a file with right sums whose _meta holds %s is taken in as a file of others', async (_what, meta) => {
    const dir = newDir();
    const id = randomUUID();
    dir.writeState(id, engineFile({ id, steps: [step] }, { seq: 3, ...meta }));
    const { engine } = await live(dir);
    expect((await engine.finished(id)).status).toBe('COMPLETED');
  });

  test('a file of a newer format is set aside with a reason that names both formats', async () => {
    const dir = newDir();
    const id = randomUUID();
    dir.writeState(id, engineFile({ id, steps: [step] }, { seq: 3, format: 3 }));
    const { engine } = await live(dir);
    const detail =
      /set aside: its state.json has format 3, this version of the engine knows format 2; upgrade the engine, then copy/;
    await expectRefusal(engine.get(id), 'SET_ASIDE', detail);
    expect((await engine.health()).notices.join('\n')).toMatch(detail);
    expect(dir.quarantined()).toHaveLength(1);
  });

  test('a queue file whose items name objects is reported, and the start goes on', async () => {
    const dir = newDir();
    const strange = `[{"workflow_id":{"toString":1,"valueOf":1},"node_id":${nested(50_000)}}]`;
    fs.writeFileSync(dir.queueStateFile, strange);
    const { log } = await live(dir);
    expect(log.join('\n')).toContain('Queue item an object/an object was dropped: there is no such step to run');
  });
});
