/**
 * Goal: rules EV1 and EV2 of `evolve.ts`, DE1 and DE2 of `dependents.ts`, RS1 of `recover-steps.ts`, and what each
 * event leaves in steps and logs. Method: small workflows driven by hand.
 */
import { describe, expect, test } from 'vitest';
import { readEventJson } from '../../src/contract/journal-event.ts';
import { limits } from '../../src/contract/limits.ts';
import { createWorkflow } from '../../src/core/create-workflow.ts';
import * as decide from '../../src/core/decide.ts';
import { decideBranch } from '../../src/core/decide-branch.ts';
import { evolve, evolveParent } from '../../src/core/evolve.ts';
import { decideExternalData } from '../../src/core/external-data.ts';
import { plainFlow } from '../../src/core/flow.ts';
import { bornAt, completed, external, failed, LiveWorkflow, throughFile, workflowId } from './live-workflow.ts';

const diamond = { a: '', b: 'a', c: 'a', d: 'b c' };

describe('DE1: a step is queued exactly when its last missing dependency completes', () => {
  test('steps without dependencies at birth, a join only after all it waits for', () => {
    const live = LiveWorkflow.of(diamond);
    expect(live.statuses()).toMatchObject({ a: 'PENDING', b: 'WAITING_FOR_DEPENDENCY', d: 'WAITING_FOR_DEPENDENCY' });
    live.start('a');
    expect(live.names(live.complete('a')!.queued)).toEqual(['b', 'c']);
    live.start('b', 'c');
    expect(live.complete('c')!.queued).toEqual([]);
    expect(live.step('d').status).toBe('WAITING_FOR_DEPENDENCY');
    expect(live.names(live.complete('b')!.queued)).toEqual(['d']);
    live.run('d');
    expect(live.status).toBe('COMPLETED');
  });

  test('a dependency written twice is one dependency', () => {
    const live = LiveWorkflow.of({ a: '', b: 'a a' });
    live.run('a');
    expect(live.step('b').status).toBe('PENDING');
  });

  test('a step for external data is never queued, not even when all it waits for is complete', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a', b: 'ext' });
    live.start('a');
    expect(live.complete('a')!.queued).toEqual([]);
    expect([live.step('ext').status, live.status]).toEqual(['WAITING_FOR_DEPENDENCY', 'WAITING_FOR_DEPENDENCY']);
    const change = live.give({ stepId: 'ext' });
    expect(live.names(change.queued)).toEqual(['b']);
    expect(live.status).toBe('RUNNING');
    expect(live.step('b').logs).toEqual([
      'Queued due to external data dependency satisfaction at 2026-01-31T12:00:03.000Z',
    ]);
  });

  test('a step that waits for an id that is not there is queued when data comes in under that id', () => {
    const live = LiveWorkflow.adopted({
      steps: [{ id: 'b', action: 'noop', status: 'PENDING', dependencies: ['later'] }],
    });
    expect([live.step('b').status, live.status]).toEqual(['WAITING_FOR_DEPENDENCY', 'WAITING_FOR_DEPENDENCY']);
    expect(live.names(live.give({ stepId: 'later' }).queued)).toEqual(['b']);
  });
});

test('a file that an engine wrote brings its answers to calls with a key along', () => {
  const keys = [{ key: 'k', request: 'sum', reply: { json: '{}' } }];
  const workflow = { id: workflowId, steps: [{ id: 'ext', action: 'external_data', status: 'PENDING' }] };
  const live = new LiveWorkflow({ kind: 'workflow.adopted', workflowId, at: bornAt, version: 2, workflow, keys });
  expect(live.state.header.keys).toEqual(keys);
});

