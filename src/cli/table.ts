/** Rows as columns of even width; the last column takes what the terminal has left. */
import { cut, padEnd, printable, widthOf } from './printable.ts';

const gap = '  ';

/** `width` is the terminal's, undefined when nothing limits a line. */
export function toTable(head: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const lines = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) => lines.reduce((width, row) => Math.max(width, widthOf(row[column] ?? '')), 0));
  return lines
    .map((row) => {
      const cells = row.map((cell, column) => (column === row.length - 1 ? cell : padEnd(cell, widths[column] ?? 0)));
      const line = cells.join(gap).trimEnd();
      return `${width === undefined ? line : cut(line, width)}\n`;
    })
    .join('');
}
