/** Tables that are made of other elements and say so by their roles (ARIA): they become tables. */
import type { Page, PageElement } from './dom.ts';

const tables = '[role="table"], [role="grid"], [role="treegrid"]';
const cells = '[role="cell"], [role="gridcell"], [role="columnheader"], [role="rowheader"]';

export function markTables(page: Page, root: PageElement): void {
  for (const element of [...root.querySelectorAll(tables)]) {
    if (element.localName === 'table') continue;
    const rows = [...element.querySelectorAll('[role="row"]')].filter((row) => row.closest(tables) === element);
    if (rows.length > 0) element.replaceWith(toTable(page, rows));
  }
}

function toTable(page: Page, rows: readonly PageElement[]): PageElement {
  const table = page.createElement('table');
  const body = page.createElement('tbody');
  table.appendChild(body);
  for (const row of rows) {
    const line = page.createElement('tr');
    for (const cell of [...row.querySelectorAll(cells)]) {
      // Of a table within a cell.
      if (cell.closest('[role="row"]') === row) line.appendChild(toCell(page, cell));
    }
    body.appendChild(line);
  }
  return table;
}

function toCell(page: Page, cell: PageElement): PageElement {
  const isHeading = /header$/.test(cell.getAttribute('role') ?? '');
  const made = page.createElement(isHeading ? 'th' : 'td');
  for (const name of ['colspan', 'rowspan']) {
    const span = cell.getAttribute(`aria-${name}`);
    if (span !== null) made.setAttribute(name, span);
  }
  made.replaceChildren(...cell.childNodes);
  return made;
}
