/** Goal: patterns whose time doubles with each character are refused, and ordinary ones pass. */
import { expect, test } from 'vitest';
import { isSlowPattern } from '../../src/contract/slow-pattern.ts';

test.each([
  '(a+)+$',
  '(a|b)*',
  '((a)?)*',
  '(?:a{2,})+',
  '(x(y*))+',
  '(a|a){9,}',
  '([a-z]+)*',
  '(?<n>a)\\k<n>',
  '(a)\\1',
])('%s is slow', (pattern) => {
  expect(isSlowPattern(pattern)).toBe(true);
});

test.each([
  '^[a-z]+$',
  '^(abc)+$',
  '^(a|b)$',
  '^https?://[^/]+(/.*)?$',
  '^\\(a+\\)+$',
  '[(a+)+]+',
  '^[\\]+]*$',
  '^\\d{4}-\\d{2}(-\\d{2})?$',
  '(?:ab)*c',
  '(?=a)b+',
])('%s is not', (pattern) => {
  expect(isSlowPattern(pattern)).toBe(false);
});
