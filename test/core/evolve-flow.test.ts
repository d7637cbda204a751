/**
 * Goal: conditions, waits and decisions, as they are decided (`decide-flow.ts`) and applied (`evolve-flow.ts`). Method: steps
 * driven by hand; the state file and the journal give the same workflow again (ST2).
 */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { decideDecision, decideMap, decideRound, decideUnready, listDue, nextDue } from '../../src/core/decide-flow.ts';
import { waitingForData } from '../../src/core/external-data.ts';
import type { StepState } from '../../src/core/step-state.ts';
import { createChecked } from './checked-workflow.ts';

const { bring } = createChecked();

function outputsOf({ outputs }: StepState): unknown {
  return outputs && 'json' in outputs ? JSON.parse(outputs.json) : outputs;
}

function refusalOf(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
  }
  throw new Error('nothing was refused');
}

describe('a condition', () => {
  test('that is false skips its step, which leaves the line', () => {
    const live = bring([{ id: 'a', when: 'false' }, { id: 'b' }]);
    live.skip('a');
    expect(live.step('a')).toMatchObject({ status: 'COMPLETED', outcome: 'skipped', attempt: 0, startTime: null });
    expect(live.status).toBe('RUNNING');
  });

  test('that cannot be answered fails its step at once, at the time it was asked', () => {
    const live = bring([
      { id: 'a', when: 'true' },
      { id: 'b', dependencies: ['a'] },
    ]);
    const change = live.unready('a');
    expect(live.names(change.unqueued)).toEqual(['a']);
    expect(live.step('a')).toMatchObject({ status: 'FAILED', startTime: null, endTime: live.now, attempt: 0 });
    expect(live.step('a').logs).toEqual(['Failed: BINDING for the test']);
    expect(live.step('b').status).toBe('STOPPED');
    expect(live.state.header.spending).toEqual([]);
  });

  test('and its error is cut', () => {
    const { state } = bring([{ id: 'a', when: 'true' }]);
    const event = decideUnready(state, 'a', { code: 'BINDING', error: 'x'.repeat(9_999) }, 0);
    expect(event).toMatchObject({ error: 'x'.repeat(limits.errorLengthMax), attempt: 0, code: 'BINDING' });
  });
});

describe('an approval', () => {
  const approval = (params: Record<string, unknown> = {}) =>
    bring([
      { id: 'a', action: 'approval', params },
      { id: 'b', dependencies: ['a'] },
    ]);

  test('waits without an end, and its workflow with it', () => {
    const live = approval();
    expect(live.names(live.wait('a', 'decision').unqueued)).toEqual(['a']);
    expect([live.status, live.step('a').wait]).toEqual(['WAITING_FOR_DEPENDENCY', { for: 'decision', until: null }]);
    expect(live.step('a').logs).toEqual(['Waits for a decision']);
    expect([listDue(live.state, live.now + 1e9), nextDue(live.state)]).toEqual([[], null]);
  });

  test.each([
    [true, {}, /^Approved at /],
    [false, { by: 'Ann', comment: 'no', data: { n: 1 } }, /^Rejected by Ann at /],
  ] as const)('that is decided (%s) is complete and says by whom', (approved, more, line) => {
    const live = approval();
    live.wait('a', 'decision');
    live.decide('a', approved, more);
    const decided_at = new Date(live.now).toISOString();
    const nothing = { by: null, comment: null, data: null };
    expect(outputsOf(live.step('a'))).toEqual({ approved, ...nothing, ...more, decided_at, expired: false });
    expect(live.step('a').logs.at(-1)).toMatch(line);
    expect(live.step('b').status).toBe('PENDING');
  });

  test.each([
    ['approve', { approved: true, expired: true, by: null }, /^Nobody decided until .*: approved$/],
    ['reject', { approved: false, expired: true, by: null }, /^Nobody decided until .*: rejected$/],
  ])('whose time is over: %s', (otherwise, outputs, line) => {
    const live = approval({ within: '1m', otherwise });
    live.wait('a', 'decision', live.now + 60_000);
    expect(live.step('a').logs[0]).toMatch(/^Waits for a decision until 20/);
    live.elapse('a');
    expect(outputsOf(live.step('a'))).toMatchObject(outputs);
    expect(live.step('a').logs.at(-1)).toMatch(line);
  });

  test('whose time is over fails where it says so, at that time', () => {
    const live = approval({ within: '1m', otherwise: 'fail' });
    const until = live.now + 60_000;
    live.wait('a', 'decision', until);
    live.elapse('a');
    const error = `EXPIRED: nobody decided until ${new Date(until).toISOString()}`;
    expect(live.step('a')).toMatchObject({ status: 'FAILED', error, wait: null, endTime: live.now });
  });

  test('is decided once, while it waits, and by its id', () => {
    const live = approval();
    const decide = (id: string) =>
      refusalOf(() =>
        decideDecision(live.state, id, { approved: true, by: null, comment: null, data: null }, live.now),
      );
    expect(decide('z')).toMatchObject({ code: 'NOT_FOUND', detail: expect.stringContaining('has no step "z"') });
    expect(decide('b').detail).toContain('is no approval (its action is noop), so there is nothing to decide');
    expect(decide('a').detail).toContain('is PENDING and waits for no decision');
    live.wait('a', 'decision');
    live.decide('a', true);
    expect(decide('a')).toMatchObject({ code: 'CONFLICT', detail: expect.stringContaining('is decided already') });
  });
});