describe('EV1: what is recorded is final', () => {
  test('a COMPLETED step keeps its outputs over stop, resume, failure, retry and recovery', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: 'a' });
    live.start('a', 'b');
    live.end('a', completed({ outputs: { json: '{"content":"kept"}' } }));
    live.stop();
    live.resume();
    live.apply(decide.decideRecovery(live.state, live.tick())!);
    live.runToFailure('b');
    live.retry();
    live.run('b', 'c');
    expect(live.step('a')).toMatchObject({ status: 'COMPLETED', attempt: 1, outputs: { json: '{"content":"kept"}' } });
    expect(live.status).toBe('COMPLETED');
  });

  test.each([
    ['COMPLETED', (live: LiveWorkflow) => live.run('a', 'b')],
    ['FAILED', (live: LiveWorkflow) => [live.run('b'), live.runToFailure('a')]],
    // The steps alone would give FAILED.
    ['STOPPED', (live: LiveWorkflow) => [live.runToFailure('a'), live.stop()]],
  ])('a %s workflow takes data from outside and keeps its status', (status, bring) => {
    const live = LiveWorkflow.of({ a: '', b: '' });
    bring(live);
    const { version } = live.state.header;
    expect(live.give({ suffix: 'feedbeef' }).queued).toEqual([]);
    expect([live.status, live.step('ext_feedbeef').status]).toEqual([status, 'COMPLETED']);
    expect(live.state.header.version).toBe(version + 1);
  });

  test('data for a step that a stopped workflow waits for queues nothing until the workflow is resumed', () => {
    const steps = [
      { id: 'a', action: 'noop', status: 'PENDING' },
      { id: 'b', action: 'noop', status: 'PENDING', dependencies: ['later'] },
    ];
    const live = LiveWorkflow.adopted({ steps });
    live.stop();
    expect(live.give({ stepId: 'later' }).queued).toEqual([]);
    expect(live.names(live.resume().queued)).toEqual(['a', 'b']);
  });
});

describe('EV2: an event is applied once', () => {
  test('events at or below the sequence number change nothing', () => {
    const live = LiveWorkflow.of(diamond);
    live.run('a');
    const before = throughFile(live.state);
    for (const { seq, json } of live.journal) {
      expect(evolve(live.state, readEventJson(json), seq)).toEqual({
        queued: [],
        aborted: [],
        unqueued: [],
        stopped: [],
        completed: [],
        failed: [],
        left: [],
      });
    }
    expect(live.state.header).toEqual(before.header);
    expect(live.state.steps).toEqual(before.steps);
  });

  test('a branch is listed at its parent once, with the parent’s new version', () => {
    const parent = LiveWorkflow.of(diamond);
    const event = decideBranch(parent.state, { id: 'branch', stepId: 'b', params: undefined, now: bornAt + 5 });
    for (const seq of [9, 9, 8]) evolveParent(parent.state, event, seq);
    expect(parent.state.header).toMatchObject({
      seq: 9,
      version: 2,
      updatedAt: bornAt + 5,
      branches: [{ id: 'branch', stepId: 'b', createdAt: bornAt + 5 }],
    });
  });
});

