// Goal: patterns of addresses (UG1 to UG3), and rules about data (`take`).
import { describe, expect, test } from 'vitest';
import { isTaken, takeRuleOf } from '../../src/core/taking.ts';
import { matchesUrl } from '../../src/core/url-glob.ts';

describe('UG1 and UG2', () => {
  test.each([
    ['https://example.org/a', 'https://example.org/a', true],
    ['https://example.org/a', 'https://example.org/ab', false],
    ['https://example.org/a*', 'https://example.org/ab/c?d=1#e', true],
    ['https://example.org/*/c', 'https://example.org/a/b/c', true],
    ['https://example.org/*/c', 'https://example.org/c', false],
    ['https://example.org/*b*b', 'https://example.org/b', false],
    ['https://example.org/*b*b', 'https://example.org/xbxb', true],
    ['https://example.org/a*a', 'https://example.org/a', false],
    ['https://example.org/a*', 'https://example.org/b', false],
    ['https://example.org/*x*b', 'https://example.org/ab', false],
    ['https://example.org', 'https://example.org/', true],
    ['https://example.org', 'https://example.org', true],
    ['https://EXAMPLE.org/A', 'HTTPS://example.ORG/A', true],
    ['https://example.org/A', 'https://example.org/a', false],
    ['https://example.org/?q=*', 'https://example.org/?q=tea', true],
    ['https://example.org/?', 'https://example.org/x', false],
    ['https://example.org/.', 'https://example.org/x', false],
    ['https://*.example.org/*', 'https://a.b.example.org/x', true],
    ['https://*.example.org/*', 'https://example.org/x', false],
    ['https://*.example.org/*', 'https://evil.test/x.example.org/', false],
    ['https://*.example.org/*', 'https://evil.test?x.example.org/', false],
    ['https://*.example.org/*', 'https://evil.test#x.example.org/', false],
    ['https://*.example.org/*', 'https://evil.test\\x.example.org/', false],
    ['https://*.example.org/*', 'https://user@evil.test/@x.example.org/', false],
    ['https://example.org*/', 'https://example.org@evil.test/', false],
    ['*://example.org/*', 'http://example.org/x', true],
    ['*://example.org/*', 'http://evil.test/://example.org/x', false],
    ['https://example.org/*', 'no address', false],
    ['no pattern', 'https://example.org/', false],
  ])('%s and %s: %s', (pattern, url, expected) => {
    expect(matchesUrl(pattern, url)).toBe(expected);
  });
});

test('UG3: ten times the text takes less than fifteen times as many steps, whatever the pattern', () => {
  // What is searched is counted by the characters that `indexOf` is asked to look at.
  const pattern = `https://a.test/${'*a'.repeat(400)}`;
  const searches = (length: number) => {
    const path = `/${'a'.repeat(length)}b`;
    let asked = 0;
    const spy = String.prototype.indexOf;
    String.prototype.indexOf = function (this: string, part: string, at?: number) {
      asked += 1;
      return spy.call(this, part, at);
    };
    try {
      expect(matchesUrl(pattern, `https://a.test${path}`)).toBe(false);
    } finally {
      String.prototype.indexOf = spy;
    }
    return asked;
  };
  expect(searches(8_000)).toBe(searches(800));
});

describe('rules', () => {
  const page = { sourceUrl: 'https://example.org/tea', contentType: 'text/html; charset=utf-8' };
  test.each([
    [{}, true],
    [{ url: 'https://example.org/*' }, true],
    [{ url: 'https://example.com/*' }, false],
    [{ content_type: ['text/html'] }, true],
    [{ content_type: ['TEXT/HTML'] }, true],
    [{ content_type: ['text/*'] }, true],
    [{ content_type: ['text'] }, false],
    [{ content_type: ['application/json', 'text/plain'] }, false],
    [{ url: 'https://example.org/*', content_type: ['text/plain'] }, false],
  ])('%j: %s', (rule, expected) => {
    expect(isTaken(rule, page)).toBe(expected);
  });

  test('data without an address fits no rule about addresses', () => {
    expect(isTaken({ url: 'https://*/*' }, { ...page, sourceUrl: null })).toBe(false);
  });

  test.each([
    [{}, null],
    [{ take: 'all' }, null],
    [{ take: [] }, null],
    [{ take: { url: 1, content_type: 'html' } }, {}],
    [{ take: { url: 'https://a.test/', content_type: ['html'] } }, { url: 'https://a.test/', content_type: ['html'] }],
  ])('of params that may be anything: %j', (params, rule) => {
    expect(takeRuleOf(params as never)).toEqual(rule);
  });
});
