// Goal: ED6: a step that collects pieces of data has a place for each, and any piece takes the first that is free.
import { expect, test } from 'vitest';
import { withCollections } from '../../src/core/collect.ts';
import { decideMap } from '../../src/core/decide-flow.ts';
import { decideExternalData } from '../../src/core/external-data.ts';
import { external, LiveWorkflow } from './live-workflow.ts';

const pages = { id: 'pages', name: 'Pages', action: 'external_data', params: { collect: 2 }, forEach: [0, 1] };
const other = { id: 'other', action: 'external_data', params: {} };
const decided = (live: LiveWorkflow, input: Parameters<typeof external>[0] = {}) =>
  decideExternalData(live.state, external(input));
const begun = (...steps: Parameters<typeof LiveWorkflow.with>[0]) => {
  const live = LiveWorkflow.with([pages, ...steps]);
  live.apply(decideMap(live.state, 'pages', { count: 2 }, live.tick()));
  return live;
};

test('a collection gets a list of its places, also within groups and at the end; all else stays as it is', () => {
  const { forEach: _, ...written } = pages;
  const group = { id: 'g', forEach: ['x'], steps: [written] };
  const plain = [
    { id: 'a', action: 'external_data', params: { within: '2d' } },
    { id: 'b', action: 'external_data', params: { collect: 2 }, forEach: ['x'] },
    { id: 'c', action: 'external_data', params: { collect: 2 }, repeat: { until: 'true', max: 1 } },
    { id: 'd', action: 'noop', params: { collect: 2 } },
    { id: 'e', action: 'external_data', params: { collect: 1 } },
    { id: 'f', action: 'external_data', params: { collect: 1_001 } },
    { id: 'h', action: 'external_data', params: 'x' },
    'none',
  ];
  expect(withCollections({ steps: [written, group, ...plain], finally: [written] })).toEqual({
    steps: [pages, { ...group, steps: [pages] }, ...plain],
    finally: [pages],
  });
  for (const odd of [null, 'x', [], { steps: 'x' }]) expect(withCollections(odd)).toEqual(odd);
});

test('takes pieces by its id, by its name, or alone, until it has all', () => {
  const live = begun();
  for (const input of [{}, { stepId: 'pages' }, { stepName: 'Pages' }, { stepId: 'pages.0' }]) {
    expect(decided(live, input).stepId).toBe('pages.0');
  }
  live.give({});
  expect(decided(live, { stepId: 'pages' }).stepId).toBe('pages.1');
  live.give({ stepName: 'Pages' });
  expect(live.state.stepOf('pages').status).toBe('COMPLETED');
  expect(() => decided(live, { stepId: 'pages' })).toThrow(/has all its data/);
  expect(decided(live)).toHaveProperty('added');
});

test('its places are one choice among the steps that wait', () => {
  expect(() => decided(begun(other))).toThrow(/^2 steps/);
});

test('before it has begun it refuses what would be for it, and nothing else', () => {
  const live = LiveWorkflow.with([pages]);
  for (const input of [{}, { stepId: 'pages' }, { stepName: 'Pages' }]) {
    expect(() => decided(live, input)).toThrow(/has not begun to collect/);
  }
  expect(decided(live, { stepName: 'Another' })).toHaveProperty('added');
  expect(decided(live, { add: true })).toHaveProperty('added');
  const ruled = LiveWorkflow.with([{ ...pages, params: { collect: 2, take: { content_type: ['html'] } } }]);
  expect(() => decided(ruled, { contentType: 'html' })).toThrow(/has not begun/);
  expect(decided(ruled)).toHaveProperty('added');
});
