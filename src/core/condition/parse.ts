/**
 * From the text of a condition to its nodes, or to what is wrong with the text.
 *
 * The grammar is that of CEL, read by a library. What is in CEL and not in conditions is refused here, so that nothing
 * can be asked whose cost is not in proportion to the text and the longest list: regular expressions, lists made from
 * lists, a look through a list for each element of another.
 */
import { type ASTNode, Environment, type ParseError, type SourceRange } from '@marcbachmann/cel-js';
import { didYouMean } from '../../contract/nearest.ts';
import type { Arithmetic, Comparison, Field, FunctionName, Literal, Macro, Node } from './node.ts';

export const conditionLengthMax = 1_000;
export const conditionNodesMax = 200;
export const conditionDepthMax = 16;

const limits = {
  maxAstNodes: conditionNodesMax,
  maxDepth: conditionDepthMax,
  maxListElements: conditionNodesMax,
  maxMapEntries: conditionNodesMax,
  maxCallArguments: conditionNodesMax,
};
const environment = new Environment({ limits });

/** Roots that are asked for their fields alone, with the example that a message gives. */
const wholes: Readonly<Record<string, string>> = {
  params: 'params.topic',
  steps: 'steps.draft.outputs',
  previous: 'previous.draft.outputs',
  workflow: 'workflow.outcome',
};
const reserved = new Set(['params', 'steps', 'previous', 'workflow', 'index', 'round']);

const functions = new Set<string>(['size', 'int', 'double', 'string', 'has'] satisfies (FunctionName | 'has')[]);
const methods = new Set<string>(['size', 'startsWith', 'endsWith', 'contains'] satisfies FunctionName[]);
const macros = new Set<string>(['exists', 'all', 'exists_one'] satisfies Macro[]);
const allowed = [...functions, ...[...methods].slice(1), ...macros];

/** Ends in a message for the author. */
class Refusal extends Error {}

function refuse(message: string): never {
  throw new Refusal(message);
}

/** `nodes`: how many there are. */
export type ParsedCondition = { readonly node: Node; readonly nodes: number } | { readonly fault: string };

export function parseCondition(text: string): ParsedCondition {
  if (text.length > conditionLengthMax) {
    return {
      fault: `it has ${text.length} characters, at most ${conditionLengthMax} are allowed; use a transform step`,
    };
  }
  let ast: ASTNode;
  try {
    ast = environment.parse(text).ast;
  } catch (error) {
    return { fault: toSyntaxFault(error as ParseError, text) };
  }
  try {
    const reader = new Reader();
    return { node: reader.read(ast), nodes: reader.nodes };
  } catch (error) {
    return { fault: (error as Refusal).message };
  }
}

/** Slips that are told by their look, each outside of texts in quotes. */
const slips: readonly (readonly [RegExp, string])[] = [
  [/^\s*$/, 'it is empty; write what must be true, or leave it out'],
  [/\{\{|\}\}/, 'a condition has no double braces: write params.topic, not {{params.topic}}'],
  [/===|!==/, 'to compare, write == or !='],
  [/[^=!<>]=(?!=)/, 'one = compares nothing: write =='],
  [/(?<!&)&(?!&)/, 'one & joins nothing: write &&'],
  [/(?<!\|)\|(?!\|)/, 'one | joins nothing: write ||'],
  [/\?\?/, 'there is no ?? in a condition: ask has(…) first, as in has(params.topic) && params.topic == "x"'],
  [/\?\./, 'there is no ?. in a condition: ask has(…) first'],
  [/\b(?:and|AND)\b/, 'to join two conditions, write && instead of "and"'],
  [/\b(?:or|OR)\b/, 'to join two conditions, write || instead of "or"'],
  [/\b(?:not|NOT)\b/, 'for the opposite, write ! instead of "not"'],
];

function toSyntaxFault({ code, summary, range }: ParseError, text: string): string {
  if (code === 'limit_exceeded') {
    const what = summary.includes('maxDepth')
      ? `is nested deeper than ${conditionDepthMax}`
      : `has more than ${conditionNodesMax} parts`;
    return `it ${what}; use a transform step`;
  }
  if (code === 'invalid_macro_argument') {
    return 'exists, all and exists_one begin with a name for the element, as in list.exists(x, x > 1.0)';
  }
  const outside = text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
  const slip = slips.find(([look]) => look.test(outside));
  if (slip !== undefined) return slip[1];
  if (summary.startsWith('Expected IDENTIFIER')) {
    return 'after a dot comes a name; other keys, and words such as "in" and "true", stand in brackets: outputs["in"]';
  }
  // An error of the grammar always has its place.
  const { start, end } = range as SourceRange;
  if (code === 'reserved_identifier') return `"${text.slice(start, end)}" is a word of CEL; rename it`;
  const place = start >= text.length ? 'its end is missing' : `see character ${start + 1}`;
  return `it cannot be read: ${place} (${toPlain(summary)})`;
}

const tokens: Readonly<Record<string, string>> = {
  EOF: 'the end',
  IDENTIFIER: 'a name',
  NUMBER: 'a number',
  STRING: 'a text',
  RPAREN: '")"',
  LPAREN: '"("',
  RBRACKET: '"]"',
  COLON: '":"',
};

/** The library's message without the names of its tokens. */
function toPlain(summary: string): string {
  const text = summary.charAt(0).toLowerCase() + summary.slice(1);
  return text.replace(/\b[A-Z]{2,}\b/g, (token) => tokens[token] ?? token.toLowerCase());
}

class Reader {
  nodes = 0;
  /** The name of the element, within the test of a macro. */
  #macro: Macro | undefined;

