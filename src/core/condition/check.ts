/** What is wrong with a condition before there is data: names, and types where they are known. */
import { didYouMean } from '../../contract/nearest.ts';
import { adviseNumbers } from './arithmetic.ts';
import { outputsOf } from './fields.ts';
import { type Node, type Path, pathOf, show } from './node.ts';
import { isBoolean, isJoined, isNumeric, isWithin, named, type Type, toComparisonFault } from './type.ts';

/** What a condition may name. */
export interface ConditionNames {
  /** Names of the workflow's params; null: any. */
  readonly params: readonly string[] | null;
  /** The steps that it may ask about: those upstream. */
  readonly steps: ReadonlyMap<string, 'plain' | 'group' | 'repeat'>;
  /** All ids of the workflow, so that a step that is not upstream is told from one that is unknown. */
  readonly known: ReadonlySet<string>;
  /** The step that asks, where it asks before it begins. */
  readonly self?: string;
  /** Names of `forEach` that are in scope. */
  readonly items: readonly string[];
  readonly roots: readonly ('index' | 'round' | 'previous' | 'workflow')[];
  /** Ids of the steps of a round. */
  readonly previous?: readonly string[];
}

type Of<K extends Node['kind']> = Extract<Node, { readonly kind: K }>;

const faultsMax = 10;
const stepFields = ['status', 'outcome', 'error', 'outputs'];
const workflowFields: Readonly<Record<string, Type>> = { id: 'text', outcome: 'text', failed: 'list' };
const rootsWhere = {
  index: 'within forEach',
  round: 'within repeat',
  previous: 'within repeat',
  workflow: 'in finally',
} as const;

export class Check {
  readonly faults: string[] = [];
  readonly #names: ConditionNames;
  #local: { readonly name: string; readonly type: Type } | undefined;

  constructor(names: ConditionNames) {
    this.#names = names;
  }

