/** Goal: CH1 to CH3 and RV4: what the creation and the end of a child do to its step, and what a retry makes of both. */
import { describe, expect, test } from 'vitest';
import type { JournalEvent } from '../../src/contract/journal-event.ts';
import type { JsonObject } from '../../src/contract/json.ts';
import { limits } from '../../src/contract/limits.ts';
import {
  addChildMetrics,
  decideChild,
  decideReturn,
  namedTemplates,
  pickTemplates,
  toChildError,
  toChildMetrics,
} from '../../src/core/child.ts';
import { createWorkflow } from '../../src/core/create-workflow.ts';
import * as decide from '../../src/core/decide.ts';
import { toGraphView } from '../../src/core/graph-view.ts';
import { ViewEncoder } from '../../src/core/view.ts';
import { createChecked } from './checked-workflow.ts';
import { bornAt, childId, completed, LiveWorkflow, throughFile, workflowId } from './live-workflow.ts';

const { bring, take } = createChecked();
const otherId = '0190a1b2-0000-7000-8000-0000000000c2';

const call = (id: string, more: object = {}) => ({ id, action: 'workflow', params: { template: 't' }, ...more });

describe('CH1: a step starts a child', () => {
  test('in one record, from which the parent knows it', () => {
    const live = bring([call('a'), { id: 'b', dependencies: ['a'] }]);
    live.startChild('a', { until: bornAt + 60_000 });
    expect(live.status).toBe('RUNNING');
    expect(live.state.header).toMatchObject({ version: 2, started: true });
    expect(live.state.header.children).toEqual([{ id: childId, stepId: 'a', createdAt: live.now }]);
    expect(live.step('a')).toMatchObject({
      status: 'WAITING_FOR_DEPENDENCY',
      child: childId,
      wait: { for: 'workflow', until: bornAt + 60_000 },
      startTime: live.now,
      logs: [`Started workflow ${childId} at 2026-01-31T12:00:01.000Z`],
    });
    expect(live.step('b').status).toBe('WAITING_FOR_DEPENDENCY');
  });

  test('with its own id, its place, and the templates that it can reach', () => {
    const live = bring([call('a')]);
    const templates = {
      t: { id: 't', steps: [call('x', { params: { template: 'u' } })] },
      u: { id: 'u', steps: [call('y', { params: { template: 'absent' } })] },
      v: { id: 'v', steps: [] },
    } as unknown as JsonObject;
    live.state.setHeader({ templates });
    const definition = { name: 'child', steps: [call('x', { params: { template: 'u' } })] };
    const input = { id: childId, definition, templateId: 't', warnings: ['w'], until: null, now: 5 };
    const event = decideChild(live.state, 'a', input);
    const { header } = createWorkflow(event, 7);
    expect(header).toMatchObject({ id: childId, parentId: workflowId, parentStepId: 'a', templateId: 't', version: 1 });
    expect(header.templates).toEqual({ u: templates.u });
    expect(header.warnings).toEqual(['w']);
    // Never before the latest change of the parent.
    expect(event.at).toBe(live.state.header.updatedAt);
    live.state.setHeader({ templates: null });
  });

  test('and takes along no templates where it names none', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    const { workflow } = JSON.parse(live.journal[1]!.json) as { workflow: object };
    expect(workflow).not.toHaveProperty('templates');
  });
});

describe('templates', () => {
  test('stand in a workflow that is created with some', () => {
    const t = { id: 't', name: 't', steps: [{ id: 'x', action: 'noop' }] };
    const input = { id: workflowId, definition: { name: 'p', steps: [call('a')] }, templateId: null, now: bornAt };
    expect(createWorkflow(decide.decideCreate({ ...input, templates: { t } }), 1).header.templates).toEqual({ t });
    expect(createWorkflow(decide.decideCreate({ ...input, templates: {} }), 1).header.templates).toBeNull();
  });

  test('are named by steps of all depths, each once', () => {
    const steps = [
      call('a'),
      { id: 'm', forEach: [1], steps: [call('b', { params: { template: 'in' } })] },
      { id: 'n' },
    ];
    const last = [call('c', { params: { template: 't' } }), call('d', { params: {} })];
    expect(namedTemplates({ steps, finally: last })).toEqual(['t', 'in']);
    expect(namedTemplates({ steps: [{ id: 'e', action: 'workflow' }] })).toEqual([]);
  });

  test('are picked as far as there are any', () => {
    expect(pickTemplates({ steps: [call('a')] }, {})).toBeNull();
    const t = { id: 't', steps: [call('a')] } as unknown as JsonObject;
    expect(pickTemplates({ steps: [call('a')] }, { t, u: {} })).toEqual({ t });
  });
});

