/** Goal: a branch knows which params the steps of its parent refer to. Method: definitions with references of each kind. */
import { expect, test } from 'vitest';
import { listNamedParams } from '../../src/core/named-params.ts';
import { createChecked } from './checked-workflow.ts';

test('the params that steps name, each once, also steps within a map; no step, item or text', () => {
  const { state } = createChecked().bring(
    [
      { id: 'a', action: 'noop', params: { x: '{{params.topic}} and {{ params.topic.name }}', y: 'params.none' } },
      { id: 'b', action: 'noop', dependencies: ['a'], params: { x: '{{steps.a.outputs.params}}' } },
      {
        id: 'm',
        forEach: '{{params.list}}',
        steps: [{ id: 'x', action: 'noop', params: { x: '{{item}} {{params.style ?? "plain"}}' } }],
      },
    ],
    { params: { topic: { name: 'tea' }, list: [1], style: 'x', unused: 1 } },
  );
  expect(listNamedParams(state.steps).sort()).toEqual(['list', 'style', 'topic']);
});