describe('DE2: what a failure holds up', () => {
  test('every unfinished step behind it is STOPPED and names it; other branches go on', () => {
    const live = LiveWorkflow.of({ ...diamond, other: '', last: 'other' });
    live.run('a');
    live.runToFailure('b');
    expect(live.statuses()).toMatchObject({ b: 'FAILED', c: 'PENDING', d: 'STOPPED', other: 'PENDING' });
    expect(live.step('d')).toMatchObject({ error: 'Upstream step "b" failed' });
    expect(live.step('d').logs).toEqual(['Stopped at 2026-01-31T12:00:04.000Z']);
    expect(live.status).toBe('RUNNING');
    live.run('c', 'other');
    expect(live.status).toBe('RUNNING');
    live.run('last');
    expect(live.status).toBe('FAILED');
  });

  test('while another branch waits for the outside, so does the workflow', () => {
    const live = LiveWorkflow.of({ a: '', ext: '' });
    live.runToFailure('a');
    expect(live.status).toBe('WAITING_FOR_DEPENDENCY');
    live.give({ stepId: 'ext' });
    expect(live.status).toBe('FAILED');
  });

  test('a step stays with the failure that stopped it first', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: 'a b' });
    live.runToFailure('a');
    live.runToFailure('b');
    expect(live.step('c').error).toBe('Upstream step "a" failed');
  });

  test('fail-fast stops every unfinished step and aborts those that run', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: '', ext: '', d: 'b' }, { failurePolicy: 'fail-fast' });
    live.start('a', 'b');
    const change = live.fail('a');
    expect([live.names(change!.aborted), live.names(change!.unqueued)]).toEqual([['b'], ['c']]);
    expect(live.statuses()).toEqual({ a: 'FAILED', b: 'STOPPED', c: 'STOPPED', ext: 'STOPPED', d: 'STOPPED' });
    expect(live.step('c').error).toBe('Stopped because step "a" failed (fail-fast)');
    expect(live.step('b').endTime).toBe(live.now);
    expect(live.status).toBe('FAILED');
  });

  test('what data from outside has completed early, as in a journal of before, holds nothing up', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a', b: 'ext', c: 'ext a' });
    live.start('a');
    const { held: _, ...event } = decideExternalData(live.state, external({ stepId: 'ext', now: live.tick() }));
    live.apply(event);
    live.start('b');
    expect(live.fail('a')!.aborted).toEqual([]);
    expect(live.statuses()).toEqual({ a: 'FAILED', ext: 'COMPLETED', b: 'RUNNING', c: 'STOPPED' });
    live.stop();
    expect(live.names(live.resume().queued)).toEqual(['b']);
    expect(live.step('c').error).toBe('Upstream step "a" failed');
  });
});

describe('an attempt', () => {
  test('tells its life in the step’s fields and logs', () => {
    const live = LiveWorkflow.of({ a: '' });
    expect(live.status).toBe('PENDING');
    live.start('a');
    expect(live.step('a')).toMatchObject({ status: 'RUNNING', attempt: 1, startTime: bornAt + 1_000, endTime: null });
    expect(live.status).toBe('RUNNING');
    const metrics = { tokens: 5, cost: 0.25, model: 'm' };
    live.end('a', completed({ logs: ['thinking'], metadata: { k: 1 }, metrics }));
    expect(live.step('a')).toMatchObject({ endTime: bornAt + 1_500, metadata: { k: 1 }, metrics, error: null });
    expect(live.step('a').logs).toEqual([
      'Started execution at 2026-01-31T12:00:01.000Z',
      'thinking',
      'Completed successfully at 2026-01-31T12:00:01.500Z',
    ]);
    expect(live.state.totals).toMatchObject({ tokens: 5, costPico: 250_000_000_000n });
    expect(live.state.header.updatedAt).toBe(bornAt + 2_000);
  });

  test('that may be repeated puts the step back into the queue, due after its delay', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    const change = live.end('a', failed('TIMEOUT', { message: 'too slow', logs: ['waiting'], metrics: { tokens: 2 } }));
    expect(live.names(change!.queued)).toEqual(['a']);
    expect(live.step('a')).toMatchObject({
      status: 'PENDING',
      error: 'too slow',
      failures: 1,
      dueAt: bornAt + 2_500,
      delayMs: 500,
      metrics: { tokens: 2 },
    });
    expect(live.step('a').logs.slice(1)).toEqual(['waiting', 'Retrying in 0.5 s (attempt 2 of 3): too slow']);
    expect(live.status).toBe('RUNNING');
    live.start('a');
    expect(live.step('a')).toMatchObject({ attempt: 2, error: null, dueAt: null, delayMs: 0, failures: 1 });
    live.fail('a', 'TIMEOUT');
    live.start('a');
    live.fail('a', 'TIMEOUT');
    expect(live.step('a')).toMatchObject({ status: 'FAILED', attempt: 3, failures: 3, error: 'TIMEOUT for the test' });
    expect(live.step('a').logs.at(-1)).toBe('Failed: TIMEOUT for the test');
  });

  test('that was simulated marks the workflow, once', () => {
    const live = LiveWorkflow.of({ a: '', b: '' }, { tags: ['mine'] });
    live.start('a', 'b');
    live.end('a', completed({ simulated: true }));
    live.end('b', completed({ simulated: true }));
    expect(live.state.header.tags).toEqual(['mine', 'simulated']);
  });

  test('keeps log lines within their bounds, the newest of them', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    const logs = Array.from(
      { length: limits.logLinesMax + 5 },
      (_, i) => `${i} ${'x'.repeat(limits.logLineLengthMax)}`,
    );
    live.end('a', completed({ logs }));
    const kept = live.step('a').logs;
    expect(kept.length).toBe(limits.logLinesMax);
    expect(kept[0]).toMatch(/^6 x/);
    expect(kept[0]!.length).toBe(limits.logLineLengthMax);
  });

  test('says what it has waited for before it says that it starts', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.apply(decide.decideStart(live.state, 'a', live.tick(), { logs: ['Waited 3.0 s for calls'] }));
    expect(live.step('a').logs).toEqual(['Waited 3.0 s for calls', expect.stringMatching(/^Started execution at/)]);
  });

  test('whose start is not known ends when its outcome came', () => {
    const live = LiveWorkflow.adopted({ steps: [{ id: 'a', action: 'noop', status: 'RUNNING' }] });
    const event = decide.decideStart(live.state, 'a', live.tick());
    live.complete('a');
    expect(event.kind).toBe('step.started');
    expect(live.step('a').endTime).toBe(live.now + 500);
  });
});

