/**
 * A run's steps as boxes with sizes, cells, edges and positions: what the graph, the timeline and the pointer work
 * with. Pure; it runs in the worker. All of it is arrays that can be handed to the main thread without a copy.
 */
import type { Links } from './columns.ts';
import { type Boxes, boxForm, type Grouping, type GroupingChoice, groupSteps, type Structure } from './grouping.ts';
import { layOut } from './layout.ts';

/** Sizes in units of the drawing: pixels at 100 %. */
export const card = { width: 196, height: 46 } as const;
export const grid = { pad: 12, headHeight: 38, labelHeight: 17 } as const;
const gaps = { along: 58, across: 12, alongDown: 34 } as const;

/** On a narrow screen rows are so wide that they can be read at this zoom. */
const narrowK = 0.58;

/** Named texts of the steps, which labels are made from. */
export interface StepNames {
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly item: Int32Array;
}

export interface RunLayout {
  readonly grouping: Grouping;
  /** `across`: the flow goes to the right; `down`: it goes down, for narrow screens. */
  readonly direction: 'across' | 'down';
  readonly boxOf: Uint32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly width: Float32Array;
  readonly height: Float32Array;
  readonly level: Int32Array;
  readonly form: Uint8Array;
  readonly head: Int32Array;
  readonly cells: Links;
  /** Place of each step among the cells of its box. */
  readonly place: Uint32Array;
  /** Of each box: side of a cell, and cells in a row. */
  readonly cellSize: Uint8Array;
  readonly cellColumns: Uint16Array;
  readonly label: readonly string[];
  /**
   * Sections of a box: the steps that a list has made from one inner step. Section `s` of box `b` begins with the cell
   * `sections.to[s]`; `sectionY[s]` is where its grid begins within the box.
   */
  readonly sections: Links;
  readonly sectionY: Float32Array;
  readonly sectionLabel: readonly string[];
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** Points that edges pass, in x and y; see `Placement`. */
  readonly viaAt: Uint32Array;
  readonly via: Float32Array;
  readonly fullWidth: number;
  readonly fullHeight: number;
}

export interface ArrangeOptions {
  readonly choice: GroupingChoice;
  readonly direction: 'across' | 'down';
  /** Room for a grid across a narrow screen. */
  readonly widthMax?: number | undefined;
}

/** Cells of a box with `count` steps: smaller ones where there are many. */
export function toCells(count: number, widthMax?: number): { size: number; columns: number } {
  const size = count > 2_000 ? 6 : count > 400 ? 9 : 13;
  if (widthMax !== undefined) return { size, columns: Math.max(8, Math.floor((widthMax - 2 * grid.pad) / size)) };
  return { size, columns: Math.max(8, Math.ceil(Math.sqrt(count * 1.5))) };
}

