/** Text from workflows and pages as a terminal may show it: one that is printed must not be able to steer it. */

import stringWidth from 'string-width';

/** One line: control characters, line ends and direction marks become visible escapes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, toEscape);
}

/** Several lines: tabs and line ends stay, and what joins letters and emoji; what turns the direction of text does not. */
export function printableLines(text: string): string {
  return text.replace(/\r(?!\n)|[^\P{Cc}\t\n\r]|[\u202a-\u202e\u2066-\u2069]/gu, toEscape);
}

/** In columns of a terminal, of which a Chinese character or an emoji takes two and an accent none. */
export function widthOf(text: string): number {
  return isPlain(text) ? text.length : stringWidth(text);
}

/** At most `width` columns, the last one an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${fitting(toCharacters(text), width - 1).join('')}…`;
}

/** The end of it, at most `width` columns, the first of them an ellipsis where something was cut. */
export function cutBegin(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 2
    ? ''
    : `…${fitting(toCharacters(text).reverse(), width - 1)
        .reverse()
        .join('')}`;
}

/** With spaces behind it, up to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** The first of them that have room. */
function fitting(characters: readonly string[], width: number): string[] {
  let left = width;
  const count = characters.findIndex((character) => {
    left -= widthOf(character);
    return left < 0;
  });
  return count === -1 ? [...characters] : characters.slice(0, count);
}

const segmenter = new Intl.Segmenter();

function toCharacters(text: string): string[] {
  return isPlain(text) ? [...text] : Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** ASCII without control characters: a column each. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
