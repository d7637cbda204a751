/**
 * Goal: rules RV1 to RV3 and `group-again.ts`, what a resume or a retry runs again. Method: workflows with joins, maps and
 * loops driven by hand to a failure; after each the derived counts are those of a fresh walk (ST1), also through the file.
 */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import * as decide from '../../src/core/decide.ts';
import { createChecked, type Written } from './checked-workflow.ts';
import { type LiveWorkflow, throughFile } from './live-workflow.ts';

const { bring } = createChecked();

const two: StepDefinition[] = [
  { id: 'x', action: 'noop' },
  { id: 'y', action: 'noop', dependencies: ['x'] },
];

/** What is not COMPLETED. */
function openOf(live: LiveWorkflow): Record<string, string> {
  return Object.fromEntries(Object.entries(live.statuses()).filter(([, status]) => status !== 'COMPLETED'));
}

function outcomesOf(live: LiveWorkflow): Record<string, string> {
  return Object.fromEntries(live.state.steps.flatMap(({ id, outcome }) => (outcome ? [[id, outcome]] : [])));
}

describe('RV2: a retry of a failed map', () => {
  test('runs failed items, what hung on them, and those not begun; completed ones never', () => {
    const live = bring([
      { id: 'm', forEach: [1], concurrency: 2, steps: two },
      { id: 'z', dependencies: ['m'] },
    ]);
    live.map('m', 4);
    live.run('m.0.x', 'm.0.y');
    live.run('m.1.x');
    live.runToFailure('m.2.x');
    live.runToFailure('m.1.y');
    expect(live.status).toBe('FAILED');
    expect(live.names(live.retry().queued)).toEqual(['m.1.y', 'm.2.x']);
    expect(openOf(live)).toEqual({
      m: 'WAITING_FOR_DEPENDENCY',
      z: 'WAITING_FOR_DEPENDENCY',
      'm.1.y': 'PENDING',
      'm.2.x': 'PENDING',
      'm.2.y': 'WAITING_FOR_DEPENDENCY',
      'm.3.x': 'WAITING_FOR_DEPENDENCY',
      'm.3.y': 'WAITING_FOR_DEPENDENCY',
    });
    live.run('m.1.y', 'm.2.x', 'm.2.y', 'm.3.x', 'm.3.y', 'z');
    expect([live.status, live.step('m.0.x').attempt, live.step('m.2.x').attempt]).toEqual(['COMPLETED', 1, 2]);
  });

  test('runs its tolerated items again too, and what was skipped behind them', () => {
    const live = bring([{ id: 'm', forEach: [1], tolerate: 1, steps: two }]);
    live.map('m', 3);
    live.runToFailure('m.0.x');
    live.runToFailure('m.1.x');
    live.run('m.2.x', 'm.2.y');
    expect(outcomesOf(live)).toEqual({ 'm.0.x': 'tolerated', 'm.0.y': 'skipped' });
    expect(live.names(live.retry().queued)).toEqual(['m.0.x', 'm.1.x']);
    live.run('m.0.x', 'm.0.y', 'm.1.x', 'm.1.y');
    expect([live.status, outcomesOf(live)]).toEqual(['COMPLETED', {}]);
  });

  test('runs all failed steps of an item, which count as one failure', () => {
    const inner: StepDefinition[] = [...two, { id: 'w', action: 'noop' }];
    const live = bring([{ id: 'm', forEach: [1], tolerate: 1, steps: inner }]);
    live.map('m', 2);
    live.runToFailure('m.0.x');
    live.runToFailure('m.0.w');
    expect([live.step('m').status, live.step('m.0.w').outcome]).toEqual(['WAITING_FOR_DEPENDENCY', 'tolerated']);
    live.runToFailure('m.1.x');
    live.runToFailure('m.1.w');
    expect([live.step('m').status, live.status]).toEqual(['FAILED', 'FAILED']);
    expect(live.names(live.retry().queued)).toEqual(['m.0.x', 'm.0.w', 'm.1.x', 'm.1.w']);
    for (const index of [0, 1]) live.run(`m.${index}.x`, `m.${index}.y`, `m.${index}.w`);
    expect(live.status).toBe('COMPLETED');
  });

  test('leaves what an inner step has tolerated itself', () => {
    const inner: StepDefinition[] = [{ id: 't', action: 'noop', tolerate: true }, ...two];
    const live = bring([{ id: 'm', forEach: [1], steps: inner }]);
    live.map('m', 1);
    live.runToFailure('m.0.t');
    live.runToFailure('m.0.x');
    live.retry();
    expect(outcomesOf(live)).toEqual({ 'm.0.t': 'tolerated' });
  });

  test('leaves a map within that has ended in order, with the failures that it tolerates itself', () => {
    const inner: StepDefinition[] = [
      { id: 'n', forEach: [1], concurrency: 2, tolerate: 1, action: 'noop' },
      { id: 'x', action: 'noop' },
    ];
    const live = bring([{ id: 'm', forEach: [1], steps: inner }]);
    live.map('m', 1);
    live.map('m.0.n', 2);
    live.runToFailure('m.0.n.0');
    live.run('m.0.n.1');
    live.runToFailure('m.0.x');
    expect([live.status, live.step('m.0.n').status]).toEqual(['FAILED', 'COMPLETED']);
    live.retry();
    expect(openOf(live)).toEqual({ m: 'WAITING_FOR_DEPENDENCY', 'm.0.x': 'PENDING' });
    expect(outcomesOf(live)).toEqual({ 'm.0.n.0': 'tolerated' });
    live.run('m.0.x');
    expect(live.status).toBe('COMPLETED');
  });

  test('runs again what a tolerated group within has done, as far as it failed', () => {
    const inner: StepDefinition[] = [{ id: 'i', forEach: [1], tolerate: 1, concurrency: 3, steps: two }];
    const live = bring([{ id: 'm', forEach: [1], tolerate: 1, steps: inner }]);
    live.map('m', 2);
    live.map('m.0.i', 4);
    live.map('m.1.i', 2);
    live.run('m.0.i.1.x', 'm.0.i.1.y');
    live.runToFailure('m.0.i.0.x');
    live.runToFailure('m.0.i.2.x');
    live.start('m.0.i.3.x');
    live.complete('m.0.i.3.x');
    live.run('m.0.i.3.y');
    expect(live.step('m.0.i').outcome).toBe('tolerated');
    live.runToFailure('m.1.i.0.x');
    live.runToFailure('m.1.i.1.x');
    expect(live.status).toBe('FAILED');
    live.retry();
    expect(live.state.outcomes).toEqual({ skipped: 0, tolerated: 0 });
    live.run('m.0.i.0.x', 'm.0.i.0.y', 'm.0.i.2.x', 'm.0.i.2.y');
    live.run('m.1.i.0.x', 'm.1.i.0.y', 'm.1.i.1.x', 'm.1.i.1.y');
    expect([live.status, live.step('m.0.i.1.x').attempt]).toEqual(['COMPLETED', 1]);
  });

  test('whose list could not be bound reads it again', () => {
    const live = bring([{ id: 'm', forEach: '{{params.x}}' }]);
    live.unready('m');
    expect(live.names(live.retry().queued)).toEqual(['m']);
    live.map('m', 1);
    live.run('m.0');
    expect(live.status).toBe('COMPLETED');
  });
});

