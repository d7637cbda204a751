/** Goal: what is refused and what event a call or an outcome becomes. Method: small workflows; nothing is applied here unless said. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { toHookKey } from '../../src/contract/webhook.ts';
import * as decide from '../../src/core/decide.ts';
import { decideBranch } from '../../src/core/decide-branch.ts';
import { evolve } from '../../src/core/evolve.ts';
import { decideExternalData } from '../../src/core/external-data.ts';
import { bornAt, completed, external, failed, LiveWorkflow, workflowId } from './live-workflow.ts';

function refusalOf(call: () => unknown): Refusal {
  try {
    call();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('decideCreate', () => {
  test('keeps what was said of the definition, and nothing where nothing was', () => {
    const definition = { name: 'n', steps: [{ id: 'a', action: 'noop' }] };
    const create = (warnings: string[]) =>
      decide.decideCreate({ id: workflowId, definition, warnings, templateId: null, now: bornAt }).workflow;
    expect(create(['one', 'two']).warnings).toEqual(['one', 'two']);
    expect(create([])).not.toHaveProperty('warnings');
  });

  test('makes steps ready that wait for nothing, and none that wait for external data', () => {
    const event = decide.decideCreate({
      id: workflowId,
      templateId: 'tpl',
      now: bornAt,
      definition: {
        name: 'n',
        steps: [
          { id: 'a', action: 'noop' },
          { id: 'b', action: 'noop', dependencies: [] },
          { id: 'c', action: 'noop', dependencies: ['a'] },
          { id: 'e', action: 'external_data' },
        ],
      },
    });
    expect(event).toMatchObject({ kind: 'workflow.created', version: 1, at: bornAt });
    expect(event.workflow).toMatchObject({
      status: 'PENDING',
      templateId: 'tpl',
      createdAt: '2026-01-31T12:00:00.000Z',
    });
    expect((event.workflow.steps as { status: string }[]).map((step) => step.status)).toEqual([
      'PENDING',
      'PENDING',
      'WAITING_FOR_DEPENDENCY',
      'WAITING_FOR_DEPENDENCY',
    ]);
  });
});

describe('cache', () => {
  const cached = (more: object) => LiveWorkflow.of({ a: '', b: 'a' }, more).state.steps.map(({ cache }) => cache);

  test('is off; what the workflow says holds for steps that say nothing', () => {
    expect(cached({})).toEqual([false, false]);
    expect(cached({ cache: true })).toEqual([true, true]);
    const definition = {
      name: 'test',
      cache: true,
      steps: [
        { id: 'a', action: 'noop', cache: false },
        { id: 'b', action: 'noop' },
      ],
    };
    const event = decide.decideCreate({ id: workflowId, definition, templateId: null, now: bornAt });
    expect(event.workflow).not.toHaveProperty('cache');
    expect(new LiveWorkflow(event).state.steps.map(({ cache }) => cache)).toEqual([false, true]);
  });

  test('goes along with a branch', () => {
    const live = LiveWorkflow.of({ a: '' }, { cache: true });
    const event = decideBranch(live.state, { id: workflowId, stepId: 'a', params: undefined, now: bornAt });
    expect(new LiveWorkflow(event).step('a').cache).toBe(true);
  });
});

describe('decideWaiting', () => {
  test('is null where the status already says it, and once the workflow has ended', () => {
    const live = LiveWorkflow.of({ a: '' });
    expect(decide.decideWaiting(live.state, bornAt)).toBeNull();
    live.stop();
    expect(decide.decideWaiting(live.state, bornAt)).toBeNull();
  });

  test('takes a workflow that waits for the outside alone out of PENDING', () => {
    const live = LiveWorkflow.of({ ext: '' });
    expect(decide.decideWaiting(live.state, bornAt)).toMatchObject({ kind: 'workflow.waiting', version: 2 });
  });
});

describe('every event', () => {
  test('is dated no earlier than the one before it, whatever the wall clock says', () => {
    const live = LiveWorkflow.of({ a: '' });
    const { updatedAt } = live.state.header;
    expect(decide.decideStart(live.state, 'a', updatedAt - 86_400_000)).toMatchObject({ at: updatedAt });
    expect(decide.decideStop(live.state, updatedAt + 1)).toMatchObject({ at: updatedAt + 1 });
  });
});

describe('decideOutcome', () => {
  const context = { now: bornAt, durationMs: 12.6, random: 0 };

  test('drops the outcome of a step that is not there, does not run, or runs another attempt', () => {
    const live = LiveWorkflow.of({ a: '' });
    expect(decide.decideOutcome(live.state, 'nobody', 1, completed(), context)).toBeNull();
    expect(decide.decideOutcome(live.state, 'a', 0, completed(), context)).toBeNull();
    live.start('a');
    live.stop();
    expect(decide.decideOutcome(live.state, 'a', 1, completed(), context)).toBeNull();
    live.resume();
    live.start('a');
    expect(decide.decideOutcome(live.state, 'a', 1, failed('BINDING'), context)).toBeNull();
    expect(decide.decideOutcome(live.state, 'a', 2, completed(), context)).not.toBeNull();
  });

  test('rounds the time taken down and never lets it be negative', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    const durations = [12.6, -3].map((durationMs) => {
      const event = decide.decideOutcome(live.state, 'a', 1, completed(), { ...context, durationMs });
      return event?.kind === 'step.completed' && event.durationMs;
    });
    expect(durations).toEqual([12, 0]);
  });

  test('marks a simulated result and no other', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    const decided = (simulated: boolean) => decide.decideOutcome(live.state, 'a', 1, completed({ simulated }), context);
    expect(decided(true)).toHaveProperty('simulated', true);
    expect(decided(false)).not.toHaveProperty('simulated');
  });

  test('cuts an error to its bound', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    const event = decide.decideOutcome(live.state, 'a', 1, failed('BINDING', { message: 'x'.repeat(9_999) }), context);
    expect(event?.kind === 'step.failed' && event.error.length).toBe(limits.errorLengthMax);
  });
});

describe('stop, resume and retry are refused where the status does not allow them', () => {
  const live = {
    PENDING: LiveWorkflow.of({ a: '' }),
    RUNNING: LiveWorkflow.of({ a: '' }),
    WAITING_FOR_DEPENDENCY: LiveWorkflow.of({ a: '', ext: '' }),
    COMPLETED: LiveWorkflow.of({ a: '' }),
    FAILED: LiveWorkflow.of({ a: '' }),
    STOPPED: LiveWorkflow.of({ a: '', b: '' }),
  };
  live.RUNNING.start('a');
  live.WAITING_FOR_DEPENDENCY.run('a');
  live.COMPLETED.run('a');
  live.FAILED.runToFailure('a');
  live.STOPPED.runToFailure('a');
  live.STOPPED.stop();

  test.each([
    ['stop', decide.decideStop, ['PENDING', 'RUNNING', 'WAITING_FOR_DEPENDENCY']],
    ['resume', decide.decideResume, ['STOPPED']],
    ['retry', decide.decideRetryCall, ['FAILED']],
  ] as const)('%s', (call, decideCall, allowed) => {
    const taken = Object.entries(live).flatMap(([status, { state }]) => {
      expect(state.header.status).toBe(status);
      try {
        return decideCall(state, bornAt).version === state.header.version + 1 ? [status] : [];
      } catch (error) {
        expect(error).toMatchObject({ code: 'CONFLICT', status: 409 });
        expect((error as Refusal).detail).toMatch(new RegExp(`^Workflow ${workflowId} is ${status}; ${call} takes `));
        return [];
      }
    });
    expect(taken).toEqual(allowed);
  });

  test('retry is taken while other branches still run or wait', () => {
    const { state, ...rest } = LiveWorkflow.of({ a: '', b: '' });
    expect(rest.journal.length).toBe(1);
    const running = LiveWorkflow.of({ a: '', b: '' });
    running.runToFailure('a');
    expect(running.status).toBe('RUNNING');
    expect(running.names(running.retry().queued)).toEqual(['a']);
    const waiting = LiveWorkflow.of({ a: '', ext: '' });
    waiting.runToFailure('a');
    expect(waiting.status).toBe('WAITING_FOR_DEPENDENCY');
    expect(waiting.names(waiting.retry().queued)).toEqual(['a']);
    expect(refusalOf(() => decide.decideRetryCall(state, bornAt)).status).toBe(409);
  });
});

describe('what the results of a workflow may take together', () => {
  /** A workflow whose first step has left room for `room` characters. */
  function nearlyFull(room: number): LiveWorkflow {
    const live = LiveWorkflow.of({ full: '', a: '' });
    live.start('full');
    live.start('a');
    const taken = live.state.resultsSize + 'Completed successfully at 2026-01-31T12:00:00.000Z'.length + 12;
    const wrapping = 2;
    const json = JSON.stringify('x'.repeat(limits.workflowResultsMax - taken - wrapping - room));
    live.end('full', completed({ outputs: { json } }));
    expect(limits.workflowResultsMax - live.state.resultsSize).toBe(room);
    return live;
  }
  const input = { now: bornAt, durationMs: 1, random: 0 };
  const metrics = { tokens: 5 };

  test('is bounded: outputs that find no room fail their step, and what it has used still counts', () => {
    const live = nearlyFull(200);
    const small = completed({ outputs: { json: JSON.stringify('x'.repeat(198)) } });
    expect(decide.decideOutcome(live.state, 'a', 1, small, input)).toMatchObject({ kind: 'step.completed' });
    const told = { ...metrics, story: 'long' };
    const large = completed({ outputs: { json: JSON.stringify('x'.repeat(199)) }, metrics: told, logs: ['gone'] });
    expect(decide.decideOutcome(live.state, 'a', 1, large, input)).toMatchObject({
      kind: 'step.failed',
      code: 'OUTPUT_TOO_LARGE',
      error: expect.stringContaining(`${limits.workflowResultsMax} characters together`),
      metrics,
      logs: [],
    });
  });

  test('a blob needs no room', () => {
    const blob = completed({ outputs: { blob: 'a'.repeat(64), bytes: limits.outputsBytesMax } });
    expect(decide.decideOutcome(nearlyFull(0).state, 'a', 1, blob, input)).toMatchObject({ kind: 'step.completed' });
  });

  test('a failure that is repeated only where the step asks for it stays so without room', () => {
    const { state } = nearlyFull(200);
    const told = { message: 'y'.repeat(4_000) };
    const once = failed('NETWORK', { ...told, onlyIfAsked: true });
    expect(decide.decideOutcome(state, 'a', 1, once, input)).toMatchObject({ kind: 'step.failed', code: 'NETWORK' });
    expect(decide.decideOutcome(state, 'a', 1, failed('NETWORK', told), input)).toMatchObject({
      kind: 'step.retrying',
    });
  });

  test('a failure that finds no room leaves the beginning of its error, and no logs', () => {
    const long = failed('BINDING', { message: 'y'.repeat(4_000), logs: ['z'.repeat(4_000)] });
    const event = decide.decideOutcome(nearlyFull(200).state, 'a', 1, long, input);
    expect(event).toMatchObject({ kind: 'step.failed', code: 'BINDING', error: 'y'.repeat(200), logs: [] });
  });

  test('external data that finds no room is refused', () => {
    const data = external({ outputs: { json: JSON.stringify('x'.repeat(300)) } });
    const refusal = refusalOf(() => decideExternalData(nearlyFull(200).state, data));
    expect([refusal.code, refusal.detail]).toEqual(['TOO_LARGE', expect.stringContaining('has no room for this')]);
  });
});

