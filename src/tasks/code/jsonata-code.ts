/**
 * Binds references in a JSONata expression. Inside of quotes the value becomes part of the text, and inside of
 * backquotes part of the field's name; elsewhere the reference is a variable. In a regular expression, as a parameter,
 * or as a step of a path, it is refused.
 *
 * Rule, numbered for tests:
 *   JS1  JSONata in a value is text: it is not parsed, also not by `$eval`.
 */
import { type Marks, UnbindableError } from './marks.ts';

type Node = Record<string, unknown>;

/**
 * Looks at every mark in the parsed expression, and fills in the values where they are text. Without values it only
 * looks. Throws UnbindableError.
 */
export function bindJsonata(ast: unknown, marks: Marks, values?: readonly unknown[]): void {
  const seen = new Set<object>();
  const walk = (value: unknown): void => {
    if (typeof value === 'string') refuse(marks.referenceIn(value), 'a reference is a value here, never a name');
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof RegExp) {
      refuse(
        marks.referenceIn(value.source),
        'a regular expression is code; use $contains, $split or $replace with text',
      );
      return;
    }
    const node = value as Node;
    refusePlace(node, marks);
    const isText = node.type === 'string' || node.type === 'name';
    if (isText && values) node.value = marks.fill(String(node.value), values);
    const isMark = node.type === 'variable' && marks.placeOf(String(node.value)) !== undefined;
    for (const [key, item] of Object.entries(node)) if (key !== 'value' || !(isText || isMark)) walk(item);
  };
  walk(ast);
}

/** Places where a variable means something else than its value, or where text is run. */
function refusePlace(node: Node, marks: Marks): void {
  if (node.type === 'path') {
    for (const step of toNodes(node.steps).slice(1)) {
      if (step.type !== 'variable') continue;
      const found = marks.referenceIn(String(step.value));
      refuse(found, `it is no field's name there; write \`${found}\` in backquotes`);
    }
  }
  if (node.type === 'lambda') {
    for (const argument of toNodes(node.arguments)) {
      refuse(marks.referenceIn(String(argument.value)), 'a parameter needs a name');
    }
  }
  if (node.type === 'bind') {
    const { value } = (node.lhs ?? {}) as Node;
    refuse(marks.referenceIn(String(value)), 'a value is assigned to a name');
  }
  if (node.type === 'function' && (node.procedure as Node | undefined)?.value === 'eval') {
    refuse(marks.referenceIn(JSON.stringify(node.arguments)), '$eval runs its text as code');
  }
}

function toNodes(list: unknown): Node[] {
  return Array.isArray(list) ? (list as Node[]) : [];
}

function refuse(reference: string | undefined, why: string): void {
  if (reference !== undefined) throw new UnbindableError(`${reference} cannot stand here: ${why}`);
}
