/**
 * Goal: what a name means within items and rounds, and what conditions and `finally` see of a workflow. Method: a map in a
 * loop in a map, driven by hand.
 */
import { describe, expect, test } from 'vitest';
import {
  around,
  loopAround,
  mapAround,
  toKind,
  toNames,
  toOutcome,
  toScopedId,
  toWorkflowValue,
} from '../../src/core/context.ts';
import { withFinally } from '../../src/core/finally.ts';
import { boundValues, conditionsOf, stepsWithin } from '../../src/core/steps-within.ts';
import { LiveWorkflow, workflowId } from './live-workflow.ts';

const noop = (id: string, ...dependencies: string[]) => ({ id, action: 'noop', dependencies });

function nested(): LiveWorkflow {
  const inner = { id: 'i', forEach: { z: ['p'] }, steps: [noop('x'), noop('y', 'x')] };
  const live = LiveWorkflow.with([
    { id: 'x' },
    {
      id: 'o',
      forEach: { url: ['u'] },
      steps: [{ id: 'l', repeat: { until: 'true', max: 3 }, steps: [inner, noop('w')] }],
    },
  ]);
  live.map('o', 1);
  live.round('o.0.l');
  live.map('o.0.l.0.i', 1);
  return live;
}

describe('within items', () => {
  const { state } = nested();
  const context = { step: 'o.0.l.0.i', index: 0 };

  test('an id is that of the nearest step around that has it', () => {
    const ids = ['y', 'x', 'w', 'l', 'o', 'nobody'];
    expect(ids.map((id) => toScopedId(state, context, id))).toEqual([
      'o.0.l.0.i.0.y',
      'o.0.l.0.i.0.x',
      'o.0.l.0.w',
      'o.0.l',
      'o',
      'nobody',
    ]);
    expect(toScopedId(state, null, 'x')).toBe('x');
    expect(toScopedId(state, { step: 'o', index: 0 }, 'x')).toBe('x');
  });

  test('in a loop with an action of its own the step of a round has the name of the loop', () => {
    const l = { id: 'l', action: 'noop', repeat: { until: 'true', max: 3 } };
    const live = LiveWorkflow.with([l, { id: 'o', forEach: { url: ['u'] }, steps: [l] }]);
    live.map('o', 1);
    live.round('l');
    live.round('o.0.l');
    const toId = (step: string, id: string) => toScopedId(live.state, { step, index: 0 }, id);
    expect([toId('l', 'l'), toId('l', 'o'), toId('o.0.l', 'l')]).toEqual(['l.0', 'o', 'o.0.l.0']);
    const m = LiveWorkflow.with([{ id: 'm', forEach: ['u'] }]);
    m.map('m', 1);
    expect(toScopedId(m.state, { step: 'm', index: 0 }, 'm')).toBe('m');
  });

  test('the groups around are known, the nearest first, each with the place in it', () => {
    expect([...around(state, context)].map(({ group, index }) => [group.id, index])).toEqual([
      ['o.0.l.0.i', 0],
      ['o.0.l', 0],
      ['o', 0],
    ]);
    expect([mapAround(state, context)?.group.id, loopAround(state, context)?.group.id]).toEqual(['o.0.l.0.i', 'o.0.l']);
    expect(mapAround(state, { step: 'o.0.l', index: 0 })?.group.id).toBe('o');
    expect([mapAround(state, null), loopAround(state, { step: 'o', index: 0 })]).toEqual([undefined, undefined]);
  });

  test('the names of all items around are known; those of a round in it; `workflow` in finally', () => {
    expect([...toNames(state, context, false)].sort()).toEqual(['index', 'previous', 'round', 'url', 'z']);
    expect([...toNames(state, { step: 'o', index: 0 }, false)]).toEqual(['url', 'index']);
    expect([...toNames(state, null, true)]).toEqual(['workflow']);
  });

  test('steps are plain, groups or loops', () => {
    expect(['x', 'o', 'o.0.l'].map((id) => toKind(state.stepOf(id)))).toEqual(['plain', 'group', 'repeat']);
  });
});