describe('decideBranch', () => {
  const branchOf = (parent: LiveWorkflow, stepId: string, params?: { p: number }) => {
    const event = decideBranch(parent.state, { id: workflowId, stepId, params, now: parent.tick() });
    return { event, branch: new LiveWorkflow(event) };
  };

  test('takes over the results of every step not downstream, and runs the rest again', () => {
    const parent = LiveWorkflow.of({ a: '', b: 'a', c: 'a', d: 'b c', lone: '' }, { tags: ['t'], params: { x: 1 } });
    parent.start('a');
    parent.end('a', completed({ outputs: { json: '{"n":1}' }, metrics: { cost: 0.5, model: 'm' } }));
    parent.run('b', 'c', 'd', 'lone');
    const { event, branch } = branchOf(parent, 'b', { p: 1 });
    expect(event.parent).toEqual({ id: workflowId, stepId: 'b', version: parent.state.header.version + 1 });
    expect(branch.state.header).toMatchObject({
      parentId: workflowId,
      tags: ['t'],
      params: { x: 1 },
      version: 1,
      branches: [],
    });
    expect(branch.statuses()).toEqual({
      a: 'COMPLETED',
      b: 'PENDING',
      c: 'COMPLETED',
      d: 'WAITING_FOR_DEPENDENCY',
      lone: 'COMPLETED',
    });
    expect(branch.step('a')).toEqual(parent.step('a'));
    expect(branch.state.totals).toEqual(parent.state.totals);
    expect(branch.step('b')).toMatchObject({ params: { p: 1 }, attempt: 0, logs: [], outputs: null });
    expect(branch.step('d').params).toEqual({});
    branch.run('b', 'd');
    expect(branch.status).toBe('COMPLETED');
  });

  test('runs what the parent has not completed, and waits again for data from outside', () => {
    const parent = LiveWorkflow.of({ a: '', b: 'a', ext: '', fin: 'ext b' });
    parent.run('a');
    parent.give({ stepId: 'ext' });
    parent.runToFailure('b');
    const { branch } = branchOf(parent, 'ext');
    expect(branch.statuses()).toEqual({
      a: 'COMPLETED',
      b: 'PENDING',
      ext: 'WAITING_FOR_DEPENDENCY',
      fin: 'WAITING_FOR_DEPENDENCY',
    });
  });

  test('a dependency that is not there is still missing', () => {
    const steps = [{ id: 'a', action: 'noop', status: 'PENDING', dependencies: ['later'] }];
    expect(branchOf(LiveWorkflow.adopted({ steps }), 'a').branch.statuses()).toEqual({ a: 'WAITING_FOR_DEPENDENCY' });
  });

  test('from a step that is not there is refused with those there are', () => {
    const refusal = refusalOf(() => branchOf(LiveWorkflow.of({ a: '', b: '' }), 'z'));
    expect(refusal).toMatchObject({
      status: 422,
      errors: [{ path: 'stepId', message: 'no such step; there are a, b' }],
    });
    expect(refusal.detail).toBe(`Workflow ${workflowId} has no step "z" to branch from`);
  });

  test('listBlobs names the blobs of outputs, and those alone', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: '' });
    live.start('a', 'b');
    live.end('a', completed({ outputs: { blob: 'f'.repeat(64), bytes: 99 } }));
    live.complete('b');
    expect(decide.listBlobs(live.state.steps)).toEqual(['f'.repeat(64)]);
  });
});

