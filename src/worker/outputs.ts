/**
 * Turns a task's result into the JSON text that is journaled. The task's own thread does it, so that the single
 * writer appends bytes and never walks a task's object.
 *
 * Guarantees:
 *   O1  the text parses to plain data: objects, arrays, strings, finite numbers, booleans, null;
 *   O2  it is at most `bytesMax` long and `limits.jsonDepthMax` deep;
 *   O3  anything else is a TaskFailure that names the place in the value. Only properties set to undefined are
 *       dropped silently.
 */
import { limits } from '../contract/limits.ts';
import { TaskFailure } from '../contract/task.ts';

export function toJsonText(what: string, value: unknown, bytesMax: number): string {
  if (!isPlainObject(value)) {
    throw new TaskFailure('OUTPUT_INVALID', `${what} must be a plain object, not ${describe(value)}`);
  }
  const tooLarge = () =>
    new TaskFailure('OUTPUT_TOO_LARGE', `${what} take more than ${bytesMax} bytes of JSON, the most that is stored`);
  // The walk bounds depth and size first: JSON.stringify overflows the stack on depth and doubles memory on size. The
  // walk keeps one entry a level, not one a value: millions of values in one answer would fill the heap that many
  // jobs share.
  let bytesMin = 0;
  const open: Container[] = [];
  const enter = (child: unknown): void => {
    // Every value takes two bytes at least: a digit or bracket, and a comma. The bound also ends walks over shared
    // branches.
    bytesMin += 2 + (typeof child === 'string' ? child.length : 0);
    if (bytesMin > bytesMax) throw tooLarge();
    if (!isScalar(child)) open.push(toContainer(child, () => toPath(what, open), open.length));
  };
  enter(value);
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    if (inner.next === inner.values.length) {
      open.pop();
      continue;
    }
    const child = inner.values[inner.next];
    inner.next += 1;
    if (child !== undefined || inner.keys === null) enter(child);
  }
  const text = stringify(what, value);
  if (Buffer.byteLength(text) > bytesMax) throw tooLarge();
  return text;
}

interface Container {
  /** null for an array. */
  readonly keys: readonly string[] | null;
  readonly values: readonly unknown[];
  /** Index of the next value. */
  next: number;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function toContainer(value: unknown, path: () => string, depth: number): Container {
  if (!Array.isArray(value) && !isPlainObject(value)) {
    throw new TaskFailure('OUTPUT_INVALID', `${path()} is ${describe(value)}, which JSON cannot hold`);
  }
  if (depth >= limits.jsonDepthMax) {
    throw new TaskFailure(
      'OUTPUT_INVALID',
      `${path()} is nested deeper than ${limits.jsonDepthMax}, or refers to itself`,
    );
  }
  if (Array.isArray(value)) return { keys: null, values: value, next: 0 };
  const keys = Object.keys(value);
  if (keys.includes('__proto__')) {
    throw new TaskFailure('OUTPUT_INVALID', `${path()} has a property named __proto__`);
  }
  return { keys, values: Object.values(value), next: 0 };
}

/** The path of the current value: `outputs.deep[0].call`. */
function toPath(what: string, open: readonly Container[]): string {
  return open.reduce(
    (path, { keys, next }) => (keys === null ? `${path}[${next - 1}]` : `${path}.${keys[next - 1]}`),
    what,
  );
}

function stringify(what: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // The text would be longer than a string can be, or a toJSON() threw.
    throw new TaskFailure('OUTPUT_INVALID', `${what} cannot be written as JSON: ${String(error)}`, { cause: error });
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm have another Object.prototype, so the test is that the prototype has none itself.
  return prototype === null || (Object.getPrototypeOf(prototype) === null && !('toJSON' in value));
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return `an object of class ${value.constructor?.name ?? 'unknown'}`;
  if (typeof value === 'number') return String(value);
  return `a ${typeof value}`;
}
