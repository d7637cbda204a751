/**
 * Goal: rules TJ1 and TJ2, table J. Method: every combination of ends of up to three dependencies with every `join`, as the
 * workflow's steps come to them; what is expected is read from the table itself, written down by its rows.
 */
import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { type Join, joinSchema } from '../../src/contract/flow.ts';
import type { EndOfStep } from '../../src/core/step-state.ts';
import { derivedAfresh, LiveWorkflow, toDerived } from './live-workflow.ts';

type Verdict = 'runs' | 'skipped' | 'blocked';

/** By which ends there are among the dependencies: the verdict for all, any, ended, failed. */
const table: Record<string, [Verdict, Verdict, Verdict, Verdict]> = {
  ran: ['runs', 'runs', 'runs', 'skipped'],
  skipped: ['skipped', 'skipped', 'runs', 'skipped'],
  'ran skipped': ['skipped', 'runs', 'runs', 'skipped'],
  tolerated: ['skipped', 'skipped', 'runs', 'runs'],
  'ran tolerated': ['skipped', 'runs', 'runs', 'runs'],
  'skipped tolerated': ['skipped', 'skipped', 'runs', 'runs'],
  'ran skipped tolerated': ['skipped', 'runs', 'runs', 'runs'],
};
const kinds: EndOfStep[] = ['ran', 'skipped', 'tolerated', 'lost'];
const joins = joinSchema.options;

function expected(ends: readonly EndOfStep[], join: Join): Verdict {
  const which = kinds.filter((kind) => ends.includes(kind)).join(' ');
  const row = which.includes('lost') ? (['blocked', 'blocked', 'runs', 'runs'] as const) : table[which]!;
  return row[joins.indexOf(join)]!;
}

const combinations = [1, 2, 3].flatMap((count) =>
  Array.from({ length: kinds.length ** count }, (_, n) =>
    Array.from({ length: count }, (_, k) => kinds[Math.floor(n / kinds.length ** k) % kinds.length]!),
  ),
);

function toDependency(end: EndOfStep, k: number): Partial<StepDefinition> & { id: string } {
  const more = { ran: {}, lost: {}, skipped: { when: 'true' }, tolerated: { tolerate: true as const } }[end];
  return { id: `d${k}`, ...more };
}

function bring(live: LiveWorkflow, id: string, end: EndOfStep): void {
  if (end === 'ran') live.run(id);
  else if (end === 'skipped') live.skip(id);
  else live.runToFailure(id);
}

describe.each(joins)('table J: join %s', (join) => {
  test.each(combinations.map((ends) => [ends.join(', '), ends] as const))('%s', (_, ends) => {
    const dependencies = ends.map((_, k) => `d${k}`);
    const last = { id: 'x', join, dependencies: [...dependencies, 'd0'] };
    const live = LiveWorkflow.with([...ends.map(toDependency), last]);
    for (const [k, end] of ends.entries()) {
      const isBlocked = ends.slice(0, k).includes('lost') && (join === 'all' || join === 'any');
      expect(live.step('x').status).toBe(isBlocked ? 'STOPPED' : 'WAITING_FOR_DEPENDENCY');
      bring(live, `d${k}`, end);
      expect(toDerived(live.state)).toEqual(toDerived(derivedAfresh(live.state)));
    }
    const { status, outcome, error } = live.step('x');
    const verdict = expected(ends, join);
    if (verdict === 'runs') expect([status, outcome, error]).toEqual(['PENDING', null, null]);
    if (verdict === 'skipped') expect([status, outcome, error]).toEqual(['COMPLETED', 'skipped', null]);
    if (verdict === 'blocked') {
      const first = `d${ends.indexOf('lost')}`;
      expect([status, outcome, error]).toEqual(['STOPPED', null, `Upstream step "${first}" failed`]);
    }
  });
});

test.each(['all', 'any'] as const)('%s without dependencies runs', (join) => {
  expect(LiveWorkflow.with([{ id: 'x', join }]).step('x').status).toBe('PENDING');
});

