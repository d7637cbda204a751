/**
 * In a dry run: the list that nobody can know yet, because an answer that was made up would hold it. It has items with the
 * fields that the steps of the group refer to.
 */
import { addMadeUpField } from '../../contract/rehearsal.ts';
import { toItemNames } from '../../core/flow.ts';
import { combineLists, type ItemList } from '../../core/item-list.ts';
import { eachReference } from '../../core/references.ts';
import type { StepState } from '../../core/step-state.ts';
import { boundValues, stepsWithin } from '../../core/steps-within.ts';

/** What an item of such a list is called. */
export const madeUpLabel = 'made up';
const madeUpAddress = 'https://made-up.invalid/';

/** `known`: those of the step's lists that are known by name; they stay as they are. */
export function toMadeUpList(
  { flow, params }: StepState,
  count: number,
  known: ReadonlyMap<string, readonly unknown[]> = new Map(),
): ItemList {
  const names = toItemNames(flow);
  const made = { items: {} as Record<string, unknown> };
  const texts = new Map<string, string>();
  const values: unknown[] = [params, flow.label, flow.output ?? null];
  for (const { step } of stepsWithin({ steps: flow.body ?? [] })) {
    for (const [, value] of boundValues(step)) values.push(value);
  }
  eachReference(values, { isStep: () => false, names: new Set(names) }, (reference, path) => {
    if (reference.kind !== 'item') return;
    // An address has to be one, or the steps that call it would fail.
    const leaf = /url$/i.test(String(path.at(-1))) ? madeUpAddress : madeUpLabel;
    if (reference.path.length > 0) addMadeUpField(made, ['items', reference.name, ...reference.path], leaf);
    else if (!texts.has(reference.name) || leaf === madeUpAddress) texts.set(reference.name, leaf);
  });
  const toItem = (name: string) => made.items[name] ?? texts.get(name) ?? madeUpLabel;
  return combineLists(
    names.map((name) => [name, known.get(name) ?? Array.from({ length: count }, () => toItem(name))]),
  );
}
