/**
 * Redirects, as the Fetch standard follows them.
 *
 * Rules, numbered for tests:
 *   RD1  303 makes a GET of every method but GET and HEAD; 301 and 302 make one of POST alone; the body and what
 *        describes it go then. 307 and 308 keep both;
 *   RD2  another origin gets the headers of `harmlessHeaders` and no others: any other may carry a key;
 *   RD3  secrets of the store stay with the first origin. To another one no header goes that holds one; a redirect that would
 *        take one along in the body or in the address is not followed.
 */
import { TaskFailure } from '../../contract/task.ts';
import { toAddress } from './address.ts';
import { type Answer, type Exchange, headerOf, nameOf } from './exchange.ts';

/** As many as browsers follow. */
export const redirectsMax = 20;

/** RD2. */
const harmlessHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-language',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'user-agent',
]);

/** Where the answer leads; undefined when it is no redirect. */
export function redirectOf({ status, headers }: Answer): string | undefined {
  const location = [301, 302, 303, 307, 308].includes(status) ? headerOf(headers, 'location') : undefined;
  // Headers are read byte by byte; servers write an address with other letters in UTF-8.
  return location && Buffer.from(location, 'latin1').toString('utf8');
}

export interface Redirected {
  readonly exchange: Exchange;
  /** Names of headers that RD2 has taken out. */
  readonly dropped: readonly string[];
}

/** Throws `TaskFailure` when `location` is no address, and where RD3 ends the way. */
export function toRedirected(exchange: Exchange, status: number, location: string): Redirected {
  const from = exchange.address.url;
  if (!URL.canParse(location, from.href)) {
    throw new TaskFailure('HTTP_STATUS', `${nameOf(exchange)} was redirected to something that is no address`);
  }
  const address = toAddress(location, from);
  const { method } = exchange;
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST';
  const kept = Object.entries(exchange.headers).filter(
    ([name]) => !(becomesGet && (name.startsWith('content-') || name === 'idempotency-key')),
  );
  const isElsewhere = address.url.origin !== from.origin;
  const { carried } = exchange;
  if (isElsewhere && carried && ((carried.isInBody && !becomesGet) || carried.isIn(location))) {
    const way = carried.isIn(location) ? 'in the new address' : 'in the body';
    throw new TaskFailure(
      'TARGET_REFUSED',
      `${nameOf(exchange)} was redirected to ${address.url.origin}, which would get a secret of this step ${way}`,
    );
  }
  const mayGo = (name: string) => harmlessHeaders.has(name) && !carried?.headers.has(name);
  const dropped = isElsewhere ? kept.map(([name]) => name).filter((name) => !mayGo(name)) : [];
  return {
    exchange: {
      address,
      method: becomesGet ? 'GET' : method,
      headers: Object.fromEntries(kept.filter(([name]) => !dropped.includes(name))),
      body: becomesGet ? undefined : exchange.body,
      carried: carried && { ...carried, isInBody: carried.isInBody && !becomesGet },
    },
    dropped,
  };
}
