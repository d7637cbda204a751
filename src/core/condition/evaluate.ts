/**
 * The value of a condition's nodes over data.
 *
 * The language is CEL's, and so are `&&` and `||`: a side that decides makes a fault of the other side count for nothing.
 * A fault is a value and not an exception, so that a thousand of them in a list cost what a thousand values do.
 */

import { calculate } from './arithmetic.ts';
import { callFunction } from './calls.ts';
import { compareTexts, isEqual, isNumber, isObject, namesOf } from './equal.ts';
import { describe, Fault, fault } from './fault.ts';
import { type Comparison, type Node, show } from './node.ts';
import type { Work } from './work.ts';

/** What a step is to a condition. `kind`, where it has one, says which of its outputs are CEL ints. */
export interface StepScope {
  readonly status: string;
  readonly outcome: string;
  readonly error: string | null;
  readonly outputs: unknown;
  readonly kind?: 'plain' | 'group' | 'repeat';
}

export interface Scope {
  readonly params: Readonly<Record<string, unknown>>;
  readonly steps: Readonly<Record<string, StepScope>>;
  readonly items: Readonly<Record<string, unknown>>;
  readonly index?: number;
  readonly round?: number;
  readonly previous?: Readonly<Record<string, StepScope>>;
  readonly workflow?: { readonly id: string; readonly outcome: string; readonly failed: readonly string[] };
}

/** Outputs that the engine counts: whole numbers. */
export const counts: ReadonlySet<string> = new Set(['count', 'failed', 'skipped', 'rounds']);

type Of<K extends Node['kind']> = Extract<Node, { readonly kind: K }>;

export class Evaluation {
  readonly #scope: Scope;
  readonly #work: Work;
  /** The element that a macro looks at. There is one at most: macros do not stand within each other. */
  #local: { readonly name: string; value: unknown } | undefined;

  constructor(scope: Scope, work: Work) {
    this.#scope = scope;
    this.#work = work;
  }

  /** The value, or a Fault. Throws BoundReached. */
  run(node: Node): unknown {
    if (node.kind === 'literal') return node.value;
    this.#work.spend(1);
    switch (node.kind) {
      case 'name':
        return this.#name(node.name);
      case 'field':
        return this.#field(node);
      case 'element':
        return this.#element(node);
      case 'not':
      case 'negate':
        return this.#unary(node);
      case 'logic':
        return this.#logic(node);
      case 'compare':
      case 'arithmetic':
        return this.#pair(node);
      case 'choice':
        return this.#choice(node);
      case 'list':
      case 'call':
        return this.#several(node);
      case 'has':
        return this.#has(node);
      default:
        return this.#macro(node);
    }
  }

  #name(name: string): unknown {
    if (this.#local?.name === name) return this.#local.value;
    const { items } = this.#scope;
    if (Object.hasOwn(items, name)) return items[name];
    const value = isRoot(name) ? this.#scope[name] : undefined;
    if (value === undefined) return fault(() => `there is no "${name}" here`);
    return typeof value === 'number' ? BigInt(value) : value;
  }

