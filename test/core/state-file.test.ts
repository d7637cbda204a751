/** Goal: ST2, what is not derived survives the state file; and how leniently foreign files are read. Method: round trips and tables. */

import { describe, expect, test } from 'vitest';
import * as decide from '../../src/core/decide.ts';
import { plainFlow } from '../../src/core/flow.ts';
import { hasBlobs, isSoundMeta, readTime, readWorkflow, stateFileSchema, toMeta } from '../../src/core/state-file.ts';
import {
  bornAt,
  completed,
  failed,
  LiveWorkflow,
  throughFile,
  toDerived,
  toKept,
  workflowId,
} from './live-workflow.ts';

/** A workflow in which every field of header and steps differs from its default. */
function fullWorkflow(): LiveWorkflow {
  const live = LiveWorkflow.adopted({
    name: 'Full',
    description: 'all of it',
    tags: ['x'],
    parentId: 'p',
    templateId: 't',
    failurePolicy: 'fail-fast',
    params: { deep: [1, { a: null }] },
    warnings: ['careful'],
    branches: [{ id: 'b1', stepId: 's', createdAt: '2026-01-01T00:00:00.000Z' }],
    steps: [
      {
        id: 'done',
        name: 'Done',
        action: 'noop',
        status: 'PENDING',
        params: { q: '{{x}}' },
        timeoutMs: 5,
        retry: { attemptsMax: 2 },
        cache: true,
      },
      { id: 'blob', action: 'noop', status: 'PENDING' },
      { id: 'again', action: 'noop', status: 'PENDING' },
      { id: 'last', action: 'noop', status: 'PENDING', dependencies: ['done', 'absent'] },
    ],
  });
  live.start('done', 'blob', 'again');
  const metrics = { tokens: 1, cost: 0.1, model: 'm' };
  live.end('done', completed({ metadata: { m: 1 }, metrics, logs: ['l'], outputs: { json: '{"1":2,"content":"ü"}' } }));
  live.end('blob', completed({ outputs: { blob: 'a'.repeat(64), bytes: 70_000 } }));
  live.end('again', failed('TIMEOUT'));
  live.give({ stepId: 'extra' });
  const stop = decide.decideRecovery(live.state, live.tick())!;
  live.apply(decide.withIdempotency(stop, { key: 'k', request: 'r', reply: { json: '{"a":1}' } }));
  return live;
}

describe('ST2: nothing is lost on the way through the file', () => {
  test('a workflow with every field in use comes back the same', () => {
    const { state } = fullWorkflow();
    expect(state.header).toMatchObject({
      name: 'Full',
      description: 'all of it',
      tags: ['x'],
      parentId: 'p',
      templateId: 't',
      failurePolicy: 'fail-fast',
      params: { deep: [1, { a: null }] },
      warnings: ['careful'],
      branches: [{ id: 'b1', stepId: 's', createdAt: Date.parse('2026-01-01T00:00:00.000Z') }],
    });
    expect(state.step('done')).toMatchObject({
      name: 'Done',
      params: { q: '{{x}}' },
      timeoutMs: 5,
      retry: { attemptsMax: 2 },
      cache: true,
      metadata: { m: 1 },
    });
    expect(state.step('last')?.dependencies).toEqual(['done', 'absent']);
    const again = throughFile(state);
    expect(toKept(again)).toEqual(toKept(state));
    expect(toDerived(again)).toEqual(toDerived(state));
  });

  test('_meta holds what the contract does not show, and no more', () => {
    expect(toMeta(LiveWorkflow.of({ a: '' }).state)).toEqual({ seq: 1, started: false });
    expect(toMeta(fullWorkflow().state)).toEqual({
      seq: 9,
      started: true,
      spending: [expect.objectContaining({ action: 'noop', model: 'm', calls: 1, cost_pico: '100000000000' })],
      keys: [{ key: 'k', request: 'r', reply: { json: '{"a":1}' } }],
      steps: { again: { failures: 1, dueAt: bornAt + 6_500, delayMs: 500 } },
    });
  });

  test('failures without a delay, and a step id that is also a word of the language', () => {
    const steps = ['__proto__', 'constructor'].map((id) => ({ id, action: 'noop', status: 'PENDING' }));
    const live = LiveWorkflow.adopted({ steps });
    live.start('__proto__', 'constructor');
    live.fail('__proto__', 'TIMEOUT');
    live.fail('constructor', 'TIMEOUT');
    live.start('constructor');
    expect(toKept(throughFile(live.state))).toEqual(toKept(live.state));
    expect(live.step('constructor')).toMatchObject({ failures: 1, dueAt: null });
  });

  test('outputs that merely look a little like a blob stay outputs', () => {
    const sha = 'a'.repeat(64);
    for (const outputs of [
      { blob: 'x', bytes: 1 },
      { blob: sha, bytes: '1' },
      { blob: sha, bytes: 1, more: 1 },
      { blob: 5, bytes: 1 },
    ]) {
      const live = LiveWorkflow.of({ a: '' });
      live.start('a');
      live.end('a', completed({ outputs: { json: JSON.stringify(outputs) } }));
      expect(throughFile(live.state).step('a')?.outputs).toEqual({ json: JSON.stringify(outputs) });
    }
  });
});

