/** The parts that a condition is made of, and how one is shown in a message. */

/** `in` is asked like a comparison. */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type Macro = 'exists' | 'all' | 'exists_one';
export type FunctionName = 'size' | 'startsWith' | 'endsWith' | 'contains' | 'int' | 'double' | 'string';

/** CEL's int is a bigint, its double a number. */
export type Literal = string | number | bigint | boolean | null;

/** `of.key` and `of["key"]`. */
export interface Field {
  readonly kind: 'field';
  readonly of: Node;
  readonly key: string;
}

export type Node =
  | { readonly kind: 'literal'; readonly value: Literal }
  | { readonly kind: 'name'; readonly name: string }
  | Field
  | { readonly kind: 'element'; readonly of: Node; readonly at: Node }
  | { readonly kind: 'not'; readonly of: Node }
  | { readonly kind: 'negate'; readonly of: Node }
  | { readonly kind: 'logic'; readonly op: '&&' | '||'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'compare'; readonly op: Comparison; readonly left: Node; readonly right: Node }
  | { readonly kind: 'arithmetic'; readonly op: Arithmetic; readonly left: Node; readonly right: Node }
  | { readonly kind: 'choice'; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Node[] }
  | { readonly kind: 'has'; readonly of: Field }
  | { readonly kind: 'macro'; readonly name: Macro; readonly over: Node; readonly local: string; readonly test: Node };

/** `steps.a.outputs` is the root `steps` and the keys `a` and `outputs`. */
export interface Path {
  readonly root: string;
  readonly keys: readonly string[];
}

/** undefined where the node is no name with fields. */
export function pathOf(node: Node): Path | undefined {
  const keys: string[] = [];
  let at = node;
  while (at.kind === 'field') {
    keys.push(at.key);
    at = at.of;
  }
  return at.kind === 'name' ? { root: at.name, keys: keys.reverse() } : undefined;
}

/** What a node hangs on, from left to right. */
export function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'field':
    case 'not':
    case 'negate':
    case 'has':
      return [node.of];
    case 'element':
      return [node.of, node.at];
    case 'logic':
    case 'compare':
    case 'arithmetic':
      return [node.left, node.right];
    case 'choice':
      return [node.test, node.yes, node.no];
    case 'list':
      return node.items;
    case 'call':
      return node.args;
    default:
      return [node.over, node.test];
  }
}

const shownMax = 80;
const plainKey = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The node as an author would write it, cut at 80 characters. */
export function show(node: Node): string {
  const text = write(node);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

function write(node: Node): string {
  switch (node.kind) {
    case 'literal':
      return writeLiteral(node.value);
    case 'name':
      return node.name;
    case 'field':
      return write(node.of) + (plainKey.test(node.key) ? `.${node.key}` : `[${JSON.stringify(node.key)}]`);
    case 'element':
      return `${write(node.of)}[${write(node.at)}]`;
    case 'not':
      return `!${writeInner(node.of)}`;
    case 'negate':
      return `-${writeInner(node.of)}`;
    case 'logic':
    case 'compare':
    case 'arithmetic':
      return `${writeInner(node.left)} ${node.op} ${writeInner(node.right)}`;
    case 'choice':
      return `${writeInner(node.test)} ? ${writeInner(node.yes)} : ${writeInner(node.no)}`;
    case 'list':
      return `[${node.items.map(write).join(', ')}]`;
    case 'call':
      return `${node.name}(${node.args.map(write).join(', ')})`;
    case 'has':
      return `has(${write(node.of)})`;
    default:
      return `${write(node.over)}.${node.name}(${node.local}, ${write(node.test)})`;
  }
}

function writeInner(node: Node): string {
  const isPair =
    node.kind === 'logic' || node.kind === 'compare' || node.kind === 'arithmetic' || node.kind === 'choice';
  return isPair ? `(${write(node)})` : write(node);
}

function writeLiteral(value: Literal): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' && Number.isInteger(value) ? value.toFixed(1) : String(value);
}