describe('decideExternalData', () => {
  const decided = (live: LiveWorkflow, input: Parameters<typeof external>[0]) =>
    decideExternalData(live.state, external(input));

  test('completes the declared step that step_id names', () => {
    const event = decided(LiveWorkflow.of({ ext1: '', ext2: '' }), { stepId: 'ext2', stepName: 'ext1' });
    expect(event.stepId).toBe('ext2');
    expect(event).not.toHaveProperty('added');
  });

  test('else the one waiting whose name is step_name, also when step_id names no step', () => {
    const live = LiveWorkflow.of({ ext1: '', ext2: '' });
    expect(decided(live, { stepName: 'ext2' }).stepId).toBe('ext2');
    expect(decided(live, { stepId: 'free', stepName: 'ext2' }).stepId).toBe('ext2');
  });

  test('a name is no match when its step does not wait, or is not one for external data', () => {
    const live = LiveWorkflow.of({ ext: '', a: 'ext' });
    live.give({ stepId: 'ext' });
    expect(decided(live, { stepName: 'ext' })).toMatchObject({ stepId: 'ext_0a1b2c3d', added: { name: 'ext' } });
    expect(decided(live, { stepName: 'a' })).toMatchObject({ added: { name: 'a', action: 'external_data' } });
  });

  test('else adds a step: id and name as given, or made', () => {
    const live = LiveWorkflow.of({ a: '' });
    const added = (input: Parameters<typeof external>[0]) => {
      const event = decided(live, input);
      return [event.stepId, event.added?.name, event.added?.action];
    };
    expect(added({})).toEqual(['ext_0a1b2c3d', 'External Data from Browser', 'external_data']);
    expect(added({ stepId: 'mine', stepName: 'Mine', action: 'clip' })).toEqual(['mine', 'Mine', 'clip']);
    expect(added({ sourceUrl: 'http://s.test/' })[1]).toBe('External Data from http://s.test/');
  });

  test('a step_id that exists and does not wait is a conflict that names its status', () => {
    const live = LiveWorkflow.of({ ext: '', a: '', b: 'a' });
    live.give({ stepId: 'ext' });
    expect(refusalOf(() => decided(live, { stepId: 'ext' })).detail).toMatch(/"ext" .* is COMPLETED and does not wait/);
    expect(refusalOf(() => decided(live, { stepId: 'b', stepName: 'ext' })).status).toBe(409);
  });

  test('a made id that is taken is a conflict; the next try has another', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.give({});
    expect(refusalOf(() => decided(live, {})).detail).toMatch(/"ext_0a1b2c3d" is taken .*; try again/);
  });

  test('a workflow with the most steps there can be takes no more, but declared ones are still completed', () => {
    const steps = Array.from({ length: limits.stepsMax }, (_, i) => ({
      id: `s${i}`,
      action: i === 7 ? 'external_data' : 'noop',
      status: 'PENDING',
    }));
    const live = LiveWorkflow.adopted({ steps });
    expect(refusalOf(() => decided(live, { add: true })).detail).toContain('20000 steps, the most there can be');
    expect(decided(live, { stepId: 's7' }).stepId).toBe('s7');
  });
});

