/** Goal: lists, facets and bulk calls choose the same workflows, and a cursor leads through all of them once. */
import { describe, expect, test } from 'vitest';
import {
  compareInList,
  createListFilter,
  type ListFilter,
  listSorts,
  listTimeSchema,
  readCursorText,
  statusListSchema,
  toCursorText,
  toSortKey,
} from '../../src/contract/list-query.ts';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';

function summary(change: Partial<WorkflowSummary> = {}): WorkflowSummary {
  return {
    id: 'id-1',
    name: 'Name',
    status: 'FAILED',
    createdAt: '2026-01-10T00:00:00.000Z',
    updatedAt: '2026-01-10T01:00:00.000Z',
    description: 'Words',
    tags: ['x', 'y'],
    progress: 0,
    parentId: 'p',
    templateId: 't',
    failurePolicy: 'continue',
    version: 1,
    warnings: [],
    metrics: {
      total_tokens: 0,
      total_cost: 2.5,
      completed_steps: 0,
      failed_steps: 0,
      total_steps: 1,
      cost_is_floor: false,
    },
    steps_total: 1,
    ...change,
  };
}

describe('filter', () => {
  const cases: [ListFilter, boolean][] = [
    [{}, true],
    [{ status: 'FAILED' }, true],
    [{ status: 'STOPPED' }, false],
    [{ status: ['STOPPED', 'FAILED'] }, true],
    [{ tag: 'x' }, true],
    [{ tag: ['x', 'y'] }, true],
    [{ tag: ['x', 'z'] }, false],
    [{ q: 'WORD' }, true],
    [{ q: 'ID-1' }, true],
    [{ q: 'other' }, false],
    [{ from: '2026-01-10' }, true],
    [{ from: '2026-01-10T00:00:00.001Z' }, false],
    [{ to: '2026-01-10T00:00:00.001Z' }, true],
    [{ to: '2026-01-10' }, false],
    [{ template: 't' }, true],
    [{ template: 'T' }, false],
    [{ parent: 'p' }, true],
    [{ parent: 'q' }, false],
    [{ status: 'FAILED', tag: 'z' }, false],
  ];
  test.each(cases)('%j', (filter, expected) => {
    expect(createListFilter(filter)(summary())).toBe(expected);
  });

  test('a field that does not count is left out, and no other', () => {
    const filter: ListFilter = { status: 'STOPPED', tag: 'z', template: 'u' };
    const but = (facet: 'status' | 'tag' | 'template', change: Partial<WorkflowSummary>) =>
      createListFilter(filter, facet)(summary(change));
    const fits = { status: 'STOPPED', tags: ['z'], templateId: 'u' } as const;
    expect(but('status', { ...fits, tags: ['z'], status: 'FAILED' })).toBe(true);
    expect(but('status', { ...fits, tags: [], status: 'FAILED' })).toBe(false);
    expect(but('tag', { ...fits, tags: [] })).toBe(true);
    expect(but('tag', { ...fits, tags: [], status: 'FAILED' })).toBe(false);
    expect(but('template', { ...fits, tags: ['z'], templateId: null })).toBe(true);
    expect(but('template', { ...fits, tags: [], templateId: 'v' })).toBe(false);
  });
});

describe('order and cursor', () => {
  test('each order has its own key, in a unit of its own', () => {
    const at = Date.parse('2026-01-10T00:00:00.000Z');
    expect(listSorts.map((sort) => toSortKey(summary(), sort))).toEqual([at + 3_600_000, at, 3_600_000, 2.5]);
  });

  test('the largest comes first, of equal ones the later id', () => {
    const rows = [
      { key: 1, id: 'b' },
      { key: 2, id: 'a' },
      { key: 1, id: 'c' },
      { key: 1, id: 'a' },
    ];
    expect(rows.sort(compareInList).map(({ key, id }) => `${key}${id}`)).toEqual(['2a', '1c', '1b', '1a']);
    expect(compareInList({ key: 1, id: 'a' }, { key: 1, id: 'a' })).toBe(0);
  });

  test('a cursor comes back, and text that is none is known', () => {
    const text = toCursorText(summary(), 'cost');
    expect(readCursorText(text)).toEqual({ sort: 'cost', key: 2.5, id: 'id-1' });
    expect(text).toMatch(/^[\w-]+$/);
    for (const other of ['', 'x', `${text}A`, Buffer.from('["cost"]').toString('base64url'), `${text}=`])
      expect(readCursorText(other)).toBeNull();
  });
});

test('statuses from a query, and times', () => {
  const read = (value: unknown) => statusListSchema.safeParse(value).data ?? null;
  expect(read('FAILED,STOPPED')).toEqual(['FAILED', 'STOPPED']);
  expect(read(['FAILED', 'STOPPED,PENDING'])).toEqual(['FAILED', 'STOPPED', 'PENDING']);
  for (const bad of ['', 'FAILED,', 'failed', ['x'], 3]) expect(read(bad)).toBeNull();
  const isTime = (text: string) => listTimeSchema.safeParse(text).success;
  for (const good of ['2026-01-31', '2026-01-31T12:00Z', '2026-01-31T12:00:00.123456+02:00'])
    expect(isTime(good)).toBe(true);
  for (const bad of ['2026-01-31T12:00:00', '2026-13-01', 'yesterday', '', '20260131']) expect(isTime(bad)).toBe(false);
});