describe('data from outside', () => {
  test('added as a step reads as the contract shows it', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.run('a');
    live.give({ sourceUrl: 'https://x.test/', action: 'clip', metadata: { tab: 1 } });
    const at = bornAt + 3_000;
    expect(live.step('ext_0a1b2c3d')).toMatchObject({
      name: 'External Data from https://x.test/',
      action: 'clip',
      status: 'COMPLETED',
      dependencies: [],
      params: { source: 'browser_extension' },
      outputs: { json: '{"content":"data"}' },
      metadata: { tab: 1 },
      startTime: at,
      endTime: at,
      attempt: 0,
      logs: ['External data ingested at 2026-01-31T12:00:03.000Z'],
    });
    expect(live.state.header.started).toBe(true);
  });
});

describe('stop, resume and retry', () => {
  test('a stop leaves nothing unfinished and names what must be aborted', () => {
    const live = LiveWorkflow.of({ ...diamond, other: '', ext: '' });
    live.start('a', 'other');
    live.complete('a');
    live.start('b');
    const change = live.stop();
    expect(live.names(change.aborted)).toEqual(['b', 'other']);
    expect(live.names(change.unqueued)).toEqual(['c']);
    expect(live.statuses()).toEqual({
      a: 'COMPLETED',
      b: 'STOPPED',
      c: 'STOPPED',
      d: 'STOPPED',
      other: 'STOPPED',
      ext: 'STOPPED',
    });
    expect(live.step('b')).toMatchObject({ error: null, endTime: live.now });
    expect(live.step('c')).toMatchObject({ error: null, endTime: null });
    expect(live.status).toBe('STOPPED');
  });

  test('a stop during a back-off keeps the last error and forgets the delay', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    live.fail('a', 'TIMEOUT');
    live.stop();
    expect(live.step('a')).toMatchObject({ error: 'TIMEOUT for the test', dueAt: null, delayMs: 0 });
  });

  test('resume queues what is ready, counts failures anew and keeps counting attempts', () => {
    const live = LiveWorkflow.of(diamond);
    live.start('a');
    live.fail('a', 'TIMEOUT');
    live.start('a');
    live.stop();
    expect(live.names(live.resume().queued)).toEqual(['a']);
    expect(live.step('a')).toMatchObject({ status: 'PENDING', attempt: 2, failures: 0, startTime: null, error: null });
    expect(live.step('d').status).toBe('WAITING_FOR_DEPENDENCY');
    expect(live.status).toBe('RUNNING');
    live.start('a');
    expect(live.step('a').attempt).toBe(3);
  });

  test('resume leaves a failure and what hangs on it as they are', () => {
    const live = LiveWorkflow.of({ a: '', b: 'a', c: '' });
    live.runToFailure('a');
    live.stop();
    expect(live.names(live.resume().queued)).toEqual(['c']);
    expect(live.statuses()).toEqual({ a: 'FAILED', b: 'STOPPED', c: 'PENDING' });
    live.run('c');
    expect(live.status).toBe('FAILED');
  });

  test('retry runs the failed steps again and sets all that hung on them waiting', () => {
    const live = LiveWorkflow.of({ ...diamond, e: '' });
    live.run('a', 'c', 'e');
    live.runToFailure('b');
    expect(live.status).toBe('FAILED');
    expect(live.names(live.retry().queued)).toEqual(['b']);
    expect(live.statuses()).toMatchObject({
      b: 'PENDING',
      d: 'WAITING_FOR_DEPENDENCY',
      c: 'COMPLETED',
      e: 'COMPLETED',
    });
    live.run('b', 'd');
    expect(live.status).toBe('COMPLETED');
  });

  test.each(['resume', 'retry'] as const)(
    '%s of a file that calls itself finished while steps are not sets those going too',
    (call) => {
      const steps = [
        { id: 'bad', action: 'noop', status: call === 'retry' ? 'FAILED' : 'STOPPED' },
        { id: 'ran', action: 'noop', status: 'RUNNING' },
        { id: 'queued', action: 'noop', status: 'PENDING' },
        { id: 'waits', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['ran'] },
      ];
      const live = LiveWorkflow.adopted({ status: call === 'retry' ? 'FAILED' : 'STOPPED', steps });
      const change = live[call]();
      expect(live.names(change.queued)).toEqual(['bad', 'ran', 'queued']);
      expect([change.aborted, change.unqueued]).toEqual([[], []]);
      live.run('bad', 'ran', 'queued', 'waits');
      expect(live.status).toBe('COMPLETED');
    },
  );
});