describe('CH2: the end of the child ends the step', () => {
  test('with its outputs', () => {
    const live = bring([call('a'), { id: 'b', dependencies: ['a'] }]);
    live.startChild('a');
    const change = live.return('a', { metrics: { tokens: 3, cost: 0.5, cost_breakdown: { m: 0.5 } } });
    expect(live.names(change.queued)).toEqual(['b']);
    expect(change.left).toEqual([childId]);
    expect(live.step('a')).toMatchObject({
      status: 'COMPLETED',
      outputs: { json: '{"steps":{}}' },
      metrics: { tokens: 3, cost: 0.5 },
      wait: null,
      endTime: live.now,
    });
    expect(live.state.totals).toMatchObject({ tokens: 3, costPico: 500_000_000_000n, unpriced: 0 });
  });

  test('with its failure', () => {
    const live = bring([call('a'), { id: 'b', dependencies: ['a'] }]);
    live.startChild('a');
    live.return('a', { error: 'CHILD_FAILED: no', outputs: null, isSimulated: true });
    expect(live.status).toBe('FAILED');
    expect(live.step('a')).toMatchObject({
      status: 'FAILED',
      error: 'CHILD_FAILED: no',
      errorCode: 'CHILD_FAILED',
      outputs: null,
    });
    expect(live.step('b').error).toBe('Upstream step "a" failed');
    expect(live.state.header.tags).toEqual(['simulated']);
  });

  test('with a failure of no known code', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    const end = { child: childId, error: 'no', metrics: null, isSimulated: false, outputs: null };
    const { code: _, ...event } = decideReturn(live.state, 'a', end, live.tick()) as JournalEvent & { code?: string };
    live.apply(event as JournalEvent);
    expect(live.step('a')).toMatchObject({ status: 'FAILED', error: 'no', errorCode: null });
  });

  test('with its failure, which the step may tolerate', () => {
    const live = bring([call('a', { tolerate: true }), { id: 'b', dependencies: ['a'], join: 'ended' }]);
    live.startChild('a');
    live.return('a', { error: 'no', outputs: null });
    expect(live.step('a')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated', error: 'no' });
    expect(live.step('b').status).toBe('PENDING');
  });

  test('as a failure where the parent has no room for what it returns', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    const json = JSON.stringify({ content: 'x'.repeat(limits.workflowResultsMax) });
    live.return('a', { outputs: { json } });
    expect(live.step('a')).toMatchObject({
      status: 'FAILED',
      error: expect.stringMatching(/^OUTPUT_TOO_LARGE: /),
      errorCode: 'OUTPUT_TOO_LARGE',
    });
  });

  test('for each item of a list', () => {
    const live = bring([call('m', { forEach: ['p', 'q'], tolerate: 1 })]);
    live.map('m', 2);
    live.startChild('m.0');
    live.startChild('m.1', { id: otherId });
    expect(live.status).toBe('RUNNING');
    live.return('m.0', { error: 'no', outputs: null });
    live.return('m.1', { child: otherId });
    expect(live.step('m')).toMatchObject({
      status: 'COMPLETED',
      outputs: { json: '{"count":2,"failed":1,"skipped":0}' },
    });
  });

  test('not any more where the step has ended before: it takes what the child has used', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    expect(live.stop().left).toEqual([childId]);
    live.return('a', { error: 'stopped', outputs: null, metrics: { tokens: 4, cost: null } });
    expect(live.status).toBe('STOPPED');
    expect(live.step('a')).toMatchObject({ status: 'STOPPED', metrics: { tokens: 4, cost: null }, error: null });
    expect(live.state.totals).toMatchObject({ tokens: 4, unpriced: 1 });
  });

  test('its time ends the step, and names the child', () => {
    const live = bring([call('a', { params: { template: 't', within: '1m' } })]);
    live.startChild('a', { until: bornAt + 60_000 });
    const change = live.elapse('a');
    expect(change.left).toEqual([childId]);
    expect(live.step('a').error).toBe(`EXPIRED: workflow ${childId} had not ended until 2026-01-31T12:01:00.000Z`);
  });
});

