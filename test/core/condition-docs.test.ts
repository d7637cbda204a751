// Goal: docs/conditions.md is true. Method: its examples are evaluated over its data; each slip of its tables is asked for
// its message; its bounds are those of the code.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ConditionNames,
  type ConditionScope,
  checkCondition,
  conditionBounds,
  evaluateCondition,
} from '../../src/core/condition.ts';

const page = readFileSync('docs/conditions.md', 'utf8');
const fence = (language: string) => page.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0] ?? '';
/** Conditions, each with the message in the line below it. */
const pairs = (language: string) =>
  [...fence(language).matchAll(/^(\S.*)\n {4}(.*)$/gm)].map(([, text = '', said = '']) => [text, said] as const);

const scope = JSON.parse(fence('json')) as ConditionScope;
const steps = Object.entries(scope.steps).map(([id, { kind = 'plain' }]) => [id, kind] as const);
const ids = steps.map(([id]) => id);
const names: ConditionNames = {
  params: Object.keys(scope.params),
  steps: new Map(steps),
  known: new Set([...ids, 'later']),
  items: ['headers', 'body'],
  roots: ['index', 'round', 'previous', 'workflow'],
  previous: ids,
};

describe('the examples of docs/conditions.md', () => {
  const examples = fence('cel').split('\n');
  it('are many', () => expect(examples.length).toBeGreaterThan(15));

  it.each(examples)('%s is right, and true', (text) => {
    expect(checkCondition(text, names)).toEqual([]);
    expect(evaluateCondition(text, scope)).toEqual({ value: true });
  });
});

describe('the slips of docs/conditions.md', () => {
  const before = pairs('slips');
  const later = pairs('faults');
  it('are many', () => expect([before.length > 12, later.length > 4]).toEqual([true, true]));

  it.each(before)('%s', (text, said) => {
    expect(checkCondition(text, names)).toEqual([said]);
  });

  it.each(later)('%s', (text, said) => {
    expect(checkCondition(text, names)).toEqual([]);
    expect(evaluateCondition(text, scope)).toEqual({ fault: said });
  });
});

it('the bounds of docs/conditions.md are those of the code', () => {
  const told = [...(page.split('## Bounds')[1] ?? '').matchAll(/\| ([\d,]+) \|$/gm)].map(([, most = '']) =>
    Number(most.replace(',', '')),
  );
  expect(told).toEqual([
    conditionBounds.textMax,
    conditionBounds.listMax,
    conditionBounds.levelsMax,
    conditionBounds.unitsMax,
  ]);
});