describe('recovery', () => {
  test('queues what ran and what was queued, and says so in the logs', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: 'a' });
    live.start('a');
    const change = live.apply(decide.decideRecovery(live.state, live.tick())!);
    expect(live.names(change.queued)).toEqual(['a', 'b']);
    expect(live.step('a')).toMatchObject({ status: 'PENDING', attempt: 1, failures: 0 });
    expect(live.step('a').logs.slice(1)).toEqual([
      'Recovered from orphaned RUNNING state at 2026-01-31T12:00:02.000Z',
      'Re-queued during recovery at 2026-01-31T12:00:02.000Z',
    ]);
    expect(live.step('b').logs).toEqual(['Re-queued during recovery at 2026-01-31T12:00:02.000Z']);
    expect(live.step('c').logs).toEqual([]);
  });

  test('RS1: after three unclean deaths a step is a suspect, and the fourth, which it meets alone, fails it', () => {
    const live = LiveWorkflow.of({ a: '', b: '', c: 'a' });
    const die = (isUnclean: boolean) => live.apply(decide.decideRecovery(live.state, live.tick(), isUnclean)!);
    for (const deaths of [1, 2, 3]) {
      live.start('a');
      die(true);
      // The count outlives the engine in the file.
      expect(throughFile(live.state).steps[0]!.deaths).toBe(deaths);
      // One that only waited is not blamed.
      expect([live.step('a').deaths, live.step('b').deaths]).toEqual([deaths, 0]);
    }
    live.start('a');
    // A stop in good order is no death.
    die(false);
    expect(live.step('a')).toMatchObject({ status: 'PENDING', deaths: 3 });
    live.start('a');
    const change = die(true);
    expect(live.step('a')).toMatchObject({ status: 'FAILED', deaths: 0, error: expect.stringContaining('CRASH_LOOP') });
    expect(live.step('a').logs.at(-1)).toMatch(/^Failed: CRASH_LOOP: the engine died 4 times/);
    expect(live.step('c')).toMatchObject({ status: 'STOPPED', error: 'Upstream step "a" failed' });
    expect(live.names(change.queued)).toEqual(['b']);
  });

  test.each(['completes', 'fails', 'is set going again'])('RS1: the deaths are forgotten when the step %s', (what) => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    live.apply(decide.decideRecovery(live.state, live.tick(), true)!);
    expect(live.step('a').deaths).toBe(1);
    if (what === 'is set going again') {
      live.apply(decide.decideStop(live.state, live.tick()));
      live.apply(decide.decideResume(live.state, live.tick()));
    } else {
      live.start('a');
      if (what === 'completes') live.complete('a');
      else live.fail('a', 'TASK_ERROR');
    }
    expect(live.step('a').deaths).toBe(0);
  });

  test('RS1: a foreign file without a start time fails at the time of recovery', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    live.state.setStep(0, { deaths: 3, startTime: null });
    live.apply(decide.decideRecovery(live.state, live.tick(), true)!);
    expect(live.step('a')).toMatchObject({ status: 'FAILED', endTime: live.state.header.updatedAt });
  });

  test('keeps the rest of a back-off', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.start('a');
    live.fail('a', 'TIMEOUT');
    live.apply(decide.decideRecovery(live.state, live.tick())!);
    expect(live.step('a')).toMatchObject({ dueAt: bornAt + 2_500, delayMs: 500, failures: 1 });
  });
});