describe('while a child is under way', () => {
  test('the parent runs, and rests where the child does', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    expect(live.status).toBe('RUNNING');
    live.apply(wait(live, { atRest: true }));
    expect([live.status, live.step('a').wait]).toEqual([
      'WAITING_FOR_DEPENDENCY',
      { for: 'workflow', until: null, atRest: true },
    ]);
    const logs = live.step('a').logs.length;
    live.apply(wait(live));
    expect([live.status, live.step('a').logs.length]).toEqual(['RUNNING', logs]);
  });

  const wait = ({ state, now }: LiveWorkflow, rest: object = {}) => ({
    kind: 'step.waiting' as const,
    ...decide.next(state, now),
    stepId: 'a',
    for: 'workflow' as const,
    until: null,
    ...rest,
  });

  test('a step that takes its child up again says so', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    live.stop();
    live.resume();
    live.apply(wait(live));
    expect(live.step('a').logs.at(-1)).toBe(`Waits for workflow ${childId}`);
    expect(live.step('a').wait).toEqual({ for: 'workflow', until: null });
  });

  test('a resume goes down through it', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    expect(() => decide.decideResume(live.state, live.tick())).toThrow(/resume takes/);
    live.apply(decide.decideResume(live.state, live.tick(), undefined, true));
    expect(live.step('a')).toMatchObject({ child: childId, wait: { for: 'workflow' } });
  });
});

describe('RV4: what runs again', () => {
  test('a step that a stop has ended keeps its child', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    live.stop();
    live.resume();
    expect(live.step('a')).toMatchObject({ status: 'PENDING', child: childId });
    // Nobody attends to the child any more.
    expect(live.stop().left).toEqual([childId]);
  });

  test('a FAILED step keeps its child, and what it has used counts once', () => {
    const live = bring([call('a')]);
    live.startChild('a');
    live.return('a', { error: 'no', outputs: null, metrics: { tokens: 5 } });
    live.retry();
    expect(live.step('a')).toMatchObject({ status: 'PENDING', child: childId });
    live.return('a', { metrics: { tokens: 8 } });
    expect(live.step('a').metrics).toEqual({ tokens: 8 });
  });

  test('a step that hangs on what runs again starts another child, and the first one counts too', () => {
    const live = bring([{ id: 'b' }, call('a', { dependencies: ['b'], join: 'ended' })]);
    live.runToFailure('b');
    live.startChild('a');
    live.return('a', { error: 'no', outputs: null, metrics: { tokens: 5, cost: 1, cost_breakdown: { m: 1 } } });
    live.retry();
    expect(live.step('a')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', child: null });
    live.run('b');
    live.startChild('a', { id: otherId });
    expect(live.step('a').base).toMatchObject({ tokens: 5 });
    live.return('a', { child: otherId, metrics: { tokens: 2, cost: 0.5, cost_breakdown: { m: 0.25, n: 0.25 } } });
    expect(live.step('a').metrics).toMatchObject({ tokens: 7, cost: 1.5, cost_breakdown: { m: 1.25, n: 0.25 } });
    expect(live.state.header.children.map(({ id }) => id)).toEqual([childId, otherId]);
  });

  test('a child under way is left where what its step hangs on runs again', () => {
    const live = bring([{ id: 'b' }, call('a', { dependencies: ['b'], join: 'ended' })]);
    live.runToFailure('b');
    live.startChild('a');
    expect(live.retry().left).toEqual([childId]);
    expect(live.step('a')).toMatchObject({ child: null, wait: null });
  });

  test('a branch takes over what a child has returned, and not the child', () => {
    const live = bring([call('a'), { id: 'b', dependencies: ['a'] }]);
    live.state.setHeader({ templates: { t: { id: 't' } } as unknown as JsonObject });
    live.startChild('a');
    live.return('a');
    const branch = live.branch('b');
    expect(branch.state.header).toMatchObject({ parentStepId: null, children: [], templates: { t: { id: 't' } } });
    expect(branch.step('a')).toMatchObject({ status: 'COMPLETED', child: null });
    live.state.setHeader({ templates: null });
  });
});