describe('a foreign file', () => {
  const least = { id: workflowId, steps: [{ id: 'a', action: 'noop', status: 'PENDING' }] };

  test('with steps of items left out has the items that are whole, and the others as steps of their own', () => {
    const item = (index: number, inner: string) => ({
      id: `m.${index}.${inner}`,
      action: 'noop',
      status: 'COMPLETED',
      of: { step: 'm', index },
    });
    const body = [
      { id: 'x', action: 'noop' },
      { id: 'y', action: 'noop' },
    ];
    const group = { id: 'm', action: 'steps', status: 'WAITING_FOR_DEPENDENCY', forEach: [1, 2, 3], body, count: 3 };
    const loop = { id: 'l', action: 'noop', status: 'COMPLETED', repeat: { until: 'true', max: 9 }, count: 9 };
    const steps = [group, loop, item(0, 'x'), item(0, 'y'), item(1, 'x'), item(2, 'x'), item(2, 'y')];
    const state = readWorkflow({ id: workflowId, steps }, {}, bornAt);
    expect(state.steps.map(({ id, count, of }) => [id, count, of?.index ?? null])).toEqual([
      ['m', 1, null],
      ['l', 0, null],
      ['m.0.x', null, 0],
      ['m.0.y', null, 0],
      ['m.1.x', null, null],
      ['m.2.x', null, null],
      ['m.2.y', null, null],
    ]);
    expect(state.tallies.get(0)?.openItems).toBe(0);
  });

  test('may lack everything but id, steps and each step’s id, action and status', () => {
    expect(stateFileSchema.safeParse(least).success).toBe(true);
    const { header, steps } = readWorkflow(least, {}, bornAt);
    expect(header).toEqual({
      id: workflowId,
      name: 'Unnamed workflow',
      status: 'PENDING',
      createdAt: bornAt,
      updatedAt: bornAt,
      description: '',
      tags: [],
      parentId: null,
      branches: [],
      children: [],
      parentStepId: null,
      templates: null,
      params: {},
      templateId: null,
      failurePolicy: 'continue',
      version: 0,
      warnings: [],
      started: false,
      keys: [],
      spending: [],
      budget: null,
      seq: 0,
    });
    expect(steps).toEqual([
      {
        id: 'a',
        name: 'a',
        action: 'noop',
        dependencies: [],
        params: {},
        timeoutMs: null,
        retry: null,
        cache: false,
        status: 'PENDING',
        outputs: null,
        error: null,
        errorCode: null,
        queuedAt: null,
        startTime: null,
        endTime: null,
        logs: [],
        metadata: null,
        metrics: null,
        attempt: 0,
        attempts: [],
        failures: 0,
        dueAt: null,
        delayMs: 0,
        deaths: 0,
        reserved: null,
        pause: null,
        flow: plainFlow,
        of: null,
        count: null,
        child: null,
        base: null,
        outcome: null,
        wait: null,
      },
    ]);
  });

  test('may null the same fields', () => {
    const names =
      'name status createdAt updatedAt description tags parentId branches params templateId failurePolicy version warnings';
    const ofSteps =
      'name dependencies params outputs error startTime endTime logs metadata execution_metrics attempt timeoutMs retry cache duration';
    const nulls = (text: string) => Object.fromEntries(text.split(' ').map((name) => [name, null]));
    const file = { ...nulls(names), ...least, steps: least.steps.map((step) => ({ ...nulls(ofSteps), ...step })) };
    expect(stateFileSchema.safeParse(file).success).toBe(true);
    expect(toKept(readWorkflow(file, {}, bornAt))).toEqual(toKept(readWorkflow(least, {}, bornAt)));
  });

  test('a branch entry may lack step and time', () => {
    const file = { ...least, branches: [{ id: 'b' }] };
    expect(stateFileSchema.safeParse(file).success).toBe(true);
    expect(readWorkflow(file, {}, bornAt).header.branches).toEqual([{ id: 'b', stepId: '', createdAt: bornAt }]);
  });

  test.each([
    ['RUNNING', 'noop', 1],
    ['COMPLETED', 'noop', 1],
    ['FAILED', 'noop', 1],
    ['COMPLETED', 'external_data', 0],
    ['STOPPED', 'noop', 0],
  ])('a %s step of %s without a count has had %i attempts', (status, action, attempt) => {
    const { header, steps } = readWorkflow({ id: workflowId, steps: [{ id: 'a', action, status }] }, {}, bornAt);
    expect([steps[0]!.attempt, header.started]).toEqual([attempt, attempt > 0]);
  });

  test('any status but PENDING says that it has started', () => {
    expect(readWorkflow({ ...least, status: 'WAITING_FOR_DEPENDENCY' }, {}, bornAt).header.started).toBe(true);
  });

  test.each([
    ['an id that is no UUID', { id: 'x' }],
    ['two steps with one id', { steps: [...least.steps, ...least.steps] }],
    ['a step without an action', { steps: [{ id: 'a', status: 'PENDING' }] }],
    ['an unknown status', { steps: [{ id: 'a', action: 'x', status: 'DONE' }] }],
    ['a time that is none', { createdAt: 'yesterday' }],
    ['no steps field', { steps: undefined }],
  ])('%s is not taken in', (_, change) => {
    expect(stateFileSchema.safeParse({ ...least, ...change }).success).toBe(false);
  });
});

