/**
 * Conditions of `when` and `until`, in CEL (Common Expression Language).
 *
 * The grammar is read by a library; names and types are checked here when a definition is given, and values are computed
 * here when the step is ready. Rules, numbered for tests:
 *   CD1  nothing is silent: a condition comes out as true or as false, and everything else is a fault that says what it
 *        was; an unknown name, and a type that is known not to be true or false, is a fault before there is data;
 *   CD2  it holds the thread for less than a millisecond, whatever the data: its work is counted, and a fault names the
 *        bound that it reached;
 *   CD3  evaluating is pure and never throws: the same text and data give the same verdict;
 *   CD4  numbers of params, outputs and items are doubles, what the engine counts are ints; comparing them is right
 *        whatever their kinds, and calculating with both is a fault that says how to write it.
 */
import { Check, type ConditionNames } from './condition/check.ts';
import { Evaluation, type Scope } from './condition/evaluate.ts';
import { describe, Fault } from './condition/fault.ts';
import { conditionLengthMax, type ParsedCondition, parseCondition } from './condition/parse.ts';
import { type ConditionUse, noUse, usesOf } from './condition/uses.ts';
import { BoundReached, type ConditionBounds, Work } from './condition/work.ts';

export type { ConditionNames } from './condition/check.ts';
export type { Scope as ConditionScope } from './condition/evaluate.ts';
export type { ConditionUse } from './condition/uses.ts';
export { type ConditionBounds, conditionBounds, Work } from './condition/work.ts';

/** `bound`: the bound that was reached, where more of it would give an answer. */
export type Verdict = { readonly value: boolean } | { readonly fault: string; readonly bound?: keyof ConditionBounds };

/** Conditions that are kept parsed, those used last; together they have at most so many nodes. */
export const cachedMax = 5_000;
const cachedNodesMax = 100_000;
const cached = new Map<string, ParsedCondition>();
let cachedNodes = 0;

function readCondition(text: string): ParsedCondition {
  const known = cached.get(text);
  const parsed = known ?? parseCondition(text);
  if (known !== undefined) forget(text, known);
  // Longer texts are refused at a glance, and are no keys.
  if (text.length > conditionLengthMax) return parsed;
  cached.set(text, parsed);
  cachedNodes += nodesOf(parsed);
  for (const [oldest, other] of cached) {
    if (cached.size <= cachedMax && cachedNodes <= cachedNodesMax) break;
    forget(oldest, other);
  }
  return parsed;
}

function forget(text: string, parsed: ParsedCondition): void {
  cached.delete(text);
  cachedNodes -= nodesOf(parsed);
}

function nodesOf(parsed: ParsedCondition): number {
  return 'fault' in parsed ? 1 : parsed.nodes;
}

/** What is wrong with it, each in a sentence with the way out; none: it is right. At most ten are told. */
export function checkCondition(text: string, names: ConditionNames): string[] {
  const parsed = readCondition(text);
  if ('fault' in parsed) return [parsed.fault];
  const check = new Check(names);
  check.check(parsed.node);
  return check.faults;
}

/** Nothing for a text that cannot be read: checkCondition says what is wrong with it. */
export function conditionUses(text: string): ConditionUse {
  const parsed = readCondition(text);
  return 'fault' in parsed ? noUse : usesOf(parsed.node);
}

/** `work` counts what it takes, and has the bounds; one that is given serves one evaluation. */
export function evaluateCondition(text: string, scope: Scope, work: Work = new Work()): Verdict {
  const parsed = readCondition(text);
  if ('fault' in parsed) return { fault: parsed.fault };
  try {
    const value = new Evaluation(scope, work).run(parsed.node);
    if (typeof value === 'boolean') return { value };
    if (value instanceof Fault) return { fault: value.say() };
    return { fault: `it came out as ${describe(value)}, not true or false; compare it with something` };
  } catch (error) {
    if (error instanceof BoundReached) return { fault: error.message, bound: error.bound };
    return { fault: `it cannot be evaluated over what is no data: ${String(error)}` };
  }
}

/** What a step says whose condition comes out as neither true nor false. */
export function toConditionFault(text: string, fault: string): string {
  return `the condition ${text} cannot be answered: ${fault}`;
}
