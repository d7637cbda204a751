/** The functions of conditions. */
import { holds, isObject, namesOf } from './equal.ts';
import { describe, type Fault, fault } from './fault.ts';
import { type Node, show } from './node.ts';
import type { Work } from './work.ts';

type CallNode = Extract<Node, { readonly kind: 'call' }>;

const intLimit = 2n ** 63n;
/** A text of a whole number has 19 digits and a sign; of a double, Number reads any length. */
const wholeText = /^[-+]?\d{1,19}$/;
const doubleText = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
const numberLengthMax = 400;
/** What a conversion takes besides. */
const unitsPerConversion = 4;
/** Characters of a text that are counted, or compared at its ends, in the time of one unit. */
const countedPerUnit = 16;
const comparedPerUnit = 256;

/** The value, or a Fault. `args` are as many as the function takes. */
export function callFunction(node: CallNode, args: readonly unknown[], work: Work): unknown {
  const [first, second] = args;
  if (node.name === 'int' || node.name === 'double' || node.name === 'string') work.spend(unitsPerConversion);
  switch (node.name) {
    case 'size':
      return sizeOf(node, first, work);
    case 'int':
      return toInt(node, first);
    case 'double':
      return toDouble(node, first);
    case 'string':
      return toText(node, first);
    default:
      if (typeof first === 'string' && typeof second === 'string') return search(node.name, first, second, work);
      return fault(
        () => `${show(node)} takes ${describe(first)} and ${describe(second)}; ${node.name} is for two texts`,
      );
  }
}

function search(name: 'startsWith' | 'endsWith' | 'contains', text: string, part: string, work: Work): boolean {
  if (name === 'contains') return holds(text, part, work);
  work.readText(Math.min(text.length, part.length), comparedPerUnit);
  return name === 'startsWith' ? text.startsWith(part) : text.endsWith(part);
}

function sizeOf(node: CallNode, value: unknown, work: Work): bigint | Fault {
  if (Array.isArray(value)) return BigInt(value.length);
  if (isObject(value)) return BigInt(namesOf(value, work).length);
  if (typeof value !== 'string')
    return fault(() => `${show(node)} takes ${describe(value)}; size is for texts, lists and objects`);
  work.readText(value.length, countedPerUnit);
  return BigInt(countCharacters(value));
}

/** A pair of surrogates is one character. */
function countCharacters(text: string): number {
  let size = text.length;
  for (let i = 1; i < text.length; i += 1) {
    const isPair = (text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800;
    if (isPair) size -= 1;
  }
  return size;
}

function toInt(node: CallNode, value: unknown): bigint | Fault {
  if (typeof value === 'bigint') return value;
  const whole = typeof value === 'number' && Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  const read = typeof value === 'string' && wholeText.test(value) ? BigInt(value.replace('+', '')) : whole;
  if (read === undefined || read >= intLimit || read < -intLimit) return notConverted(node, value, 'whole number');
  return read;
}

function toDouble(node: CallNode, value: unknown): number | Fault {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  const isRead = typeof value === 'string' && value.length <= numberLengthMax && doubleText.test(value);
  return isRead ? Number(value) : notConverted(node, value, 'number');
}

function toText(node: CallNode, value: unknown): string | Fault {
  if (typeof value === 'string') return value;
  if (typeof value === 'object') return notConverted(node, value, 'text');
  return String(value);
}

function notConverted(node: CallNode, value: unknown, what: string): Fault {
  return fault(() => `${show(node)} takes ${describe(value)}, which is no ${what}`);
}