describe('RV1: a resume', () => {
  test('runs the items of a stopped map, and none of a failed one', () => {
    const live = bring([
      { id: 'm', forEach: [1], concurrency: 1 },
      { id: 'n', forEach: [1], steps: two },
      { id: 'z', join: 'ended', dependencies: ['n'] },
    ]);
    live.map('m', 2);
    live.map('n', 2);
    live.start('n.1.x');
    live.runToFailure('n.0.x');
    live.stop();
    live.resume();
    expect(openOf(live)).toEqual({
      m: 'WAITING_FOR_DEPENDENCY',
      n: 'FAILED',
      z: 'PENDING',
      'm.0': 'PENDING',
      'm.1': 'WAITING_FOR_DEPENDENCY',
      'n.0.x': 'FAILED',
      'n.0.y': 'STOPPED',
      'n.1.x': 'STOPPED',
      'n.1.y': 'STOPPED',
    });
    live.run('m.0', 'm.1', 'z');
    expect(live.status).toBe('FAILED');
  });

  test('goes on with an item that was under way in a tolerated map, which keeps what it has', () => {
    const inner: StepDefinition[] = [
      { id: 'n', forEach: [1], concurrency: 2, action: 'noop' },
      { id: 'y', action: 'noop' },
    ];
    const live = bring([{ id: 'm', forEach: [1], tolerate: true, steps: inner }]);
    live.map('m', 1);
    live.map('m.0.n', 2);
    live.start('m.0.n.1');
    live.runToFailure('m.0.n.0');
    expect(live.step('m.0.n')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    live.stop();
    live.resume();
    expect(live.step('m.0.n')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated' });
    expect(openOf(live)).toEqual({ m: 'WAITING_FOR_DEPENDENCY', 'm.0.n.1': 'PENDING', 'm.0.y': 'PENDING' });
    live.run('m.0.n.1', 'm.0.y');
    expect(live.status).toBe('COMPLETED');
    expect(outcomesOf(live)).toEqual({ 'm.0.n': 'tolerated', 'm.0.n.0': 'tolerated' });
  });

  test('under fail-fast runs what asks for an end, and not what asks for success', () => {
    const live = bring([{ id: 'a' }, { id: 'b' }, { id: 'c', join: 'ended', dependencies: ['a', 'b'] }], {
      failurePolicy: 'fail-fast',
    });
    live.runToFailure('a');
    live.stop();
    live.resume();
    expect(live.statuses()).toEqual({ a: 'FAILED', b: 'STOPPED', c: 'PENDING' });
  });

  test('leaves an item that a budget has paused where it is', () => {
    const live = bring([{ id: 'm', forEach: [1], concurrency: 2 }]);
    live.map('m', 3);
    live.stop();
    live.resume();
    live.apply(decide.decidePause(live.state, 'm.0', live.tick(), { reason: 'no room', until: 'resume' }));
    live.run('m.1');
    expect(live.step('m.0')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', pause: { reason: 'no room' } });
    expect(live.step('m.2').status).toBe('PENDING');
    live.resume();
    live.run('m.0', 'm.2');
    expect(live.status).toBe('COMPLETED');
  });

  test('of an approval asks anew', () => {
    const live = bring([{ id: 'a', action: 'approval' }]);
    live.wait('a', 'decision', live.now + 60_000);
    live.stop();
    expect(live.step('a').wait).toBeNull();
    expect(live.names(live.resume().queued)).toEqual(['a']);
    expect(live.status).toBe('RUNNING');
  });
});

describe('RV3: what ran on the strength of a failure', () => {
  const joined = () =>
    bring([
      { id: 'a' },
      { id: 'ok', dependencies: ['a'] },
      { id: 'bad', join: 'failed', dependencies: ['a'] },
      { id: 'end', join: 'ended', dependencies: ['a'] },
      { id: 'behind', dependencies: ['end'] },
      { id: 'skipped', join: 'all', when: 'true', dependencies: ['behind'] },
    ]);

  test('waits again, with all that ran or was skipped behind it', () => {
    const live = joined();
    live.runToFailure('a');
    live.run('bad', 'end', 'behind');
    live.skip('skipped');
    expect(live.names(live.retry().queued)).toEqual(['a']);
    expect(openOf(live)).toEqual({
      a: 'PENDING',
      ok: 'WAITING_FOR_DEPENDENCY',
      bad: 'WAITING_FOR_DEPENDENCY',
      end: 'WAITING_FOR_DEPENDENCY',
      behind: 'WAITING_FOR_DEPENDENCY',
      skipped: 'WAITING_FOR_DEPENDENCY',
    });
    expect(live.step('end')).toMatchObject({ outputs: null, attempt: 1, startTime: null });
    live.run('a', 'ok', 'end', 'behind');
    live.skip('skipped');
    expect([live.status, outcomesOf(live)]).toEqual(['COMPLETED', { bad: 'skipped', skipped: 'skipped' }]);
  });

  test('is aborted where it runs, and taken out of the line where it is in it', () => {
    const live = joined();
    live.runToFailure('a');
    live.start('end');
    const change = live.retry();
    expect([live.names(change.aborted), live.names(change.unqueued)]).toEqual([['end'], ['bad']]);
    expect(live.spent('end', 1, { tokens: 5 })).toBe(true);
    expect(live.step('end')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', metrics: { tokens: 5 } });
  });

  test('what data from outside has completed stays, unless it was skipped', () => {
    const live = bring([
      { id: 'a' },
      { id: 'e1', action: 'external_data', join: 'ended', dependencies: ['a'] },
      { id: 'e2', action: 'external_data', join: 'any', dependencies: ['t'] },
      { id: 't', tolerate: true, join: 'ended', dependencies: ['a'] },
      { id: 'z', join: 'ended', dependencies: ['a', 'e1'] },
    ]);
    live.runToFailure('a');
    live.give({ stepId: 'e1' });
    live.runToFailure('t');
    expect(live.step('e2').outcome).toBe('skipped');
    live.start('z');
    live.retry();
    expect(live.statuses()).toEqual({
      a: 'PENDING',
      e1: 'COMPLETED',
      e2: 'WAITING_FOR_DEPENDENCY',
      t: 'WAITING_FOR_DEPENDENCY',
      z: 'WAITING_FOR_DEPENDENCY',
    });
  });

  test('a wait behind it begins anew', () => {
    const live = bring([{ id: 'a' }, { id: 'ask', action: 'approval', join: 'ended', dependencies: ['a'] }]);
    live.runToFailure('a');
    live.wait('ask', 'decision');
    live.retry();
    expect(live.step('ask')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', wait: null });
  });

  test('an item that runs again opens its map, which had ended', () => {
    const inner: StepDefinition[] = [
      { id: 'x', action: 'noop' },
      { id: 'h', action: 'noop', join: 'ended', dependencies: ['x'] },
    ];
    const live = bring([
      { id: 'm', forEach: [1], steps: inner },
      { id: 'z', join: 'ended', dependencies: ['m'] },
    ]);
    live.map('m', 2);
    live.runToFailure('m.0.x');
    live.run('m.0.h', 'm.1.x', 'm.1.h', 'z');
    live.retry();
    expect(openOf(live)).toEqual({
      m: 'WAITING_FOR_DEPENDENCY',
      z: 'WAITING_FOR_DEPENDENCY',
      'm.0.x': 'PENDING',
      'm.0.h': 'WAITING_FOR_DEPENDENCY',
    });
    live.run('m.0.x', 'm.0.h', 'z');
    expect(live.status).toBe('COMPLETED');
  });
});

describe('a list that is read again', () => {
  /** A map behind a failure; its first list has been dealt with. */
  const behind = (count: number, more: Partial<StepDefinition> = {}) => {
    const live = bring([
      { id: 'a' },
      { id: 'm', join: 'ended', forEach: [1], dependencies: ['a'], steps: two, ...more },
    ]);
    live.runToFailure('a');
    live.map('m', count);
    return live;
  };
  const runAll = (live: LiveWorkflow, ...items: number[]) => {
    for (const index of items) live.run(`m.${index}.x`, `m.${index}.y`);
  };

  test('and is longer: the items that there were run again, and more are added', () => {
    const live = behind(1);
    runAll(live, 0);
    live.retry();
    expect(live.step('m').count).toBeNull();
    live.run('a');
    live.map('m', 2);
    expect(live.state.steps.map(({ id }) => id)).toEqual(['a', 'm', 'm.0.x', 'm.0.y', 'm.1.x', 'm.1.y']);
    runAll(live, 0, 1);
    expect([live.status, live.step('m.0.x').attempt, live.step('m.1.x').attempt]).toEqual(['COMPLETED', 2, 1]);
  });

  test('and is shorter: what is no longer in it is skipped', () => {
    const live = behind(3);
    runAll(live, 0, 1, 2);
    live.retry();
    live.run('a');
    live.map('m', 1);
    expect(outcomesOf(live)).toEqual({
      'm.1.x': 'skipped',
      'm.1.y': 'skipped',
      'm.2.x': 'skipped',
      'm.2.y': 'skipped',
    });
    expect(live.step('m.1.x').logs.at(-1)).toMatch(/^Skipped at .*: it is no longer in the list$/);
    runAll(live, 0);
    expect(live.step('m').outputs).toEqual({ json: '{"count":1,"failed":0,"skipped":0}' });
    expect(live.status).toBe('COMPLETED');
  });

  test('and is empty now: all are skipped', () => {
    const live = behind(1);
    runAll(live, 0);
    live.retry();
    live.run('a');
    live.map('m', 0);
    expect(live.status).toBe('COMPLETED');
  });

  test('that was not known yet waits on', () => {
    const live = bring([{ id: 'a' }, { id: 'b' }, { id: 'm', join: 'ended', forEach: [1], dependencies: ['a', 'b'] }]);
    live.runToFailure('a');
    live.retry();
    expect(live.statuses()).toEqual({ a: 'PENDING', b: 'PENDING', m: 'WAITING_FOR_DEPENDENCY' });
  });

  test('is not made twice by a restart in between', () => {
    const live = behind(1);
    runAll(live, 0);
    live.retry();
    live.run('a');
    const again = throughFile(live.state);
    expect(again.tallyAt(1).count).toBe(1);
    live.map('m', 1);
    expect(live.state.steps).toHaveLength(4);
  });

  test('while its items are under way: they are aborted, and none runs before the list is known', () => {
    const live = behind(3, { concurrency: 2 });
    live.run('m.0.x');
    live.start('m.0.y', { model: 'm', calls: 1, tokens: 5, cost_pico: null });
    const change = live.retry();
    expect([live.names(change.aborted), live.names(change.unqueued)]).toEqual([['m.0.y'], ['m.1.x']]);
    live.stop();
    live.resume();
    expect(openOf(live)).toMatchObject({
      a: 'PENDING',
      m: 'WAITING_FOR_DEPENDENCY',
      'm.0.y': 'STOPPED',
      'm.1.x': 'STOPPED',
    });
    live.run('a');
    live.stop();
    live.resume();
    expect(openOf(live)).toMatchObject({ m: 'PENDING', 'm.0.y': 'STOPPED', 'm.1.x': 'STOPPED' });
    expect(live.names(live.map('m', 3).queued)).toEqual(['m.0.x', 'm.1.x']);
    expect(live.spent('m.0.y', 1, null)).toBe(true);
    runAll(live, 0, 1, 2);
    expect(live.status).toBe('COMPLETED');
  });

  test.each([
    ['its condition is false now', (live: LiveWorkflow) => live.skip('o.0.m')],
    ['it cannot be read, and that is tolerated', (live: LiveWorkflow) => live.unready('o.0.m')],
  ])('%s: none of its steps keeps the workflow open', (_, end) => {
    const nested: StepDefinition = {
      id: 'm',
      when: 'true',
      join: 'ended',
      forEach: [1],
      dependencies: ['a'],
      steps: two,
    };
    const inner: StepDefinition[] = [{ id: 'a', action: 'noop' }, nested];
    const live = bring([
      { id: 'o', forEach: [1], tolerate: 1, steps: inner },
      { id: 'b', tolerate: true, forEach: [1] },
    ]);
    live.map('o', 2);
    live.map('b', 0);
    for (const index of [0, 1]) {
      live.runToFailure(`o.${index}.a`);
      live.map(`o.${index}.m`, 1);
      live.run(`o.${index}.m.0.x`);
    }
    live.retry();
    live.run('o.0.a', 'o.1.a');
    end(live);
    live.skip('o.1.m');
    expect([live.status, openOf(live)]).toEqual(['COMPLETED', {}]);
  });

  test('of a map within the items: its steps are at rest until it is read itself', () => {
    const inner: StepDefinition[] = [{ id: 'i', forEach: [1], steps: two }];
    const live = behind(1, { steps: inner });
    live.map('m.0.i', 1);
    live.run('m.0.i.0.x', 'm.0.i.0.y');
    live.retry();
    live.run('a');
    live.map('m', 1);
    expect(openOf(live)).toMatchObject({ 'm.0.i': 'PENDING', 'm.0.i.0.x': 'STOPPED', 'm.0.i.0.y': 'STOPPED' });
    live.map('m.0.i', 1);
    live.run('m.0.i.0.x', 'm.0.i.0.y');
    expect(live.status).toBe('COMPLETED');
  });
});

describe('a loop', () => {
  const loop = (more: Partial<StepDefinition> = {}): Written => ({
    id: 'l',
    repeat: { until: 'true', max: 2 },
    steps: two,
    ...more,
  });
  const runRound = (live: LiveWorkflow, round: number) => live.run(`l.${round}.x`, `l.${round}.y`);

  test('whose step has failed goes on in its round', () => {
    const live = bring([loop()]);
    live.round('l');
    live.run('l.0.x');
    live.runToFailure('l.0.y');
    expect(live.names(live.retry().queued)).toEqual(['l.0.y']);
    live.run('l.0.y');
    live.round('l', true);
    expect([live.status, live.step('l.0.x').attempt]).toEqual(['COMPLETED', 1]);
  });

  test('that was not done gets as many rounds again, also over a stop', () => {
    const live = bring([loop()]);
    const { startTime } = live.step('l');
    live.round('l');
    runRound(live, 0);
    live.round('l', false);
    runRound(live, 1);
    live.round('l', false);
    expect(live.step('l')).toMatchObject({ status: 'FAILED', error: 'not done after 2 rounds' });
    expect(live.names(live.retry().queued)).toEqual(['l']);
    live.round('l', false);
    runRound(live, 2);
    live.stop();
    live.resume();
    live.round('l', false);
    runRound(live, 3);
    live.round('l', false);
    expect(live.step('l').error).toBe('not done after 4 rounds');
    expect(startTime).toBeNull();
  });

  test('that begins anew uses its rounds again, and skips those that are left', () => {
    const live = bring([{ id: 'a' }, loop({ join: 'ended', dependencies: ['a'], repeat: { until: 'true', max: 3 } })]);
    live.runToFailure('a');
    live.round('l');
    runRound(live, 0);
    live.round('l', false);
    runRound(live, 1);
    live.round('l', true);
    live.retry();
    live.run('a');
    expect(live.step('l')).toMatchObject({ status: 'PENDING', count: null });
    live.round('l');
    expect(openOf(live)).toEqual({
      l: 'WAITING_FOR_DEPENDENCY',
      'l.0.x': 'PENDING',
      'l.0.y': 'WAITING_FOR_DEPENDENCY',
    });
    expect(live.step('l.1.x').logs.at(-1)).toMatch(/the loop has begun anew$/);
    runRound(live, 0);
    live.round('l', false);
    runRound(live, 1);
    live.round('l', false);
    runRound(live, 2);
    live.round('l', true);
    expect([live.status, live.step('l.1.x').attempt, live.step('l.2.x').attempt]).toEqual(['COMPLETED', 2, 1]);
  });
});