describe('a time', () => {
  test('of its own keeps the workflow running, and completes the step when it has come', () => {
    const live = bring([
      { id: 'a', action: 'delay', params: { for: '5s' } },
      { id: 'b', action: 'delay', params: { for: '9s' } },
    ]);
    const until = live.now + 5_000;
    live.wait('b', 'time', until + 4_000);
    live.wait('a', 'time', until);
    expect([live.status, live.state.timed]).toEqual(['RUNNING', 2]);
    expect(nextDue(live.state)).toBe(until);
    expect(listDue(live.state, until - 1)).toEqual([]);
    expect(listDue(live.state, until).map(({ id }) => id)).toEqual(['a']);
    live.elapse('a');
    expect(live.step('a')).toMatchObject({ status: 'COMPLETED', outputs: { json: '{}' }, wait: null });
    live.elapse('b');
    expect(live.status).toBe('COMPLETED');
  });

  test('for data is over: the step fails, and no data is taken any more', () => {
    const live = bring([{ id: 'a', action: 'external_data', params: { within: '1m' } }]);
    live.wait('a', 'data', live.now + 60_000);
    expect([live.status, live.step('a').logs[0]]).toEqual([
      'WAITING_FOR_DEPENDENCY',
      expect.stringMatching(/^Waits for data until/),
    ]);
    live.elapse('a');
    expect(live.step('a').error).toMatch(/^EXPIRED: no data came until 20/);
    expect(waitingForData(live.state)).toEqual([]);
  });

  test('that is no time of the step says when it was over', () => {
    const live = bring([{ id: 'a', action: 'external_data', params: { within: '1m' } }]);
    live.wait('a', 'data');
    live.elapse('a');
    expect(live.step('a').error).toBe(`EXPIRED: no data came until ${new Date(live.now).toISOString()}`);
  });

  test('for data: what came before the step was ready completes it as soon as it would wait', () => {
    const params = { within: '1m' };
    const live = bring([
      { id: 'a' },
      { id: 'e', action: 'external_data', dependencies: ['a'], params },
      { id: 'z', dependencies: ['e'] },
    ]);
    live.give({ stepId: 'e' });
    live.run('a');
    expect(live.step('e').status).toBe('PENDING');
    live.wait('e', 'data', live.now + 60_000);
    expect(live.step('e')).toMatchObject({ status: 'COMPLETED', wait: null, outputs: { json: '{"content":"data"}' } });
    expect(live.step('z').status).toBe('PENDING');
  });

  test('for data with a condition: the data is kept until the condition is asked', () => {
    const live = bring([{ id: 'e', when: 'true', action: 'external_data' }]);
    live.give({ stepId: 'e' });
    expect(live.step('e').status).toBe('PENDING');
    live.wait('e', 'data');
    expect(live.status).toBe('COMPLETED');
  });

  test('for data that comes in time completes the step, and its wait is over', () => {
    const live = bring([{ id: 'e', action: 'external_data', params: { within: '1m' } }]);
    live.wait('e', 'data', live.now + 60_000);
    live.give({});
    expect([live.status, live.step('e').wait, nextDue(live.state)]).toEqual(['COMPLETED', null, null]);
  });
});

