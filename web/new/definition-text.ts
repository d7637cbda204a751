/** A definition as YAML or JSON: read while it is written, with the place of each fault, and turned from one to the other. */
import { type Document, isMap, isNode, isSeq, parseDocument, stringify } from 'yaml';

export type DefinitionFormat = 'yaml' | 'json';

export interface TextFault {
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

export interface DefinitionReading {
  /** null where the text cannot be read at all. */
  readonly definition: unknown;
  readonly faults: readonly TextFault[];
  /** The place of `steps[2].params.url`, or of the nearest part of it that is there. */
  rangeOf(path: string): { from: number; to: number };
}

export function readDefinition(text: string, format: DefinitionFormat): DefinitionReading {
  // JSON is YAML; its own parser says what is not JSON.
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, maxAliasCount: 100 } as object);
  const faults: TextFault[] = document.errors.map(({ pos: [from, to], message }) => ({
    from,
    to: Math.max(to, from + 1),
    message,
    severity: 'error',
  }));
  if (format === 'json' && faults.length === 0 && text.trim() !== '') faults.push(...jsonFaults(text));
  return {
    definition: faults.length === 0 ? document.toJS() : null,
    faults,
    rangeOf: (path) => findRange(document, path, text.length),
  };
}

export function writeDefinition(definition: unknown, format: DefinitionFormat): string {
  if (format === 'json') return `${JSON.stringify(definition, null, 2)}\n`;
  return stringify(definition, { lineWidth: 100, blockQuote: 'literal', aliasDuplicateObjects: false });
}

function jsonFaults(text: string): TextFault[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0);
    return [{ from: at, to: Math.min(text.length, at + 1), message, severity: 'error' }];
  }
}

function findRange(document: Document, path: string, length: number): { from: number; to: number } {
  let node: unknown = document.contents;
  let range = { from: 0, to: Math.min(1, length) };
  for (const part of path.split(/[.[\]]+/).filter((one) => one !== '')) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isNode(key) && 'value' in key && String(key.value) === part);
      if (pair === undefined) break;
      if (isNode(pair.key) && pair.key.range) range = toRange(pair.key.range);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (isNode(node) && node.range) range = toRange(node.range);
    } else break;
    // Of a value on one line the value itself is marked, not its name.
    if (isNode(node) && 'value' in node && node.range) range = toRange(node.range);
  }
  return range;
}

function toRange([from, to]: readonly number[]): { from: number; to: number } {
  return { from: from ?? 0, to: Math.max(to ?? 0, (from ?? 0) + 1) };
}
