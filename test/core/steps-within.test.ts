// Goal: every step of a definition is found, with its path and the names that are known in it, also in what is none yet.
import { expect, test } from 'vitest';
import { boundValues, conditionsOf, stepsWithin } from '../../src/core/steps-within.ts';

const paths = (definition: { steps?: unknown; finally?: unknown }) =>
  [...stepsWithin(definition)].map(({ step, path, names, outer }) => [step.id, path.join('.'), [...names], [...outer]]);

test('steps within groups and of finally, with the names of items and rounds', () => {
  const definition = {
    steps: [
      { id: 'a' },
      {
        id: 'g',
        forEach: { url: [], lang: [] },
        steps: [{ id: 'l', repeat: { until: 'true', max: 1 }, steps: [{ id: 'x' }] }],
      },
      { id: 'm', forEach: '{{params.list}}' },
      { id: 'end', final: true, forEach: ['a'], body: [{ id: 'y' }] },
    ],
    finally: [{ id: 'f' }],
  };
  expect(paths(definition)).toEqual([
    ['a', 'steps.0', [], []],
    ['g', 'steps.1', ['index', 'url', 'lang'], []],
    ['l', 'steps.1.steps.0', ['index', 'url', 'lang', 'round', 'previous'], ['index', 'url', 'lang']],
    ['x', 'steps.1.steps.0.steps.0', ...Array(2).fill(['index', 'url', 'lang', 'round', 'previous'])],
    ['m', 'steps.2', ['index', 'item'], []],
    ['end', 'steps.3', ['workflow', 'index', 'item'], ['workflow']],
    ['y', 'steps.3.steps.0', ...Array(2).fill(['workflow', 'index', 'item'])],
    ['f', 'finally.0', ['workflow'], ['workflow']],
  ]);
});

test('what is no list and no step is left out', () => {
  expect(paths({ steps: 'none', finally: [null, 5, [], { id: 'f', steps: {} }] })).toEqual([
    ['f', 'finally.3', ['workflow'], ['workflow']],
  ]);
});

test('the values and the conditions of a step', () => {
  expect(boundValues({ params: {}, output: null, name: 'x' })).toEqual([
    ['params', {}],
    ['output', null],
  ]);
  expect(conditionsOf({ when: 'a', repeat: { until: 'b' } })).toEqual(['a', 'b']);
  expect(conditionsOf({ when: 5, repeat: 'b' })).toEqual([]);
});
