/** A page as Markdown. */
import type TurndownService from 'turndown';
import type { Page, PageElement } from './dom.ts';
import { ItemNumbers, toItem } from './lists.ts';
import { type GridRow, hasHeading, isInCell, toGrid, toRows } from './tables.ts';

/** Takes `root` out of its page, and apart. */
export async function toMarkdown(page: Page, root: PageElement): Promise<string> {
  const [{ default: Turndown }, { strikethrough, taskListItems }] = await Promise.all([
    import('turndown'),
    import('@joplin/turndown-plugin-gfm'),
  ]);
  const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' });
  turndown.use([strikethrough, taskListItems]);
  addCode(turndown);
  addFormulas(turndown);
  addLinks(turndown);
  addRule(
    turndown,
    'checkbox',
    (element) => element.hasAttribute('data-check'),
    (_, element) => element.textContent,
  );
  addItems(turndown);
  addTables(turndown);
  // Text that reads like a tag must not become one where the Markdown is shown.
  const escapeMarkdown = turndown.escape.bind(turndown);
  turndown.escape = (text) => escapeMarkdown(text).replaceAll('<', '\\<');
  // turndown trims what it returns in time that grows with the square of a run of spaces: it gets nothing to trim.
  let markdown = '';
  const outer = page.createElement('div');
  outer.appendChild(root);
  addRule(
    turndown,
    'outermost',
    (element) => element === root,
    (content) => {
      markdown = content;
      return '';
    },
  );
  // turndown works on a copy, which would double what a large page takes; nothing else needs this page.
  Object.defineProperty(outer, 'cloneNode', { value: () => outer });
  turndown.turndown(outer as never);
  return markdown.trim();
}

/** A rule for elements that pass `filter`; turndown's own types speak of a browser's elements. */
function addRule(
  turndown: TurndownService,
  name: string,
  filter: (element: PageElement) => boolean,
  replacement: (content: string, element: PageElement) => string,
): void {
  turndown.addRule(name, { filter: filter as never, replacement: replacement as never });
}

function addCode(turndown: TurndownService): void {
  addRule(
    turndown,
    'code-block',
    (element) => element.localName === 'pre',
    (_, element) => {
      const code = element.textContent.replace(/^\n+/, '').trimEnd();
      if (code === '') return '';
      if (isInCell(element)) return code.split('\n').map(toCodeSpan).join('\n');
      const fence = '`'.repeat(Math.max(3, longestRun(code) + 1));
      return `\n\n${fence}${element.getAttribute('data-code') ?? ''}\n${code}\n${fence}\n\n`;
    },
  );
}

function toCodeSpan(line: string): string {
  if (line.trim() === '') return '';
  const fence = '`'.repeat(longestRun(line) + 1);
  return fence === '`' ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...new Set((text.match(/`+/g) ?? []).map((run) => run.length)));
}

/** As it is: every character of TeX that Markdown would escape has its meaning. */
function addFormulas(turndown: TurndownService): void {
  addRule(
    turndown,
    'formula',
    (element) => element.hasAttribute('data-formula'),
    (_, element) => {
      const tex = element.textContent;
      // A line across would end the cell.
      if (isInCell(element))
        return tex
          .replaceAll('\\|', '\\Vert ')
          .replaceAll('|', '\\vert ')
          .replace(/ (?=\$+$)/, '');
      return element.getAttribute('data-formula') === 'display' ? `\n\n${tex}\n\n` : tex;
    },
  );
}

function addLinks(turndown: TurndownService): void {
  addRule(
    turndown,
    'link',
    (element) => element.localName === 'a' && (element.getAttribute('href') ?? '') !== '',
    (content, element) => {
      // A link around a whole card: its text is one line.
      const text = content
        .trim()
        .replace(/^#+ /gm, '')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .join(' ');
      return text === '' ? '' : `[${text}](${toDestination(element.getAttribute('href') ?? '')}${toTitle(element)})`;
    },
  );
  addRule(
    turndown,
    'image',
    (element) => element.localName === 'img',
    (_, element) => {
      const alt = (element.getAttribute('alt') ?? '').replace(/\s+/g, ' ').replace(/([[\]<])/g, '\\$1');
      const address = element.getAttribute('src') ?? '';
      return address === '' ? alt : `![${alt}](${toDestination(address)}${toTitle(element)})`;
    },
  );
}

function toDestination(address: string): string {
  return address.replace(/([()])/g, '\\$1');
}

function toTitle(element: PageElement): string {
  const title = (element.getAttribute('title') ?? '').replace(/\s+/g, ' ').trim();
  return title === '' ? '' : ` "${title.replace(/(["\\<])/g, '\\$1')}"`;
}