  read(ast: ASTNode): Node {
    this.nodes += 1;
    switch (ast.op) {
      case 'value':
        return { kind: 'literal', value: toLiteral(ast.args) };
      case 'id':
        return this.#name(ast.args);
      case '.':
        return this.#field(ast.args[0], ast.args[1]);
      case '[]':
        return this.#element(ast.args[0], ast.args[1]);
      case '!_':
        return { kind: 'not', of: this.read(ast.args) };
      case '-_':
        return this.#negate(ast.args);
      case '&&':
      case '||':
        return { kind: 'logic', op: ast.op, ...this.#pair(ast.args) };
      case '?:':
        return {
          kind: 'choice',
          test: this.read(ast.args[0]),
          yes: this.read(ast.args[1]),
          no: this.read(ast.args[2]),
        };
      case 'list':
        return { kind: 'list', items: ast.args.map((item) => this.read(item)) };
      case 'map':
        return refuse('objects in braces are not for conditions; compare their fields one by one');
      case 'call':
        return this.#call(ast.args[0], undefined, ast.args[1]);
      case 'rcall':
        return this.#call(ast.args[0], ast.args[1], ast.args[2]);
      default:
        return this.#operator(ast.op, ast.args as [ASTNode, ASTNode]);
    }
  }

  #pair([left, right]: readonly [ASTNode, ASTNode]): { left: Node; right: Node } {
    return { left: this.read(left), right: this.read(right) };
  }

  #operator(op: string, args: readonly [ASTNode, ASTNode]): Node {
    if ('+-*/%'.includes(op)) return { kind: 'arithmetic', op: op as Arithmetic, ...this.#pair(args) };
    return { kind: 'compare', op: op as Comparison, ...this.#pair(args) };
  }

  #name(name: string): Node {
    const example = Object.hasOwn(wholes, name) ? wholes[name] : undefined;
    if (example !== undefined)
      refuse(`name what you mean of ${name}, as in ${example}; whether it is there, has(…) says`);
    return { kind: 'name', name };
  }

  #field(of: ASTNode, key: string): Field {
    // A root that is no value by itself may stand before a key.
    const base: Node = of.op === 'id' ? { kind: 'name', name: of.args } : this.read(of);
    if (of.op === 'id') this.nodes += 1;
    return { kind: 'field', of: base, key };
  }

  #element(of: ASTNode, at: ASTNode): Node {
    if (at.op === 'value' && typeof at.args === 'string') return this.#field(of, at.args);
    if (of.op === 'id' && Object.hasOwn(wholes, of.args))
      refuse(`${of.args}[…] takes a name in quotes, as in ${of.args}["draft"]`);
    return { kind: 'element', of: this.read(of), at: this.read(at) };
  }

  #negate(ast: ASTNode): Node {
    const of = this.read(ast);
    const isNumber = of.kind === 'literal' && (typeof of.value === 'bigint' || typeof of.value === 'number');
    return isNumber ? { kind: 'literal', value: -(of.value as number) } : { kind: 'negate', of };
  }

  #call(name: string, receiver: ASTNode | undefined, args: readonly ASTNode[]): Node {
    if (receiver !== undefined && macros.has(name)) return this.#macroOf(name as Macro, receiver, args);
    if (!allowed.includes(name)) {
      const near = didYouMean(name, allowed).slice(2);
      refuse(`${name}() is not for conditions; ${near || `they have ${allowed.join(', ')}; use a transform step`}`);
    }
    const isMethod = receiver !== undefined;
    if (!(isMethod ? methods : functions).has(name)) refuse(`${name} is written ${usage(name)}`);
    const given = isMethod ? [receiver, ...args] : args;
    const wanted = functions.has(name) ? 1 : 2;
    if (given.length !== wanted) refuse(`${name} is written ${usage(name)}`);
    const read = given.map((arg) => this.#argument(name, arg));
    return name === 'has' ? this.#has(read[0] as Node) : { kind: 'call', name: name as FunctionName, args: read };
  }

  #argument(name: string, arg: ASTNode): Node {
    if (name === 'has' && arg.op !== '.' && arg.op !== '[]') refuse(`has is written ${usage('has')}`);
    return this.read(arg);
  }

  #has(of: Node): Node {
    if (of.kind !== 'field') return refuse(`has is written ${usage('has')}; how long a list is, size(list) says`);
    return { kind: 'has', of };
  }

  #macroOf(name: Macro, receiver: ASTNode, args: readonly ASTNode[]): Node {
    const [local, test] = args;
    if (local?.op !== 'id' || test === undefined || args.length !== 2)
      return refuse(`${name} is written ${usage(name)}`);
    if (this.#macro !== undefined) refuse(`${name} within ${this.#macro} is not for conditions; use a transform step`);
    if (reserved.has(local.args))
      refuse(`"${local.args}" has a meaning of its own; give the element of ${name} another name`);
    const over = this.read(receiver);
    this.#macro = name;
    const read = this.read(test);
    this.#macro = undefined;
    return { kind: 'macro', name, over, local: local.args, test: read };
  }
}

function usage(name: string): string {
  if (macros.has(name)) return `list.${name}(x, x > 1.0)`;
  if (name === 'has') return 'has(params.topic)';
  return functions.has(name) ? `${name}(value)` : `text.${name}("part")`;
}

const intMax = 2n ** 63n;

function toLiteral(value: unknown): Literal {
  if (typeof value === 'bigint' && value >= intMax)
    refuse(`${value} is too large for a whole number; write it with .0`);
  if (typeof value === 'object' && value !== null)
    refuse('bytes and numbers with u are not for conditions; write a text or a number');
  return value as Literal;
}
