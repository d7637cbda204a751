/**
 * Goal: which steps wait for somebody outside, and since when. Method: workflows with steps that wait for a decision, for
 * data, and for other steps; time moves one second with each event.
 */
import { expect, test } from 'vitest';
import { listAwaited } from '../../src/core/awaited.ts';
import { decideCreate } from '../../src/core/decide.ts';
import { decideMap, decideWait } from '../../src/core/decide-flow.ts';
import { bornAt, LiveWorkflow, workflowId } from './live-workflow.ts';

const shown = (live: LiveWorkflow) =>
  listAwaited(live.state).map(({ step, for: what, since }) => [step.id, what, since - bornAt]);

test('steps that wait for others, or that have what they waited for, are not among them', () => {
  const live = LiveWorkflow.of({ a: '', ext1: '', ext2: 'a', ext3: 'a' });
  live.give({ stepId: 'ext3' });
  expect(shown(live)).toEqual([['ext1', 'data', 0]]);
  live.give({ stepId: 'ext1' });
  expect(shown(live)).toEqual([]);
  expect(shown(LiveWorkflow.of({ a: '' }))).toEqual([]);
});

test('where no step waits, none is looked for', () => {
  expect(shown(LiveWorkflow.of({ a: '' }))).toEqual([]);
});

test('a wait for data began with the end of the last dependency', () => {
  const live = LiveWorkflow.adopted({
    createdAt: new Date(bornAt).toISOString(),
    steps: [
      { id: 'a', action: 'noop', status: 'COMPLETED', endTime: new Date(bornAt + 5_000).toISOString() },
      { id: 'b', action: 'noop', status: 'COMPLETED' },
      { id: 'ext', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY', dependencies: ['a', 'b'] },
    ],
  });
  expect(shown(live)).toEqual([['ext', 'data', 5_000]]);
});

test('a file may say that a step waits for a decision whose dependency is not there', () => {
  const live = LiveWorkflow.adopted({
    createdAt: new Date(bornAt).toISOString(),
    steps: [
      {
        id: 'ask',
        action: 'approval',
        status: 'WAITING_FOR_DEPENDENCY',
        dependencies: ['gone'],
        waits: { for: 'decision' },
      },
    ],
  });
  expect(shown(live)).toEqual([['ask', 'decision', 0]]);
});

test('in an item it began with the list, and a decision has a time of its own', () => {
  const definition = {
    name: 'test',
    steps: [
      { id: 'each', forEach: ['x', 'y'], action: 'external_data' },
      { id: 'ask', action: 'approval', params: { message: '?' } },
    ],
  };
  const live = new LiveWorkflow(decideCreate({ id: workflowId, definition, templateId: null, now: bornAt }));
  live.apply(decideMap(live.state, 'each', { count: 2 }, bornAt + 1_000));
  live.apply(decideWait(live.state, 'ask', { for: 'decision', until: null }, bornAt + 2_000));
  expect(shown(live)).toEqual([
    ['ask', 'decision', 2_000],
    ['each.0', 'data', 1_000],
    ['each.1', 'data', 1_000],
  ]);
});
