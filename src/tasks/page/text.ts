/**
 * A page as text, laid out as a browser copies it: paragraphs apart, a line for each row of a table with tabs between
 * its cells, code with its indentation.
 */
import { isElement, isText, type PageElement, type PageNode } from './dom.ts';

/** Elements that begin and end a paragraph or a line. */
export const paragraphs: ReadonlySet<string> = new Set([
  ...['p', 'div', 'section', 'article', 'header', 'footer', 'main', 'aside', 'nav', 'address', 'details', 'fieldset'],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'dl', 'dt', 'dd', 'table', 'caption', 'blockquote'],
  ...['pre', 'figure', 'figcaption', 'hr', 'form', 'summary', 'center', 'hgroup', 'menu', 'dir', 'legend', 'body'],
]);

/** In a cell these begin a line; other blocks there stay in the line of the row. */
const linesOfCells = new Set(['li', 'dt', 'dd', 'br', 'tr', 'pre']);

export function toText(root: PageElement): string {
  const writer = new Writer();
  write(root, writer, false);
  return writer.end();
}

/** As deep as the page at most, which `tree.ts` bounds. */
function write(node: PageNode, writer: Writer, isInCell: boolean): void {
  if (isText(node)) writer.text(node.textContent ?? '');
  if (!isElement(node)) return;
  const { localName } = node;
  if (localName === 'pre') {
    writer.breakLine(isInCell ? 1 : 2);
    writer.verbatim(node.textContent);
    writer.breakLine(isInCell ? 1 : 2);
    return;
  }
  const lines = toBreak(node, isInCell);
  writer.breakLine(lines);
  if (localName === 'tr') writer.beginRow();
  if (isInCell && lines === 0 && paragraphs.has(localName)) writer.text(' ');
  if ((localName === 'td' || localName === 'th') && hasCellBefore(node)) writer.tab();
  const isCell = isInCell || localName === 'td' || localName === 'th';
  for (let child = node.firstChild; child !== null; child = child.nextSibling) write(child, writer, isCell);
  if (isInCell && lines === 0 && paragraphs.has(localName)) writer.text(' ');
  if (localName === 'tr') writer.endRow();
  else if (localName !== 'br') writer.breakLine(lines);
}

/** Line ends before and after an element. */
function toBreak(element: PageElement, isInCell: boolean): 0 | 1 | 2 {
  const { localName } = element;
  if (localName === 'br' || localName === 'tr') return 1;
  if (isInCell) return linesOfCells.has(localName) ? 1 : 0;
  return paragraphs.has(localName) || element.getAttribute('data-formula') === 'display' ? 2 : 0;
}

function hasCellBefore(cell: PageElement): boolean {
  for (let at = cell.previousSibling; at !== null; at = at.previousSibling) if (isElement(at)) return true;
  return false;
}

/** Puts pieces together. Space between two pieces is one space, or the most line ends that were asked for. */
class Writer {
  readonly #pieces: string[] = [];
  #lines = 0;
  #space: '' | ' ' | '\t' = '';
  /** Of the cell that begins; its own line ends wait until it has text. */
  #tabs = 0;
  #isRowEmpty = false;

  text(text: string): void {
    const words = text.replace(/\s+/g, ' ');
    if (words === '') return;
    if (words === ' ') {
      this.#space ||= ' ';
      return;
    }
    if (words.startsWith(' ')) this.#space ||= ' ';
    this.#put(words.trim());
    if (words.endsWith(' ')) this.#space = ' ';
  }

  verbatim(text: string): void {
    const lines = text.replace(/^\n+/, '').trimEnd();
    if (lines !== '') this.#put(lines);
  }

  breakLine(lines: number): void {
    if (this.#tabs === 0) this.#lines = Math.max(this.#lines, lines);
  }

  beginRow(): void {
    this.#isRowEmpty = true;
  }

  tab(): void {
    this.#tabs += 1;
    if (!this.#isRowEmpty) this.#lines = 0;
  }

  endRow(): void {
    this.#tabs = 0;
    this.#lines = Math.max(this.#lines, 1);
  }

  end(): string {
    return this.#pieces.join('');
  }

  #put(text: string): void {
    if (this.#pieces.length > 0) {
      if (this.#lines > 0) this.#pieces.push('\n'.repeat(this.#lines));
      else if (this.#tabs === 0) this.#pieces.push(this.#space);
    }
    this.#pieces.push('\t'.repeat(this.#tabs), text);
    this.#lines = 0;
    this.#tabs = 0;
    this.#space = '';
    this.#isRowEmpty = false;
  }
}
