/** Goal: a branch takes groups over whole or not at all. Method: branches of small maps and loops, run to their end. */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { decideBranch } from '../../src/core/decide-branch.ts';
import { LiveWorkflow, throughFile, toKept } from './live-workflow.ts';

type Written = Partial<StepDefinition> & { id: string };

const two: StepDefinition[] = [
  { id: 'x', action: 'noop', params: { q: '{{item}}' } },
  { id: 'y', action: 'noop', dependencies: ['x'] },
];

function mapped(more: Written[] = []): LiveWorkflow {
  const live = LiveWorkflow.with([
    { id: 'a' },
    { id: 'm', dependencies: ['a'], forEach: [1], steps: two },
    { id: 'z', dependencies: ['m'] },
    ...more,
  ]);
  live.run('a');
  live.map('m', 2);
  live.run('m.0.x', 'm.0.y', 'm.1.x', 'm.1.y');
  return live;
}

describe('from a step behind a map', () => {
  test('the map is taken over with all its steps, which still share what it says', () => {
    const live = mapped();
    live.run('z');
    const branch = live.branch('z');
    expect(branch.statuses()).toEqual({ ...live.statuses(), z: 'PENDING' });
    expect(branch.step('m.1.x')).toEqual(live.step('m.1.x'));
    expect(branch.step('m.1.x').params).toEqual({ q: '{{item}}' });
    expect(toKept(throughFile(branch.state))).toEqual(toKept(branch.state));
    branch.run('z');
    expect(branch.status).toBe('COMPLETED');
  });
});

describe.each(['m', 'm.1.x', 'a'])('from %s', (from) => {
  test('no step of the map is taken over: its list is read anew', () => {
    const live = mapped();
    const branch = live.branch(from);
    expect(branch.state.steps.map(({ id }) => id)).toEqual(['a', 'm', 'z']);
    if (from === 'a') branch.run('a');
    expect(branch.step('m')).toMatchObject({ status: 'PENDING', count: null });
    branch.map('m', 1);
    branch.run('m.0.x', 'm.0.y', 'z');
    expect(branch.status).toBe('COMPLETED');
  });
});

test('from a step of a map within a map: the outermost is read anew', () => {
  const live = LiveWorkflow.with([{ id: 'o', forEach: [1], steps: [{ id: 'i', forEach: [1], steps: two }] }]);
  live.map('o', 1);
  live.map('o.0.i', 1);
  live.run('o.0.i.0.x', 'o.0.i.0.y');
  expect(live.branch('o.0.i.0.y').statuses()).toEqual({ o: 'PENDING' });
});

test('a map that has not completed is read anew, whatever of it has', () => {
  const live = LiveWorkflow.with([{ id: 'm', forEach: [1] }, { id: 'b' }]);
  live.map('m', 2);
  live.run('m.0', 'b');
  expect(live.branch('b').statuses()).toEqual({ m: 'PENDING', b: 'PENDING' });
});

test('what has run behind a failure runs again, but for what data from outside has completed', () => {
  const live = LiveWorkflow.with([
    { id: 'a' },
    { id: 'end', join: 'ended', dependencies: ['a'] },
    { id: 'ext', action: 'external_data', join: 'ended', dependencies: ['a'] },
    { id: 'b' },
  ]);
  live.runToFailure('a');
  live.give({ stepId: 'ext' });
  live.run('end', 'b');
  expect(live.branch('b').statuses()).toEqual({
    a: 'PENDING',
    end: 'WAITING_FOR_DEPENDENCY',
    ext: 'COMPLETED',
    b: 'PENDING',
  });
});

test('a step that was skipped or tolerated is taken over as it is', () => {
  const live = LiveWorkflow.with([{ id: 's', when: 'true' }, { id: 't', tolerate: true }, { id: 'b' }]);
  live.skip('s');
  live.runToFailure('t');
  const branch = live.branch('b');
  expect([branch.step('s').outcome, branch.step('t').outcome]).toEqual(['skipped', 'tolerated']);
  expect(branch.state.outcomes).toEqual({ skipped: 1, tolerated: 1 });
});

test('a step that waits for data in a time of its own begins to wait in the branch', () => {
  const live = LiveWorkflow.with([{ id: 'e', action: 'external_data', params: { within: '1h' } }]);
  expect(live.branch('e').statuses()).toEqual({ e: 'PENDING' });
});

test.each([
  ['m', 'Step "m" of workflow', 'leave params out'],
  ['m.0.x', 'Step "m.0.x" of workflow', 'leave params out'],
  ['n.0', 'Step "n.0" of workflow', 'name "n", whose params its items share'],
])('params for %s are refused', (stepId, detail, wayOut) => {
  const live = mapped([{ id: 'n', forEach: [1] }]);
  live.map('n', 1);
  const branch = (id: string) => decideBranch(live.state, { id: 'b', stepId: id, params: { q: 1 }, now: live.now });
  try {
    branch(stepId);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.detail).toContain(detail);
    expect(error.errors).toEqual([{ path: 'params', message: wayOut }]);
  }
  expect(branch('n').workflow).toMatchObject({
    steps: expect.arrayContaining([expect.objectContaining({ params: { q: 1 } })]),
  });
});