test('decideRecovery has nothing to do for what waits or has ended', () => {
  const waiting = LiveWorkflow.of({ ext: '' });
  const stopped = LiveWorkflow.of({ a: '' });
  stopped.stop();
  expect([waiting, stopped].map((live) => decide.decideRecovery(live.state, bornAt))).toEqual([null, null]);
  const queued = LiveWorkflow.of({ a: '' });
  expect(decide.decideRecovery(queued.state, bornAt)?.kind).toBe('workflow.recovered');
});

test('withIdempotency adds the record where there is one', () => {
  const { state } = LiveWorkflow.of({ a: '' });
  const event = decide.decideStop(state, bornAt);
  expect(decide.withIdempotency(event, undefined)).toBe(event);
  const record = { key: 'k', request: 'r', reply: { json: '{}' } };
  const marked = decide.withIdempotency(event, record);
  evolve(state, marked, 2);
  expect(state.header.keys).toEqual([record]);
});

test('a deleted workflow leaves the keys of its deliveries behind, and those of no client', () => {
  const { state } = LiveWorkflow.of({ a: '' });
  const ofDelivery = toHookKey('triage', 'd'.repeat(43));
  const keys = ['k', ofDelivery].map((key) => ({ key, request: 'r', reply: { json: '{}' } }));
  state.setHeader({ keys });
  expect(decide.decideDelete(state, bornAt)).toMatchObject({ deliveries: [ofDelivery] });
  state.setHeader({ keys: keys.slice(0, 1) });
  expect(decide.decideDelete(state, bornAt)).not.toHaveProperty('deliveries');
});

