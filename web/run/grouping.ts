/**
 * Which steps share a box. A run of 10,000 steps is legible because steps that are alike stand in one grid, a cell
 * each. Pure, and made from the definition alone: no status ever moves a step into another box.
 *
 * Rules, numbered for tests:
 *   GR1  every step is in exactly one box;
 *   GR2  the boxes make no circle: steps share one only if they have the same dependencies (siblings), or the same
 *        distance from the start (kinds), or if a list or loop has made them, which nothing outside depends on;
 *   GR3  the boxes do not depend on the order in which edges are listed.
 */
import type { Links } from './columns.ts';
import { shape } from './columns.ts';
import { findLevels } from './layers.ts';

export const groupings = ['steps', 'siblings', 'kinds'] as const;
export type Grouping = (typeof groupings)[number];
export type GroupingChoice = Grouping | 'auto';

export function toGroupingChoice(text: string | null): GroupingChoice {
  return (groupings as readonly string[]).includes(text ?? '') ? (text as Grouping) : 'auto';
}

/** What boxes are made from; columns of a run have all of it. */
export interface Structure {
  readonly parents: Links;
  readonly children: Links;
  readonly kind: Uint32Array;
  readonly shape: Uint8Array;
  /** The step that has made this one; -1 for a step of the definition. */
  readonly group: Int32Array;
}

/** How a box is drawn. */
export const boxForm = { card: 0, grid: 1, map: 2, loop: 3 } as const;

export interface Boxes {
  readonly grouping: Grouping;
  readonly boxOf: Uint32Array;
  /** The steps of each box, in the order of the definition. The head of a map or loop is not among them. */
  readonly cells: Links;
  /** The step that a map or loop is; -1 for a grid. A card is its own head. */
  readonly head: Int32Array;
  readonly form: Uint8Array;
}

/** Fewer are left on cards. */
const siblingsMin = 8;
const kindsMin = 4;
/** `auto`: up to so many steps each gets a card; beyond so many boxes kinds are tried. */
const cardsMax = 20;
const boxesMax = 90;

export function groupSteps(structure: Structure, choice: GroupingChoice): Boxes {
  if (choice !== 'auto') return toBoxes(structure, choice);
  const top = structure.group.filter((group) => group < 0).length;
  if (top <= cardsMax) return toBoxes(structure, 'siblings', false);
  const siblings = toBoxes(structure, 'siblings');
  if (siblings.form.length <= boxesMax) return siblings;
  const kinds = toBoxes(structure, 'kinds');
  return kinds.form.length * 3 <= siblings.form.length ? kinds : siblings;
}

/** With `gathers` false only lists and loops are boxes of many steps. */
function toBoxes(structure: Structure, grouping: Grouping, gathers = true): Boxes {
  const size = structure.group.length;
  const boxOf = new Int32Array(size).fill(-1);
  const lists: number[][] = [];
  const heads: number[] = [];
  const forms: number[] = [];
  const add = (form: number, head: number, steps: number[]): void => {
    for (const i of steps) boxOf[i] = lists.length;
    if (head >= 0) boxOf[head] = lists.length;
    lists.push(steps);
    heads.push(head);
    forms.push(form);
  };
  if (grouping !== 'steps') {
    for (const [head, steps] of gatherMade(structure)) {
      add(structure.shape[head] === shape.loop ? boxForm.loop : boxForm.map, head, steps);
    }
    for (const steps of gathers ? gatherAlike(structure, grouping, boxOf) : []) add(boxForm.grid, -1, steps);
  }
  for (let i = 0; i < size; i += 1) if (boxOf[i]! < 0) add(boxForm.card, i, [i]);
  return toOrderedBoxes(grouping, boxOf, lists, heads, forms);
}

/** Boxes in the order of their first step. */
function toOrderedBoxes(
  grouping: Grouping,
  boxOf: Int32Array,
  lists: readonly number[][],
  heads: readonly number[],
  forms: readonly number[],
): Boxes {
  const firstOf = (box: number): number => (heads[box]! >= 0 ? heads[box]! : lists[box]![0]!);
  const order = [...lists.keys()].sort((a, b) => firstOf(a) - firstOf(b));
  const numberOf = new Uint32Array(order.length);
  order.forEach((box, number) => {
    numberOf[box] = number;
  });
  const at = new Uint32Array(order.length + 1);
  order.forEach((box, number) => {
    at[number + 1] = at[number]! + lists[box]!.length;
  });
  const to = new Uint32Array(at[order.length]!);
  order.forEach((box, number) => {
    to.set(lists[box]!, at[number]!);
  });
  return {
    grouping,
    boxOf: Uint32Array.from(boxOf, (box) => numberOf[box]!),
    cells: { at, to },
    head: Int32Array.from(order, (box) => heads[box]!),
    form: Uint8Array.from(order, (box) => forms[box]!),
  };
}

/** Lists and loops of the definition with all steps that they have made, those of lists within them included. */
function gatherMade({ group, shape: shapes }: Structure): Map<number, number[]> {
  const made = new Map<number, number[]>();
  for (let i = 0; i < group.length; i += 1) {
    if (group[i]! < 0) {
      if (shapes[i] !== shape.plain) made.set(i, made.get(i) ?? []);
      continue;
    }
    let head = group[i]!;
    while (group[head]! >= 0) head = group[head]!;
    const steps = made.get(head);
    if (steps) steps.push(i);
    else made.set(head, [i]);
  }
  return made;
}

/** Steps that share neither box nor card yet, by what makes them alike. */
function gatherAlike(structure: Structure, grouping: 'siblings' | 'kinds', boxOf: Int32Array): number[][] {
  const size = boxOf.length;
  const levels = grouping === 'kinds' ? levelsOf(structure) : null;
  const alike = new Map<string, number[]>();
  for (let i = 0; i < size; i += 1) {
    if (boxOf[i]! >= 0) continue;
    const key = levels
      ? `${levels[i]}|${structure.kind[i]}`
      : `${keyOf(structure.parents, i)}|${keyOf(structure.children, i)}|${structure.kind[i]}`;
    const steps = alike.get(key);
    if (steps) steps.push(i);
    else alike.set(key, [i]);
  }
  const min = levels ? kindsMin : siblingsMin;
  return [...alike.values()].filter((steps) => steps.length >= min);
}

/** A list of steps as a short key that does not depend on its order: 2 × 32 bits and the length. */
function keyOf({ at, to }: Links, i: number): string {
  let sum = 0;
  let mix = 0;
  for (let k = at[i]!; k < at[i + 1]!; k += 1) {
    // The finalizer of MurmurHash3, added up: the order of the list does not count.
    let hash = to[k]! + 1;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    sum = (sum + hash) | 0;
    mix = (mix + Math.imul(hash, hash | 1)) | 0;
  }
  return `${at[i + 1]! - at[i]!}.${sum}.${mix}`;
}

function levelsOf({ parents }: Structure): Int32Array {
  const from: number[] = [];
  const to: number[] = [];
  for (let i = 0; i + 1 < parents.at.length; i += 1) {
    for (let k = parents.at[i]!; k < parents.at[i + 1]!; k += 1) {
      from.push(parents.to[k]!);
      to.push(i);
    }
  }
  return findLevels(parents.at.length - 1, from, to);
}
