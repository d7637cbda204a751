/**
 * Numbers of a YAML or JSON document that come out as others than they were written: what JSON cannot hold, `.inf` and
 * `.nan` (null, as JSON has neither), and `007`, which YAML reads as 7.
 */
import { type Document, isMap, isPair, isScalar, isSeq, type Node, type Pair, type Scalar, visit } from 'yaml';
import { toFieldPath } from '../contract/field-errors.ts';
import { isLostNumber, LostNumberList, type LostNumbers } from '../contract/lost-numbers.ts';

export function findLostScalars(document: Document): LostNumbers {
  const found = new LostNumberList();
  visit(document, {
    Scalar(key, scalar, ancestors) {
      const { value, source } = scalar;
      if (typeof value !== 'number' || source === undefined || !isLost(source, value)) return undefined;
      found.add(source, () => toPath(key, scalar, ancestors), value);
      return found.isFull ? visit.BREAK : undefined;
    },
  });
  return found.toLostNumbers();
}

function isLost(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return true;
  if (/^0[xo]/.test(source)) return BigInt(source) !== BigInt(value);
  const written = source.replace(/^\+/, '');
  return /^-?0\d/.test(written) || isLostNumber(written);
}

type Ancestors = readonly (Document | Node | Pair)[];

/** The fields and places that lead to the number. One that is itself a key has the place of its value. */
function toPath(key: number | 'key' | 'value' | null, scalar: Scalar, ancestors: Ancestors): string {
  const path: (string | number)[] = [];
  ancestors.forEach((node, i) => {
    const child = ancestors[i + 1] ?? scalar;
    if (isPair(node)) path.push(isScalar(node.key) ? String(node.key.source ?? node.key.value) : '?');
    else if (isSeq(node)) path.push(child === scalar && typeof key === 'number' ? key : node.items.indexOf(child));
    else if (!isMap(node)) return;
  });
  return toFieldPath(path);
}