describe('a list', () => {
  test('may have as many items as there is room for steps, those that it has already not counted again', () => {
    const live = bring([{ id: 'm', forEach: [1] }]);
    const decide = (count: number) => decideMap(live.state, 'm', { count }, live.now);
    expect(decide(19_999).kind).toBe('step.mapped');
    expect(decide(20_000)).toMatchObject({ kind: 'step.failed', code: 'BINDING' });
    expect(decideMap(live.state, 'm', { count: 1, labels: ['one'] }, live.now)).toMatchObject({ labels: ['one'] });
    live.map('m', 3);
    live.stop();
    live.state.setStep(0, { status: 'PENDING', count: null });
    expect(decide(19_999).kind).toBe('step.mapped');
    live.state.setStep(0, { status: 'STOPPED', count: 3 });
    bring([{ id: 'a' }]);
  });
});

describe('a loop', () => {
  const loop = (repeat: Partial<StepDefinition['repeat'] & object> = {}, more: Partial<StepDefinition> = {}) =>
    bring([{ id: 'l', repeat: { until: 'true', max: 2, ...repeat }, ...more }]);

  test.each([
    [1, 'not done after 1 round'],
    [2, 'not done after 2 rounds'],
  ])('that is not done after %d rounds fails', (max, error) => {
    const live = loop({ max });
    for (let round = 0; round < max; round += 1) {
      live.round('l', round === 0 ? null : false);
      live.run(`l.${round}`);
    }
    live.round('l', false);
    expect(live.step('l')).toMatchObject({ status: 'FAILED', error });
  });

  test('that goes on whatever comes of it is complete, and says that it was not done', () => {
    const live = loop({ max: 1, otherwise: 'continue' });
    live.round('l');
    live.run('l.0');
    live.round('l', false);
    expect(outputsOf(live.step('l'))).toEqual({ rounds: 1, done: false });
  });

  test('waits between its rounds, and not before the first', () => {
    const live = loop({ every: '30s' });
    live.round('l');
    expect(live.step('l.0').status).toBe('PENDING');
    live.run('l.0');
    live.round('l', false);
    expect(live.step('l').wait).toEqual({ for: 'time', until: live.now + 30_000 });
    expect([live.status, live.step('l').logs.at(-1)]).toEqual([
      'RUNNING',
      expect.stringMatching(/^Waits for its time until/),
    ]);
    live.elapse('l');
    expect([live.step('l').wait, live.step('l.1').status]).toEqual([null, 'PENDING']);
    live.run('l.1');
    live.round('l', true);
    expect(live.status).toBe('COMPLETED');
  });

  test.each([
    ['0s', undefined],
    ['9999999999d', undefined],
  ])('every %s is no wait', (every, dueAt) => {
    const live = loop({ every });
    live.round('l');
    live.run('l.0');
    const event = decideRound(live.state, 'l', false, live.now);
    expect('dueAt' in event ? event.dueAt : undefined).toBe(dueAt);
  });

  test('for whose next round there is no room fails', () => {
    const live = loop(
      {},
      {
        steps: [
          { id: 'x', action: 'noop' },
          { id: 'y', action: 'noop' },
        ],
      },
    );
    const { state } = live;
    for (let i = state.steps.length; i < limits.stepsMax - 1; i += 1) state.steps.push(state.steps[0]!);
    const event = decideRound(state, 'l', null, live.now);
    state.steps.length = 1;
    expect(event).toMatchObject({
      kind: 'step.failed',
      error: 'round 0 would make more steps; a workflow has at most 20000, and this one has 19999',
    });
  });

  test('a step that is no loop has one round', () => {
    const live = bring([{ id: 'a' }]);
    expect(decideRound(live.state, 'a', false, live.now)).toMatchObject({ kind: 'step.repeated', round: 0 });
  });
});