describe('an event holds what was given, and nothing where nothing was', () => {
  test('a start', () => {
    const { state } = LiveWorkflow.of({ a: '' });
    const start = { kind: 'step.started', workflowId, at: bornAt + 5, version: 2, stepId: 'a', attempt: 1 };
    expect(decide.decideStart(state, 'a', bornAt + 5)).toEqual(start);
    expect(decide.decideStart(state, 'a', bornAt + 5, { logs: ['l'] })).toEqual({ ...start, logs: ['l'] });
  });

  test('a recovery after a clean stop, and after a death', () => {
    const { state } = LiveWorkflow.of({ a: '' });
    const recovered = { kind: 'workflow.recovered', workflowId, at: bornAt + 5, version: 2 };
    expect(decide.decideRecovery(state, bornAt + 5)).toEqual(recovered);
    expect(decide.decideRecovery(state, bornAt + 5, true)).toEqual({ ...recovered, unclean: true });
  });

  test('a new day', () => {
    const { state } = LiveWorkflow.of({ a: '', b: '' });
    const pause = (until: 'day' | 'resume') =>
      state.setStep(1, { status: 'WAITING_FOR_DEPENDENCY', pause: { reason: 'r', until } });
    pause('resume');
    expect(decide.decideNewDay(state, bornAt + 5)).toBeNull();
    pause('day');
    const resumed = { kind: 'workflow.resumed', workflowId, at: bornAt + 5, version: 2, of: 'day' };
    expect(decide.decideNewDay(state, bornAt + 5)).toEqual(resumed);
  });
});