function addItems(turndown: TurndownService): void {
  const numbers = new ItemNumbers();
  addRule(
    turndown,
    'list-item',
    ({ localName }) => localName === 'li',
    (content, item) => {
      const number = numbers.numberOf(item);
      return toItem(content, number === undefined ? '-' : `${number}.`, item.nextSibling === null);
    },
  );
}

function addTables(turndown: TurndownService): void {
  const contents = new Map<PageElement, string>();
  const isPart = ({ localName }: PageElement) => tableParts.has(localName);
  addRule(turndown, 'table-part', isPart, (content, element) => {
    if (element.localName === 'td' || element.localName === 'th' || element.localName === 'caption') {
      contents.set(element, content);
      return '';
    }
    return content;
  });
  addRule(
    turndown,
    'heading-in-cell',
    (element) => /^h[1-6]$/.test(element.localName) && isInCell(element),
    (content) => (content.trim() === '' ? '' : `\n\n**${content.trim().replace(/\*\*/g, '')}**\n\n`),
  );
  addRule(
    turndown,
    'table',
    ({ localName }) => localName === 'table',
    (_, table) => {
      const rows = toRows(table);
      const texts = toTexts(toGrid(rows), contents);
      const caption = [...table.children].find(({ localName }) => localName === 'caption');
      const title = (caption === undefined ? '' : (contents.get(caption) ?? '')).trim();
      if (isInCell(table))
        return `\n\n${[title, ...texts.map((row) => row.join(' | '))].filter(Boolean).join('\n')}\n\n`;
      return `\n\n${title === '' ? '' : `${title}\n\n`}${toLines(texts, hasHeading(rows))}\n\n`;
    },
  );
}

const tableParts = new Set(['thead', 'tbody', 'tfoot', 'tr', 'td', 'th', 'caption', 'colgroup', 'col']);

/** A longer cell is written once, whatever it spans: its row and column tell where it belongs. */
const repeatedLengthMax = 200;

function toTexts(grid: readonly GridRow[], contents: Map<PageElement, string>): string[][] {
  const written = new Set<PageElement>();
  return grid.map((row) => {
    // A line across the whole table is written once.
    const isAcross = row.length > 1 && row.every((cell) => cell !== undefined && cell === row[0]);
    return row.map((cell, x) => {
      const text = cell === undefined ? '' : (contents.get(cell) ?? '').trim();
      if (cell === undefined || (isAcross && x > 0)) return '';
      if (text.length > repeatedLengthMax && written.has(cell)) return '';
      written.add(cell);
      return text;
    });
  });
}

function toLines(rows: readonly string[][], hasHeadingRow: boolean): string {
  const filled = rows.filter((row) => row.some((text) => text !== ''));
  const [first] = filled;
  if (first === undefined) return '';
  const heading = hasHeadingRow ? first : first.map(() => '');
  const rule = first.map(() => '---');
  return [heading, rule, ...(hasHeadingRow ? filled.slice(1) : filled)]
    .map((row) => `| ${row.map(toCell).join(' | ')} |`)
    .join('\n');
}

/** A cell is one line, and a line across ends it. */
function toCell(text: string): string {
  return text.replace(/\n+/g, '<br>').replaceAll('|', '\\|');
}
