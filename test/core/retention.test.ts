// Goal: exactly what is past the age or beyond the count goes, at both sides of each border, oldest first.
import { describe, expect, test } from 'vitest';
import { parseKeepFinished } from '../../src/contract/keep-finished.ts';
import { findExpired } from '../../src/core/retention.ts';

const now = Date.parse('2026-03-01T12:00:00.000Z');
const before = (id: string, ms: number) => ({ id, updatedAt: new Date(now - ms).toISOString() });
const finished = [before('b', 60_000), before('a', 60_001), before('d', 0), before('c', 59_999)];

describe('findExpired', () => {
  test.each([
    [{ ageMs: 60_000 }, ['a']],
    [{ ageMs: 60_001 }, []],
    [{ ageMs: 59_999 }, ['a', 'b']],
    [{ ageMs: 1 }, ['a', 'b', 'c']],
    [{ count: 0 }, ['a', 'b', 'c', 'd']],
    [{ count: 1 }, ['a', 'b', 'c']],
    [{ count: 3 }, ['a']],
    [{ count: 4 }, []],
    [{ count: 1_000 }, []],
  ])('%j removes %j', (keep, ids) => {
    expect(findExpired(finished, keep, now)).toEqual(ids);
  });

  test('of those that finished at the same time the order is that of their ids, whatever they came in', () => {
    const same = ['2', '1', '3'].map((id) => before(id, 5));
    expect(findExpired(same, { count: 1 }, now)).toEqual(['1', '2']);
  });
});

describe('parseKeepFinished', () => {
  test.each([
    ['90m', { ageMs: 5_400_000 }],
    ['36h', { ageMs: 129_600_000 }],
    ['14d', { ageMs: 1_209_600_000 }],
    ['1000', { count: 1_000 }],
    ['0', { count: 0 }],
  ])('%s is %j', (text, keep) => {
    expect(parseKeepFinished(text)).toEqual(keep);
  });

  test.each(['', 'all', '-1', '1.5d', '14 d', '14D', '0d', '2w', 'd', '1e3', '9999999999'])(
    '"%s" is refused',
    (text) => {
      expect(parseKeepFinished(text)).toBeNull();
    },
  );
});
