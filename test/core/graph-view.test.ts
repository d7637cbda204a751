/** Goal: the columns of a run tell what its steps tell. Method: workflows driven by hand, each column against the steps. */
import { expect, test } from 'vitest';
import { changesViewSchema, type GraphView, graphViewSchema, statusDigits } from '../../src/contract/run-view.ts';
import { toChangesView, toGraphView } from '../../src/core/graph-view.ts';
import { toSummary } from '../../src/core/view.ts';
import { completed, failed, LiveWorkflow, throughFile } from './live-workflow.ts';

function view(live: LiveWorkflow): GraphView {
  const seen = toGraphView(live.state);
  expect(graphViewSchema.parse(JSON.parse(JSON.stringify(seen)))).toEqual(seen);
  return seen;
}

test('every column, both sides of each case', () => {
  const live = LiveWorkflow.with([
    { id: 'a', name: 'First', retry: { attemptsMax: 1 } },
    { id: 'b', action: 'render', dependencies: ['a'] },
    { id: 'c', dependencies: ['a', 'b'] },
    { id: 'd' },
    { id: 'e' },
  ]);
  live.start('a');
  live.end('a', completed({ metrics: { tokens: 7, cost: 0.5, model: 'm' } }));
  live.start('b');
  live.end('b', failed('BINDING', { metrics: { tokens: 3, cost: null, model: 'm' } }));
  live.start('d');
  const { steps, actions, seq, version, branches, ...head } = view(live);
  expect(head).toMatchObject({ id: live.state.header.id, progress: 20, steps_total: 5 });
  expect({ ...head, version }).toEqual(toSummary(live.state));
  expect([actions, seq, branches]).toEqual([['noop', 'render'], 6, []]);
  expect(steps).toEqual({
    id: ['a', 'b', 'c', 'd', 'e'],
    name: ['First', 'b', 'c', 'd', 'e'],
    action: [0, 1, 0, 0, 0],
    deps: [[], [0], [0, 1], [], []],
    status: '23510',
    queued: [0, 1_500, -1, 0, 0],
    start: [1_000, 3_000, -1, 5_000, -1],
    ms: [500, 500, -1, -1, -1],
    attempt: [1, 1, 0, 1, 0],
    cost: [0.5, null, -1, -1, -1],
    tokens: [7, 3, -1, -1, -1],
    error: { 1: 'BINDING', 2: '' },
    waits: {},
    outcome: {},
    of: {},
    group: {},
    count: {},
    child: {},
    final: [],
  });
  expect([...steps.status].map((digit) => statusDigits[Number(digit)])).toEqual(Object.values(live.statuses()));
});

test('groups, what they have made, outcomes and the last steps', () => {
  const live = LiveWorkflow.with(
    [
      { id: 'm', forEach: [1, 2] },
      { id: 'l', dependencies: ['m'], repeat: { until: 'false', max: 3 } },
      { id: 's', when: 'params.x' },
      { id: 't', tolerate: true },
    ],
    { finally: [{ id: 'f', action: 'noop' }], params: { x: 1 } },
  );
  live.map('m', 2);
  live.skip('s');
  live.runToFailure('t');
  const { steps } = view(live);
  expect(steps.id).toEqual(['m', 'l', 's', 't', 'f', 'm.0', 'm.1']);
  expect(steps).toMatchObject({ outcome: { 2: 's', 3: 't' }, final: [4], error: { 3: 'BINDING' } });
  expect([steps.of, steps.group, steps.count]).toEqual([{ 5: [0, 0], 6: [0, 1] }, { 0: 'map', 1: 'loop' }, { 0: 2 }]);
});

test('what steps wait for, also where they have no record of it', () => {
  const live = LiveWorkflow.with([
    { id: 'a' },
    { id: 'ask', action: 'approval', params: { message: 'Go?' } },
    { id: 'data', action: 'external_data' },
    { id: 'later', action: 'external_data', dependencies: ['a'] },
    { id: 'gone', dependencies: ['a'] },
    { id: 'pause' },
  ]);
  live.wait('ask', 'decision');
  live.apply({
    kind: 'step.paused',
    workflowId: live.state.header.id,
    at: live.tick(),
    version: live.state.header.version + 1,
    stepId: live.step('pause').id,
    reason: 'used up',
    until: 'resume',
  });
  expect(view(live).steps.waits).toEqual({ 1: 'decision', 2: 'data', 5: 'budget' });
  const before = live.state.header.version;
  live.run('a');
  const changes = toChangesView(live.state, before)!;
  // "later" did not change itself.
  expect(changes.steps.waits).toEqual({ 1: 'decision', 2: 'data', 3: 'data', 5: 'budget' });
  expect(changes.at).toEqual([0, 4]);
});

test('a step that runs a workflow names it', () => {
  const child = '0190a1b2-0000-7000-8000-0000000000c1';
  const live = LiveWorkflow.adopted({
    steps: [
      { id: 'a', action: 'noop', status: 'COMPLETED' },
      { id: 'w', action: 'workflow', status: 'COMPLETED', child },
    ],
  });
  expect(view(live).steps.child).toEqual({ 1: child });
});

test('a dependency that is not there is -1, and tokens that nobody counts are 0', () => {
  const live = LiveWorkflow.adopted({
    steps: [
      { id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['nowhere'] },
      { id: 'b', action: 'noop', status: 'COMPLETED', execution_metrics: { cost: 1 } },
    ],
  });
  expect(view(live).steps).toMatchObject({ deps: [[-1], []], tokens: [-1, 0], cost: [-1, 1] });
});

test('changes: exactly the steps that have changed since a version, with what is new', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a', c: '' });
  expect(toChangesView(live.state, live.state.header.version)).toMatchObject({ at: [] });
  const first = live.state.header.version;
  live.start('a');
  live.start('c');
  const second = live.state.header.version;
  live.complete('a');
  live.give({ stepId: 'new' });
  const seen = toChangesView(live.state, second)!;
  expect(changesViewSchema.parse(JSON.parse(JSON.stringify(seen)))).toEqual(seen);
  expect(seen).toMatchObject({ since: second, version: live.state.header.version, at: [0, 1, 3] });
  expect(seen.steps).toMatchObject({ id: ['a', 'b', 'new'], status: '202', deps: [[], [0], []] });
  expect(toChangesView(live.state, first)?.at).toEqual([0, 1, 2, 3]);
  const whole = toGraphView(live.state);
  expect(toChangesView(live.state, first)?.steps).toEqual({ ...whole.steps });
});

test('changes: a version from before memory, or from the future, is not known', () => {
  const live = LiveWorkflow.of({ a: '', b: '' });
  live.start('a');
  const { version } = live.state.header;
  expect(toChangesView(live.state, version + 1)).toBeNull();
  expect(toChangesView(live.state, version - 1)?.at).toEqual([0]);
  const again = throughFile(live.state);
  expect(toChangesView(again, version)?.at).toEqual([]);
  expect(toChangesView(again, version - 1)).toBeNull();
});