  /** Adds to `faults` what is wrong; a condition as a whole is true or false. */
  check(node: Node): void {
    const type = this.#typeOf(node);
    if (isBoolean(type)) return;
    this.#fault(
      `it is ${named[type]}, not true or false; compare it with something, as in ${toComparison(node, type)}`,
    );
  }

  /** After a fault nothing is known of the value, so that one slip is told once. */
  #fault(message: string): Type {
    if (this.faults.length < faultsMax && !this.faults.includes(message)) this.faults.push(message);
    return 'any';
  }

  #typeOf(node: Node): Type {
    switch (node.kind) {
      case 'literal':
        return typeOfLiteral(node.value);
      case 'name':
        return this.#name(node.name);
      case 'field':
        return this.#field(node);
      case 'element':
        return this.#element(node);
      case 'not':
      case 'logic':
        return this.#logic(node);
      case 'negate':
        return this.#negate(node);
      case 'compare':
        return this.#compare(node);
      case 'arithmetic':
        return this.#arithmetic(node);
      case 'choice':
        return this.#choice(node);
      case 'list':
        for (const item of node.items) this.#typeOf(item);
        return 'list';
      case 'call':
        return this.#call(node);
      case 'has':
        this.#typeOf(node.of);
        return 'bool';
      default:
        return this.#macro(node);
    }
  }

  #name(name: string): Type {
    if (this.#local?.name === name) return this.#local.type;
    if (this.#names.items.includes(name)) return 'json';
    const root = this.#root(name);
    if (root !== undefined) return root;
    const known = ['params', 'steps', ...this.#names.roots, ...this.#names.items];
    const advice =
      (name === 'outputs' ? '; results are in steps.<id>.outputs' : didYouMean(name, known)) ||
      `; known here are ${known.join(', ')}, and a text stands in quotes: "${name}"`;
    return this.#fault(`there is no "${name}"${advice}`);
  }

  /** undefined for what is no root. */
  #root(name: string): Type | undefined {
    if (!isRoot(name)) return undefined;
    if (!this.#names.roots.includes(name)) return this.#fault(`${name} is known ${rootsWhere[name]} alone`);
    return name === 'index' || name === 'round' ? 'int' : 'object';
  }

  #field(node: Of<'field'>): Type {
    const path = pathOf(node);
    if (path === undefined || path.root === this.#local?.name || this.#names.items.includes(path.root)) {
      return this.#within(node, this.#typeOf(node.of));
    }
    const { root, keys } = path;
    if (root === 'params') return this.#param(keys[0] as string);
    if (root === 'steps') return this.#step(node, path);
    const type = this.#name(root);
    if (root === 'previous' && type === 'object') return this.#previous(node, path);
    if (root === 'workflow' && type === 'object') return this.#workflow(node, keys);
    return this.#within(node, type);
  }

  #within(node: Of<'field'>, type: Type): Type {
    if (isWithin(type)) return type === 'json' ? 'json' : 'any';
    return this.#fault(`${show(node.of)} is ${named[type]} and has no "${node.key}"`);
  }

  #param(name: string): Type {
    const { params } = this.#names;
    if (params === null || params.includes(name)) return 'json';
    const advice =
      didYouMean(name, params) ||
      `; ${params.length === 0 ? 'it has none' : `it has ${params.slice(0, 10).join(', ')}`}`;
    return this.#fault(`the workflow has no param "${name}"${advice}`);
  }

  #step(node: Of<'field'>, path: Path): Type {
    const [id = '', key] = path.keys;
    const kind = this.#names.steps.get(id);
    if (kind !== undefined) return this.#stepField(node, path, kind);
    const dotted = this.#names.known.has(`${id}.${key}`) ? `; an id with a dot is written steps["${id}.${key}"]` : '';
    const ids = [...this.#names.known].slice(0, 10).join(', ');
    if (id === this.#names.self) return this.#fault(`step "${id}" asks this itself before it begins`);
    if (this.#names.known.has(id)) {
      return this.#fault(`step "${id}" is not upstream, so it may not have ended; name it in "dependencies"`);
    }
    return this.#fault(
      `there is no step "${id}"${dotted || didYouMean(id, this.#names.known) || `; the steps are ${ids}`}`,
    );
  }

  #previous(node: Of<'field'>, path: Path): Type {
    const { previous = [], steps } = this.#names;
    const [id = ''] = path.keys;
    if (!previous.includes(id)) {
      const advice = didYouMean(id, previous) || `; it has ${previous.slice(0, 10).join(', ')}`;
      return this.#fault(`a round has no step "${id}"${advice}`);
    }
    return this.#stepField(node, path, steps.get(id));
  }

  /** `kind` is undefined where it is not known. */
  #stepField(node: Of<'field'>, { root, keys }: Path, kind: 'plain' | 'group' | 'repeat' | undefined): Type {
    const [id = '', key] = keys;
    const step = show({ kind: 'field', of: { kind: 'name', name: root }, key: id });
    // has(previous.<id>) is the question whether there was a round.
    if (key === undefined)
      return root === 'previous' ? 'any' : this.#fault(`name what you mean of ${step}: ${stepFields.join(', ')}`);
    if (!stepFields.includes(key)) {
      const advice =
        didYouMean(key, stepFields) || `; a step has ${stepFields.join(', ')}, and its results are in ${step}.outputs`;
      return this.#fault(`${step} has no "${key}"${this.#dotted(id, key) || advice}`);
    }
    if (keys.length === 2)
      return key === 'outputs' ? 'object' : key === 'error' ? 'any' : key === 'status' ? 'status' : 'outcome';
    if (key !== 'outputs') return this.#fault(`${step}.${key} is a text and has no "${keys[2]}"`);
    const output = outputsOf(kind, keys[2] as string, `${step}.outputs`);
    if ('fault' in output) return this.#fault(output.fault);
    return keys.length === 3 ? output.type : this.#within(node, output.type);
  }

  #dotted(id: string, key: string): string {
    return this.#names.known.has(`${id}.${key}`) ? `; an id with a dot is written steps["${id}.${key}"]` : '';
  }

  #workflow(node: Of<'field'>, [key = '', ...more]: readonly string[]): Type {
    const type = Object.hasOwn(workflowFields, key) ? workflowFields[key] : undefined;
    if (type !== undefined) return more.length === 0 ? type : this.#within(node, type);
    return this.#fault(`workflow has no "${key}"; it has ${Object.keys(workflowFields).join(', ')}`);
  }

  #element(node: Of<'element'>): Type {
    const of = this.#typeOf(node.of);
    this.#typeOf(node.at);
    if (isWithin(of) || of === 'list') return of === 'json' ? 'json' : 'any';
    return this.#fault(`${show(node.of)} is ${named[of]} and has no [${show(node.at)}]`);
  }

  #logic(node: Of<'not' | 'logic'>): Type {
    for (const part of node.kind === 'not' ? [node.of] : [node.left, node.right]) this.#boolean(part);
    return 'bool';
  }

  #boolean(node: Node): void {
    const type = this.#typeOf(node);
    if (!isBoolean(type)) this.#fault(`${show(node)} is ${named[type]}, not true or false; compare it with something`);
  }

  #negate(node: Of<'negate'>): Type {
    const type = this.#typeOf(node.of);
    if (isNumeric(type)) return type;
    return this.#fault(`${show(node.of)} is ${named[type]}, and - takes a number`);
  }

  #compare(node: Of<'compare'>): Type {
    const left = this.#typeOf(node.left);
    const right = this.#typeOf(node.right);
    const wrong = toComparisonFault(node, left, right);
    if (wrong !== undefined) this.#fault(wrong);
    return 'bool';
  }

  #arithmetic(node: Of<'arithmetic'>): Type {
    const hyphenated = node.op === '-' ? this.#hyphenated(node) : undefined;
    if (hyphenated !== undefined) return this.#fault(hyphenated);
    const left = this.#typeOf(node.left);
    const right = this.#typeOf(node.right);
    const joined = isJoined(node.op, left, right);
    if (joined !== undefined) return joined;
    if (isNumeric(left) && isNumeric(right)) {
      return this.#fault(
        `${show(node)} mixes whole numbers with numbers of params or outputs, which are doubles; ${adviseNumbers(node)}`,
      );
    }
    return this.#fault(`${show(node)} takes ${named[left]} and ${named[right]}`);
  }

  /** `steps.my-step.outputs` is read as a subtraction. */
  #hyphenated({ left }: Of<'arithmetic'>): string | undefined {
    const path = pathOf(left);
    if (path?.root !== 'steps' || path.keys.length !== 1) return undefined;
    const id = [...this.#names.known].find((known) => known.startsWith(`${path.keys[0]}-`));
    return id && `an id with a hyphen is read as a subtraction: write steps["${id}"]`;
  }

  #choice(node: Of<'choice'>): Type {
    this.#boolean(node.test);
    const yes = this.#typeOf(node.yes);
    const no = this.#typeOf(node.no);
    return yes === no ? yes : 'any';
  }

  #call(node: Of<'call'>): Type {
    const types = node.args.map((arg) => this.#typeOf(arg));
    const [first = 'any'] = types;
    if (node.name === 'size')
      return isWithin(first) || isText(first) || first === 'list' ? 'int' : this.#unfit(node, types);
    if (node.name === 'string' || node.name === 'int' || node.name === 'double') {
      const isSimple =
        first !== 'list' && first !== 'object' && first !== 'null' && (node.name === 'string' || first !== 'bool');
      return isSimple ? (node.name === 'string' ? 'text' : node.name) : this.#unfit(node, types);
    }
    return types.every((type) => isText(type) || type === 'json' || type === 'any') ? 'bool' : this.#unfit(node, types);
  }

  #unfit(node: Of<'call'>, types: readonly Type[]): Type {
    return this.#fault(
      `${show(node)} takes ${types.map((type) => named[type]).join(' and ')}, which ${node.name} is not for`,
    );
  }

  #macro(node: Of<'macro'>): Type {
    const over = this.#typeOf(node.over);
    if (!isWithin(over) && over !== 'list')
      return this.#fault(`${show(node.over)} is ${named[over]}, and ${node.name} looks through a list`);
    if (this.#names.items.includes(node.local)) {
      return this.#fault(`"${node.local}" is a name of forEach; give the element of ${node.name} another name`);
    }
    this.#local = { name: node.local, type: over === 'json' ? 'json' : 'any' };
    this.#boolean(node.test);
    this.#local = undefined;
    return 'bool';
  }
}

function isRoot(name: string): name is keyof typeof rootsWhere {
  return Object.hasOwn(rootsWhere, name);
}

function isText(type: Type): boolean {
  return type === 'text' || type === 'status' || type === 'outcome';
}

function typeOfLiteral(value: unknown): Type {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'number' ? 'double' : 'bool';
}

function toComparison(node: Node, type: Type): string {
  if (type === 'list' || type === 'object') return `size(${show(node)}) > 0`;
  return isText(type) ? `${show(node)} == "x"` : `${show(node)} > 0`;
}
