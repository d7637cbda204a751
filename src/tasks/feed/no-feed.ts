/** What a text looks like that is no feed, in words for the failure of the step. */

const feeds = 'RSS, Atom or JSON Feed';

/** `error` is what the library has against it. */
export function describeNoFeed(text: string, error?: unknown): string {
  const start = text
    .slice(0, 100_000)
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (start === '') return `the text is empty, and no feed (${feeds})`;
  if (start.startsWith('{') || start.startsWith('[')) {
    return `the text looks like JSON, but no JSON Feed: that has a "version" such as "https://jsonfeed.org/version/1.1", a "title" and "items"`;
  }
  const root = findRoot(start);
  if (root === null && !start.startsWith('<')) {
    return `the text looks like plain text, and no feed (${feeds}): it begins with ${quote(start)}`;
  }
  const name = root?.toLowerCase() ?? '';
  if (name === 'html' || name === 'head' || name === 'body' || /^<!doctype html/i.test(start)) {
    return `the text looks like an HTML page, and no feed (${feeds}); the address of its feed may be in a <link rel="alternate"> of the page`;
  }
  if (/^(?:[^:]*:)?(?:rss|feed|rdf)$/.test(name)) {
    return `the text looks like a feed, but it is broken: ${toReason(error)}`;
  }
  const known = kinds[name];
  return `the text looks like ${known ?? 'XML'}${root === null ? '' : ` (<${root}>)`}, and no feed (${feeds})`;
}

const kinds: Readonly<Record<string, string>> = {
  opml: 'OPML, a list of feeds,',
  urlset: 'a sitemap',
  sitemapindex: 'a list of sitemaps',
  svg: 'a picture',
};

/** The name of the first element. */
function findRoot(start: string): string | null {
  const body = start.replace(/^(?:<\?[^>]*>|<!--(?:(?!-->)[\s\S])*-->|<![^>[]*(?:\[[^\]]*\][^>]*)?>|\s)+/, '');
  return /^<([^\s<>/!?]{1,100})/.exec(body)?.[1] ?? null;
}

function toReason(error: unknown): string {
  const { cause, message } = error instanceof Error ? error : { cause: undefined, message: '' };
  const reason = cause instanceof Error ? cause.message : message;
  return reason === '' ? 'no reader understands it' : reason.slice(0, 300);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
