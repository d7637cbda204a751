/** The list of a `forEach`: of several lists every combination, the last name changing fastest. */
import { BindingError } from './binding-error.ts';

export interface ItemList {
  readonly count: number;
  /** The values of an item, by name. */
  valuesAt(index: number): ReadonlyMap<string, unknown>;
  /** Bytes of JSON that `valuesAt` parses for this item; absent where the values are in memory. */
  bytesAt?(index: number): number;
  /** The JSON of a value that would have to be parsed; undefined for one that is in memory, or that there is not. */
  textAt?(index: number, name: string): string | undefined;
}

/** One list of a `forEach`. An array is one. */
export interface ItemValues {
  readonly length: number;
  at(index: number): unknown;
  /** As in `ItemList`. */
  bytesAt?(index: number): number;
  textAt?(index: number): string;
}

type NamedLists = readonly (readonly [name: string, list: ItemValues])[];

/** `bound` is the `forEach` of a step with its references replaced. Throws BindingError where one is no list. */
export function toItemList(bound: unknown, batch: number | null): ItemList {
  return combineLists(readLists(bound, batch));
}

/** A `forEach` without names is one list, called `item`: also where its reference leads to an object. */
export function toNamed(forEach: unknown, bound: unknown): unknown {
  return typeof forEach === 'object' && forEach !== null && !Array.isArray(forEach) ? bound : { item: bound };
}

/** The lists by name, in the order of the definition; with `batch` their items are lists of up to so many. */
export function readLists(bound: unknown, batch: number | null): [string, readonly unknown[]][] {
  const isOne = Array.isArray(bound) || typeof bound !== 'object' || bound === null;
  const written = Object.entries(isOne ? { item: bound } : (bound as object));
  return written.map(([name, list]): [string, readonly unknown[]] => {
    if (!Array.isArray(list)) throw new BindingError(`forEach: ${name} is no list but ${describe(list)}`);
    return [name, batch === null || batch === 1 ? list : toBatches(list, batch)];
  });
}

export function combineLists(lists: NamedLists): ItemList {
  const fastestFirst = [...lists].reverse();
  const isPacked = lists.some(([, list]) => list.bytesAt !== undefined);
  return {
    count: lists.reduce((product, [, list]) => product * list.length, 1),
    valuesAt(index) {
      return new Map(placesAt(fastestFirst, index).map(([name, list, place]) => [name, list.at(place)]));
    },
    ...(isPacked
      ? {
          bytesAt: (index: number) =>
            placesAt(fastestFirst, index).reduce((sum, [, list, place]) => sum + (list.bytesAt?.(place) ?? 0), 0),
          textAt: (index: number, wanted: string) => {
            const found = placesAt(fastestFirst, index).find(([name]) => name === wanted);
            return found?.[1].textAt?.(found[2]);
          },
        }
      : {}),
  };
}

/** Which place of each list an item has. */
function placesAt(fastestFirst: NamedLists, index: number): [name: string, list: ItemValues, place: number][] {
  let rest = index;
  return fastestFirst.map(([name, list]) => {
    const place = rest % list.length;
    rest = Math.floor(rest / list.length);
    return [name, list, place];
  });
}

function toBatches(list: readonly unknown[], size: number): unknown[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
