/** Goal: a dry run knows which lists come of what was made up, and no others. Method: workflows whose calls were rehearsed. */
import { expect, test } from 'vitest';
import type { StepDefinition } from '../../../src/contract/definition.ts';
import { comesOfMadeUp } from '../../../src/coordinator/steps/made-up-values.ts';
import { completed, LiveWorkflow } from '../../core/live-workflow.ts';

const step = (id: string, ...of: string[]): StepDefinition => ({
  id,
  action: 'noop',
  dependencies: of,
  params: Object.fromEntries(of.map((from) => [from, `{{steps.${from}.outputs.list}}`])),
});

function rehearsed(): LiveWorkflow {
  const steps = [
    step('call'),
    step('links', 'call'),
    step('sorted', 'links'),
    step('own'),
    // Its turn comes after a call, and its params hold nothing of it.
    { ...step('late'), dependencies: ['call'] },
    { ...step('data'), action: 'external_data' },
    { ...step('m', 'sorted', 'own', 'late', 'data'), forEach: '{{steps.sorted.outputs.list}}' },
  ];
  const live = LiveWorkflow.with(steps, { params: { list: [1] } });
  live.start('call');
  live.end('call', completed({ metadata: { rehearsal: { kind: 'call' } } }));
  live.run('links', 'sorted', 'own', 'late');
  return live;
}

test.each([
  ['{{steps.call.outputs.list}}', true],
  ['{{steps.links.outputs.list}}', true],
  ['{{steps.sorted.outputs.list}}', true],
  ['{{steps.data.outputs.list}}', true],
  [{ a: [1], b: '{{steps.sorted.outputs.list}}' }, true],
  ['{{steps.own.outputs.list}}', false],
  ['{{steps.late.outputs.list}}', false],
  ['{{params.list}}', false],
  [[1, 2], false],
  [[], false],
])('%j: %s', (list, expected) => {
  const { state } = rehearsed();
  const m = state.stepOf('m');
  expect(comesOfMadeUp(state, list, { context: null, step: m })).toBe(expected);
});

test('an item of such a list does, and so what is gathered from its steps', () => {
  const live = rehearsed();
  live.give({ stepId: 'data' });
  live.map('m', 1);
  const { state } = live;
  const of = { context: { step: 'm', index: 0 }, step: state.stepOf('m.0') };
  expect(comesOfMadeUp(state, '{{item.url}}', of)).toBe(true);
  expect(comesOfMadeUp(state, '{{steps.m.outputs.items}}', { context: null, step: state.stepOf('own') })).toBe(true);
});
