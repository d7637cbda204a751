/**
 * Where the boxes of a graph stand: layers along the flow, made from the graph's shape alone. Pure.
 *
 * Every sweep costs as much as there are boxes and edges (and a sort of each column), so 20,000 boxes take less than
 * two seconds; of the libraries that were measured none did them in under 18 s (docs/adr/0044).
 *
 * Rules, numbered for tests:
 *   LA1  no two boxes overlap;
 *   LA2  an edge leads to a later column, and columns stand in order along the flow;
 *   LA3  the same graph has the same positions, however its boxes are numbered and its edges are listed: `rank` decides
 *        all ties.
 *
 * "Along" is the way of the flow (to the right on a wide screen, down on a narrow one), "across" is the other axis.
 */
import { findLevels, type Layers, toLayers } from './layers.ts';
import { placeAcross, stackColumns } from './layout-across.ts';

export interface LayoutInput {
  /** Size of each box along the flow, and across it. */
  readonly along: Float64Array;
  readonly across: Float64Array;
  /** Place of each box in the definition: a number of its own for each. */
  readonly rank: Uint32Array;
  /** Edges, each once, none from a box to itself, no circle. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly gapAlong: number;
  readonly gapAcross: number;
  /** Columns that take more room across are split into several, one behind the other; default: none is. */
  readonly acrossMax?: number | undefined;
}

export interface Placement {
  /** Where each box begins. */
  readonly along: Float32Array;
  readonly across: Float32Array;
  readonly level: Int32Array;
  /** Points (along, across) that edge `e` passes on its way: `via[2 * viaAt[e]]` and on, up to `viaAt[e + 1]`. */
  readonly viaAt: Uint32Array;
  readonly via: Float32Array;
  readonly length: number;
  readonly breadth: number;
}

export function layOut(input: LayoutInput): Placement {
  const boxes = input.rank.length;
  const byRank = [...input.rank.keys()].sort((a, b) => input.rank[a]! - input.rank[b]!);
  const numberOf = new Uint32Array(boxes);
  byRank.forEach((box, number) => {
    numberOf[box] = number;
  });
  const edges = [...input.from.keys()].sort(
    (a, b) =>
      numberOf[input.from[a]!]! - numberOf[input.from[b]!]! || numberOf[input.to[a]!]! - numberOf[input.to[b]!]!,
  );
  const from = edges.map((e) => numberOf[input.from[e]!]!);
  const to = edges.map((e) => numberOf[input.to[e]!]!);
  const level = findLevels(boxes, from, to);
  const sizes = Float64Array.from(byRank, (box) => input.across[box]!);
  const { layers: whole, lanes } = toLayers(level, sizes, from, to, input.gapAcross);
  orderColumns(whole);
  const layers = input.acrossMax === undefined ? whole : splitColumns(whole, input.acrossMax);
  // A narrow screen has rows around one middle: following their neighbours they would leave it.
  const middles = input.acrossMax === undefined ? placeAcross(layers) : stackColumns(layers);
  const { starts, widths, length } = placeColumns(layers, input, byRank);
  return toPlacement(input, { byRank, edges, layers, lanes, middles, starts, widths, length });
}

/** Barycentre sweeps: each stands where its neighbours in the column before (or after) stand on average. */
function orderColumns({ size, level, before, after, columns }: Layers): void {
  const place = new Float64Array(size);
  const key = new Float64Array(size);
  const rankColumn = (column: readonly number[]): void => {
    for (let k = 0; k < column.length; k += 1) place[column[k]!] = k;
  };
  for (const column of columns) rankColumn(column);
  const sweeps = size > 8_000 ? 2 : size > 2_000 ? 4 : 12;
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const isForward = sweep % 2 === 0;
    const neighbours = isForward ? before : after;
    for (let step = 1; step < columns.length; step += 1) {
      const column = columns[isForward ? step : columns.length - 1 - step]!;
      for (const number of column) {
        let sum = 0;
        for (const other of neighbours[number]!) sum += (place[other]! + 0.5) / columns[level[other]!]!.length;
        const count = neighbours[number]!.length;
        key[number] = count === 0 ? place[number]! + 0.5 : (sum / count) * column.length;
      }
      column.sort((a, b) => key[a]! - key[b]! || place[a]! - place[b]!);
      rankColumn(column);
    }
  }
}

/** For narrow screens: as many of a column side by side as there is room for. */
function splitColumns(layers: Layers, acrossMax: number): Layers {
  const { across, gapAcross } = layers;
  const level = new Int32Array(layers.size);
  const columns: number[][] = [];
  for (const column of layers.columns) {
    let room = 0;
    column.forEach((number, k) => {
      room -= across[number]! + gapAcross;
      if (k === 0 || room < -gapAcross) {
        columns.push([]);
        room = acrossMax - across[number]! - gapAcross;
      }
      columns.at(-1)!.push(number);
      level[number] = columns.length - 1;
    });
  }
  return { ...layers, level, columns };
}

/** Each column is as wide as its widest box. */
function placeColumns({ level, columns }: Layers, { along, gapAlong }: LayoutInput, byRank: readonly number[]) {
  const widths = new Float64Array(columns.length);
  byRank.forEach((box, number) => {
    const at = level[number]!;
    widths[at] = Math.max(widths[at]!, along[box]!);
  });
  const starts = new Float64Array(columns.length);
  let length = 0;
  for (let at = 0; at < columns.length; at += 1) {
    starts[at] = length;
    length += widths[at]! + gapAlong;
  }
  return { starts, widths, length: Math.max(0, length - gapAlong) };
}

interface Placed {
  readonly byRank: readonly number[];
  readonly edges: readonly number[];
  readonly layers: Layers;
  readonly lanes: readonly (readonly number[])[];
  readonly middles: Float64Array;
  readonly starts: Float64Array;
  readonly widths: Float64Array;
  readonly length: number;
}

/** Back to the numbers that the caller knows the boxes and edges by. */
function toPlacement(input: LayoutInput, placed: Placed): Placement {
  const { byRank, edges, layers, lanes, middles, starts, widths, length } = placed;
  const { level, across: sizes } = layers;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let number = 0; number < layers.size; number += 1) {
    low = Math.min(low, middles[number]! - sizes[number]! / 2);
    high = Math.max(high, middles[number]! + sizes[number]! / 2);
  }
  const along = new Float32Array(byRank.length);
  const across = new Float32Array(byRank.length);
  const levels = new Int32Array(byRank.length);
  byRank.forEach((box, number) => {
    const at = level[number]!;
    levels[box] = at;
    along[box] = starts[at]! + (widths[at]! - input.along[box]!) / 2;
    across[box] = middles[number]! - sizes[number]! / 2 - low;
  });
  const viaAt = new Uint32Array(edges.length + 1);
  edges.forEach((edge, e) => {
    viaAt[edge + 1] = lanes[e]!.length;
  });
  for (let e = 0; e < edges.length; e += 1) viaAt[e + 1]! += viaAt[e]!;
  const via = new Float32Array(2 * viaAt[edges.length]!);
  edges.forEach((edge, e) => {
    lanes[e]!.forEach((lane, k) => {
      const at = 2 * (viaAt[edge]! + k);
      via[at] = starts[level[lane]!]! + widths[level[lane]!]! / 2;
      via[at + 1] = middles[lane]! - low;
    });
  });
  const breadth = byRank.length === 0 ? 0 : high - low;
  return { along, across, level: levels, viaAt, via, length, breadth };
}
