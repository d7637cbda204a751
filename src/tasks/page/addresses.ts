/**
 * The addresses of a page, resolved as browsers resolve them: against `<base>`, which itself counts from the page's
 * own address. An address that could run a script does not come out.
 */
import type { Page, PageElement } from './dom.ts';

/** What links in Markdown may lead to. Any other scheme is dropped: nobody can list those that do harm. */
const schemes = new Set([
  ...['http:', 'https:', 'mailto:', 'tel:', 'sms:', 'ftp:', 'ftps:', 'sftp:', 'ssh:', 'git:', 'magnet:', 'irc:'],
  ...['ircs:', 'xmpp:', 'matrix:', 'news:', 'nntp:', 'geo:', 'doi:', 'urn:', 'ipfs:', 'gopher:', 'gemini:'],
]);

/** Every attribute that becomes an address in Markdown. */
const attributes = ['href', 'src'];

/** Readability and Markdown see whole addresses: the page gets the base that a browser would give it. */
export function setAddresses(page: Page, url: string | undefined): string | undefined {
  const base = findBase(page, url);
  for (const element of page.querySelectorAll('base')) element.remove();
  Object.defineProperties(page, {
    baseURI: { value: base ?? 'about:blank' },
    documentURI: { value: url === undefined ? 'about:blank' : new URL(url).href },
  });
  return base;
}

/** The first `<base>` with an address counts. */
function findBase(page: Page, url: string | undefined): string | undefined {
  return resolveBase(page.querySelector('base[href]')?.getAttribute('href'), url);
}

/** What relative links count from. A `<base>` that leads to data or to a script does not count. */
export function resolveBase(href: string | null | undefined, url: string | undefined): string | undefined {
  const own = url === undefined ? undefined : new URL(url).href;
  const base = href === null || href === undefined ? null : parseAddress(href, own);
  return base === null || base.protocol === 'data:' || base.protocol === 'javascript:' ? own : base.href;
}

/** Where a link leads to, or null where that is no page of the web. */
export function toWebAddress(written: string, base: string | undefined): URL | null {
  const address = parseAddress(written, base);
  return address?.protocol === 'http:' || address?.protocol === 'https:' ? address : null;
}

/**
 * Resolves every address under `root`. Links into the page itself stay as they are (`#notes`), unless `<base>` leads
 * them elsewhere; so do relative ones where the page's address is not known.
 */
export function resolveAddresses(root: PageElement, base: string | undefined, url: string | undefined): void {
  const own = url === undefined ? undefined : new URL(url).href;
  for (const element of root.querySelectorAll('[href], [src]')) {
    for (const name of attributes) {
      const written = element.getAttribute(name);
      if (written === null) continue;
      const address = toAddress(written, base, own);
      if (address === null) element.removeAttribute(name);
      else element.setAttribute(name, address);
    }
  }
}

function toAddress(written: string, base: string | undefined, own: string | undefined): string | null {
  // Browsers drop tabs and line ends anywhere in an address, and control characters around it.
  const address = written.replace(/[\t\n\r]/g, '').replace(/^[\p{Cc} ]+|[\p{Cc} ]+$/gu, '');
  if (address.startsWith('#') && base === own) return toDestination(address);
  const parsed = parseAddress(address, base);
  if (parsed !== null) return schemes.has(parsed.protocol) ? toDestination(parsed.href) : null;
  if (mayRunScript(address)) return null;
  return toDestination(address);
}

function parseAddress(address: string, base: string | undefined): URL | null {
  return URL.canParse(address, base) ? new URL(address, base) : null;
}

/**
 * An address without a base, as a browser reads it after Markdown has taken out its backslashes and entities: its
 * path must not turn into a scheme.
 */
function mayRunScript(address: string): boolean {
  const read = address.replace(/[\\\p{Cc} ]/gu, '');
  return /^[a-z][a-z0-9+.-]*:/i.test(read) || /^[^/?#]*&#?\w+;/.test(read);
}

/** What may stand between the brackets of a link in Markdown. */
function toDestination(address: string): string {
  return address.replace(/[\s<>\\]/g, encodeURIComponent);
}
