/** Goal: a state.json may hold what a client could send, and no more (FB1, FB2). Method: both sides of each bound. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { findExcess, findFileFault, isDeeperThan } from '../../src/core/file-bounds.ts';

function nest(levels: number): unknown {
  let value: unknown = 7;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

test('FB1: levels are counted, however many there are', () => {
  expect(isDeeperThan(7, 0)).toBe(false);
  expect(isDeeperThan({}, 0)).toBe(true);
  expect(isDeeperThan({}, 1)).toBe(false);
  expect(isDeeperThan([{ a: 1 }, [[null]]], 3)).toBe(false);
  expect(isDeeperThan([{ a: 1 }, [[null]]], 2)).toBe(true);
  expect(isDeeperThan(nest(200_000), 67)).toBe(true);
});

test('depth and steps are looked at before the shape is', () => {
  const depth = limits.jsonDepthMax + 3;
  expect(findExcess(nest(depth))).toBeNull();
  expect(findExcess(nest(depth + 1))).toBe(`is nested deeper than ${depth} levels`);
  const steps = Array.from({ length: limits.stepsMax }, () => 1);
  expect(findExcess({ steps })).toBeNull();
  expect(findExcess({ steps: [...steps, 1] })).toBe('has 20001 steps, at most 20000 are allowed');
  expect([findExcess(null), findExcess('text'), findExcess({ steps: 'none' })]).toEqual([null, null, null]);
});

describe('a file of the right shape', () => {
  const step = (more: object = {}) => ({ id: 'a', action: 'noop', ...more });
  const text = (length: number) => 'x'.repeat(length);

  test.each<[string, (length: number) => Parameters<typeof findFileFault>[0], number]>([
    ['a name', (length) => ({ name: text(length), steps: [] }), limits.nameLengthMax],
    ['a description', (length) => ({ description: text(length), steps: [] }), 10_000],
    ['a tag', (length) => ({ tags: ['b', text(length)], steps: [] }), 128],
    ['a step whose id is', (length) => ({ steps: [step(), step({ id: text(length) })] }), 128],
    ['a step with a name', (length) => ({ steps: [step({ name: text(length) })] }), 10_000],
    ['a step with an action', (length) => ({ steps: [step({ action: text(length) })] }), 128],
  ])('%s has its bound', (what, make, max) => {
    expect(findFileFault(make(max))).toBeNull();
    expect(findFileFault(make(max + 1))).toBe(`has ${what} of ${max + 1} characters, at most ${max} are allowed`);
  });

  test('FB2: the engine may have added four tags', () => {
    const tags = Array.from({ length: limits.tagsMax + 4 }, (_, i) => `t${i}`);
    expect(findFileFault({ tags, steps: [] })).toBeNull();
    expect(findFileFault({ tags: [...tags, 'one'], steps: [] })).toBe('has 69 tags, at most 68 are allowed');
  });

  test('what is left out or null is within every bound', () => {
    expect(
      findFileFault({ name: null, description: null, tags: null, steps: [step({ name: null, dependencies: null })] }),
    ).toBeNull();
  });

  test('steps that wait for each other are named, the first five of many', () => {
    const circle = (length: number) =>
      Array.from({ length }, (_, i) => step({ id: `s${i}`, dependencies: [`s${(i + 1) % length}`] }));
    expect(findFileFault({ steps: circle(5) })).toMatch(
      /^has steps that wait for each other in a circle: s\d → s\d → s\d → s\d → s\d$/,
    );
    expect(findFileFault({ steps: circle(6) })).toMatch(/in a circle: (?:s\d → ){5}…$/);
    expect(findFileFault({ steps: [step({ id: 's0' }), step({ id: 's1', dependencies: ['s0'] })] })).toBeNull();
  });
});
