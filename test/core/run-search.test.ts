/** Goal: a search finds every place once, says where it is, and ends at its bound. */
import { describe, expect, test } from 'vitest';
import { type SearchPlace, searchPlaces } from '../../src/contract/run-view.ts';
import { RunSearch } from '../../src/core/run-search.ts';

const step = { id: 'fetch', name: 'Fetch the Fee', error: 'no fee', logs: ['a', 'FEE and fee'] };

function find(q: string, places: readonly SearchPlace[] = searchPlaces, limit = 100) {
  const search = new RunSearch(q, places, limit);
  search.addStep(step);
  if (search.looksIn('outputs'))
    search.addOutputs('fetch', { 'a/~': [{ fee: 'x' }, 'coffee'], n: 17, none: null, yes: true });
  const where = search.hits.map((hit) =>
    [hit.in, hit.line ?? hit.pointer ?? '', hit.before, hit.match, hit.after].join('|'),
  );
  return { where, isCut: search.isCut };
}

describe('hits', () => {
  test('say where they are, whatever their case', () => {
    expect(find('fee')).toEqual({
      isCut: false,
      where: [
        'names||Fetch the |Fee|',
        'errors||no |fee|',
        'logs|1||FEE| and fee',
        'logs|1|FEE and |fee|',
        'outputs|/a~1~0/0/fee||fee|',
        'outputs|/a~1~0/1|cof|fee|',
      ],
    });
  });

  test('are looked for in ids, numbers and other values, and only where they are asked for', () => {
    expect(find('FETCH').where).toEqual(['names|||fetch|', 'names|||Fetch| the Fee']);
    expect(find('17').where).toEqual(['outputs|/n||17|']);
    expect([find('null').where, find('true').where]).toEqual([['outputs|/none||null|'], ['outputs|/yes||true|']]);
    for (const place of searchPlaces)
      expect(find('fee', [place]).where.every((hit) => hit.startsWith(place))).toBe(true);
    expect(find('fee', ['errors']).where).toHaveLength(1);
  });

  test('a name that is the id is one place, and a step may lack an error', () => {
    const search = new RunSearch('a', ['names', 'errors'], 9);
    search.addStep({ id: 'a', name: 'a', error: null, logs: [] });
    expect(search.hits).toHaveLength(1);
  });

  test('what is looked for is text, not a pattern', () => {
    const search = new RunSearch('a.[b]*(-/\\', ['logs'], 9);
    search.addStep({ id: 'x', name: 'x', error: null, logs: ['axb', 'see A.[b]*(-/\\ there'] });
    expect(search.hits).toEqual([
      { step_id: 'x', in: 'logs', line: 1, before: 'see ', match: 'A.[b]*(-/\\', after: ' there' },
    ]);
  });

  test('show 60 characters around, and half of no character', () => {
    const search = new RunSearch('x', ['logs'], 9);
    search.addStep({ id: 's', name: 's', error: null, logs: [`${'😀'.repeat(31)}.x.${'😀'.repeat(31)}`] });
    const [hit] = search.hits;
    expect([hit?.before.length, hit?.after.length]).toEqual([60, 60]);
    expect([hit?.before.slice(0, 3), hit?.after.slice(-3)]).toEqual(['\ufffd😀', '😀\ufffd']);
  });
});

test('a search ends at its bound, on both sides of it', () => {
  expect(find('fee', searchPlaces, 6)).toMatchObject({ isCut: false, where: { length: 6 } });
  expect(find('fee', searchPlaces, 5)).toMatchObject({ isCut: true, where: { length: 5 } });
  const search = new RunSearch('x', ['names', 'logs'], 1);
  search.addStep({ id: 'x', name: 'xx', error: null, logs: ['x'] });
  search.addOutputs('x', { x: 'x' });
  expect([search.hits.length, search.isCut]).toEqual([1, true]);
});
