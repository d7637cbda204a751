/**
 * The tables of a page. A table that only lays out a page is taken apart into its cells; the others become tables of
 * Markdown, where each row has each of its columns.
 */
import { isElement, type Page, type PageElement } from './dom.ts';

/** Replaces tables that hold no data by their cells, in order, and cells that lost their table by blocks. */
export function takeLayoutApart(page: Page, root: PageElement): void {
  for (const part of [...root.querySelectorAll('tbody, thead, tfoot, tr, td, th')]) {
    if (part.closest('table') !== null) continue;
    const block = page.createElement('div');
    block.replaceChildren(...part.childNodes);
    part.replaceWith(block);
  }
  for (const table of [...root.querySelectorAll('table')]) {
    if (!isLayout(table)) continue;
    const parts: PageElement[] = [];
    for (const part of toParts(table)) {
      const block = page.createElement('div');
      block.replaceChildren(...part.childNodes);
      parts.push(block);
    }
    const whole = page.createElement('div');
    whole.replaceChildren(...parts);
    table.replaceWith(whole);
  }
}

function toParts(table: PageElement): PageElement[] {
  const captions = [...table.children].filter((child) => child.localName === 'caption');
  return [...captions, ...toRows(table).flatMap(toCells)];
}

function isLayout(table: PageElement): boolean {
  if (/^(?:presentation|none)$/.test(table.getAttribute('role') ?? '')) return true;
  const cells = toRows(table).map(toCells);
  if (cells.some((row) => row.some(({ localName }) => localName === 'th'))) return false;
  return cells.every((row) => row.length <= 1) || table.querySelector('table') !== null;
}

/** The rows of the table itself, not of those in its cells, in the order in which a browser shows them. */
export function toRows(table: PageElement): PageElement[] {
  const order = ['thead', 'tr', 'tbody', 'tfoot'];
  const sections = [...table.children].filter(({ localName }) => order.includes(localName));
  const place = ({ localName }: PageElement) => (localName === 'thead' ? 0 : localName === 'tfoot' ? 2 : 1);
  return sections
    .sort((a, b) => place(a) - place(b))
    .flatMap((section) =>
      section.localName === 'tr' ? [section] : [...section.children].filter(({ localName }) => localName === 'tr'),
    );
}

export function toCells(row: PageElement): PageElement[] {
  return [...row.children].filter(({ localName }) => localName === 'td' || localName === 'th');
}

/** A row of a grid: what is at each column. */
export type GridRow = readonly (PageElement | undefined)[];

/**
 * The cells of each row, one for each column: a cell that spans several is in all of them. Columns in which no cell
 * begins are left out. Where spans would make a table much larger than its cells are, they are not followed.
 */
export function toGrid(rows: readonly PageElement[]): GridRow[] {
  const cells = rows.map(toCells);
  const count = cells.reduce((sum, row) => sum + row.length, 0);
  const grid = spread(cells, 16 * count + 1_000) ?? cells;
  const width = grid.reduce((most, row) => Math.max(most, row.length), 0);
  return grid.map((row) => Array.from({ length: width }, (_, x) => row[x]));
}

/** null when more than `placesMax` places would be filled. */
function spread(rows: readonly PageElement[][], placesMax: number): GridRow[] | null {
  const grid: (PageElement | undefined)[][] = rows.map(() => []);
  const begins = new Set<number>();
  // Authors write 100 or 1,000 for "all columns"; browsers take no more than that.
  const spanMax = Math.min(1_000, 4 * rows.reduce((most, row) => Math.max(most, row.length), 1));
  let places = 0;
  for (const [y, row] of rows.entries()) {
    let x = 0;
    for (const cell of row) {
      while (grid[y]?.[x] !== undefined) x += 1;
      begins.add(x);
      const width = toSpan(cell, 'colspan', spanMax);
      const height = Math.min(toSpan(cell, 'rowspan', rows.length) || rows.length, rows.length - y);
      places += width * height;
      if (places > placesMax) return null;
      for (let dy = 0; dy < height; dy += 1) {
        for (let dx = 0; dx < width; dx += 1) (grid[y + dy] as (PageElement | undefined)[])[x + dx] ??= cell;
      }
      x += width;
    }
  }
  const columns = [...begins].sort((a, b) => a - b);
  return grid.map((row) => columns.map((x) => row[x]));
}

/** At least 1; 0 stands for all that follow, which only `rowspan` knows. */
function toSpan(cell: PageElement, name: 'colspan' | 'rowspan', max: number): number {
  const span = Number.parseInt(cell.getAttribute(name) ?? '1', 10);
  if (span === 0 && name === 'rowspan') return 0;
  return Number.isNaN(span) || span < 1 ? 1 : Math.min(span, max);
}

/** True when the first row says what the columns are. */
export function hasHeading(rows: readonly PageElement[]): boolean {
  const [first] = rows;
  if (first === undefined) return false;
  if (first.parentElement?.localName === 'thead') return true;
  const cells = toCells(first);
  return cells.length > 0 && cells.every(({ localName }) => localName === 'th');
}

/** True for what stands in a cell of a table. */
export function isInCell(element: PageElement): boolean {
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (isElement(at) && (at.localName === 'td' || at.localName === 'th')) return true;
  }
  return false;
}
