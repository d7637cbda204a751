/** Goal: NE1 to NE3, "did you mean". Method: slips of each kind, both sides of each border, and long lists. */
import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/contract/nearest.ts';

const names = ['http_request', 'html_extract', 'openai_chat', 'delay', 'noop', 'firstName', 'id'];

test.each([
  ['http_reqest', 'http_request'],
  ['htpp_request', 'http_request'],
  ['http_requestt', 'http_request'],
  ['http-request', 'http_request'],
  ['HTTP_REQUEST', 'http_request'],
  ['httpRequest', 'http_request'],
  ['first_name', 'firstName'],
  ['opnai_cat', 'openai_chat'],
  ['opnai_cht', 'openai_chat'],
  ['opnai_ct', undefined],
  ['delya', 'delay'],
  ['dlya', undefined],
  ['nop', 'noop'],
  ['di', undefined],
  ['ID', 'id'],
  ['xy', undefined],
  ['teleport', undefined],
  ['delay', undefined],
])('%s comes nearest to %s', (written, name) => {
  expect(nearest(written, names)).toBe(name);
});

test('of equally near names the first is meant, of others the nearest', () => {
  expect(nearest('cat', ['bat', 'hat'])).toBe('bat');
  expect(nearest('ca', ['ba'])).toBeUndefined();
  expect(nearest('abcdefghi', ['abcdefgxy', 'abcdefghx', 'abcdefghy'])).toBe('abcdefghx');
});

test('the words say it, or nothing', () => {
  expect(didYouMean('tpoic', ['tone', 'topic'])).toBe('; did you mean "topic"?');
  expect(didYouMean('zebra', ['tone', 'topic'])).toBe('');
  expect(didYouMean('zebra', [])).toBe('');
});

test('NE3: long names and long lists are not compared', () => {
  const long = 'n'.repeat(128);
  expect(nearest(`${long.slice(1)}m`, [long])).toBe(long);
  expect(nearest(`${long}m`, [long])).toBeUndefined();
  expect(nearest(long, [`${long}n`])).toBeUndefined();
  const many = Array.from({ length: 999 }, (_, i) => `q${i}`);
  expect(nearest('topik', [...many, 'topic'])).toBe('topic');
  expect(nearest('topik', [...many, 'q', 'topic'])).toBeUndefined();
});
