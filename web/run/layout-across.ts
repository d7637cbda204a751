/**
 * Where boxes and lanes stand across the flow: as near as their order allows to the mean of their neighbours. In one
 * column that is isotonic regression, which "pool adjacent violators" solves exactly in one pass.
 */
import type { Layers } from './layers.ts';

/** A stretch of a column that moves as one. */
interface Block {
  sum: number;
  count: number;
  first: number;
}

/** The middle of each box and lane across the flow. */
export function placeAcross(layers: Layers): Float64Array {
  const { size, columns, before, after } = layers;
  const middles = stackColumns(layers);
  const rounds = size > 8_000 ? 4 : 14;
  for (let round = 0; round < rounds; round += 1) {
    const isForward = round % 2 === 0;
    // At the end both sides count, or the last round would undo what the one before has found.
    const isLast = round >= rounds - 2;
    for (let step = 0; step < columns.length; step += 1) {
      const column = columns[isForward ? step : columns.length - 1 - step]!;
      const [near, far] = isForward ? [before, after] : [after, before];
      settleColumn(layers, column, middles, (number) => {
        const ours = near[number]!;
        if (isLast || ours.length === 0) return meanOf(middles, ours, far[number]!) ?? middles[number]!;
        return meanOf(middles, ours, []) ?? middles[number]!;
      });
    }
  }
  return middles;
}

/** One below the other, each column around zero. */
export function stackColumns({ size, columns, across, gapAcross }: Layers): Float64Array {
  const middles = new Float64Array(size);
  for (const column of columns) {
    let total = -gapAcross;
    for (const number of column) total += across[number]! + gapAcross;
    let at = -total / 2;
    for (const number of column) {
      middles[number] = at + across[number]! / 2;
      at += across[number]! + gapAcross;
    }
  }
  return middles;
}

function meanOf(middles: Float64Array, some: readonly number[], others: readonly number[]): number | null {
  const count = some.length + others.length;
  if (count === 0) return null;
  let sum = 0;
  for (const number of some) sum += middles[number]!;
  for (const number of others) sum += middles[number]!;
  return sum / count;
}

/**
 * Moves a column's boxes to where `wish` wants them, as far as their order and the gaps between them allow. Less the
 * room that the boxes before it need, every position must be no smaller than the one before: that is what the blocks
 * make sure of.
 */
function settleColumn(
  { across, gapAcross }: Layers,
  column: readonly number[],
  middles: Float64Array,
  wish: (number: number) => number,
): void {
  const offsets = new Float64Array(column.length);
  const blocks: Block[] = [];
  for (let k = 0; k < column.length; k += 1) {
    const number = column[k]!;
    if (k > 0) offsets[k] = offsets[k - 1]! + (across[column[k - 1]!]! + across[number]!) / 2 + gapAcross;
    let block: Block = { sum: wish(number) - offsets[k]!, count: 1, first: k };
    for (let last = blocks.at(-1); last && last.sum / last.count > block.sum / block.count; last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count, first: last.first };
    }
    blocks.push(block);
  }
  blocks.forEach((block, at) => {
    const end = blocks[at + 1]?.first ?? column.length;
    for (let k = block.first; k < end; k += 1) middles[column[k]!] = block.sum / block.count + offsets[k]!;
  });
}