test.each([
  ['2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00z', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00+02:00', '2026-01-31T10:00:00.000Z'],
  ['2026-01-31T12:00:00-0530', '2026-01-31T17:30:00.000Z'],
  ['2026-01-31T12:00:00', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00.123456', '2026-01-31T12:00:00.123Z'],
  ['2026-01-31 12:00:00', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
])('the time %s is read as %s', (text, iso) => {
  expect(new Date(readTime(text)).toISOString()).toBe(iso);
});

test('steps with ids of their own are taken in; _meta of one that failed and is not due says no more', () => {
  const steps = ['a', 'b', 'c'].map((id) => ({ id, action: 'noop', status: 'PENDING' }));
  expect(stateFileSchema.safeParse({ id: workflowId, steps }).success).toBe(true);
  const live = LiveWorkflow.of({ a: '' });
  live.start('a');
  live.fail('a', 'TIMEOUT');
  live.start('a');
  expect(toMeta(live.state).steps).toEqual({ a: { failures: 1 } });
});

test.each([
  [{ tokens: 5, tokens_used: 3 }, { tokens: 5 }],
  [
    { usd: 0.5, calls: 7 },
    { usd: 0.5, calls: 7 },
  ],
  ['much', null],
])('of the budget %j what is allowed is read, and no other field', (budget, read) => {
  const file = { id: workflowId, steps: [], budget };
  expect(readWorkflow(file, {}, bornAt).header.budget).toStrictEqual(read);
});

test('a waiting step with a reason waits for a resume, unless _meta names the day', () => {
  const step = { id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', reason: 'spent' };
  const pauseOf = (meta: object) => readWorkflow({ id: workflowId, steps: [step] }, meta, bornAt).steps[0]!.pause;
  expect(pauseOf({})).toEqual({ reason: 'spent', until: 'resume' });
  expect(pauseOf({ steps: { a: { pausedUntil: 'day' } } })).toEqual({ reason: 'spent', until: 'day' });
});

const sha = 'a1'.repeat(32);
test.each([
  [undefined, false],
  [null, false],
  [{}, false],
  [{ blob: `0${sha}`, bytes: 1 }, false],
  [{ blob: `${sha}0`, bytes: 1 }, false],
  [{ blob: [sha], bytes: 1 }, false],
  [{ blob: sha, bytes: 1 }, true],
])('outputs %j lie in a blob: %s', (outputs, isBlob) => {
  const step = { id: 'a', action: 'noop', status: 'COMPLETED', outputs };
  expect(hasBlobs({ id: workflowId, steps: [step] })).toBe(isBlob);
});

test('_meta is sound where each of its fields has its form, whatever else stands there', () => {
  const sound = {
    seq: 1,
    journal: 'j',
    started: true,
    keys: [],
    spending: [],
    steps: { a: { failures: 1, dueAt: 5 } },
  };
  expect([isSoundMeta({}), isSoundMeta(sound)]).toEqual([true, true]);
  for (const [field, value] of [
    ['started', 'yes'],
    ['keys', [{ key: 1 }]],
    ['spending', [{ day: 1 }]],
    ['steps', { a: { failures: -1 } }],
    ['steps', { a: { pausedUntil: 'night' } }],
  ] as const) {
    expect([field, isSoundMeta({ ...sound, [field]: value })]).toEqual([field, false]);
  }
  expect(isSoundMeta(null)).toBe(false);
});

describe('ST2: what a step says of when and how often it runs', () => {
  const two = [
    { id: 'x', action: 'noop', params: { long: 'prompt' }, timeoutMs: 7, retry: { attemptsMax: 2 } },
    {
      id: 'i',
      forEach: ['p'],
      concurrency: 1,
      steps: [{ id: 'y', action: 'noop', when: 'index > 0', params: { v: '{{item}}' } }],
    },
  ];

  test('survives the file, in groups within groups and in loops', () => {
    const live = LiveWorkflow.with(
      [
        {
          id: 'm',
          forEach: { u: '{{params.l}}', v: [1] },
          tolerate: '50%',
          concurrency: 2,
          batch: 1,
          label: '{{u}}',
          output: { o: null },
          steps: two,
        },
        { id: 'n', when: 'true', join: 'any', dependencies: ['m'], output: null, forEach: [1], params: { q: 1 } },
        { id: 'l', repeat: { until: 'true', max: 2, every: '1s', otherwise: 'continue' } },
        { id: 'ask', action: 'approval', tolerate: true },
        { id: 'wait', action: 'delay', params: { for: '5s' } },
      ],
      { finally: [{ id: 'f', action: 'noop' }] },
    );
    live.map('m', 3, ['one', 'two', 'three']);
    live.map('m.0.i', 2);
    live.run('m.0.x');
    live.skip('m.0.i.0.y');
    live.runToFailure('m.1.x');
    live.round('l');
    live.run('l.0');
    live.round('l', false);
    live.wait('ask', 'decision', live.now + 5);
    live.wait('wait', 'time', live.now + 5_000);
    const again = throughFile(live.state);
    expect(toKept(again)).toEqual(toKept(live.state));
    expect(toDerived(again)).toEqual(toDerived(live.state));
    expect(again.step('m.2.i')).toMatchObject({ name: 'i: three', of: { step: 'm', index: 2 }, count: null });
    expect(again.step('f')?.flow).toMatchObject({ isFinal: true, join: 'ended' });
    expect(again.stepOf('m.0.x').params).toBe(again.stepOf('m.2.x').params);
    expect(again.stepOf('n').flow.output).toBeNull();
  });

  test.each([
    [{ for: 'decision' }, { for: 'decision', until: null }],
    [
      { for: 'data', until: '2026-01-01T00:00:00Z' },
      { for: 'data', until: Date.parse('2026-01-01T00:00:00Z') },
    ],
    [
      { for: 'time', until: '2026-01-01T00:00:00Z' },
      { for: 'time', until: Date.parse('2026-01-01T00:00:00Z') },
    ],
    [{ for: 'time' }, null],
    [{ for: 'budget' }, null],
    [null, null],
  ])('a step that waits as %j', (waits, wait) => {
    const step = { id: 'a', action: 'approval', status: 'WAITING_FOR_DEPENDENCY', reason: 'r', waits };
    const read = readWorkflow({ id: workflowId, steps: [step] }, {}, 0).stepOf('a');
    expect([read.wait, read.pause]).toEqual([wait, wait === null ? { reason: 'r', until: 'resume' } : null]);
  });

  test('a wait of a step that can have none, or that has ended, is none', () => {
    const waits = { for: 'decision' };
    const steps = [
      { id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', waits },
      { id: 'b', action: 'approval', status: 'COMPLETED', waits },
      {
        id: 'c',
        action: 'external_data',
        status: 'WAITING_FOR_DEPENDENCY',
        params: { within: '1h' },
        waits: { for: 'time', until: '2026-01-01T00:00:00Z' },
      },
    ];
    expect(readWorkflow({ id: workflowId, steps }, {}, 0).steps.map(({ wait }) => wait)).toEqual([null, null, null]);
  });
});