describe('a creating event', () => {
  test('shows the workflow as created, PENDING, whatever its steps wait for', () => {
    const live = LiveWorkflow.of({ ext: '' });
    expect([live.status, live.state.header.version, live.state.header.seq]).toEqual(['PENDING', 1, 1]);
    live.apply(decide.decideWaiting(live.state, live.tick())!);
    expect(live.status).toBe('WAITING_FOR_DEPENDENCY');
  });

  test('keeps the idempotency key, and so do later events', () => {
    const key = (name: string) => ({ key: name, request: 'r', reply: { json: '{}' } });
    const definition = { name: 'x', steps: [{ id: 'a', action: 'noop' }] };
    const born = decide.decideCreate({ id: workflowId, definition, templateId: null, now: bornAt });
    const state = createWorkflow(decide.withIdempotency(born, key('one')), 1);
    evolve(state, decide.withIdempotency(decide.decideStop(state, bornAt), key('two')), 2);
    expect(state.header.keys.map((each) => each.key)).toEqual(['one', 'two']);
  });

  test('a branch is PENDING until its first own step starts, though it took results over', () => {
    const parent = LiveWorkflow.of(diamond);
    parent.run('a', 'b', 'c', 'd');
    const input = { id: workflowId, stepId: 'b', params: undefined, now: parent.tick() };
    const branch = new LiveWorkflow(decideBranch(parent.state, input));
    expect(decide.decideWaiting(branch.state, branch.tick())).toBeNull();
    expect(branch.status).toBe('PENDING');
    branch.start('b');
    expect(branch.status).toBe('RUNNING');
  });
});

