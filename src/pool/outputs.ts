/**
 * From what a task returned to the JSON text that is journaled. Done in the thread, so that the single writer appends
 * bytes and never walks a task's object.
 *
 * Guarantees:
 *   O1  the text parses to plain data: objects, arrays, strings, finite numbers, booleans, null;
 *   O2  it is at most `bytesMax` long and `limits.jsonDepthMax` deep;
 *   O3  anything else is a TaskFailure that names the place: nothing is dropped silently but properties set to undefined.
 */
import { limits } from '../contract/limits.ts';
import { TaskFailure } from '../contract/task.ts';

export function toJsonText(what: string, value: unknown, bytesMax: number): string {
  if (!isPlainObject(value)) {
    throw new TaskFailure('OUTPUT_INVALID', `${what} must be a plain object, not ${describe(value)}`);
  }
  const tooLarge = () =>
    new TaskFailure('OUTPUT_TOO_LARGE', `${what} take more than ${bytesMax} bytes of JSON, the most that is stored`);
  // The walk bounds depth and size first: JSON.stringify overflows the stack on depth and doubles memory on size.
  let bytesMin = 0;
  const pending: Node[] = [{ value, path: what, depth: 1 }];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    // Every node takes two bytes at least (a digit or bracket, and a comma), which also ends walks over shared branches.
    bytesMin += 2 + (typeof node.value === 'string' ? node.value.length : 0);
    if (bytesMin > bytesMax) throw tooLarge();
    pushChildren(node, pending);
  }
  const text = stringify(what, value);
  if (Buffer.byteLength(text) > bytesMax) throw tooLarge();
  return text;
}

interface Node {
  value: unknown;
  path: string;
  depth: number;
}

function pushChildren({ value, path, depth }: Node, pending: Node[]): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (!Array.isArray(value) && !isPlainObject(value)) {
    throw new TaskFailure('OUTPUT_INVALID', `${path} is ${describe(value)}, which JSON cannot hold`);
  }
  if (depth > limits.jsonDepthMax) {
    throw new TaskFailure(
      'OUTPUT_INVALID',
      `${path} is nested deeper than ${limits.jsonDepthMax}, or refers to itself`,
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1)
      pending.push({ value: value[i], path: `${path}[${i}]`, depth: depth + 1 });
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === '__proto__') throw new TaskFailure('OUTPUT_INVALID', `${path} has a property named __proto__`);
    if (child !== undefined) pending.push({ value: child, path: `${path}.${key}`, depth: depth + 1 });
  }
}

function stringify(what: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // A string beyond what the engine can hold, or a toJSON() that throws.
    throw new TaskFailure('OUTPUT_INVALID', `${what} cannot be written as JSON: ${String(error)}`, { cause: error });
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects made in another realm have another Object.prototype: what counts is that it is the end of the chain.
  return prototype === null || (Object.getPrototypeOf(prototype) === null && !('toJSON' in value));
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return `an object of class ${value.constructor?.name ?? 'unknown'}`;
  if (typeof value === 'number') return String(value);
  return `a ${typeof value}`;
}
