/** The list of a `forEach`: of several lists every combination, the last name changing fastest. */
import { BindingError } from './binding-error.ts';

export interface ItemList {
  readonly count: number;
  /** The values of an item, by name. */
  valuesAt(index: number): ReadonlyMap<string, unknown>;
}

/** `bound` is the `forEach` of a step with its references replaced. Throws BindingError where one is no list. */
export function toItemList(bound: unknown, batch: number | null): ItemList {
  const isOne = Array.isArray(bound) || typeof bound !== 'object' || bound === null;
  const written = Object.entries(isOne ? { item: bound } : (bound as object));
  const lists = written.map(([name, list]): [string, readonly unknown[]] => {
    if (!Array.isArray(list)) throw new BindingError(`forEach: ${name} is no list but ${describe(list)}`);
    return [name, batch === null || batch === 1 ? list : toBatches(list, batch)];
  });
  const fastestFirst = [...lists].reverse();
  return {
    count: lists.reduce((product, [, list]) => product * list.length, 1),
    valuesAt(index) {
      let rest = index;
      const values = fastestFirst.map(([name, list]): [string, unknown] => {
        const value = list[rest % list.length];
        rest = Math.floor(rest / list.length);
        return [name, value];
      });
      return new Map(values);
    },
  };
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
