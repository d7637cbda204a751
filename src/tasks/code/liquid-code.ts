/**
 * Binds references in a Liquid template. Where the template has text (between tags, in `{% raw %}`, in quotes) the value
 * becomes part of that text; where it has a value (`{% if {{params.n}} > 3 %}`, an argument of a filter) the reference is
 * a variable. Where it has a name (of a tag, a filter, a variable, a property) the template is refused.
 *
 * Rule, numbered for tests:
 *   LQ1  Liquid in a value is text: it is not parsed, also not by filters such as `where_exp`.
 */
import { type Marks, UnbindableError } from './marks.ts';

/** What of the parsed template is not part of it: its source, and the engine that parsed it. */
const besides = new Set(['token', 'input', 'file', 'liquid', 'tokenizer', 'raw']);

/**
 * Looks at every mark in the parsed template, and fills in the values where they are text. Without values it only looks.
 * Throws UnbindableError.
 */
export function bindLiquid(parsed: readonly unknown[], marks: Marks, values?: readonly unknown[]): void {
  const seen = new Set<object>();
  const walk = (value: unknown, isValue: boolean): void => {
    if (typeof value === 'string') refuseName(value, marks);
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    const node = value as Record<string, unknown>;
    if (isExpressionFilter(node)) refuseExpression(node.args, marks);
    if (isValue && typeof node.content === 'string' && marks.placeOf(node.content) !== undefined) return;
    if (values) fillText(node, marks, values);
    for (const [key, item] of Object.entries(node)) {
      if (besides.has(key) || isTextOf(node, key)) continue;
      // The first of a variable's parts is its name; those after it name properties.
      if (key === 'props' && Array.isArray(item) && node.variable === undefined) {
        item.forEach((part, i) => {
          walk(part, i === 0);
        });
      } else walk(item, false);
    }
  };
  walk(parsed, false);
}

function isTextOf(node: Record<string, unknown>, key: string): boolean {
  return (key === 'str' && isHtml(node)) || (key === 'content' && isQuoted(node)) || (key === 'tokens' && isRaw(node));
}

function fillText(node: Record<string, unknown>, marks: Marks, values: readonly unknown[]): void {
  if (isHtml(node)) node.str = marks.fill(node.str, values);
  if (isQuoted(node)) node.content = marks.fill(String(node.content), values);
  if (isRaw(node)) {
    const text = marks.fill(node.tokens.map((token) => token.getText()).join(''), values);
    node.tokens = [{ getText: () => text }];
  }
}

// By their fields, not by the names of their classes: a build may rename those.
function isHtml(node: Record<string, unknown>): node is { str: string } {
  return typeof node.str === 'string' && 'token' in node;
}

function isQuoted({ content, input, begin }: Record<string, unknown>): boolean {
  return typeof content === 'string' && typeof input === 'string' && /["']/.test(input.charAt(Number(begin)));
}

function isRaw(node: Record<string, unknown>): node is { tokens: { getText(): string }[] } {
  return node.name === 'raw' && Array.isArray(node.tokens);
}

/** `where_exp` and its kin parse their last argument when they run. */
function isExpressionFilter({ name, args }: Record<string, unknown>): boolean {
  return typeof name === 'string' && name.endsWith('_exp') && Array.isArray(args);
}

function refuseExpression(args: unknown, marks: Marks): void {
  const found = findMark(args, marks, new Set());
  if (found === undefined) return;
  const advice = 'this filter runs its text as code; compare with a filter such as where';
  throw new UnbindableError(`${found} cannot be an argument here: ${advice}`);
}

function findMark(value: unknown, marks: Marks, seen: Set<object>): string | undefined {
  if (typeof value === 'string') return marks.referenceIn(value);
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  for (const [key, item] of Object.entries(value)) {
    const found = besides.has(key) ? undefined : findMark(item, marks, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refuseName(text: string, marks: Marks): void {
  const reference = marks.referenceIn(text);
  if (reference === undefined) return;
  const advice = `a reference is a value here, never part of a name; for a property write data[${reference}]`;
  throw new UnbindableError(`${reference} cannot stand here: ${advice}`);
}
