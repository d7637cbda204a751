/**
 * The address of a request. Path and query are sent as they were written: a presigned address is signed byte for byte.
 */

export interface RequestAddress {
  readonly url: URL;
  /** Path and query, as they stand in the request line. */
  readonly target: string;
}

/** `text` is an address, or one relative to `base`; see `URL.canParse`. */
export function toAddress(text: string, base?: URL): RequestAddress {
  const url = new URL(text, base);
  const [beforeFragment = ''] = text.split('#', 1);
  const at = beforeFragment.indexOf('?');
  // A fragment alone keeps the query of the base.
  const query = at === -1 ? url.search : toQuery(beforeFragment.slice(at), beforeFragment.length === text.length);
  return { url, target: url.pathname + query };
}

/** URL would write some characters otherwise, such as '. Only what cannot stand in a request line is encoded, or goes. */
function toQuery(written: string, isEnd: boolean): string {
  const trimmed = isEnd ? written.replace(/[\p{Cc} ]+$/u, '') : written;
  return trimmed.replace(/[\t\r\n]/g, '').replace(/[^\x21-\x7e]+/g, encode);
}

type Value = string | number | boolean;

/** The address with names and values added at the end of its query; a list repeats its name. */
export function withQuery(
  address: RequestAddress,
  query: Readonly<Record<string, Value | readonly Value[]>>,
): RequestAddress {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((item) => `${encode(name)}=${encode(String(item))}`),
  );
  if (pairs.length === 0) return address;
  const { target } = address;
  const separator = target.includes('?') ? (/[?&]$/.test(target) ? '' : '&') : '?';
  return { ...address, target: target + separator + pairs.join('&') };
}

/** Half a surrogate pair has no bytes. */
function encode(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}
