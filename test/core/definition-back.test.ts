/** Goal: what a run was made from comes back, and makes the same run. Method: round trips through validation. */
import { expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../src/contract/definition.ts';
import { definitionBackSchema } from '../../src/contract/run-view.ts';
import * as decide from '../../src/core/decide.ts';
import { toDefinitionBack } from '../../src/core/definition-back.ts';
import { validateDefinition } from '../../src/core/validate.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { bornAt, LiveWorkflow, workflowId } from './live-workflow.ts';

function back(live: LiveWorkflow) {
  const found = toDefinitionBack(live.state);
  return definitionBackSchema.parse(JSON.parse(JSON.stringify(found)));
}

const whole: WorkflowDefinition = {
  name: 'All',
  description: 'of it',
  tags: ['red'],
  params: { list: [1, 2] },
  failurePolicy: 'fail-fast',
  budget: { calls: 3 },
  steps: [
    { id: 'a', name: 'First', action: 'noop', params: { x: 1 }, timeoutMs: 5, retry: { attemptsMax: 2 }, cache: true },
    { id: 'b', action: 'noop', dependencies: ['a'], when: 'params.list.size() > 1', join: 'any', tolerate: true },
    { id: 'm', forEach: '{{params.list}}', concurrency: 2, label: 'n', steps: [{ id: 'in', action: 'noop' }] },
    { id: 'l', action: 'noop', repeat: { until: 'round > 1', max: 3 }, dependencies: ['m'] },
  ],
  finally: [{ id: 'f', action: 'noop', dependencies: [] }],
};

test('a definition with everything in it comes back and makes the same workflow', () => {
  const live = new LiveWorkflow(
    decide.decideCreate({ id: workflowId, definition: whole, templateId: 't', now: bornAt }),
  );
  live.start('a');
  live.map('m', 2);
  live.give({ add: true });
  const { definition, params, templateId } = back(live);
  expect([params, templateId]).toEqual([{ list: [1, 2] }, 't']);
  const { finally: last, params: _, ...rest } = whole;
  const { dependencies: __, ...f } = last![0]!;
  expect(definition).toEqual({ ...rest, finally: [f] });
  const again = validateDefinition(
    { ...definition, params },
    { catalogue: createActionCatalogue(), unknownActions: 'reject', secretStore: {} },
  );
  expect(again.ok && again.definition.steps.map(({ id }) => id)).toEqual(['a', 'b', 'm', 'l']);
});

test('defaults are left out, and the mark of a simulation', () => {
  const live = LiveWorkflow.of({ a: '', b: 'a' });
  live.state.setHeader({ tags: ['simulated'] });
  expect(back(live)).toEqual({
    definition: {
      name: 'test',
      steps: [
        { id: 'a', action: 'noop' },
        { id: 'b', action: 'noop', dependencies: ['a'] },
      ],
    },
    params: {},
    templateId: null,
  });
  live.state.setHeader({ tags: ['simulated', 'kept'] });
  expect(back(live).definition.tags).toEqual(['kept']);
});
