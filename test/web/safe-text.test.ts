/** Goal: no text can hide what it says, and nothing that a person can see is changed. */
import { describe, expect, it } from 'vitest';
import { toCutText, toSafeExcerpt, toSafeLine, toSafeText } from '../../web/output/safe-text.ts';

describe('safe text', () => {
  it('shows marks for what turns the reading direction', () => {
    expect(toSafeLine('report\u202Egnp.exe')).toBe('report\u2426gnp.exe');
    for (const mark of '\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069\u200E\u200F\u061C')
      expect(toSafeLine(`a${mark}b`)).toBe('a\u2426b');
  });

  it('shows marks for what cannot be seen at all', () => {
    for (const mark of '\u200B\u200C\u200D\u2060\uFEFF\u00AD\u180E\u2028\u0085')
      expect(toSafeText(mark)).toBe('\u2426');
    expect(toSafeText('a\u{E0041}b')).toBe('a\u2426b');
  });

  it('shows each control character as its own picture', () => {
    expect(toSafeLine('\u0000\u0007\u001B[31m\u007F')).toBe('\u2400\u2407\u241B[31m\u2421');
    expect(toSafeLine('a\r\n\tb')).toBe('a\u240D\u240A\u2409b');
  });

  it('keeps line breaks and tabs of a text, and one break for two characters', () => {
    expect(toSafeText('a\r\n\tb\nc\rd')).toBe('a\n\tb\nc\u240Dd');
  });

  it('changes no letter of any script, no emoji, no markup', () => {
    const text = 'Grüße, 世界, שלום, مرحبا, \u{1F600} <b onclick="x">&amp;</b>';
    expect(toSafeLine(text)).toBe(text);
    expect(toSafeText(text)).toBe(text);
  });

  it('cuts between characters, never through one', () => {
    expect(toCutText('abc', 3)).toEqual({ text: 'abc', isCut: false });
    expect(toCutText('abcd', 3)).toEqual({ text: 'abc', isCut: true });
    expect(toCutText('ab\u{1F600}d', 3)).toEqual({ text: 'ab', isCut: true });
  });

  it('of an excerpt is one line: its breaks are blanks, other hidden characters marks', () => {
    expect(toSafeExcerpt('a\r\n\n\tb \u202Ec')).toBe(`a b ${toSafeLine('\u202E')}c`);
  });
});
