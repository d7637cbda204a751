/** Faults that only the libraries of an action can see: JSONata that is none, a Liquid template that does not end. */
import type { CodePieces } from '../contract/code-text.ts';
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { toCodePieces } from '../core/bindings.ts';
import { eachReference } from '../core/references.ts';
import { stepsWithin, type Visited } from '../core/steps-within.ts';
import { tasks } from '../tasks/registry.ts';

/** Of all steps that name an action, whatever else is wrong with them; paths begin with `steps` or `finally`. */
export async function findExpressionFaults(steps: readonly unknown[], last: unknown = []): Promise<FieldError[]> {
  const found = await Promise.all([...stepsWithin({ steps, finally: last })].map(findInStep));
  return found.flat();
}

async function findInStep({ step: { action, params }, path: at, names }: Visited): Promise<FieldError[]> {
  const task = typeof action === 'string' ? tasks.get(action) : undefined;
  if (!task?.findFaults || typeof params !== 'object' || params === null) return [];
  const isCode = (name: string) => task.code?.includes(name) === true;
  const settled = Object.entries(params).filter(([name, value]) => isCode(name) || !holdsReference(value, names));
  const code = Object.entries(params).flatMap(([name, value]): [string, CodePieces][] => {
    const pieces = isCode(name) && typeof value === 'string' ? toCodePieces(value) : null;
    return pieces === null ? [] : [[name, pieces]];
  });
  const faults = await task.findFaults(Object.fromEntries(settled) as JsonObject, Object.fromEntries(code));
  return faults.map(({ path, message }) => ({ path: toFieldPath([...at, 'params', path]), message }));
}

function holdsReference(value: unknown, names: Visited['names']): boolean {
  let holds = false;
  const note = () => {
    holds = true;
  };
  eachReference(value, { isStep: () => false, names }, note);
  return holds;
}