test('how a step has ended, in a word', () => {
  const live = LiveWorkflow.with([
    { id: 'ran' },
    { id: 'skipped', when: 'true' },
    { id: 'tolerated', tolerate: true },
    { id: 'failed' },
    { id: 'stopped', dependencies: ['failed'] },
    { id: 'waiting' },
  ]);
  live.run('ran');
  live.skip('skipped');
  live.runToFailure('tolerated');
  live.runToFailure('failed');
  for (const step of live.state.steps) expect(toOutcome(step)).toBe(step.id);
});

describe('finally', () => {
  test('adds nothing where there is none', () => {
    const steps = [noop('a')];
    expect(withFinally({ steps })).toBe(steps);
    expect(withFinally({ steps, finally: [] })).toBe(steps);
  });

  test('waits for every step, and for steps of its own', () => {
    const live = LiveWorkflow.with([{ id: 'a' }, { id: 'b', dependencies: ['a'] }, { id: 'm', forEach: [1] }], {
      finally: [{ id: 'f', action: 'noop' }, noop('g', 'f')],
    });
    expect(live.step('f')).toMatchObject({ dependencies: ['a', 'b', 'm'], flow: { join: 'ended', isFinal: true } });
    expect(live.step('g').dependencies).toEqual(['f', 'a', 'b', 'm']);
    live.map('m', 1);
    live.runToFailure('a');
    expect([live.step('b').status, live.step('f').status]).toEqual(['STOPPED', 'WAITING_FOR_DEPENDENCY']);
    live.runToFailure('m.0');
    expect(toWorkflowValue(live.state)).toEqual({ id: workflowId, outcome: 'failed', failed: ['a', 'm'] });
    live.runToFailure('f');
    live.run('g');
    expect(toWorkflowValue(live.state).failed).toEqual(['a', 'm']);
    expect(live.status).toBe('FAILED');
  });

  test('sees a workflow without a failure as completed', () => {
    const live = LiveWorkflow.with([{ id: 'a' }], { finally: [{ id: 'f', action: 'noop' }] });
    live.run('a');
    expect(toWorkflowValue(live.state)).toEqual({ id: workflowId, outcome: 'completed', failed: [] });
  });

  test('does not run after a stop', () => {
    const live = LiveWorkflow.with([{ id: 'a' }], { finally: [{ id: 'f', action: 'noop' }] });
    live.stop();
    expect(live.statuses()).toEqual({ a: 'STOPPED', f: 'STOPPED' });
  });
});

describe('all steps of a definition', () => {
  const group = {
    id: 'g',
    forEach: ['{{params.x}}'],
    output: '{{steps.x.outputs}}',
    label: '{{item}}',
    steps: [noop('x')],
  };
  const loop = { id: 'l', repeat: { until: 'true', max: 1 }, body: [noop('y')] };
  const made = { id: 'g.0.x', of: { step: 'g', index: 0 } };

  test('are found, those of groups and of finally, with their paths and the names that are known in them', () => {
    const steps = [noop('a'), group, loop, { id: 'u', forEach: { url: [] } }, made, null, { id: 'f', final: true }];
    const found = [...stepsWithin({ steps, finally: [noop('z')] })];
    expect(found.map(({ step, path, names, outer }) => [step.id, path.join('.'), [...names], [...outer]])).toEqual([
      ['a', 'steps.0', [], []],
      ['g', 'steps.1', ['index', 'item'], []],
      ['x', 'steps.1.steps.0', ['index', 'item'], ['index', 'item']],
      ['l', 'steps.2', ['round', 'previous'], []],
      ['y', 'steps.2.steps.0', ['round', 'previous'], ['round', 'previous']],
      ['u', 'steps.3', ['index', 'url'], []],
      ['f', 'steps.6', ['workflow'], ['workflow']],
      ['z', 'finally.0', ['workflow'], ['workflow']],
    ]);
    expect([...stepsWithin({ steps: 'none' })]).toEqual([]);
  });

  test('have values in which references are replaced, and conditions', () => {
    expect(boundValues(group)).toEqual([
      ['forEach', ['{{params.x}}']],
      ['output', '{{steps.x.outputs}}'],
      ['label', '{{item}}'],
    ]);
    expect(boundValues(noop('a'))).toEqual([]);
    expect([
      conditionsOf({ when: 'a', repeat: { until: 'b' } }),
      conditionsOf({ when: 5, repeat: 'c' }),
      conditionsOf({}),
    ]).toEqual([['a', 'b'], [], []]);
  });
});
