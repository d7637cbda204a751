/**
 * Goal: rules F1 to F5 of groups, and what becomes of the steps within. Method: small maps and loops driven by hand; after
 * each the derived counts are those of a fresh walk (ST1), and the state file gives the same workflow again (ST2).
 */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { toTolerated } from '../../src/core/flow.ts';
import { isControlled, standsFor, toItemError } from '../../src/core/groups.ts';
import { readWorkflow } from '../../src/core/state-file.ts';
import { createChecked, type Written } from './checked-workflow.ts';
import { LiveWorkflow, throughFile, toDerived } from './live-workflow.ts';

const { bring, take } = createChecked();

const m = (more: Partial<StepDefinition> = {}): Written => ({ id: 'm', forEach: '{{params.list}}', ...more });
const two: StepDefinition[] = [
  { id: 'x', action: 'noop' },
  { id: 'y', name: 'Why', action: 'noop', dependencies: ['x'] },
];

function outputsOf(live: LiveWorkflow, id: string): unknown {
  const { outputs } = live.step(id);
  return outputs && 'json' in outputs ? JSON.parse(outputs.json) : outputs;
}

function pendingOf(live: LiveWorkflow): string[] {
  return live.state.steps.filter(({ status }) => status === 'PENDING').map(({ id }) => id);
}

describe('F1: the steps of a group', () => {
  test('have the id of their item, and share what their definition says', () => {
    const params = { q: '{{item}}' };
    const live = bring([
      m({ action: 'chat', params, timeoutMs: 5, retry: { attemptsMax: 2 }, cache: true }),
      { id: 'z' },
    ]);
    live.map('m', 2);
    expect(live.state.steps.map(({ id }) => id)).toEqual(['m', 'z', 'm.0', 'm.1']);
    const { params: shared, flow } = live.step('m.0');
    expect([shared, flow]).toEqual([params, live.step('z').flow]);
    expect(live.step('m.1')).toMatchObject({ action: 'chat', timeoutMs: 5, retry: { attemptsMax: 2 }, cache: true });
    expect(live.step('m.1').params).toBe(shared);
    expect(live.step('m.1').of).toEqual({ step: 'm', index: 1 });
    expect(live.step('m')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', count: 2, startTime: live.now });
    expect(live.step('m').logs).toEqual([expect.stringMatching(/^Started 2 items at /)]);
    live.run('m.0', 'm.1', 'z');
  });

  test('with inner steps, each is named within its item and waits within it', () => {
    const live = bring([m({ steps: two, cache: true })]);
    live.map('m', 2);
    expect(live.state.steps.slice(1).map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ['m.0.x', []],
      ['m.0.y', ['m.0.x']],
      ['m.1.x', []],
      ['m.1.y', ['m.1.x']],
    ]);
    expect(live.step('m').action).toBe('steps');
    expect([live.step('m.0.x').name, live.step('m.0.y').name, live.step('m.0.y').cache]).toEqual(['x', 'Why', true]);
    live.run('m.0.x');
    expect(pendingOf(live)).toEqual(['m.0.y', 'm.1.x']);
    live.run('m.1.x', 'm.1.y', 'm.0.y');
    expect(live.status).toBe('COMPLETED');
  });

  test.each([
    { cache: true, own: false, is: false },
    { cache: false, own: true, is: true },
    { cache: true, own: undefined, is: true },
  ])('an inner step says for itself whether it is cached: $cache, $own', ({ cache, own, is }) => {
    const inner = { id: 'x', action: 'noop', ...(own === undefined ? {} : { cache: own }) };
    const live = bring([m({ steps: [inner], cache })]);
    live.map('m', 1);
    expect(live.step('m.0.x').cache).toBe(is);
  });

  test.each([
    [{}, ['one', 'two']],
    [{ steps: two }, ['x: one', 'Why: one', 'x: two', 'Why: two']],
  ])('are called by the labels of their items: %o', (more, names) => {
    const live = bring([m(more)]);
    live.map('m', 2, ['one', 'two']);
    expect(live.state.steps.slice(1).map(({ name }) => name)).toEqual(names);
  });

  test('an empty list is complete in the same event, and what waits for it runs', () => {
    const live = bring([m(), { id: 'z', dependencies: ['m'] }]);
    live.map('m', 0);
    expect(outputsOf(live, 'm')).toEqual({ count: 0, failed: 0, skipped: 0 });
    expect([live.step('m').outcome, pendingOf(live)]).toEqual([null, ['z']]);
    expect(live.step('m').logs[0]).toMatch(/^Started 0 items at/);
  });

  test('one item is told as one', () => {
    const live = bring([m()]);
    live.map('m', 1);
    expect(live.step('m').logs[0]).toMatch(/^Started 1 item at/);
  });
});