describe('CH3: what a child has used', () => {
  const spent = (model: string, cost: number | null) =>
    completed({ metrics: { model, cost, tokens: 10, calls: 1 } as JsonObject });

  test('is nothing where it has called nobody', () => {
    const live = bring([{ id: 'a' }]);
    live.run('a');
    expect(toChildMetrics(live.state)).toBeNull();
  });

  test('is summed up, by model, with what is below it', () => {
    const live = bring([{ id: 'a' }, { id: 'b' }, call('c')]);
    live.start('a');
    live.end('a', spent('m', 0.1));
    live.start('b');
    live.end('b', spent('n', 0.2));
    live.startChild('c');
    live.return('c', { metrics: { tokens: 3, cost: 0.25, calls: 4, cost_breakdown: { m: 0.25 } } });
    expect(toChildMetrics(live.state)).toEqual({
      tokens: 23,
      cost: 0.55,
      calls: 6,
      cost_breakdown: { m: 0.35, n: 0.2 },
    });
  });

  test.each([
    [null, { cost: null, cost_breakdown: {} }],
    [0.5, { cost: 0.5, cost_is_floor: true, cost_breakdown: { m: 0.5 } }],
  ])('with a call of unknown price, beside one of %s', (cost, wanted) => {
    const live = bring([{ id: 'a' }, { id: 'b' }]);
    live.start('a');
    live.end('a', spent('m', cost));
    live.start('b');
    live.end('b', spent('m', null));
    expect(toChildMetrics(live.state)).toEqual({ tokens: 20, calls: 2, ...wanted });
  });

  test('a child whose step has no metrics yet has made no call', () => {
    const live = bring([call('c')]);
    live.startChild('c');
    expect(toChildMetrics(live.state)).toBeNull();
  });

  test('sums of children are those of their models', () => {
    expect(addChildMetrics(null, { tokens: 1 })).toEqual({ tokens: 1 });
    expect(addChildMetrics({ tokens: 1 }, null)).toEqual({ tokens: 1 });
    expect(addChildMetrics(null, null)).toBeNull();
    expect(addChildMetrics({ tokens: 1, cost_breakdown: { m: 1, n: 'odd' } }, { tokens: 2 })).toEqual({
      tokens: 3,
      cost_breakdown: { m: 1, n: 0 },
    });
  });

  test('counts in the budget that the parent shows', () => {
    const live = bring([call('a'), call('b'), { id: 'c' }], { budget: { usd: 5 } });
    live.startChild('a');
    live.return('a', { metrics: { tokens: 3, cost: 0.25, calls: 4 } });
    live.startChild('b', { id: otherId });
    live.return('b', { child: otherId, metrics: { cost: null } });
    const { budget } = shown(live);
    expect(budget?.spent).toEqual({ usd: 0.25, tokens: 3, calls: 4 });
  });
});

function shown(live: LiveWorkflow): { budget?: { spent: object } } {
  return JSON.parse(new ViewEncoder().encode(live.state)) as { budget?: { spent: object } };
}

describe('why a child has not completed', () => {
  test('it was stopped', () => {
    const live = bring([{ id: 'a' }]);
    live.stop();
    expect(toChildError(live.state)).toBe(`CHILD_FAILED: workflow ${workflowId} was stopped`);
  });

  test('a step of it has failed', () => {
    const live = bring([{ id: 'a' }]);
    live.runToFailure('a');
    expect(toChildError(live.state)).toBe(
      `CHILD_FAILED: workflow ${workflowId} failed: step "a" failed: BINDING for the test`,
    );
  });

  test('as far as a file says', () => {
    const silent = take(
      LiveWorkflow.adopted({ status: 'FAILED', steps: [{ id: 'a', action: 'noop', status: 'FAILED' }] }),
    );
    expect(toChildError(silent.state)).toMatch(/ failed: step "a" failed: without an error$/);
    const empty = take(LiveWorkflow.adopted({ status: 'FAILED', steps: [] }));
    expect(toChildError(empty.state)).toMatch(/ failed$/);
  });
});

test('a graph shows the child of a step, by place', () => {
  const live = bring([{ id: 'b' }, call('a')]);
  live.startChild('a');
  expect(toGraphView(live.state).steps.child).toEqual({ 1: childId });
});

describe('a state file', () => {
  test('keeps the child, its wait, and what was used before it', () => {
    const live = bring([call('a')]);
    live.startChild('a', { until: bornAt + 60_000 });
    live.state.setStep(0, { base: { tokens: 1 }, wait: { for: 'workflow', until: bornAt, atRest: true } });
    const again = throughFile(live.state);
    expect(again.step('a')).toEqual(live.step('a'));
    live.state.setStep(0, { base: null, wait: { for: 'workflow', until: bornAt + 60_000 } });
  });

  test('keeps the templates, and of a child its place', () => {
    const live = bring([call('a')]);
    const templates = { t: { id: 't', name: 't', steps: [] } } as unknown as JsonObject;
    live.state.setHeader({ templates, parentId: 'p', parentStepId: 's' });
    expect(throughFile(live.state).header).toEqual(live.state.header);
    live.state.setHeader({ templates: null, parentId: null, parentStepId: null });
  });

  test.each([
    ['a step without a child', { action: 'workflow', waits: { for: 'workflow' } }],
    ['a step with another action', { action: 'approval', child: childId, waits: { for: 'workflow' } }],
    ['a step that waits for data', { action: 'workflow', child: childId, waits: { for: 'data' } }],
  ])('of another maker in which %s waits so has no such wait', (_, step) => {
    const live = take(
      LiveWorkflow.adopted({
        steps: [{ id: 'a', status: 'WAITING_FOR_DEPENDENCY', ...step }],
        children: [{ id: 'x' }],
      }),
    );
    expect(live.step('a').wait).toBeNull();
    expect(live.state.header.children).toEqual([{ id: 'x', stepId: '', createdAt: bornAt }]);
  });
});
