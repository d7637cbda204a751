/** What lies at a point of the graph. Pure; coordinates are those of the layout. */
import { grid, type RunLayout } from './arrange.ts';
import { boxForm } from './grouping.ts';

export interface Hit {
  /** -1: nothing is there. */
  readonly box: number;
  /** The step of a card, of a cell, or that a list or loop is; -1 beside the cells of a grid. */
  readonly step: number;
}

const nothing: Hit = { box: -1, step: -1 };

export function findAt(layout: RunLayout, x: number, y: number): Hit {
  // 20,000 comparisons take 50 µs: no index is worth its code.
  for (let box = 0; box < layout.form.length; box += 1) {
    const left = x - layout.x[box]!;
    const top = y - layout.y[box]!;
    if (left < 0 || top < 0 || left > layout.width[box]! || top > layout.height[box]!) continue;
    if (layout.form[box] === boxForm.card) return { box, step: layout.head[box]! };
    return { box, step: findCell(layout, box, left, top) };
  }
  return nothing;
}

function findCell(layout: RunLayout, box: number, left: number, top: number): number {
  const size = layout.cellSize[box]!;
  const columns = layout.cellColumns[box]!;
  if (top < grid.headHeight) return layout.head[box]!;
  const column = Math.floor((left - grid.pad) / size);
  if (column < 0 || column >= columns) return -1;
  const first = layout.cells.at[box]!;
  for (let s = layout.sections.at[box]!; s < layout.sections.at[box + 1]!; s += 1) {
    const row = Math.floor((top - layout.sectionY[s]!) / size);
    const cell = layout.sections.to[s]! + row * columns + column;
    const end = sectionEnd(layout, box, s);
    if (row >= 0 && cell < end) return layout.cells.to[first + cell]!;
  }
  return -1;
}

/** The cell behind the last one of a section, counted from the first of its box. */
export function sectionEnd({ sections, cells }: RunLayout, box: number, section: number): number {
  return section + 1 < sections.at[box + 1]! ? sections.to[section + 1]! : cells.at[box + 1]! - cells.at[box]!;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a step is drawn: its card, or its cell. */
export function rectOf(layout: RunLayout, step: number): Rect {
  const box = layout.boxOf[step]!;
  const whole = { x: layout.x[box]!, y: layout.y[box]!, width: layout.width[box]!, height: layout.height[box]! };
  if (layout.form[box] === boxForm.card || layout.head[box] === step) return whole;
  const size = layout.cellSize[box]!;
  const columns = layout.cellColumns[box]!;
  const place = layout.place[step]!;
  let section = layout.sections.at[box]!;
  while (section + 1 < layout.sections.at[box + 1]! && layout.sections.to[section + 1]! <= place) section += 1;
  const within = place - layout.sections.to[section]!;
  return {
    x: whole.x + grid.pad + (within % columns) * size,
    y: whole.y + layout.sectionY[section]! + Math.floor(within / columns) * size,
    width: size,
    height: size,
  };
}

/**
 * The step that an arrow key leads to: along the flow a dependency or a dependent, across it the nearest box of the
 * same column, or the cell beside. -1 where there is none.
 */
export function stepBeside(
  layout: RunLayout,
  links: { parents: { at: Uint32Array; to: Uint32Array }; children: { at: Uint32Array; to: Uint32Array } },
  step: number,
  key: 'back' | 'forth' | 'before' | 'after',
): number {
  if (key === 'back' || key === 'forth') {
    const { at, to } = key === 'back' ? links.parents : links.children;
    return at[step]! < at[step + 1]! ? to[at[step]!]! : -1;
  }
  const way = key === 'before' ? -1 : 1;
  const own = layout.boxOf[step]!;
  if (layout.head[own] !== step || layout.form[own] !== boxForm.card) {
    const cell = layout.cells.at[own]! + layout.place[step]! + way;
    if (layout.head[own] !== step && cell >= layout.cells.at[own]! && cell < layout.cells.at[own + 1]!)
      return layout.cells.to[cell]!;
  }
  const across = layout.direction === 'down' ? layout.x : layout.y;
  let best = -1;
  for (let box = 0; box < layout.form.length; box += 1) {
    if (box === own || layout.level[box] !== layout.level[own]) continue;
    const distance = (across[box]! - across[own]!) * way;
    if (distance > 0 && (best < 0 || distance < (across[best]! - across[own]!) * way)) best = box;
  }
  if (best < 0) return -1;
  const head = layout.head[best]!;
  return head >= 0 ? head : layout.cells.to[layout.cells.at[best]!]!;
}
