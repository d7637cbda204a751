/**
 * The API_TOKEN of an engine that has one. It is kept for this tab alone, goes out in one header and nowhere else: not in a
 * URL, a cookie or a log. A 401 drops it, and the shell asks for another.
 */
import { signal } from '@preact/signals';

const place = 'api-token';

let token = read();

/** True while the engine asks for a token that nobody has given. */
export const tokenWanted = signal(false);
/** Grows with each token given: what was read without one is read again. */
export const tokenTurn = signal(0);

export function authorization(): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

export function hasToken(): boolean {
  return token !== null;
}

/** Sends this one from now on, without keeping it: it may be wrong. */
export function tryToken(given: string): void {
  token = given;
}

export function giveToken(given: string): void {
  token = given;
  try {
    sessionStorage.setItem(place, given);
  } catch {
    // It then holds until the page is loaded again.
  }
  tokenWanted.value = false;
  tokenTurn.value += 1;
}

export function dropToken(): void {
  token = null;
  try {
    sessionStorage.removeItem(place);
  } catch {
    // There is none.
  }
  tokenWanted.value = true;
}

function read(): string | null {
  try {
    return sessionStorage.getItem(place);
  } catch {
    return null;
  }
}