describe('a file that is taken in', () => {
  const step = (id: string, status: string, ...dependencies: string[]) => ({
    id,
    action: 'noop',
    status,
    dependencies,
  });

  test('has its statuses brought in line with its graph', () => {
    const steps = [
      step('done', 'COMPLETED'),
      step('waits', 'WAITING_FOR_DEPENDENCY', 'done'),
      step('early', 'PENDING', 'waits'),
      step('ahead', 'RUNNING', 'waits'),
      step('bad', 'FAILED'),
      step('behind', 'PENDING', 'bad'),
      { ...step('ext', 'RUNNING'), action: 'external_data' },
    ];
    const live = LiveWorkflow.adopted({ status: 'RUNNING', steps });
    expect(live.statuses()).toEqual({
      done: 'COMPLETED',
      waits: 'PENDING',
      early: 'WAITING_FOR_DEPENDENCY',
      ahead: 'WAITING_FOR_DEPENDENCY',
      bad: 'FAILED',
      behind: 'STOPPED',
      ext: 'WAITING_FOR_DEPENDENCY',
    });
    expect(live.step('behind').error).toBe('Upstream step "bad" failed');
    expect(live.status).toBe('RUNNING');
  });

  test('that is fail-fast and holds a failure has nothing left to run', () => {
    const live = LiveWorkflow.adopted({
      failurePolicy: 'fail-fast',
      steps: [step('bad', 'FAILED'), step('a', 'PENDING')],
    });
    expect([live.statuses(), live.status]).toEqual([{ bad: 'FAILED', a: 'STOPPED' }, 'FAILED']);
  });

  test('that is finished keeps its statuses and its time', () => {
    const updatedAt = '2025-01-01T00:00:00.000Z';
    const live = LiveWorkflow.adopted({
      status: 'FAILED',
      updatedAt,
      steps: [step('a', 'PENDING'), step('b', 'FAILED')],
    });
    expect([live.status, live.step('a').status]).toEqual(['FAILED', 'PENDING']);
    expect(live.state.header.updatedAt).toBe(Date.parse(updatedAt));
  });

  test.each(['COMPLETED', 'FAILED', 'STOPPED'])('that is %s has no RUNNING step: it was stopped then', (status) => {
    const updatedAt = '2025-01-01T00:00:00.000Z';
    const startTime = '2024-12-31T23:59:00.000Z';
    const steps = [
      { ...step('a', 'RUNNING'), startTime },
      step('b', 'WAITING_FOR_DEPENDENCY', 'a'),
      step('c', 'PENDING'),
    ];
    const live = LiveWorkflow.adopted({ status, updatedAt, steps });
    expect([live.status, live.statuses()]).toEqual([
      status,
      { a: 'STOPPED', b: 'WAITING_FOR_DEPENDENCY', c: 'PENDING' },
    ]);
    expect(live.step('a')).toMatchObject({
      error: `It was RUNNING in a workflow that is ${status}: no attempt of it is known here`,
      startTime: Date.parse(startTime),
      endTime: Date.parse(updatedAt),
      logs: [`Stopped at ${updatedAt}`],
    });
    expect(live.state.header.updatedAt).toBe(Date.parse(updatedAt));
  });

  test('whose status is missing counts as started when a step has run', () => {
    const live = LiveWorkflow.adopted({ steps: [step('a', 'COMPLETED'), step('b', 'PENDING', 'a')] });
    expect(live.status).toBe('RUNNING');
  });
});

test('time never goes back within a workflow, whatever the clock does', () => {
  const live = LiveWorkflow.of({ a: '' });
  live.start('a');
  const event = decide.decideStop(live.state, bornAt - 86_400_000);
  live.apply(event);
  expect(event.at).toBe(bornAt + 1_000);
  expect(live.step('a')).toMatchObject({ startTime: bornAt + 1_000, endTime: bornAt + 1_000 });
});

test.each(['workflow.deleted', 'workflow.waiting', 'workflow.branched'] as const)('%s changes no step', (kind) => {
  const live = LiveWorkflow.of(diamond);
  // A deletion follows on a stop.
  if (kind === 'workflow.deleted') live.state.setHeader({ status: 'STOPPED' });
  const before = [...live.state.steps];
  expect(live.apply({ kind, workflowId, at: bornAt + 1, version: 2 })).toEqual({
    queued: [],
    aborted: [],
    unqueued: [],
    stopped: [],
    completed: [],
    failed: [],
    left: [],
  });
  expect(live.state.steps).toEqual(before);
  expect(live.state.header).toMatchObject({ version: 2, updatedAt: bornAt + 1 });
});

test('G6: a step starts no earlier than what it waited for has ended, whatever the wall clock says', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.start('a');
  const result = { outputs: { json: '{}' }, metadata: null, metrics: null, logs: [], simulated: false };
  const time = { now: bornAt + 2_000, durationMs: 60_000, random: 0 };
  live.apply(decide.decideOutcome(live.state, 'a', 1, { kind: 'completed', ...result }, time)!);
  live.start('b');
  expect(live.step('b').startTime).toBeGreaterThanOrEqual(live.step('a').endTime!);
});

