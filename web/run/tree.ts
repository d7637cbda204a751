/** Values of any size, looked at piece by piece. Pure; it runs in the worker, where the parsed outputs stay. */
import type { StepContent, TreeNode, TreePath } from './run-messages.ts';

/** A string is shown up to here on its line. */
const previewMax = 400;

type Container = Record<string, unknown> | readonly unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function sizeOf(value: Container): number {
  if (Array.isArray(value)) return value.length;
  let size = 0;
  for (const _ in value) size += 1;
  return size;
}

export function toNode(key: string | number, value: unknown): TreeNode {
  if (isContainer(value)) {
    return { key, kind: Array.isArray(value) ? 'array' : 'object', text: '', size: sizeOf(value) };
  }
  if (typeof value === 'string') return { key, kind: 'string', text: value.slice(0, previewMax), size: value.length };
  if (typeof value === 'number') return { key, kind: 'number', text: String(value), size: 0 };
  if (typeof value === 'boolean') return { key, kind: 'boolean', text: String(value), size: 0 };
  return { key, kind: 'null', text: 'null', size: 0 };
}

/** The value at a path; undefined where there is none. */
export function valueAt(root: unknown, path: TreePath): unknown {
  let value = root;
  for (const key of path) {
    if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Some of the entries of an object or a list, in its order. */
export function childrenOf(value: unknown, from: number, limit: number): { nodes: TreeNode[]; total: number } {
  if (!isContainer(value)) return { nodes: [], total: 0 };
  if (Array.isArray(value)) {
    const nodes = value.slice(from, from + limit).map((child, k) => toNode(from + k, child));
    return { nodes, total: value.length };
  }
  const keys = Object.keys(value);
  const nodes = keys.slice(from, from + limit).map((key) => toNode(key, (value as Record<string, unknown>)[key]));
  return { nodes, total: keys.length };
}

/** A value as text: a string as it is, anything else as JSON. */
export function textOf(value: unknown, lengthMax: number): StepContent {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
  return { text: text.slice(0, lengthMax), length: text.length };
}

/** Entries whose key or value holds the words, in the order of the document. `isCut`: there are more. */
export function searchTree(
  root: unknown,
  query: string,
  limit: number,
): { hits: { path: TreePath; node: TreeNode }[]; isCut: boolean } {
  const wanted = query.toLowerCase();
  const hits: { path: TreePath; node: TreeNode }[] = [];
  const visit = (value: unknown, path: TreePath): boolean => {
    if (!isContainer(value)) return true;
    for (const [key, child] of Object.entries(value)) {
      const step = Array.isArray(value) ? Number(key) : key;
      const here = [...path, step];
      const isKey = !Array.isArray(value) && key.toLowerCase().includes(wanted);
      if (isKey || (!isContainer(child) && String(child).toLowerCase().includes(wanted))) {
        if (hits.length === limit) return false;
        hits.push({ path: here, node: toNode(step, child) });
      }
      if (!visit(child, here)) return false;
    }
    return true;
  };
  const isWhole = wanted === '' || visit(root, []);
  return { hits, isCut: !isWhole };
}

/** A path as a reference of a definition has it: `steps.fetch.outputs.items[0].url`. */
export function toReference(stepId: string, source: string, path: TreePath): string {
  const keys = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return `steps.${stepId}.${source}${keys.join('')}`;
}

/** A path as a JSON pointer (RFC 6901). */
export function toPointer(path: TreePath): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
