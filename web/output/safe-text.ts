/**
 * Text of outputs, names, logs and errors is hostile: it may hold marks that a person cannot see, and that turn what is
 * read around (a name with U+202E shows `gnp.exe` as `exe.png`). Such characters are shown as visible marks. Markup is
 * no matter here: all text becomes text nodes, or is drawn on a canvas.
 */

// C0 and C1 controls, soft hyphen, Arabic letter mark, zero-width and direction marks, line and paragraph separators,
// embeddings, overrides and isolates, invisible operators, byte order mark, interlinear marks, tags.
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/;
const allHidden = new RegExp(hidden.source, 'g');

/** For a character without a picture of its own. */
const unseenMark = '\u2426';

function toMark(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return unseenMark;
}

/** A part of a longer text on one line: its line breaks are blanks. */
export function toSafeExcerpt(text: string): string {
  return toSafeLine(text.replace(/[\r\n\t ]+/g, ' '));
}

/** One line of text, such as a name: every hidden character, line breaks too, becomes a visible mark. */
export function toSafeLine(text: string): string {
  return hidden.test(text) ? text.replace(allHidden, toMark) : text;
}

/** Text of several lines: line breaks and tabs stay; `\r\n` counts as one break. */
export function toSafeText(text: string): string {
  if (!hidden.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replace(allHidden, (character) => (character === '\n' || character === '\t' ? character : toMark(character)));
}

/** The first `max` characters, without half of a pair at the end, and whether more follow. */
export function toCutText(text: string, max: number): { text: string; isCut: boolean } {
  if (text.length <= max) return { text, isCut: false };
  const last = text.charCodeAt(max - 1);
  return { text: text.slice(0, last >= 0xd800 && last < 0xdc00 ? max - 1 : max), isCut: true };
}
