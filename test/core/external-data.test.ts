/**
 * Goal: ED1 to ED4 and DE3: which step data from outside is for, and data that comes before its step's dependencies are
 * complete. Method: workflows in which none, one or several steps wait; data kept over everything that can come between.
 * Each history is also replayed from its journal and read from its state file.
 */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import * as decide from '../../src/core/decide.ts';
import { decideExternalData, waitingForData } from '../../src/core/external-data.ts';
import { sizeOfResults } from '../../src/core/size.ts';
import { bornAt, external, LiveWorkflow, replay, throughFile } from './live-workflow.ts';

const decided = (live: LiveWorkflow, input: Parameters<typeof external>[0] = {}) =>
  decideExternalData(live.state, external(input));
const refusalOf = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
};
const data = (content: string) => ({ json: JSON.stringify({ content }) });
/** What a replay of the journal and a reading of the file give must be the same. */
const expectDurable = (live: LiveWorkflow) => {
  expect(replay(live.journal).steps).toEqual(live.state.steps);
  expect(throughFile(live.state).steps).toEqual(live.state.steps);
};

describe('ED1: whom the data is for', () => {
  test('without id and name it is for the one step that waits', () => {
    const live = LiveWorkflow.of({ a: '', ext1: '', b: 'ext1' });
    expect(decided(live)).toMatchObject({ stepId: 'ext1' });
    expect(decided(live)).not.toHaveProperty('added');
    expect(decided(live)).not.toHaveProperty('held');
  });

  test('a step that has its data no longer waits', () => {
    const live = LiveWorkflow.of({ ext1: '', ext2: '' });
    live.give({ stepId: 'ext1' });
    expect(decided(live).stepId).toBe('ext2');
    live.give({});
    expect(decided(live)).toMatchObject({ stepId: 'ext_0a1b2c3d', added: { name: 'External Data from Browser' } });
  });

  describe('a rule', () => {
    const waiting = (id: string, params: object, name = id) => {
      return { id, name, action: 'external_data', params: params as Record<string, unknown> };
    };
    const tea = waiting('tea', { take: { url: 'https://tea.example/*' } });
    const html = waiting('html', { take: { content_type: ['html'] } });
    const any = waiting('any', {});
    const born = (...steps: ReturnType<typeof waiting>[]) => LiveWorkflow.with(steps);
    const page = { sourceUrl: 'https://tea.example/green', contentType: 'html' };

    test('chooses the step that it fits, before one without a rule', () => {
      expect(decided(born(tea, any), page).stepId).toBe('tea');
      expect(decided(born(tea, any), { sourceUrl: 'https://pot.example/' }).stepId).toBe('any');
    });

    test('that fits data twice is refused, and both are named', () => {
      const refusal = refusalOf(() => decided(born(tea, html, any), page));
      expect(refusal.errors).toEqual([{ path: 'step_id', message: expect.stringContaining('say which: tea, html;') }]);
    });

    test('that fits nothing leaves the data to a new step, and the waiting ones wait', () => {
      const live = born(tea, html);
      expect(decided(live, { sourceUrl: 'https://pot.example/' })).toHaveProperty('added');
      live.give({ sourceUrl: 'https://pot.example/' });
      expect(waitingForData(live.state).map(({ id }) => id)).toEqual(['tea', 'html']);
    });

    test('counts for nothing where an id or a name is given', () => {
      const other = { sourceUrl: 'https://pot.example/' };
      expect(decided(born(tea, html), { ...other, stepId: 'tea' }).stepId).toBe('tea');
      expect(decided(born(tea, html), { ...other, stepName: 'html' }).stepId).toBe('html');
    });

    test('chooses among several of one name', () => {
      const twins = [waiting('one', tea.params, 'page'), waiting('two', html.params, 'page')];
      expect(decided(born(...twins), { stepName: 'page', contentType: 'html' }).stepId).toBe('two');
    });
  });

  test('of several it is refused, and they are named', () => {
    const steps = [
      { id: 'ext1', name: 'The page', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' },
      { id: 'ext2', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' },
      { id: 'a', action: 'noop', status: 'PENDING' },
    ];
    const live = LiveWorkflow.adopted({ steps });
    const refusal = refusalOf(() => decided(live));
    expect([refusal.status, refusal.detail]).toEqual([
      422,
      expect.stringMatching(/^2 steps of workflow .* wait for external data; name one by its step_id$/),
    ]);
    expect(refusal.errors).toEqual([
      { path: 'step_id', message: 'say which: ext1 (The page), ext2; or say add: true to add a new step' },
    ]);
  });

  test('a message names 20 of them and counts the others', () => {
    const named = (count: number) => {
      const steps = Object.fromEntries(Array.from({ length: count }, (_, i) => [`ext${i}`, '']));
      return refusalOf(() => decided(LiveWorkflow.of(steps))).errors?.[0]?.message;
    };
    expect(named(20)).toContain('ext18, ext19; or say');
    expect(named(22)).toContain('ext19, and 2 more; or say');
  });

  test('several of one name are refused too; one that has its data is not meant', () => {
    const steps = ['ext1', 'ext2', 'ext3'].map((id) => ({
      id,
      name: id === 'ext3' ? 'other' : 'page',
      action: 'external_data',
      status: 'WAITING_FOR_DEPENDENCY',
    }));
    const live = LiveWorkflow.adopted({ steps });
    expect(refusalOf(() => decided(live, { stepName: 'page' })).errors?.[0]?.message).toContain(
      'ext1 (page), ext2 (page);',
    );
    live.give({ stepId: 'ext1' });
    expect(decided(live, { stepName: 'page' }).stepId).toBe('ext2');
  });

  test('steps that were stopped do not wait', () => {
    const live = LiveWorkflow.of({ ext1: '', a: '' });
    live.stop();
    expect(decided(live)).toHaveProperty('added');
    expect(refusalOf(() => decided(live, { stepId: 'ext1' })).detail).toContain('is STOPPED and does not wait');
  });
});

describe('ED2: a step is added', () => {
  test('with add, whatever waits: by id, by name, or neither', () => {
    const live = LiveWorkflow.of({ ext1: '', ext2: '' });
    expect(decided(live, { add: true })).toMatchObject({ stepId: 'ext_0a1b2c3d' });
    expect(decided(live, { add: true, stepName: 'ext1' })).toMatchObject({ added: { name: 'ext1' } });
    expect(decided(live, { add: true, stepId: 'own' })).toMatchObject({ stepId: 'own', added: {} });
    expect(refusalOf(() => decided(live, { add: true, stepId: 'ext1' })).detail).toMatch(
      /"ext1" is taken in workflow .*; choose another, or leave it out$/,
    );
  });

  test('under an id or a name that none has, though a step waits; those that wait are known', () => {
    const live = LiveWorkflow.of({ ext1: '', ext2: 'ext1', a: '' });
    expect(decided(live, { stepId: 'exr1' })).toMatchObject({ stepId: 'exr1', added: {} });
    expect(decided(live, { stepName: 'exr1' })).toMatchObject({ added: { name: 'exr1' } });
    expect(waitingForData(live.state).map(({ id }) => id)).toEqual(['ext1', 'ext2']);
    live.give({ stepId: 'ext2' });
    expect(waitingForData(live.state).map(({ id }) => id)).toEqual(['ext1']);
  });
});

describe('ED3 and DE3: data that comes early', () => {
  test('is kept, shown, and completes the step with the last of its dependencies', () => {
    const live = LiveWorkflow.of({ a: '', b: '', ext: 'a b', c: 'ext' });
    const event = decided(live, { stepId: 'ext', outputs: data('early'), metadata: { tab: 7 }, now: bornAt });
    expect(event).toMatchObject({ stepId: 'ext', held: true });
    live.give({ stepId: 'ext', outputs: data('early'), metadata: { tab: 7 } });
    expect(live.step('ext')).toMatchObject({
      status: 'WAITING_FOR_DEPENDENCY',
      outputs: data('early'),
      metadata: { tab: 7 },
      startTime: null,
    });
    live.run('a');
    expect(live.statuses()).toMatchObject({ ext: 'WAITING_FOR_DEPENDENCY', c: 'WAITING_FOR_DEPENDENCY' });
    live.start('b');
    const change = live.complete('b')!;
    expect([live.names(change.completed), live.names(change.queued)]).toEqual([['ext'], ['c']]);
    const at = live.step('b').endTime;
    expect(live.step('ext')).toMatchObject({
      status: 'COMPLETED',
      outputs: data('early'),
      startTime: at,
      endTime: at,
      logs: [
        'External data ingested at 2026-01-31T12:00:01.000Z, kept until the dependencies of this step are complete',
        expect.stringMatching(/^Completed with the data that was kept at 2026-/),
      ],
    });
    expect(live.step('c').logs[0]).toMatch(/^Queued due to external data dependency satisfaction at 2026-/);
    expectDurable(live);
    live.run('c');
    expect(live.status).toBe('COMPLETED');
  });

  test('completes a chain of 20,000 at once, and the step behind it is queued', () => {
    const last = limits.stepsMax - 2;
    const steps = [
      { id: 'a', action: 'noop', status: 'PENDING' },
      ...Array.from({ length: last }, (_, i) => ({
        id: `ext${i}`,
        action: 'external_data',
        status: 'WAITING_FOR_DEPENDENCY',
        dependencies: [i === 0 ? 'a' : `ext${i - 1}`],
        outputs: { content: String(i) },
      })),
      { id: 'z', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: [`ext${last - 1}`] },
    ];
    const live = LiveWorkflow.adopted({ steps });
    live.start('a');
    const change = live.complete('a')!;
    expect([change.completed.length, live.names(change.queued)]).toEqual([last, ['z']]);
    expect(live.state.counts).toMatchObject({ COMPLETED: last + 1, PENDING: 1, WAITING_FOR_DEPENDENCY: 0 });
  });

  test('data that completes a step completes those that are kept behind it', () => {
    const live = LiveWorkflow.of({ ext1: '', ext2: 'ext1', ext3: 'ext2', b: 'ext3' });
    live.give({ stepId: 'ext3', outputs: data('3') });
    live.give({ stepId: 'ext2', outputs: data('2') });
    const change = live.give({ stepId: 'ext1', outputs: data('1') });
    expect([live.names(change.completed), live.names(change.queued)]).toEqual([['ext2', 'ext3'], ['b']]);
    expectDurable(live);
  });

  test('is not lost by a stop, and waits again after a resume', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a', b: 'ext' });
    live.give({ stepId: 'ext', outputs: data('early') });
    live.stop();
    expect(live.step('ext')).toMatchObject({ status: 'STOPPED', outputs: data('early') });
    live.resume();
    expect(live.statuses()).toEqual({ a: 'PENDING', ext: 'WAITING_FOR_DEPENDENCY', b: 'WAITING_FOR_DEPENDENCY' });
    live.run('a');
    expect(live.step('ext')).toMatchObject({ status: 'COMPLETED', outputs: data('early') });
    expectDurable(live);
  });

  test('is not lost by a failure upstream, and waits again after a retry', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a', b: 'ext' });
    live.give({ stepId: 'ext', outputs: data('early') });
    live.runToFailure('a');
    expect([live.status, live.step('ext').status, live.step('ext').error]).toEqual([
      'FAILED',
      'STOPPED',
      'Upstream step "a" failed',
    ]);
    live.retry();
    live.run('a', 'b');
    expect([live.status, live.step('ext').outputs]).toEqual(['COMPLETED', data('early')]);
    expectDurable(live);
  });

  test('a retry completes it at once where its dependencies are complete by then', () => {
    const steps = [
      { id: 'a', action: 'noop', status: 'COMPLETED', outputs: {} },
      { id: 'x', action: 'noop', status: 'FAILED' },
      { id: 'ext', action: 'external_data', status: 'STOPPED', dependencies: ['a'], outputs: { content: 'early' } },
      { id: 'b', action: 'noop', status: 'STOPPED', dependencies: ['ext'] },
    ];
    const live = LiveWorkflow.adopted({ status: 'FAILED', steps });
    expect(live.names(live.retry().completed)).toEqual(['ext']);
    expect(live.statuses()).toEqual({ a: 'COMPLETED', x: 'PENDING', ext: 'COMPLETED', b: 'PENDING' });
  });

  test('a branch keeps it, unless the step runs again there', () => {
    const parent = LiveWorkflow.of({ a: '', ext: 'a', b: 'ext', c: '' });
    parent.give({ stepId: 'ext', outputs: { blob: 'e'.repeat(64), bytes: 70_000 } });
    const kept = parent.branch('c');
    expect(kept.step('ext')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', outputs: { blob: 'e'.repeat(64) } });
    kept.run('a');
    expect(kept.step('ext').status).toBe('COMPLETED');
    expect(parent.branch('a').step('ext').outputs).toBeNull();
    parent.stop();
    const again = parent.branch('c');
    expect(again.step('ext')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', endTime: null });
  });

  test('survives a recovery, and one that was kept is nothing to recover', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a' });
    live.give({ stepId: 'ext', outputs: data('early') });
    live.start('a');
    live.apply(decide.decideRecovery(live.state, live.tick())!);
    expect(live.step('ext')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', outputs: data('early') });
    live.run('a');
    expect(live.status).toBe('COMPLETED');
  });
});

describe('ED4: a step takes data once', () => {
  test('what is kept is not replaced', () => {
    const live = LiveWorkflow.of({ a: '', ext: 'a' });
    live.give({ stepId: 'ext', outputs: data('first') });
    expect(refusalOf(() => decided(live, { stepId: 'ext' })).detail).toMatch(
      /^Step "ext" of workflow .* has data that is kept until its dependencies are complete; leave step_id out/,
    );
    expect(decided(live)).toHaveProperty('added');
  });
});

describe('ED5: an id that a group may still give', () => {
  test.each(['m.0', 'm.5.x', 'o.1.m'])('%s is not given to a new step', (stepId) => {
    const live = LiveWorkflow.with([
      { id: 'm', forEach: [1] },
      { id: 'o', repeat: { until: 'true', max: 2 } },
    ]);
    expect(() => live.give({ stepId })).toThrow(`Step id "${stepId}" is not free in workflow`);
  });

  test('an id with a dot that is of no group is', () => {
    const live = LiveWorkflow.of({ a: '' });
    live.give({ stepId: 'a.0' });
    expect(live.step('a.0').status).toBe('COMPLETED');
  });
});

test('data that fill the room of the results to the last character are taken, and a character more is not', () => {
  const live = LiveWorkflow.of({ ext1: '' });
  const sized = (characters: number) => ({ outputs: { json: JSON.stringify('x'.repeat(characters)) }, metadata: {} });
  const sizeOf = (characters: number) =>
    sizeOfResults({ ...sized(characters), error: null, logs: [], metrics: null } as never);
  // Large outputs are written as they are: one character more is one more.
  const some = 100_000;
  const most = limits.workflowResultsMax - live.state.resultsSize - (sizeOf(some) - some);
  expect(sizeOf(most) + live.state.resultsSize).toBe(limits.workflowResultsMax);
  expect(decided(live, sized(most))).toMatchObject({ stepId: 'ext1' });
  expect(refusalOf(() => decided(live, sized(most + 1)))).toMatchObject({ code: 'TOO_LARGE', status: 413 });
});