describe('F2: order and concurrency', () => {
  test('without a bound all items begin at once', () => {
    const live = bring([m()]);
    expect(live.names(live.map('m', 3).queued)).toEqual(['m.0', 'm.1', 'm.2']);
  });

  test('with one the next begins when one has ended, in the order of the list', () => {
    const live = bring([m({ concurrency: 2, steps: two })]);
    expect(live.names(live.map('m', 4).queued)).toEqual(['m.0.x', 'm.1.x']);
    live.run('m.0.x', 'm.1.x');
    expect(pendingOf(live)).toEqual(['m.0.y', 'm.1.y']);
    live.run('m.1.y');
    expect(pendingOf(live)).toEqual(['m.0.y', 'm.2.x']);
    live.run('m.0.y');
    expect(pendingOf(live)).toEqual(['m.2.x', 'm.3.x']);
    live.run('m.2.x', 'm.2.y', 'm.3.x', 'm.3.y');
    expect(live.status).toBe('COMPLETED');
  });

  test('after a restart the same items are under way', () => {
    const live = bring([m({ concurrency: 1 })]);
    live.map('m', 3);
    live.run('m.0');
    const again = throughFile(live.state);
    expect(toDerived(again)).toEqual(toDerived(live.state));
    expect([...again.tallyAt(0).takeBegun()]).toEqual([0, 1]);
    expect(again.steps.map(({ status }) => status)).toEqual([
      'WAITING_FOR_DEPENDENCY',
      'COMPLETED',
      'PENDING',
      'WAITING_FOR_DEPENDENCY',
    ]);
  });

  test('an item that begins with a wait for data holds its place until the data has come', () => {
    const live = bring([m({ concurrency: 1, action: 'external_data' })]);
    live.map('m', 2);
    live.give({ stepId: 'm.1' });
    expect(live.step('m.1').status).toBe('WAITING_FOR_DEPENDENCY');
    live.give({ stepId: 'm.0' });
    expect(live.status).toBe('COMPLETED');
  });

  test('a stop and a resume keep the order and the bound', () => {
    const live = bring([m({ concurrency: 2 })]);
    live.map('m', 4);
    live.run('m.0');
    live.start('m.1');
    live.stop();
    expect(live.step('m').status).toBe('STOPPED');
    live.resume();
    expect(pendingOf(live)).toEqual(['m.1', 'm.2']);
    live.run('m.1', 'm.2', 'm.3');
    expect(live.status).toBe('COMPLETED');
  });
});