test('a workflow whose file calls it finished does not wait, whatever its steps say', () => {
  const steps = [{ id: 'ext', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' }];
  for (const status of ['COMPLETED', 'FAILED', 'STOPPED'])
    expect(decide.decideWaiting(LiveWorkflow.adopted({ status, steps }).state, bornAt)).toBeNull();
});

test('a branch is PENDING, and a step that is not there is answered with the first twenty that are', () => {
  const ids = Array.from({ length: 21 }, (_, i) => `s${i}`);
  const { state } = LiveWorkflow.of(Object.fromEntries(ids.map((id) => [id, ''])));
  const branch = (stepId: string) => decideBranch(state, { id: 'b', stepId, params: undefined, now: bornAt });
  expect(branch('s20').workflow.status).toBe('PENDING');
  expect(refusalOf(() => branch('no')).errors).toEqual([
    { path: 'stepId', message: `no such step; there are ${ids.slice(0, 20).join(', ')}` },
  ]);
});

test.each([
  ['of a lost worker, with a reservation', true, failed('WORKER_LOST', { isLost: true }), true],
  ['of a lost worker, without one', false, failed('WORKER_LOST', { isLost: true }), false],
  ['of a lost worker that has told', true, failed('WORKER_LOST', { isLost: true, metrics: { tokens: 5 } }), false],
  ['of a worker that is there', true, failed('BINDING'), false],
  ['of a worker that is there, with outputs', true, completed(), false],
])('M4: a result %s is lost: %s', (_, isReserved, result, isLost) => {
  const room = { now: bornAt, durationMs: 1, random: 0 };
  for (const fill of [0, limits.workflowResultsMax]) {
    const { state } = LiveWorkflow.of({ a: '', full: '' });
    const reserved = isReserved ? { model: 'm', calls: 1, tokens: 5, cost_pico: '7' } : null;
    state.setStep(0, { status: 'RUNNING', attempt: 1, reserved });
    state.setStep(1, { outputs: { json: 'x'.repeat(fill) } });
    const event = decide.decideOutcome(state, 'a', 1, result, room)!;
    expect('lost' in event).toBe(isLost);
  }
});
