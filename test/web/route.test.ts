/** Goal: an address says which page it is, and what of a page changes leaves the rest of the address alone. */
import { describe, expect, it } from 'vitest';
import { pagePaths } from '../../src/server/page-paths.ts';
import { keyName } from '../../web/keys.ts';
import { changedQuery, diffPath, parseRoute, runPath } from '../../web/route.ts';

describe('paths', () => {
  it.each([
    ['/', { page: 'runs' }],
    ['/runs/a1', { page: 'run', id: 'a1' }],
    ['/runs/a1/', { page: 'run', id: 'a1' }],
    ['/runs/a1/diff/b2', { page: 'diff', id: 'a1', other: 'b2' }],
    ['/new', { page: 'new', template: null }],
    ['/new/page-digest', { page: 'new', template: 'page-digest' }],
    ['/new/a%2Fb%20c', { page: 'new', template: 'a/b c' }],
    ['/costs', { page: 'costs' }],
    ['/engine', { page: 'engine' }],
    ['/schedules', { page: 'schedules' }],
    ['/runs', { page: 'unknown' }],
    ['/runs/a1/diff', { page: 'unknown' }],
    ['/runs/a1/other/b2', { page: 'unknown' }],
    ['/new/a/b', { page: 'unknown' }],
    ['/costs/x', { page: 'unknown' }],
    ['/docs', { page: 'unknown' }],
    ['/new/%E0%A4%A', { page: 'new', template: '%E0%A4%A' }],
  ])('%s is %o', (path, expected) => {
    expect(parseRoute(path)).toEqual(expected);
  });

  it.each(pagePaths)('that the server answers with the shell are pages: %s', (path) => {
    expect(parseRoute(path.replaceAll(/\{\w+\}/g, 'x')).page).not.toBe('unknown');
  });

  it('are made so that they are read back', () => {
    expect(parseRoute(diffPath('a/1', 'b 2'))).toEqual({ page: 'diff', id: 'a/1', other: 'b 2' });
    expect(parseRoute(runPath('a?1'))).toEqual({ page: 'run', id: 'a?1' });
  });
});

describe('queries', () => {
  const url = new URL('http://h/runs/a?step=one&status=FAILED#x');

  it('change in what is named alone', () => {
    expect(changedQuery(url, { step: 'two', find: 'tea' }).href).toBe(
      'http://h/runs/a?step=two&status=FAILED&find=tea#x',
    );
    expect(changedQuery(url, { step: null, status: '' }).href).toBe('http://h/runs/a#x');
    expect(url.search).toBe('?step=one&status=FAILED');
  });
});

describe('keys', () => {
  const press = (key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) =>
    keyName({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

  it.each([
    [press('j'), 'j'],
    [press('E', { shiftKey: true }), 'Shift e'],
    [press('?', { shiftKey: true }), '?'],
    [press('k', { ctrlKey: true }), 'Ctrl K'],
    [press('k', { metaKey: true }), 'Ctrl K'],
    [press('Enter', { ctrlKey: true }), 'Ctrl Enter'],
    [press('Enter', { ctrlKey: true, shiftKey: true }), 'Ctrl Shift Enter'],
    [press('ArrowLeft'), 'ArrowLeft'],
    [press('Shift', { shiftKey: true }), null],
    [press('j', { altKey: true }), null],
  ])('%s is %s', (name, expected) => {
    expect(name).toBe(expected);
  });
});