describe('F3: the end of a group', () => {
  test.each([
    [null, 10, 0],
    [true, 10, 10],
    [3, 10, 3],
    ['10%', 10, 1],
    ['10%', 19, 1],
    ['10%', 9, 0],
    ['100%', 7, 7],
    ['0%', 7, 0],
  ] as const)('tolerate %s of %d items: %d may fail', (tolerate, count, most) => {
    bring([{ id: 'a' }]);
    expect(toTolerated(tolerate, count)).toBe(most);
  });

  test('one failure more than tolerated fails it: what has not begun is stopped, what is under way goes on', () => {
    const live = bring([m({ concurrency: 2, tolerate: 1, steps: two }), { id: 'z', dependencies: ['m'] }]);
    live.map('m', 5);
    live.runToFailure('m.0.x');
    expect(live.step('m.0.x')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(live.step('m.0.y')).toMatchObject({ status: 'COMPLETED', outcome: 'skipped' });
    expect(pendingOf(live)).toEqual(['m.1.x', 'm.2.x']);
    live.start('m.2.x');
    live.runToFailure('m.1.x');
    expect(live.step('m')).toMatchObject({ status: 'FAILED', error: 'item 1 failed: BINDING for the test' });
    expect(live.step('m.1.y')).toMatchObject({ status: 'STOPPED', error: 'Upstream step "m.1.x" failed' });
    expect(live.step('m.4.x')).toMatchObject({ status: 'STOPPED', error: 'Step "m" failed' });
    expect(live.step('z').error).toBe('Upstream step "m" failed');
    live.complete('m.2.x');
    live.run('m.2.y');
    expect(live.step('m.3.x').status).toBe('STOPPED');
    expect(live.status).toBe('FAILED');
  });

  test('a failure under way after the end of a FAILED group is one of its own', () => {
    const live = bring([m()]);
    live.map('m', 2);
    live.start('m.1');
    live.runToFailure('m.0');
    live.fail('m.1');
    expect([live.step('m.1').status, live.step('m').error]).toEqual(['FAILED', 'item 0 failed: BINDING for the test']);
  });

  test('within what is tolerated it has run, and all its failures are told of', () => {
    const live = bring([m({ tolerate: true }), { id: 'z', dependencies: ['m'] }]);
    live.map('m', 2);
    live.runToFailure('m.0');
    live.runToFailure('m.1');
    expect(outputsOf(live, 'm')).toEqual({ count: 2, failed: 2, skipped: 0 });
    expect(live.step('m').logs.at(-2)).toBe('Warning: all 2 items have failed, and all were tolerated');
    live.run('z');
    expect(live.status).toBe('COMPLETED');
  });

  test.each([
    { count: 2, failing: ['m.0'] },
    { count: 0, failing: [] },
  ])('of $count items $failing.length failed: there is no warning', ({ count, failing }) => {
    const live = bring([m({ tolerate: true })]);
    live.map('m', count);
    for (const id of failing) live.runToFailure(id);
    live.run(...pendingOf(live));
    expect(outputsOf(live, 'm')).toEqual({ count, failed: failing.length, skipped: 0 });
    expect(live.step('m').logs.filter((line) => line.startsWith('Warning'))).toEqual([]);
  });

  test('an inner step that is tolerated itself makes no failed item', () => {
    const live = bring([m({ steps: [{ id: 'x', action: 'noop', tolerate: true }] })]);
    live.map('m', 1);
    live.runToFailure('m.0.x');
    expect(outputsOf(live, 'm')).toEqual({ count: 1, failed: 0, skipped: 0 });
  });

  test('the failure of a list that cannot be bound is not tolerated by its items', () => {
    const live = bring([m({ tolerate: true })]);
    live.unready('m');
    expect([live.step('m').status, live.step('m').count]).toEqual(['FAILED', null]);
  });

  test('more steps than a workflow may have: the group fails, and says how to write it', () => {
    const live = bring([m({ steps: two })]);
    live.map('m', 10_000);
    expect(live.step('m').error).toBe(
      'its 10000 items would make 20000 steps; a workflow has at most 20000, and this one has 1. Put several items into one with batch',
    );
  });

  test('fail-fast: the failure of an item that is tolerated stops nothing, one too many stops all', () => {
    const live = bring([m({ tolerate: 1 }), { id: 'z' }], { failurePolicy: 'fail-fast' });
    live.map('m', 3);
    live.start('m.2', 'z');
    live.runToFailure('m.0');
    expect(live.step('z').status).toBe('RUNNING');
    live.runToFailure('m.1');
    expect(live.step('m')).toMatchObject({ status: 'FAILED', error: 'item 1 failed: BINDING for the test' });
    expect([live.step('m.2').status, live.step('z').status]).toEqual(['STOPPED', 'STOPPED']);
    expect(live.step('z').error).toBe('Stopped because step "m" failed (fail-fast)');
  });
});

describe('F4: what a group records', () => {
  test('an item is skipped when the step that stands for it was', () => {
    const live = bring([m({ steps: [two[0]!, { ...two[1]!, when: 'true' }] })]);
    live.map('m', 2);
    live.run('m.0.x', 'm.0.y', 'm.1.x');
    live.skip('m.1.y');
    expect(outputsOf(live, 'm')).toEqual({ count: 2, failed: 0, skipped: 1 });
  });

  test('with `output` it is when all its steps were', () => {
    const steps = [
      { ...two[0]!, when: 'true' },
      { ...two[1]!, when: 'true', dependencies: [] },
    ];
    const live = bring([m({ output: 1, steps })]);
    live.map('m', 2);
    live.skip('m.0.x', 'm.0.y', 'm.1.x');
    live.run('m.1.y');
    expect(outputsOf(live, 'm')).toEqual({ count: 2, failed: 0, skipped: 1 });
  });
});

describe('groups within groups', () => {
  const inner = (more: Partial<StepDefinition> = {}): StepDefinition[] => [
    { id: 'i', forEach: ['p', 'q'], steps: two, ...more },
    { id: 'e', action: 'noop', dependencies: ['i'] },
  ];

  test('have ids over all levels, and end from the inside', () => {
    const live = bring([m({ concurrency: 1, steps: inner() })]);
    live.map('m', 2);
    live.map('m.0.i', 1);
    live.run('m.0.i.0.x', 'm.0.i.0.y');
    expect(outputsOf(live, 'm.0.i')).toEqual({ count: 1, failed: 0, skipped: 0 });
    live.run('m.0.e');
    live.map('m.1.i', 0);
    live.run('m.1.e');
    expect([live.step('m').status, live.status]).toEqual(['COMPLETED', 'COMPLETED']);
  });

  test('a failed inner group is the failure of its item', () => {
    const live = bring([m({ steps: inner() })]);
    live.map('m', 1);
    live.map('m.0.i', 2);
    live.runToFailure('m.0.i.1.x');
    expect([live.step('m.0.i').error, live.step('m').error]).toEqual([
      'item 1 failed: BINDING for the test',
      'item 0 failed: item 1 failed: BINDING for the test',
    ]);
  });

  test('where the outer one tolerates it, nothing within is a failure any more, and what still fails is none', () => {
    const live = bring([m({ tolerate: 1, concurrency: 1, steps: inner({ concurrency: 2 }) })]);
    live.map('m', 2);
    live.map('m.0.i', 3);
    live.start('m.0.i.1.x');
    live.runToFailure('m.0.i.0.x');
    expect(live.step('m.0.i')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(live.step('m.0.i.0.x')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(live.step('m.0.i.2.x')).toMatchObject({ status: 'COMPLETED', outcome: 'skipped' });
    expect([live.step('m.0.e').status, live.step('m.1.i').status]).toEqual(Array(2).fill('WAITING_FOR_DEPENDENCY'));
    live.fail('m.0.i.1.x');
    expect(live.step('m.0.i.1.x')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(live.step('m.0.i.1.y').outcome).toBe('skipped');
    expect([live.step('m.0.e').outcome, live.step('m.1.i').status]).toEqual(['skipped', 'PENDING']);
    live.map('m.1.i', 0);
    live.run('m.1.e');
    expect(live.status).toBe('COMPLETED');
    expect(live.state.outcomes).toEqual({ skipped: 5, tolerated: 3 });
  });

  test('the groups of a tolerated item are tolerated with all that they hold, over two levels', () => {
    const deep: StepDefinition[] = [{ id: 'g', tolerate: 1, forEach: [1], steps: inner() }];
    const live = bring([m({ tolerate: 1, steps: deep })]);
    live.map('m', 1);
    live.map('m.0.g', 2);
    live.map('m.0.g.0.i', 1);
    live.map('m.0.g.1.i', 1);
    live.start('m.0.g.1.i.0.x');
    live.runToFailure('m.0.g.0.i.0.x');
    live.fail('m.0.g.1.i.0.x');
    expect(live.step('m.0.g')).toMatchObject({ outcome: 'tolerated' });
    expect(live.status).toBe('COMPLETED');
    expect(live.state.counts.COMPLETED).toBe(live.state.steps.length);
  });
});

describe('F5: what runs after a group that has failed', () => {
  const waiting = 'WAITING_FOR_DEPENDENCY';
  const after: Written[] = [
    { id: 'e', join: 'ended', dependencies: ['m'] },
    { id: 'h', join: 'failed', dependencies: ['m'] },
    { id: 'z', dependencies: ['m'] },
  ];
  const last = { finally: [{ id: 'unlock', action: 'noop' }] };
  const statusesOf = (live: LiveWorkflow, ...ids: string[]) => ids.map((id) => live.step(id).status);

  test('waits for the items under way, and for all their steps', () => {
    const live = bring([m({ steps: two }), ...after], last);
    live.map('m', 3);
    live.start('m.0.x', 'm.2.x');
    live.runToFailure('m.1.x');
    expect(statusesOf(live, 'm', 'z')).toEqual(['FAILED', 'STOPPED']);
    expect(statusesOf(live, 'e', 'h', 'unlock')).toEqual([waiting, waiting, waiting]);
    live.complete('m.0.x');
    live.run('m.0.y');
    expect(live.names(live.complete('m.2.x')?.queued ?? [])).toEqual(['m.2.y']);
    expect(throughFile(live.state).missing).toEqual(live.state.missing);
    live.start('m.2.y');
    expect(live.names(live.complete('m.2.y')?.queued ?? [])).toEqual(['e', 'h']);
    live.run('e', 'h');
    expect([pendingOf(live), live.status]).toEqual([['unlock'], 'RUNNING']);
    live.run('unlock');
    expect(live.status).toBe('FAILED');
  });

  test('begins at once where nothing is under way', () => {
    const live = bring([m({ concurrency: 1 }), ...after]);
    live.map('m', 2);
    live.runToFailure('m.0');
    expect(pendingOf(live)).toEqual(['e', 'h']);
    expect(statusesOf(live, 'm', 'm.1', 'z')).toEqual(['FAILED', 'STOPPED', 'STOPPED']);
  });

  test('waits for the item of a nested group, over all levels, also where the failure is tolerated', () => {
    const inner: StepDefinition = { id: 'i', forEach: '{{item}}', action: 'noop' };
    for (const tolerate of [{}, { tolerate: 1 }]) {
      const live = bring(
        [m({ steps: [{ id: 'g', forEach: '{{item}}', steps: [inner] }], ...tolerate }), ...after],
        last,
      );
      live.map('m', 1);
      live.map('m.0.g', 1);
      live.map('m.0.g.0.i', 2);
      live.start('m.0.g.0.i.1');
      live.runToFailure('m.0.g.0.i.0');
      const isTolerated = 'tolerate' in tolerate;
      expect(statusesOf(live, 'm.0.g', 'm')).toEqual(isTolerated ? ['COMPLETED', waiting] : ['FAILED', 'FAILED']);
      expect(statusesOf(live, 'e', 'h', 'unlock')).toEqual([waiting, waiting, waiting]);
      expect(toDerived(throughFile(live.state))).toEqual(toDerived(live.state));
      const queued = live.complete('m.0.g.0.i.1')?.queued ?? [];
      expect(live.names(queued)).toEqual(isTolerated ? ['e', 'z'] : ['e', 'h']);
      expect(live.step('h').outcome).toBe(isTolerated ? 'skipped' : null);
    }
  });

  test('waits for the steps of a round that are under way', () => {
    const body: StepDefinition[] = [
      { id: 'x', action: 'noop' },
      { id: 'y', action: 'noop' },
    ];
    const live = bring([{ id: 'm', repeat: { until: 'true', max: 2 }, steps: body }, ...after]);
    live.round('m');
    live.start('m.0.y');
    live.runToFailure('m.0.x');
    expect(statusesOf(live, 'm', 'e', 'h')).toEqual(['FAILED', waiting, waiting]);
    expect(live.names(live.complete('m.0.y')?.queued ?? [])).toEqual(['e', 'h']);
  });

  test('waits, under fail-fast, for the steps that clean up in the items of another group', () => {
    const clean: StepDefinition[] = [
      { id: 'x', action: 'noop' },
      { id: 'c', action: 'noop', join: 'ended', dependencies: ['x'] },
    ];
    const live = bring([m({ steps: clean }), { id: 'bad' }], { failurePolicy: 'fail-fast', ...last });
    live.map('m', 1);
    live.start('m.0.x');
    live.runToFailure('bad');
    expect(statusesOf(live, 'm', 'm.0.x', 'm.0.c', 'unlock')).toEqual(['STOPPED', 'STOPPED', 'PENDING', waiting]);
    live.run('m.0.c');
    expect(pendingOf(live)).toEqual(['unlock']);
  });

  test('a retry while items are under way lets it wait for the group again', () => {
    const live = bring([m(), ...after]);
    live.map('m', 2);
    live.start('m.1');
    live.runToFailure('m.0');
    live.retry();
    expect(statusesOf(live, 'm', 'm.0', 'e', 'h', 'z')).toEqual([waiting, 'PENDING', waiting, waiting, waiting]);
    live.complete('m.1');
    expect(pendingOf(live)).toEqual(['m.0']);
    live.run('m.0');
    expect(pendingOf(live)).toEqual(['e', 'z']);
    expect(live.step('h').outcome).toBe('skipped');
  });

  test('after a stop and a resume it begins: the items that were stopped stay so', () => {
    const live = bring([m(), ...after]);
    live.map('m', 2);
    live.start('m.1');
    live.runToFailure('m.0');
    live.stop();
    live.resume();
    expect([statusesOf(live, 'm', 'm.1', 'z'), pendingOf(live)]).toEqual([
      ['FAILED', 'STOPPED', 'STOPPED'],
      ['e', 'h'],
    ]);
  });
});

describe('loops', () => {
  const loop = (
    more: Partial<StepDefinition['repeat'] & object> = {},
    rest: Partial<StepDefinition> = {},
  ): Written => ({
    id: 'l',
    repeat: { until: 'true', max: 2, ...more },
    ...rest,
  });

  test('make the steps of one round at a time, and are asked after each', () => {
    const live = bring([loop({}, { steps: two }), { id: 'z', dependencies: ['l'] }]);
    live.round('l');
    expect(live.state.steps.slice(2).map(({ id }) => id)).toEqual(['l.0.x', 'l.0.y']);
    const { startTime } = live.step('l');
    live.run('l.0.x', 'l.0.y');
    expect(live.step('l')).toMatchObject({ status: 'PENDING', count: 1, queuedAt: live.step('l.0.y').endTime });
    live.round('l', false);
    expect(live.step('l').logs.at(-1)).toMatch(/^Started round 1 at/);
    live.run('l.1.x', 'l.1.y');
    live.round('l', true);
    expect(outputsOf(live, 'l')).toEqual({ rounds: 2, done: true });
    expect(live.step('l').startTime).toBe(startTime);
    live.run('z');
    expect(live.status).toBe('COMPLETED');
  });

  test('a failed step of a round fails it; what is under way in the round goes on', () => {
    const live = bring([loop({}, { steps: [...two, { id: 'w', action: 'noop' }] })]);
    live.round('l');
    live.start('l.0.w');
    live.runToFailure('l.0.x');
    expect(live.step('l').error).toBe('round 0 failed: BINDING for the test');
    live.complete('l.0.w');
    expect([live.step('l').status, live.status]).toEqual(['FAILED', 'FAILED']);
  });

  test('`tolerate` is for the loop and not for its rounds', () => {
    const live = bring([loop({}, { tolerate: true, steps: two })]);
    live.round('l');
    live.runToFailure('l.0.x');
    expect(live.step('l')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(live.step('l.0.y').outcome).toBe('skipped');
    expect(live.status).toBe('COMPLETED');
  });

  test('a loop that was stopped between two rounds is asked again after a resume', () => {
    const live = bring([loop({ every: '5s' })]);
    live.round('l');
    live.run('l.0');
    live.stop();
    expect(live.names(live.resume().queued)).toEqual(['l']);
    live.round('l', false);
    expect([live.status, live.step('l').wait]).toEqual(['RUNNING', { for: 'time', until: live.now + 5_000 }]);
    live.stop();
    expect(live.names(live.resume().queued)).toEqual(['l']);
    live.round('l', false);
    live.elapse('l');
    live.run('l.1');
    live.round('l', true);
    expect(live.status).toBe('COMPLETED');
  });
});

test.each([
  [{ action: 'noop' }, false],
  [{ action: 'noop', when: 'true' }, true],
  [{ action: 'noop', forEach: [] }, true],
  [{ action: 'noop', repeat: { until: 'true', max: 1 } }, true],
  [{ action: 'approval' }, true],
  [{ action: 'external_data' }, false],
  [{ action: 'external_data', params: { within: '1h' } }, true],
  [{ action: 'external_data', params: { within: '{{params.time}}' } }, true],
  [{ action: 'external_data', params: { within: 'the city' } }, false],
  [{ action: 'external_data', params: { within: 5 } }, false],
  [{ action: 'delay', params: { ms: 5 } }, false],
  [{ action: 'delay', params: { for: '5s' } }, true],
  [{ action: 'delay', params: { until: '{{params.t}}' } }, true],
] as const)('%o needs a decision before a slot: %s', (step, isControl) => {
  const live = bring([{ id: 'a', ...step } as Written]);
  expect(isControlled(live.step('a'))).toBe(isControl);
});

test('which step stands for an item, and what is told of its failure', () => {
  const live = bring([m({ steps: two }), { id: 'z' }]);
  live.map('m', 2);
  const { state } = live;
  const tally = state.tallyAt(0);
  expect(state.stepAt(standsFor(tally, 1)).id).toBe('m.1.y');
  expect(toItemError(state, tally, 1, 'item')).toBe('item 1 failed: without an error');
  expect(() => state.tallyAt(1)).toThrow('broken rule ST3: step "z" is no group');
  live.runToFailure('m.1.x');
  state.setStep(state.placeOf('m.1.x'), { error: null });
  expect(toItemError(state, tally, 1, 'round')).toBe('round 1 failed: without an error');
  state.setStep(state.placeOf('m.1.x'), { error: 'BINDING for the test', errorCode: 'BINDING' });
});

test('in a file of another maker an item does not begin before its list is known', () => {
  const adopted = LiveWorkflow.adopted({
    steps: [
      { id: 'm', action: 'noop', status: 'PENDING', forEach: [1] },
      { id: 'm.0', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', of: { step: 'm', index: 0 } },
    ],
  });
  const live = take(adopted);
  expect(live.statuses()).toEqual({ m: 'PENDING', 'm.0': 'WAITING_FOR_DEPENDENCY' });
  live.map('m', 2);
  live.run('m.0', 'm.1');
  expect(live.status).toBe('COMPLETED');
});

test('a file with steps of a group that is not there, or that it does not make, holds them as steps of their own', () => {
  bring([{ id: 'a' }]);
  const steps = [
    { id: 'g', action: 'steps', status: 'FAILED', forEach: [1], body: two },
    { id: 'g.0.z', action: 'noop', status: 'COMPLETED', of: { step: 'g', index: 0 } },
    { id: 'b', action: 'noop', status: 'COMPLETED', of: { step: 'nobody', index: 0 } },
  ];
  expect(readWorkflow({ id: 'w', steps }, {}, 0).steps.map(({ of }) => of)).toEqual([null, null, null]);
});
