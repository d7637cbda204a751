/**
 * The boxes of a graph in layers along the flow, and the lanes that long edges have in the layers that they pass. Pure.
 */

/** Room of a long edge between two boxes that it passes. */
const laneSize = 12;
/** Long edges get lanes of their own while they are few: at most so many in all, or twice as many as boxes. */
const lanesMin = 400;

/** A graph whose boxes and lanes are numbered by rank. Lanes have the numbers behind the boxes. */
export interface Layers {
  readonly size: number;
  readonly level: Int32Array;
  readonly across: Float64Array;
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  /** Numbers by level, in the order that they stand in across the flow. */
  readonly columns: number[][];
  readonly gapAcross: number;
}

/** Longest way from a source; a source moves up to its first child, so that it stands beside what uses it. */
export function findLevels(boxes: number, from: readonly number[], to: readonly number[]): Int32Array {
  const after: number[][] = Array.from({ length: boxes }, () => []);
  const missing = new Int32Array(boxes);
  for (let e = 0; e < from.length; e += 1) {
    after[from[e]!]!.push(to[e]!);
    missing[to[e]!]! += 1;
  }
  const sources = [...missing.keys()].filter((box) => missing[box] === 0);
  const queue = [...sources];
  const level = new Int32Array(boxes);
  for (const box of queue) {
    for (const next of after[box]!) {
      if (level[next]! <= level[box]!) level[next] = level[box]! + 1;
      missing[next]! -= 1;
      if (missing[next] === 0) queue.push(next);
    }
  }
  for (const box of sources) {
    const children = after[box]!;
    if (children.length === 0) continue;
    let first = Number.POSITIVE_INFINITY;
    for (const child of children) first = Math.min(first, level[child]!);
    level[box] = Math.max(0, first - 1);
  }
  return level;
}

/**
 * Puts lanes where long edges pass, and sorts all into columns. `lanes[e]`: the lanes of edge `e`, in its
 * direction.
 */
export function toLayers(
  level: Int32Array,
  across: Float64Array,
  from: readonly number[],
  to: readonly number[],
  gapAcross: number,
): { layers: Layers; lanes: number[][] } {
  const boxes = level.length;
  let spans = 0;
  for (let e = 0; e < from.length; e += 1) spans += Math.max(0, level[to[e]!]! - level[from[e]!]! - 1);
  const hasLanes = spans <= Math.max(lanesMin, boxes * 2);
  const levels = Array.from(level);
  const sizes = Array.from(across);
  const before: number[][] = Array.from({ length: boxes }, () => []);
  const after: number[][] = Array.from({ length: boxes }, () => []);
  const lanes: number[][] = [];
  for (let e = 0; e < from.length; e += 1) {
    const own: number[] = [];
    let last = from[e]!;
    for (let at = level[last]! + 1; hasLanes && at < level[to[e]!]!; at += 1) {
      const lane = levels.length;
      levels.push(at);
      sizes.push(laneSize);
      before.push([last]);
      after.push([]);
      after[last]!.push(lane);
      own.push(lane);
      last = lane;
    }
    before[to[e]!]!.push(last);
    after[last]!.push(to[e]!);
    lanes.push(own);
  }
  const columns: number[][] = [];
  levels.forEach((at, number) => {
    while (columns.length <= at) columns.push([]);
    columns[at]!.push(number);
  });
  const layers = {
    size: levels.length,
    level: Int32Array.from(levels),
    across: Float64Array.from(sizes),
    before,
    after,
    columns,
    gapAcross,
  };
  return { layers, lanes };
}
