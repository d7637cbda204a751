/** The URL as a signal: it holds all that a page shows, so that a link says everything and Back undoes. */
import { computed, signal } from '@preact/signals';

export type Route =
  | { readonly page: 'runs' }
  | { readonly page: 'run'; readonly id: string }
  | { readonly page: 'diff'; readonly id: string; readonly other: string }
  | { readonly page: 'new'; readonly template: string | null }
  | { readonly page: 'costs' }
  | { readonly page: 'engine' }
  | { readonly page: 'schedules' }
  | { readonly page: 'unknown' };

export function parseRoute(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second, third, fourth] = parts.map(decode);
  switch (first) {
    case undefined:
      return { page: 'runs' };
    case 'runs':
      if (parts.length === 2 && second) return { page: 'run', id: second };
      if (parts.length === 4 && second && third === 'diff' && fourth)
        return { page: 'diff', id: second, other: fourth };
      break;
    case 'new':
      if (parts.length <= 2) return { page: 'new', template: second ?? null };
      break;
    case 'costs':
    case 'engine':
    case 'schedules':
      if (parts.length === 1) return { page: first };
      break;
  }
  return { page: 'unknown' };
}

/** Text with a broken escape is taken as it is. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const runPath = (id: string) => `/runs/${encodeURIComponent(id)}`;
export const diffPath = (id: string, other: string) => `${runPath(id)}/diff/${encodeURIComponent(other)}`;
export const newPath = (template: string) => `/new/${encodeURIComponent(template)}`;

const isBrowser = typeof location !== 'undefined';

/** The address that is shown. Change it with `navigate` or `setQuery`. */
export const address = signal(new URL(isBrowser ? location.href : 'http://localhost/'));
export const route = computed(() => parseRoute(address.value.pathname));
export const query = computed(() => address.value.searchParams);

export interface NavigateOptions {
  /** Takes the place of the present entry: Back does not lead to it. */
  readonly replace?: boolean;
}

export function navigate(href: string, { replace = false }: NavigateOptions = {}): void {
  const next = new URL(href, address.value);
  if (next.href === address.value.href) return;
  if (replace) history.replaceState(null, '', next);
  else history.pushState(null, '', next);
  const isOtherPage = next.pathname !== address.value.pathname;
  address.value = next;
  if (isOtherPage) scrollTo(0, 0);
}

/** Changes some of the query and leaves the rest. null and '' take a name away. Default: without a new entry for Back. */
export function setQuery(
  change: Readonly<Record<string, string | null | undefined>>,
  { replace = true }: NavigateOptions = {},
): void {
  navigate(changedQuery(address.value, change).href, { replace });
}

export function changedQuery(url: URL, change: Readonly<Record<string, string | null | undefined>>): URL {
  const next = new URL(url);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === undefined || value === '') next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return next;
}

/** Links inside the page change the address without loading it again; all others are left to the browser. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    address.value = new URL(location.href);
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || parseRoute(url.pathname).page === 'unknown') return;
    if (url.pathname === location.pathname && url.search === location.search && url.hash !== '') return;
    event.preventDefault();
    navigate(url.href);
  });
}
