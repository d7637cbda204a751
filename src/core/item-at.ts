/**
 * An item of a list, by its place. Steps are numbered by their places in several lists at once (`state.ts`,
 * `graph.ts`), so a place without an item means that two of these lists disagree.
 *
 * Rule, numbered for tests:
 *   IA1  a place that the core computes has an item.
 */
import { broken } from '../contract/broken.ts';

export function itemAt<T>(list: ArrayLike<T>, place: number): T {
  const item = list[place];
  return item === undefined ? broken('IA1', `place ${place} of a list of ${list.length}`) : item;
}

/** Adds to one of several counts; returns what it is now. */
export function addAt(counts: number[], place: number, change: number): number {
  const count = itemAt(counts, place) + change;
  counts[place] = count;
  return count;
}