test('a branch is told to those who follow its parent by an event of the parent, which changes nothing else', () => {
  const live = LiveWorkflow.of({ a: '' });
  const event = decide.decideBranched(live.state, bornAt + 1_000);
  expect(event).toEqual({ kind: 'workflow.branched', workflowId, at: bornAt + 1_000, version: 2 });
  expect(live.apply(event)).toEqual({
    queued: [],
    aborted: [],
    unqueued: [],
    stopped: [],
    completed: [],
    failed: [],
    left: [],
  });
});

test('a step that data from outside adds is complete in every field, and starts its workflow', () => {
  const live = LiveWorkflow.of({ a: '' });
  live.give({ stepId: 'new', stepName: 'New', metadata: { m: 1 } });
  const at = bornAt + 1_000;
  expect(live.state.header.started).toBe(true);
  expect(live.step('new')).toEqual({
    id: 'new',
    name: 'New',
    action: 'external_data',
    dependencies: [],
    params: { source: 'browser_extension' },
    timeoutMs: null,
    retry: null,
    cache: false,
    status: 'COMPLETED',
    outputs: { json: '{"content":"data"}' },
    error: null,
    errorCode: null,
    queuedAt: null,
    startTime: at,
    endTime: at,
    logs: ['External data ingested at 2026-01-31T12:00:01.000Z'],
    metadata: expect.objectContaining({ m: 1 }),
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
  });
});

test('a new day wakes what waits for it, and no stopped step; a resume gives no budget to a workflow without one', () => {
  const live = LiveWorkflow.of({ a: '', b: '', c: '' });
  const waits = (until: 'day' | 'resume') => ({
    status: 'WAITING_FOR_DEPENDENCY' as const,
    pause: { reason: 'r', until },
  });
  live.state.setStep(0, waits('day'));
  live.state.setStep(1, { status: 'STOPPED' });
  live.state.setStep(2, waits('resume'));
  const change = live.apply(decide.decideNewDay(live.state, live.tick())!);
  expect(change).toEqual({ queued: [0], aborted: [], unqueued: [], stopped: [], completed: [], failed: [], left: [] });
  expect(live.statuses()).toEqual({ a: 'PENDING', b: 'STOPPED', c: 'WAITING_FOR_DEPENDENCY' });
  expect(live.step('a')).toMatchObject({ pause: null, logs: ['Resumed at 2026-01-31T12:00:01.000Z'] });
  live.resume();
  expect(live.statuses()).toEqual({ a: 'PENDING', b: 'PENDING', c: 'PENDING' });
  expect(live.state.header.budget).toBeNull();
});

test.each([
  [-5, 1_000],
  [3_000, 3_000],
])('a step that began %i ms from its birth and is stopped, or given up, at 1000 ms ended at %i', (began, ended) => {
  const running = { status: 'RUNNING' as const, startTime: bornAt + began, deaths: 3 };
  const stopped = LiveWorkflow.of({ a: '' });
  stopped.state.setStep(0, running);
  stopped.stop();
  const givenUp = LiveWorkflow.of({ a: '' });
  givenUp.state.setStep(0, running);
  givenUp.state.setHeader({ status: 'RUNNING' });
  givenUp.apply(decide.decideRecovery(givenUp.state, givenUp.tick(), true)!);
  expect([stopped.step('a').status, givenUp.step('a').status]).toEqual(['STOPPED', 'FAILED']);
  expect([stopped.step('a').endTime, givenUp.step('a').endTime]).toEqual([bornAt + ended, bornAt + ended]);
});

test('a branch has not started, whatever it takes over; a file brings along what it has spent', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.run('a');
  expect(live.branch('b').state.header.started).toBe(false);
  live.start('b');
  live.end('b', completed({ metrics: { model: 'm', tokens: 3, cost: 0.1 } }));
  const { spending } = live.state.header;
  expect(spending).toHaveLength(1);
  const workflow = { id: workflowId, steps: [{ id: 'a', action: 'noop', status: 'PENDING' }] };
  const adopted = { kind: 'workflow.adopted' as const, workflowId, at: bornAt, version: 1, workflow };
  expect(createWorkflow({ ...adopted, spending }, 1).header.spending).toEqual(spending);
  expect(createWorkflow(adopted, 1).header.spending).toEqual([]);
});
