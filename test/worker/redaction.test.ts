/** Goal: no form in which a secret usually travels gets through. The way of a whole outcome is in attempt.test.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPieceRedaction, createRedaction, redactCutJson } from '../../src/worker/redaction.ts';

// In base64 it holds both characters in which the two alphabets differ.
const value = 'sk-~~~???>>>"quoted" and more';
const redact = createRedaction({ KEY: value });

test.each([
  ['as it is', value],
  ['inside JSON', JSON.stringify({ key: value })],
  ['in a URL', encodeURIComponent(value)],
  ['in base64', Buffer.from(value).toString('base64')],
  ['in base64url', Buffer.from(value).toString('base64url')],
])('%s', (_form, text) => {
  expect(redact(`before ${text} after`)).toMatch(/^before .{0,9}\[secret KEY\].{0,2} after$/);
});

test('a secret that begins another one leaves nothing of it behind', () => {
  const both = createRedaction({ SHORT: 'abcd1234', LONG: 'abcd1234-and-more' });
  expect(both('abcd1234-and-more, abcd1234')).toBe('[secret LONG], [secret SHORT]');
});

test('in pieces, however it is cut, a text becomes what it becomes in one', () => {
  // Secrets that begin, end and overlap one another, and texts made of little else.
  const secrets = { A: 'abababab', B: 'babbabab', C: 'ababbaabab', D: 'aaaaaaaa' };
  const whole = createRedaction(secrets);
  const letters = fc.array(fc.constantFrom('a', 'b', 'ab', 'abab', 'aaaa', 'abababab', 'ababbaab', ' '), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(letters, (pieces) => {
      const redaction = createPieceRedaction(secrets);
      const passed = pieces.map((piece) => redaction.add(piece));
      const joined = passed.join('');
      const all = joined + redaction.rest();
      expect(all).toBe(whole(pieces.join('')));
      // What was passed on early holds no secret even where the text ends there.
      expect(whole(joined)).toBe(joined);
    }),
    { numRuns: 2_000 },
  );
});

test('a value of eight characters is a secret, one of seven stands in ordinary words', () => {
  const both = createRedaction({ SEVEN: 'tokens1', EIGHT: 'tokens12' });
  expect(both('max_tokens1 and tokens12')).toBe('max_tokens1 and [secret EIGHT]');
});

test('a text that was cut within a secret ends before it, and loses nothing else', () => {
  const secrets = { KEY: 'sk-abcd-1234', OTHER: 'cd-12-and-more' };
  const cut = (content: string) =>
    JSON.parse(redactCutJson(JSON.stringify({ characters: 1, list: [content] }), secrets));
  const kept = (content: string) => ({ characters: 1, list: [content] });
  expect(cut('It is sk-abcd-123')).toEqual(kept('It is '));
  expect(cut('It is sk-a')).toEqual(kept('It is '));
  expect(cut('It is sk-')).toEqual(kept('It is sk-'));
  expect(cut('It is sk-abcd-1234')).toEqual(kept('It is [secret KEY]'));
  expect(cut('It is sk-abcd-12')).toEqual(kept('It is '));
  expect(cut('sk-abcd-1234, of which sk-abcd is left')).toEqual(kept('[secret KEY], of which sk-abcd is left'));
  expect(cut('characters')).toEqual(kept('characters'));
});

test('the parts of a secret that is a whole header are found where programs show them', () => {
  const password = 'pass-word-42';
  const basic = Buffer.from(`someone:${password}`).toString('base64');
  const all = createRedaction({
    BASIC: `Basic ${basic}`,
    LOGIN: `anyone:${password}x`,
    BEARER: 'Bearer tok-abcdef-1',
    COOKIE: 'sid="abcdef-123456"; theme=dark; csrf=xyz,98765',
    ADDRESS: 'https://host.example:8443',
  });
  const cases = [
    [`authorization: Basic ${basic}`, 'authorization: [secret BASIC]'],
    [`decoded someone:${password}`, 'decoded [secret BASIC]'],
    [`its password is ${password}.`, 'its password is [secret BASIC].'],
    [`and ${password}x too`, 'and [secret LOGIN] too'],
    ['token tok-abcdef-1', 'token [secret BEARER]'],
    ['{"sid": "abcdef-123456"}', '{"sid": "[secret COOKIE]"}'],
    // Short parts stand in ordinary words.
    ['a dark theme of someone, anyone', 'a dark theme of someone, anyone'],
    ['host.example:8443', 'host.example:8443'],
  ] as const;
  for (const [text, told] of cases) expect(all(text)).toBe(told);
});

test('a secret as a cookie of Python holds it', () => {
  const cookie = createRedaction({ KEY: 'abc,"def;\\123' });
  expect(cookie('Set-Cookie: k="abc\\054\\"def\\073\\\\123"; Path=/')).toBe('Set-Cookie: k="[secret KEY]"; Path=/');
});