  #field(node: Of<'field'>): unknown {
    const base = node.of.kind === 'name' ? this.#name(node.of.name) : this.run(node.of);
    if (base instanceof Fault) return base;
    if (!isObject(base)) return noFields(node.of, base, node.key);
    const value = Object.hasOwn(base, node.key) ? base[node.key] : undefined;
    if (value === undefined) return fault(() => `${show(node.of)} has no "${node.key}"`);
    return typeof value === 'number' && counts.has(node.key) && this.#isCount(node) ? BigInt(value) : value;
  }

  /** Whether the field is `steps.<id>.outputs.<key>` of a step with items or rounds. */
  #isCount({ of }: Of<'field'>): boolean {
    if (of.kind !== 'field' || of.key !== 'outputs' || of.of.kind !== 'field' || of.of.of.kind !== 'name') return false;
    const root = of.of.of.name;
    const steps = root === 'steps' ? this.#scope.steps : root === 'previous' ? this.#scope.previous : undefined;
    const kind = steps?.[of.of.key]?.kind;
    return kind === 'group' || kind === 'repeat';
  }

  #element(node: Of<'element'>): unknown {
    const base = this.run(node.of);
    if (base instanceof Fault) return base;
    const at = this.run(node.at);
    if (at instanceof Fault) return at;
    const isPlace = Array.isArray(base) && isNumber(at);
    if (!isPlace && !(isObject(base) && typeof at === 'string')) {
      return fault(() => `${show(node.of)} is ${describe(base)} and has no place ${describe(at)}`);
    }
    // A place in a list is a number, in an object a name; both are read alike.
    const place = isPlace ? Number(at) : String(at);
    const value = Object.hasOwn(base, place) ? (base as Record<PropertyKey, unknown>)[place] : undefined;
    return value === undefined
      ? fault(() => `${show(node.of)} is ${describe(base)} and has no [${String(at)}]`)
      : value;
  }

  #unary(node: Of<'not' | 'negate'>): unknown {
    const value = this.run(node.of);
    if (value instanceof Fault) return value;
    if (node.kind === 'not') return typeof value === 'boolean' ? !value : noBool(node.of, value);
    return isNumber(value) ? -value : fault(() => `${show(node.of)} is ${describe(value)}, and - takes a number`);
  }

  #logic(node: Of<'logic'>): unknown {
    const deciding = node.op === '||';
    const left = this.run(node.left);
    if (left === deciding) return deciding;
    const right = this.run(node.right);
    if (right === deciding) return deciding;
    if (typeof left !== 'boolean') return left instanceof Fault ? left : noBool(node.left, left);
    if (typeof right !== 'boolean') return right instanceof Fault ? right : noBool(node.right, right);
    return !deciding;
  }

  #pair(node: Of<'compare' | 'arithmetic'>): unknown {
    const left = this.run(node.left);
    if (left instanceof Fault) return left;
    const right = this.run(node.right);
    if (right instanceof Fault) return right;
    if (node.kind === 'arithmetic') return calculate(node, left, right, this.#work);
    if (node.op === '==') return isEqual(left, right, this.#work);
    if (node.op === '!=') return !isEqual(left, right, this.#work);
    return node.op === 'in' ? this.#isIn(node, left, right) : this.#order(node, left, right);
  }

  #isIn(node: Of<'compare'>, value: unknown, within: unknown): unknown {
    if (Array.isArray(within)) {
      this.#work.lookThrough(within.length);
      return within.some((element) => isEqual(value, element, this.#work));
    }
    if (isObject(within)) return typeof value === 'string' && Object.hasOwn(within, value);
    return fault(
      () =>
        `${show(node.right)} is ${describe(within)}, and "in" looks through a list; text.contains("part") looks through a text`,
    );
  }

  #order(node: Of<'compare'>, left: unknown, right: unknown): unknown {
    if (isNumber(left) && isNumber(right)) return isOrdered(node.op, left, right);
    if (typeof left === 'string' && typeof right === 'string')
      return isOrdered(node.op, compareTexts(left, right, this.#work), 0);
    if (typeof left === 'boolean' && typeof right === 'boolean') return isOrdered(node.op, Number(left), Number(right));
    return fault(() => `${show(node)} compares ${describe(left)} with ${describe(right)}`);
  }

  #choice(node: Of<'choice'>): unknown {
    const test = this.run(node.test);
    if (typeof test === 'boolean') return this.run(test ? node.yes : node.no);
    return test instanceof Fault ? test : noBool(node.test, test);
  }

  #several(node: Of<'list' | 'call'>): unknown {
    const values: unknown[] = [];
    for (const part of node.kind === 'list' ? node.items : node.args) {
      const value = this.run(part);
      if (value instanceof Fault) return value;
      values.push(value);
    }
    return node.kind === 'list' ? values : callFunction(node, values, this.#work);
  }

  #has({ of }: Of<'has'>): unknown {
    const base = this.run(of.of);
    if (base instanceof Fault) return base;
    return isObject(base) ? Object.hasOwn(base, of.key) && base[of.key] !== undefined : noFields(of.of, base, of.key);
  }

  #macro(node: Of<'macro'>): unknown {
    const over = this.run(node.over);
    if (over instanceof Fault) return over;
    if (!Array.isArray(over) && !isObject(over))
      return fault(() => `${show(node.over)} is ${describe(over)}, and ${node.name} looks through a list`);
    const elements: readonly unknown[] = Array.isArray(over) ? over : namesOf(over, this.#work);
    this.#work.lookThrough(elements.length);
    const value = this.#lookThrough(node, elements);
    this.#local = undefined;
    return value;
  }

  /** A fault of one element counts where no other element decides; exists_one has to know of each. */
  #lookThrough({ name, local, test }: Of<'macro'>, elements: readonly unknown[]): unknown {
    const here = { name: local, value: undefined as unknown };
    this.#local = here;
    let first: Fault | undefined;
    let found = 0;
    for (const element of elements) {
      here.value = element;
      const given = this.run(test);
      const answer = typeof given === 'boolean' || given instanceof Fault ? given : noBool(test, given);
      if (answer instanceof Fault) {
        if (name === 'exists_one') return answer;
        first ??= answer;
      } else if (name === 'all' ? !answer : name === 'exists' && answer) return answer;
      else found += answer ? 1 : 0;
    }
    return first ?? (name === 'exists_one' ? found === 1 : name === 'all');
  }
}

function isRoot(name: string): name is Exclude<keyof Scope, 'items'> {
  return ['params', 'steps', 'index', 'round', 'previous', 'workflow'].includes(name);
}

function isOrdered(op: Comparison, left: number | bigint, right: number | bigint): boolean {
  if (op === '<') return left < right;
  if (op === '<=') return left <= right;
  return op === '>' ? left > right : left >= right;
}

function noBool(node: Node, value: unknown): Fault {
  return fault(() => `${show(node)} is ${describe(value)}, not true or false; compare it with something`);
}

function noFields(node: Node, base: unknown, key: string): Fault {
  const advice =
    key === 'length' && (Array.isArray(base) || typeof base === 'string')
      ? `; how long it is, size(${show(node)}) says`
      : '';
  return fault(() => `${show(node)} is ${describe(base)} and has no "${key}"${advice}`);
}