test.each([
  ['all', ['d0'], 'step "d0" has not run'],
  ['all', ['d0', 'd1'], 'what it waits for has not run'],
  ['any', ['d0'], 'step "d0" has not run'],
  ['failed', ['d0'], 'nothing that it waits for has failed'],
] as const)('DE4: a step that %s of %j skips says why', (join, dependencies, why) => {
  const live = LiveWorkflow.with([
    { id: 'd0', when: 'true' },
    { id: 'd1', when: 'true' },
    { id: 'x', join, dependencies: [...dependencies] },
  ]);
  live.skip('d0', 'd1');
  expect(live.step('x').logs).toEqual([expect.stringMatching(new RegExp(`^Skipped at 20.*Z: ${why}$`))]);
  expect(live.step('x')).toMatchObject({ outputs: { json: '{}' }, startTime: null, attempt: 0 });
  expect(live.status).toBe('COMPLETED');
});

test('DE2: what a lost step stops, its own dependents name the failure and not the step between', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a', c: 'b' });
  live.runToFailure('a');
  expect(live.step('c').error).toBe('Upstream step "a" failed');
});

test('DE2: in a file of another maker a step may wait for one that is STOPPED: it is stopped when the others have ended', () => {
  const live = LiveWorkflow.adopted({
    steps: [
      { id: 'a', action: 'noop', status: 'STOPPED' },
      { id: 'b', action: 'noop', status: 'PENDING' },
      { id: 'c', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['gone', 'b', 'a'] },
    ],
  });
  live.run('b');
  expect(live.step('c')).toMatchObject({ status: 'STOPPED', error: 'Upstream step "a" failed' });
});

test('DE2: fail-fast stops what asks for success, and lets run what asks for an end', () => {
  const live = LiveWorkflow.with(
    [
      { id: 'a' },
      { id: 'b' },
      { id: 'c' },
      { id: 'any', join: 'any', dependencies: ['b'] },
      { id: 'end', join: 'ended', dependencies: ['b', 'c'] },
      { id: 'bad', join: 'failed', dependencies: ['a'] },
      { id: 'behind', dependencies: ['end'] },
    ],
    { failurePolicy: 'fail-fast' },
  );
  live.start('b');
  live.runToFailure('a');
  expect(live.statuses()).toEqual({
    a: 'FAILED',
    b: 'STOPPED',
    c: 'STOPPED',
    any: 'STOPPED',
    end: 'PENDING',
    bad: 'PENDING',
    behind: 'STOPPED',
  });
  expect(live.step('c').error).toBe('Stopped because step "a" failed (fail-fast)');
  live.run('end', 'bad');
  expect(live.status).toBe('FAILED');
});

test('DE5: a tolerated failure keeps its error, is no failure of the workflow, and does not fail fast', () => {
  const live = LiveWorkflow.with([{ id: 'a', tolerate: true }, { id: 'b' }], { failurePolicy: 'fail-fast' });
  live.runToFailure('a');
  expect(live.step('a')).toMatchObject({ status: 'COMPLETED', outcome: 'tolerated', outputs: { json: '{}' } });
  expect(live.step('a').error).toBe('BINDING for the test');
  expect(live.step('a').logs.slice(-2)).toEqual(['Failed: BINDING for the test', 'Tolerated: the workflow goes on']);
  live.run('b');
  expect(live.status).toBe('COMPLETED');
  expect(() => live.retry()).toThrow('takes one with a FAILED step');
});

test('DE3: data that was kept is dropped where the step is skipped, and its log says so', () => {
  const live = LiveWorkflow.with([
    { id: 'a', when: 'true' },
    { id: 'ext', action: 'external_data', dependencies: ['a'] },
  ]);
  live.give({ stepId: 'ext' });
  expect(live.step('ext').outputs).not.toBeNull();
  live.skip('a');
  expect(live.step('ext')).toMatchObject({ outcome: 'skipped', outputs: { json: '{}' } });
  expect(live.step('ext').logs.at(-1)).toBe('The data that was kept for it is dropped');
});
