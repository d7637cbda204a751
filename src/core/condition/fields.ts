/** Which outputs a step has whose outputs the engine makes. */
import { didYouMean } from '../../contract/nearest.ts';
import type { Type } from './type.ts';

const group: Readonly<Record<string, Type>> = { count: 'int', failed: 'int', skipped: 'int' };
const repeat: Readonly<Record<string, Type>> = { rounds: 'int', done: 'bool', last: 'json' };
const gathered = new Set(['items', 'errors']);

/** `kind` undefined: not known. `at` is how the outputs are written. */
export function outputsOf(
  kind: 'plain' | 'group' | 'repeat' | undefined,
  key: string,
  at: string,
): { readonly type: Type } | { readonly fault: string } {
  if (kind === 'plain') return { type: 'json' };
  if (kind === undefined) return { type: 'any' };
  const fields = kind === 'group' ? group : repeat;
  const type = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (type !== undefined) return { type };
  const names = Object.keys(fields);
  if (kind === 'group' && gathered.has(key)) {
    return { fault: `${at}.${key} is not for conditions; ask for ${names.join(', ')}, or use a transform step` };
  }
  return { fault: `${at} has no "${key}"${didYouMean(key, names) || `; it has ${names.join(', ')}`}` };
}