/** A name without what numbers it: what the steps of a grid are called together. */
export function toKindLabel(name: string): string {
  return name.replace(/[\s_.#-]*\d+.*$/s, '') || name;
}

export function arrange(structure: Structure, names: StepNames, options: ArrangeOptions): RunLayout {
  const boxes = groupSteps(structure, options.choice);
  const count = boxes.form.length;
  const isDown = options.direction === 'down';
  const shapes = Array.from({ length: count }, (_, box) => toShape(boxes, box, structure, names, options));
  const { from, to } = linkBoxes(structure, boxes);
  const width = Float64Array.from(shapes, (it) => it.width);
  const height = Float64Array.from(shapes, (it) => it.height);
  const placement = layOut({
    along: isDown ? height : width,
    across: isDown ? width : height,
    rank: Uint32Array.from({ length: count }, (_, box) => box),
    from,
    to,
    gapAlong: isDown ? gaps.alongDown : gaps.along,
    gapAcross: gaps.across,
    acrossMax: isDown && options.widthMax !== undefined ? options.widthMax / narrowK : undefined,
  });
  const cells = toOrderedCells(shapes);
  const place = new Uint32Array(structure.group.length);
  for (let box = 0; box < count; box += 1) {
    for (let k = cells.at[box]!; k < cells.at[box + 1]!; k += 1) place[cells.to[k]!] = k - cells.at[box]!;
  }
  return {
    grouping: boxes.grouping,
    direction: options.direction,
    boxOf: boxes.boxOf,
    x: isDown ? placement.across : placement.along,
    y: isDown ? placement.along : placement.across,
    width: Float32Array.from(width),
    height: Float32Array.from(height),
    level: placement.level,
    form: boxes.form,
    head: boxes.head,
    cells,
    place,
    cellSize: Uint8Array.from(shapes, (it) => it.cell),
    cellColumns: Uint16Array.from(shapes, (it) => it.columns),
    label: shapes.map((it) => it.label),
    ...toSections(shapes),
    from,
    to,
    viaAt: placement.viaAt,
    via: isDown ? swapPairs(placement.via) : placement.via,
    fullWidth: isDown ? placement.breadth : placement.length,
    fullHeight: isDown ? placement.length : placement.breadth,
  };
}

interface Section {
  readonly label: string;
  readonly steps: number[];
}

interface BoxShape {
  readonly label: string;
  readonly width: number;
  readonly height: number;
  readonly cell: number;
  readonly columns: number;
  readonly sections: readonly (Section & { readonly y: number })[];
}

function toShape(
  boxes: Boxes,
  box: number,
  structure: Structure,
  names: StepNames,
  { widthMax }: ArrangeOptions,
): BoxShape {
  const { at, to } = boxes.cells;
  const steps = [...to.subarray(at[box]!, at[box + 1]!)];
  const head = boxes.head[box]!;
  if (boxes.form[box] === boxForm.card) {
    const sections = [{ label: '', steps, y: 0 }];
    return { label: names.names[head]!, ...card, cell: 0, columns: 1, sections };
  }
  const { size, columns } = toCells(steps.length, widthMax);
  const parts = head < 0 ? [{ label: '', steps }] : splitByInner(steps, structure, names);
  let y: number = grid.headHeight;
  const sections = parts.map((part) => {
    if (part.label !== '') y += grid.labelHeight;
    const section = { ...part, y };
    y += Math.max(1, Math.ceil(part.steps.length / columns)) * size + (parts.length > 1 ? 5 : 0);
    return section;
  });
  return {
    label: head < 0 ? toKindLabel(names.names[steps[0]!]!) : names.names[head]!,
    width: Math.max(card.width, columns * size + 2 * grid.pad),
    height: Math.max(y, grid.headHeight + 13) + grid.pad,
    cell: size,
    columns,
    sections,
  };
}

/** The steps of a list or loop by the inner step that they were made from, in the order of the definition. */
function splitByInner(steps: readonly number[], { group }: Structure, { ids, names, item }: StepNames): Section[] {
  const sections = new Map<string, Section>();
  const pathOf = (i: number): string => {
    const parent = group[i]!;
    if (parent < 0) return '';
    const prefix = `${ids[parent]}.${item[i]}`;
    return `${pathOf(parent)}/${ids[i]!.slice(prefix.length + 1)}`;
  };
  for (const i of steps) {
    const path = pathOf(i);
    const section = sections.get(path);
    if (section) section.steps.push(i);
    else sections.set(path, { label: names[i]!.split(': ')[0]!, steps: [i] });
  }
  const [only] = sections.values();
  // One action for each item: the head says what it is.
  return sections.size <= 1 ? [{ label: '', steps: only?.steps ?? [] }] : [...sections.values()];
}

function toOrderedCells(shapes: readonly BoxShape[]): Links {
  const at = new Uint32Array(shapes.length + 1);
  shapes.forEach(({ sections }, box) => {
    at[box + 1] = at[box]! + sections.reduce((sum, { steps }) => sum + steps.length, 0);
  });
  const to = new Uint32Array(at[shapes.length]!);
  let next = 0;
  for (const { sections } of shapes) {
    for (const { steps } of sections) {
      to.set(steps, next);
      next += steps.length;
    }
  }
  return { at, to };
}

function toSections(shapes: readonly BoxShape[]): Pick<RunLayout, 'sections' | 'sectionY' | 'sectionLabel'> {
  const at = new Uint32Array(shapes.length + 1);
  const to: number[] = [];
  const y: number[] = [];
  const labels: string[] = [];
  shapes.forEach(({ sections }, box) => {
    let first = 0;
    for (const section of sections) {
      to.push(first);
      y.push(section.y);
      labels.push(section.label);
      first += section.steps.length;
    }
    at[box + 1] = to.length;
  });
  return { sections: { at, to: Uint32Array.from(to) }, sectionY: Float32Array.from(y), sectionLabel: labels };
}

/** Edges between boxes, each once. Where every step has a card, a list leads to the first steps of its items. */
function linkBoxes({ parents, group }: Structure, { boxOf, grouping }: Boxes): { from: Uint32Array; to: Uint32Array } {
  const seen = new Set<number>();
  const from: number[] = [];
  const to: number[] = [];
  const boxes = boxOf.length + 1;
  const link = (first: number, second: number): void => {
    const a = boxOf[first]!;
    const b = boxOf[second]!;
    const key = a * boxes + b;
    if (a === b || seen.has(key)) return;
    seen.add(key);
    from.push(a);
    to.push(b);
  };
  for (let i = 0; i < group.length; i += 1) {
    const first = parents.at[i]!;
    const end = parents.at[i + 1]!;
    for (let k = first; k < end; k += 1) link(parents.to[k]!, i);
    if (first === end && group[i]! >= 0 && grouping === 'steps') link(group[i]!, i);
  }
  return { from: Uint32Array.from(from), to: Uint32Array.from(to) };
}

function swapPairs(pairs: Float32Array): Float32Array {
  const swapped = new Float32Array(pairs.length);
  for (let k = 0; k + 1 < pairs.length; k += 2) {
    swapped[k] = pairs[k + 1]!;
    swapped[k + 1] = pairs[k]!;
  }
  return swapped;
}

/** The buffers of a layout, to be handed over instead of copied. */
export function buffersOf(value: object): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  for (const part of Object.values(value)) {
    if (ArrayBuffer.isView(part)) found.add(part.buffer as ArrayBuffer);
    else if (part !== null && typeof part === 'object' && 'at' in part && 'to' in part) {
      for (const buffer of buffersOf(part)) found.add(buffer);
    }
  }
  return [...found];
}
