/** Goal: popup and dashboard say what a step takes that waits for data, in text that hides nothing. */
import { expect, test } from 'vitest';
import { takenText } from '../../web/ui/taken.ts';

test.each([
  ['anything, once', {}, ''],
  ['an address', { take: { url: 'https://*.example/*' } }, 'takes from https://*.example/*'],
  ['types', { take: { content_type: ['html', 'text/*'] } }, 'takes html, text/*'],
  ['both', { take: { url: 'https://a.example/*', content_type: ['html'] } }, 'takes html from https://a.example/*'],
  ['several pieces', { collect: 3, collected: 1 }, 'has 1 of 3'],
  ['several by a rule', { take: { content_type: ['html'] }, collect: 2, collected: 0 }, 'takes html, has 0 of 2'],
])('%s', (_, step, text) => {
  expect(takenText(step)).toBe(text);
});

test('marks that cannot be seen are shown', () => {
  expect(takenText({ take: { content_type: ['a\u202eb'] } })).not.toContain('\u202e');
});
