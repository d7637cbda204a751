/** Text from workflows and pages as a terminal may show it: one that is printed must not be able to steer it. */

/** One line: control characters, line ends and direction marks become visible escapes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, toEscape);
}

/** Several lines: tabs and line ends stay. */
export function printableLines(text: string): string {
  return text.replace(/\r(?!\n)|[^\P{Cc}\t\n\r]/gu, toEscape);
}

/** At most `width` characters, the last one an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** The last `width` characters, the first of them an ellipsis where something was cut. */
export function cutBegin(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width < 2 ? '' : `…${characters.slice(1 - width).join('')}`;
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
