/** Goal: a text of the length that was granted comes, a longer one is withheld and its length told. */
import { expect, test } from 'vitest';
import { withheldText } from '../../../src/coordinator/calls/withheld-text.ts';

const text = { id: 'w', version: 3, status: 'RUNNING' as const, json: '12345', hasBlobs: false, replayed: true };

test('of a text that is longer than granted, all but the text comes', () => {
  expect(withheldText<'get'>(text, 5)).toBe(text);
  expect(withheldText<'get'>(text)).toBe(text);
  expect(withheldText<'get'>(text, 4)).toEqual({ ...text, json: '', withheld: 5 });
});

test('an answer that is no text comes whole', () => {
  const list = { total: 1, items: [], rest: 0 };
  expect(withheldText<'list'>(list, 0)).toBe(list);
  expect(withheldText(null as never, 0)).toBeNull();
});
