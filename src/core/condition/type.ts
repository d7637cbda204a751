/** What is known of a value before there is data. */
import { didYouMean } from '../../contract/nearest.ts';
import { jobStatusSchema } from '../../contract/workflow.ts';
import { type Arithmetic, type Node, show } from './node.ts';

/**
 * `json` is data of params, outputs and items, whose numbers are doubles. Of `any` nothing is known. `status` and
 * `outcome` are texts of which all values are known.
 */
export type Type =
  | 'bool'
  | 'int'
  | 'double'
  | 'text'
  | 'status'
  | 'outcome'
  | 'null'
  | 'list'
  | 'object'
  | 'json'
  | 'any';

export const named: Readonly<Record<Type, string>> = {
  bool: 'true or false',
  int: 'a whole number',
  double: 'a number',
  text: 'a text',
  status: 'a text',
  outcome: 'a text',
  null: 'null',
  list: 'a list',
  object: 'an object',
  json: 'data',
  any: 'data',
};

const isOpen = (type: Type) => type === 'json' || type === 'any';
const kindOf = (type: Type) => (type === 'status' || type === 'outcome' ? 'text' : type === 'int' ? 'double' : type);

export function isBoolean(type: Type): boolean {
  return type === 'bool' || isOpen(type);
}

export function isNumeric(type: Type): boolean {
  return type === 'int' || type === 'double' || isOpen(type);
}

/** Whether a value of the type may have fields. */
export function isWithin(type: Type): boolean {
  return type === 'object' || isOpen(type);
}

/** The type that the operands give; undefined where they always are a fault. */
export function isJoined(op: Arithmetic, left: Type, right: Type): Type | undefined {
  const pair = [left, right];
  if (pair.every((type) => type === 'int' || type === 'any')) return pair.includes('any') ? 'any' : 'int';
  if (op === '%') return undefined;
  if (pair.every((type) => isOpen(type) || type === 'double'))
    return op === '+' && pair.every(isOpen) ? 'any' : 'double';
  if (op !== '+') return undefined;
  const isOf = (kind: Type) => pair.every((type) => kindOf(type) === kind || isOpen(type));
  if (isOf('text')) return 'text';
  return isOf('list') ? 'list' : undefined;
}

type Compare = Extract<Node, { readonly kind: 'compare' }>;

const values: Readonly<Partial<Record<Type, readonly string[]>>> = {
  status: jobStatusSchema.options,
  outcome: ['ran', 'skipped', 'tolerated', 'failed', 'stopped'],
};

/** Comparisons that could not come out but one way, or not at all. */
export function toComparisonFault(node: Compare, left: Type, right: Type): string | undefined {
  if (node.op === 'in') return toMembershipFault(node, right);
  if (node.op === '==' || node.op === '!=') {
    return toValueFault(node.left, right) ?? toValueFault(node.right, left) ?? toKindFault(node, left, right, ['null']);
  }
  const unordered = ([left, right] as const).find((type) => ['null', 'list', 'object'].includes(type));
  if (unordered !== undefined)
    return `${show(node)} compares ${named[left]} with ${named[right]}, and ${node.op} is for numbers and texts`;
  return toKindFault(node, left, right, []);
}

function toKindFault(node: Compare, left: Type, right: Type, besides: readonly Type[]): string | undefined {
  if (kindOf(left) === kindOf(right) || [left, right].some((type) => isOpen(type) || besides.includes(type)))
    return undefined;
  return `${show(node)} compares ${named[left]} with ${named[right]}; convert one, as in int(…), double(…) or string(…)`;
}

function toMembershipFault(node: Compare, right: Type): string | undefined {
  if (isWithin(right) || right === 'list') return undefined;
  const advice = kindOf(right) === 'text' ? `; write ${show(node.right)}.contains(${show(node.left)})` : '';
  return `${show(node.right)} is ${named[right]}, and "in" looks through a list${advice}`;
}

/** `"Ran"` is no outcome. */
function toValueFault(node: Node, other: Type): string | undefined {
  const all = values[other];
  if (all === undefined || node.kind !== 'literal' || typeof node.value !== 'string' || all.includes(node.value))
    return undefined;
  return `${show(node)} is no ${other}${didYouMean(node.value, all) || `; there are ${all.join(', ')}`}`;
}
