/** `+ - * / %` as CEL has them: whole numbers with whole numbers, doubles with doubles, texts and lists joined by `+`. */
import { isNumber } from './equal.ts';
import { describe, type Fault, fault } from './fault.ts';
import { type Arithmetic, type Node, show } from './node.ts';
import type { Work } from './work.ts';

type Pair = Extract<Node, { readonly kind: 'arithmetic' }>;

const intMax = 2n ** 63n - 1n;
const intMin = -(2n ** 63n);
/** What calculating with bigints takes besides. */
const unitsPerInts = 2;
/** What joining two texts takes besides, and the characters that are joined in the time of one unit. */
const unitsPerJoin = 3;
const joinedPerUnit = 64;

/** The value, or a Fault. */
export function calculate(node: Pair, left: unknown, right: unknown, work: Work): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    work.spend(unitsPerInts);
    return withInts(node, left, right);
  }
  if (typeof left === 'number' && typeof right === 'number' && node.op !== '%')
    return withDoubles(node.op, left, right);
  if (isNumber(left) && isNumber(right))
    return fault(() => `${show(node)} takes ${describe(left)} and ${describe(right)}; ${adviseNumbers(node)}`);
  if (node.op === '+' && typeof left === 'string' && typeof right === 'string') {
    work.spend(unitsPerJoin);
    work.readText(left.length + right.length, joinedPerUnit);
    return left + right;
  }
  if (node.op === '+' && Array.isArray(left) && Array.isArray(right)) {
    work.lookThrough(left.length + right.length);
    work.spend(left.length + right.length);
    return [...left, ...right];
  }
  return fault(() => `${show(node)} takes ${describe(left)} and ${describe(right)}`);
}

function withInts(node: Pair, left: bigint, right: bigint): bigint | Fault {
  if (right === 0n && (node.op === '/' || node.op === '%')) return fault(() => `${show(node)} divides by zero`);
  const value = intsBy[node.op](left, right);
  if (value > intMax || value < intMin) return fault(() => `${show(node)} is too large for a whole number`);
  return value;
}

const intsBy: Readonly<Record<Arithmetic, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

function withDoubles(op: Exclude<Arithmetic, '%'>, left: number, right: number): number {
  if (op === '+') return left + right;
  if (op === '-') return left - right;
  return op === '*' ? left * right : left / right;
}

/** How numbers of two kinds, or two doubles under `%`, are written. */
export function adviseNumbers({ op, left, right }: Pair): string {
  if (op === '%') return `% is for whole numbers: write ${toInt(left)} % ${toInt(right)}`;
  const wholes = `${toInt(left)} ${op} ${toInt(right)}`;
  return `write ${toDouble(left)} ${op} ${toDouble(right)}, or ${wholes}`;
}

function toDouble(node: Node): string {
  if (node.kind === 'literal' && typeof node.value === 'bigint') return `${node.value}.0`;
  return isWhole(node) ? `double(${show(node)})` : show(node);
}

function toInt(node: Node): string {
  return isWhole(node) ? show(node) : `int(${show(node)})`;
}

/** Whether the node is a whole number by its look. */
function isWhole(node: Node): boolean {
  if (node.kind === 'literal') return typeof node.value === 'bigint';
  if (node.kind === 'call') return node.name === 'int' || node.name === 'size';
  return node.kind === 'name' && (node.name === 'index' || node.name === 'round');
}
