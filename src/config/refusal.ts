/** How a setting is refused: one line that names it, its value and what is allowed, and never shows a key (CFG2, CFG3). */
import { StartError } from '../contract/store.ts';

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Of what was meant to be an address, credentials and a query are not shown. */
export function withoutKeys(address: string): string {
  return address.replace(/^([a-z+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*/s, '?…');
}

export function refuse(name: string, value: string, allowed: string, cause?: unknown): StartError {
  // As JSON text, so that a control character in a value can neither break the line nor reach the terminal.
  const shown = JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  return new StartError(`${name}=${shown} is not allowed; allowed: ${allowed}`, 1, { cause });
}
