/** Goal: what is cut to a terminal's width has it there. Method: texts whose characters take no, one and two columns. */
import stringWidth from 'string-width';
import { describe, expect, it, test } from 'vitest';
import { cut, cutBegin, padEnd, printable, printableLines, widthOf } from '../../src/cli/printable.ts';
import { toTable } from '../../src/cli/table.ts';

const texts = ['plain text', '要約と翻訳', 'cafe\u0301 au lait', '🫖 tea 👩‍💻!', 'ｈａｌｆ half', ''];

test.each(texts)('%j takes at most as many columns as there are, cut at either end', (text) => {
  for (let width = 1; width <= 14; width += 1) {
    expect(stringWidth(cut(text, width))).toBeLessThanOrEqual(width);
    expect(stringWidth(cutBegin(text, width))).toBeLessThanOrEqual(width);
    expect(stringWidth(padEnd(text, width))).toBe(Math.max(width, stringWidth(text)));
    const isWhole = stringWidth(text) <= width;
    expect([cut(text, width) === text, cutBegin(text, width) === text]).toEqual([isWhole, isWhole]);
  }
});

test('no character is cut in two', () => {
  expect([cut('要約と翻訳', 6), cutBegin('要約と翻訳', 6)]).toEqual(['要約…', '…翻訳']);
  expect(cut('cafe\u0301s', 5)).toBe('cafe\u0301s');
  expect(cut('cafe\u0301s!', 5)).toBe('cafe\u0301…');
  expect([cut('abcdef', 4), cutBegin('abcdef', 4), cutBegin('abcdef', 1)]).toEqual(['abc…', '…def', '']);
});

test('columns of a table stand below each other', () => {
  const lines = toTable(
    ['STEP', 'WHAT'],
    [
      ['要約', 'x'],
      ['tea', 'x'],
    ],
  )
    .trimEnd()
    .split('\n');
  expect(lines.map((line) => widthOf(line.slice(0, line.indexOf(line.endsWith('WHAT') ? 'WHAT' : 'x'))))).toEqual([
    6, 6, 6,
  ]);
});

describe('what turns the direction of text', () => {
  it('is shown as an escape, in one line and in several', () => {
    const marks = ['202a', '202b', '202c', '202d', '202e', '2066', '2067', '2068', '2069'];
    for (const mark of marks) {
      const text = `a${String.fromCharCode(Number.parseInt(mark, 16))}b`;
      expect([printable(text), printableLines(`${text}\n`)]).toEqual([`a\\u${mark}b`, `a\\u${mark}b\n`]);
    }
  });

  it('stays apart from letters of both directions, and from what joins them', () => {
    const text = 'שלום עולם\nسلام\u200cها 👩\u200d🚒\n';
    expect(printableLines(text)).toBe(text);
  });
});
