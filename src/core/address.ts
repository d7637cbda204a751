/**
 * Values in place of references in an address (`Task.addresses`).
 *
 * Rules, numbered for tests:
 *   AD1  what stands before the path is taken as it is: a value may bring the scheme and the host, and a path with them;
 *   AD2  in the path a value is encoded segment by segment: `/` stays;
 *   AD3  in the query and in the fragment it is encoded as a whole;
 *   AD4  a value makes no segment `.` or `..`, alone or with what is written beside it, and null stands in no path: either
 *        would ask for another path than the author wrote;
 *   AD5  a secret stands behind the host.
 */
import { BindingError } from './binding-error.ts';

/** What is written, the text of a value, or the marker of a secret. */
export type AddressPart =
  | { readonly written: string }
  /** Called with the place of what comes next, and what the caller writes there. */
  | { readonly secret: string; mark(form: 'path' | 'query', at: number): void }
  | { readonly value: string; readonly name: string; readonly isNull: boolean };

const beginning = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;

/** The address of these parts, in their order. Throws BindingError, which names the reference at fault. */
export function joinAddress(parts: readonly AddressPart[]): string {
  let address = '';
  /** The segments that values are part of, by where they begin. */
  const touched = new Map<number, string>();
  for (const part of parts) {
    if ('written' in part) {
      address += part.written;
      continue;
    }
    const region = regionOf(address);
    if ('secret' in part) {
      if (region === 'beginning') throw new BindingError(`${part.secret} stands in the host of an address`);
      part.mark(region, address.length);
      address += part.secret;
      continue;
    }
    if (region === 'path' && part.isNull) throw new BindingError(`{{${part.name}}} is null, in the path of an address`);
    if (region === 'path') touched.set(address.lastIndexOf('/') + 1, part.name);
    const from = address.length;
    address += encode(part, region);
    if (region !== 'path') continue;
    for (let at = address.indexOf('/', from); at !== -1; at = address.indexOf('/', at + 1))
      touched.set(at + 1, part.name);
  }
  for (const [from, name] of touched) checkSegment(address, from, name);
  return address;
}

type Region = 'beginning' | 'path' | 'query';

function regionOf(before: string): Region {
  const match = beginning.exec(before);
  if (match === null) return 'beginning';
  const rest = before.slice(match[0].length);
  if (rest === '') return 'beginning';
  return /[?#]/.test(rest) ? 'query' : 'path';
}

function encode({ value, name }: { value: string; name: string }, region: Region): string {
  if (region === 'beginning') return value;
  try {
    return region === 'query' ? encodeURIComponent(value) : value.split('/').map(encodeURIComponent).join('/');
  } catch (cause) {
    throw new BindingError(`{{${name}}} holds half a character, which no address can carry`, { cause });
  }
}

function checkSegment(address: string, from: number, name: string): void {
  const segment = address.slice(from).split(/[/?#]/, 1).join();
  if (!/^(?:\.|%2e){1,2}$/i.test(segment)) return;
  throw new BindingError(`{{${name}}} makes the segment "${segment}" in an address, which leads to another path`);
}
