/**
 * Goal: rule F2 after a retry: items that run again take their turn with those under way, in groups of every depth. Method:
 * maps and loops driven by hand to a failure and a retry; after each the derived counts are those of a fresh walk (ST1).
 */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { decidePause } from '../../src/core/decide.ts';
import { createChecked, type Written } from './checked-workflow.ts';
import { LiveWorkflow, throughFile } from './live-workflow.ts';

const { bring, take } = createChecked();

const two: StepDefinition[] = [
  { id: 'x', action: 'noop' },
  { id: 'y', action: 'noop', dependencies: ['x'] },
];

/** What is in line or runs, by id. */
function workingOf({ state }: LiveWorkflow): string[] {
  const working = state.steps.filter(({ status }) => status === 'PENDING' || status === 'RUNNING');
  return working.map(({ id }) => id).sort();
}

describe('F2: a retry while items are under way', () => {
  /** Items 0 and 2 have failed, and the map with them; 1 is complete, 3 has ended its first step. */
  const failed = (inner: StepDefinition[] = two) => {
    const live = bring([{ id: 'm', forEach: [1], concurrency: 2, tolerate: 1, steps: inner }]);
    live.map('m', 6);
    live.runToFailure('m.0.x');
    live.run('m.1.x', 'm.1.y');
    live.start('m.3.x');
    live.runToFailure('m.2.x');
    return live;
  };

  test('begins only as many items as there is room for beside those', () => {
    const live = failed();
    expect(live.names(live.retry().queued)).toEqual(['m.0.x']);
    expect(workingOf(live)).toEqual(['m.0.x', 'm.3.x']);
  });

  test('lets an item that runs again go first when a step of a later one has ended', () => {
    const live = failed();
    live.retry();
    live.complete('m.3.x');
    expect(workingOf(live)).toEqual(['m.0.x', 'm.2.x']);
    live.run('m.0.x', 'm.0.y');
    expect(workingOf(live)).toEqual(['m.2.x', 'm.3.y']);
    live.run('m.2.x', 'm.2.y', 'm.3.y', 'm.4.x', 'm.5.x', 'm.4.y', 'm.5.y');
    expect(live.status).toBe('COMPLETED');
    expect(live.step('m.3.x').attempt).toBe(1);
  });

  test('leaves a step alone that a budget has paused', () => {
    const live = bring([{ id: 'm', forEach: [1], concurrency: 2, tolerate: 1, steps: two }]);
    live.map('m', 6);
    live.runToFailure('m.0.x');
    live.run('m.1.x', 'm.1.y');
    live.apply(decidePause(live.state, 'm.3.x', live.tick(), { reason: 'no money', until: 'resume' }));
    live.runToFailure('m.2.x');
    live.retry();
    live.run('m.0.x', 'm.0.y');
    expect(workingOf(live)).toEqual(['m.2.x']);
    expect(live.step('m.3.x')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', pause: { reason: 'no money' } });
  });

  test('is the same over a restart', () => {
    const live = failed();
    live.retry();
    const again = throughFile(live.state);
    expect([...again.tallyAt(0).takeBegun()]).toEqual([0, 1]);
  });

  test('an item that waits for its turn is stopped with the map that fails again', () => {
    const live = failed();
    live.retry();
    live.complete('m.3.x');
    live.runToFailure('m.0.x');
    expect(live.step('m').status).toBe('WAITING_FOR_DEPENDENCY');
    live.runToFailure('m.2.x');
    expect(live.step('m').status).toBe('FAILED');
    expect([live.step('m.3.y').status, live.step('m.4.x').status]).toEqual(['PENDING', 'STOPPED']);
    live.run('m.3.y');
    expect(live.status).toBe('FAILED');
  });
});

describe('F2: a retry while a group within an item is under way', () => {
  const inner: StepDefinition = { id: 'i', forEach: [1], steps: two };
  const outer = (steps: StepDefinition[]): Written => ({ id: 'o', forEach: [1], concurrency: 2, tolerate: 1, steps });

  /** Items 0 and 1 have failed, and with them the map; item 2 works. All steps are in a map within. */
  const failed = () => {
    const live = bring([outer([inner])]);
    live.map('o', 4);
    live.map('o.0.i', 1);
    live.map('o.1.i', 1);
    live.runToFailure('o.0.i.0.x');
    live.map('o.2.i', 2);
    live.start('o.2.i.0.x');
    live.run('o.2.i.1.x');
    live.runToFailure('o.1.i.0.x');
    expect([live.step('o').status, workingOf(live)]).toEqual(['FAILED', ['o.2.i.0.x', 'o.2.i.1.y']]);
    live.retry();
    return live;
  };

  test('starts no item of a map whose own item has to wait', () => {
    const live = failed();
    expect(workingOf(live)).toEqual(['o.0.i.0.x', 'o.2.i.0.x', 'o.2.i.1.y']);
    live.run('o.2.i.1.y');
    live.complete('o.2.i.0.x');
    expect(workingOf(live)).toEqual(['o.0.i.0.x', 'o.1.i.0.x']);
    live.run('o.0.i.0.x', 'o.0.i.0.y');
    expect(workingOf(live)).toEqual(['o.1.i.0.x', 'o.2.i.0.y']);
    live.run('o.2.i.0.y');
    expect(workingOf(live)).toEqual(['o.1.i.0.x', 'o.3.i']);
    live.map('o.3.i', 0);
    live.run('o.1.i.0.x', 'o.1.i.0.y');
    expect(live.status).toBe('COMPLETED');
  });

  test('stops an item that waits for its turn whole, with what a map within has made, when the map fails again', () => {
    const live = bring([outer([inner, { id: 'w', action: 'noop' }])], { failurePolicy: 'continue' });
    live.map('o', 3);
    live.map('o.0.i', 1);
    live.map('o.1.i', 1);
    live.run('o.0.w', 'o.1.w');
    live.runToFailure('o.0.i.0.x');
    live.map('o.2.i', 1);
    live.runToFailure('o.1.i.0.x');
    live.retry();
    expect(workingOf(live)).toEqual(['o.0.i.0.x', 'o.2.i.0.x', 'o.2.w']);
    live.runToFailure('o.2.w');
    live.runToFailure('o.0.i.0.x');
    expect(live.step('o').status).toBe('FAILED');
    expect([live.step('o.1.i').status, live.step('o.1.i.0.x').status]).toEqual(['STOPPED', 'STOPPED']);
    live.run('o.2.i.0.x', 'o.2.i.0.y');
    expect(live.status).toBe('FAILED');
  });

  test('asks no loop whose own item has to wait, and goes on with its rounds in turn', () => {
    const loop: StepDefinition = { id: 'l', repeat: { until: 'true', max: 3, every: '5s' }, steps: two };
    const live = bring([outer([loop])]);
    live.map('o', 3);
    for (const id of ['o.0.l', 'o.1.l']) live.round(id);
    live.runToFailure('o.0.l.0.x');
    live.round('o.2.l');
    live.run('o.2.l.0.x', 'o.2.l.0.y');
    live.round('o.2.l', false);
    live.runToFailure('o.1.l.0.x');
    live.retry();
    expect(workingOf(live)).toEqual(['o.0.l.0.x']);
    live.elapse('o.2.l');
    expect(workingOf(live)).toEqual(['o.0.l.0.x', 'o.1.l.0.x']);
    live.run('o.0.l.0.x', 'o.0.l.0.y');
    live.round('o.0.l', true);
    expect(workingOf(live)).toEqual(['o.1.l.0.x', 'o.2.l.1.x']);
    live.run('o.2.l.1.x', 'o.2.l.1.y');
    expect(workingOf(live)).toEqual(['o.1.l.0.x', 'o.2.l']);
    live.round('o.2.l', true);
    live.run('o.1.l.0.x', 'o.1.l.0.y');
    live.round('o.1.l', true);
    expect(live.status).toBe('COMPLETED');
  });

  test('asks a loop between two rounds only when its own item has its turn again', () => {
    const loop: StepDefinition = { id: 'l', repeat: { until: 'true', max: 3 }, steps: two };
    const live = bring([outer([loop])]);
    live.map('o', 3);
    for (const id of ['o.0.l', 'o.1.l']) live.round(id);
    live.runToFailure('o.0.l.0.x');
    live.round('o.2.l');
    live.run('o.2.l.0.x');
    live.start('o.2.l.0.y');
    live.runToFailure('o.1.l.0.x');
    live.retry();
    live.complete('o.2.l.0.y');
    expect(workingOf(live)).toEqual(['o.0.l.0.x', 'o.1.l.0.x']);
    expect(live.step('o.2.l').status).toBe('WAITING_FOR_DEPENDENCY');
    live.run('o.0.l.0.x', 'o.0.l.0.y');
    live.round('o.0.l', true);
    expect(workingOf(live)).toEqual(['o.1.l.0.x', 'o.2.l']);
  });

  test('counts at the outermost of three levels', () => {
    const live = bring([outer([{ id: 'p', forEach: [1], steps: [inner] }])]);
    live.map('o', 3);
    const open = (index: number) => {
      live.map(`o.${index}.p`, 1);
      live.map(`o.${index}.p.0.i`, 2);
    };
    open(0);
    open(1);
    live.run('o.0.p.0.i.1.x', 'o.1.p.0.i.1.x', 'o.0.p.0.i.1.y', 'o.1.p.0.i.1.y');
    live.runToFailure('o.0.p.0.i.0.x');
    open(2);
    live.run('o.2.p.0.i.0.x', 'o.2.p.0.i.0.y');
    live.start('o.2.p.0.i.1.x');
    live.runToFailure('o.1.p.0.i.0.x');
    live.retry();
    live.complete('o.2.p.0.i.1.x');
    expect(workingOf(live)).toEqual(['o.0.p.0.i.0.x', 'o.1.p.0.i.0.x']);
    live.run('o.1.p.0.i.0.x', 'o.1.p.0.i.0.y');
    expect(workingOf(live)).toEqual(['o.0.p.0.i.0.x', 'o.2.p.0.i.1.y']);
    live.run('o.0.p.0.i.0.x', 'o.0.p.0.i.0.y', 'o.2.p.0.i.1.y');
    expect(live.status).toBe('COMPLETED');
  });
});

test('F2: in a file of another maker with more items under way the last of them wait', () => {
  const item = (index: number, status: string) => ({
    id: `m.${index}`,
    action: 'noop',
    status,
    of: { step: 'm', index },
  });
  const items = ['COMPLETED', 'RUNNING', 'WAITING_FOR_DEPENDENCY', 'PENDING', 'RUNNING'];
  const map = { id: 'm', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', forEach: [1], concurrency: 2, count: 5 };
  const live = take(LiveWorkflow.adopted({ steps: [map, ...items.map((status, index) => item(index, status))] }));
  expect(workingOf(live)).toEqual(['m.1', 'm.3']);
});
