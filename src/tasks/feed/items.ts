/** One form for the items of all kinds of feeds. What an item does not have is null. */
import type { parseFeed } from 'feedsmith';
import { readDate } from './published.ts';

export type ParsedFeed = ReturnType<typeof parseFeed<string>>;
type Feed<Format> = Extract<ParsedFeed, { format: Format }>['feed'];
type Item<Format> = NonNullable<
  Feed<Format> extends { items?: (infer I)[] } ? I : Feed<Format> extends { entries?: (infer E)[] } ? E : never
>;

export interface FeedItem {
  readonly title: string | null;
  readonly url: string | null;
  /** ISO 8601, UTC. */
  readonly published: string | null;
  readonly content: string | null;
}

/** A date that is there and cannot be read comes out as null, and is told to `onBadDate` as it is written. */
export function toItems(
  parsed: ParsedFeed,
  url: string | undefined,
  onBadDate: (written: string) => void,
): { title: string | null; items: FeedItem[] } {
  const toItem = ({ title, link, base, date, content }: Found): FeedItem => {
    const published = date === undefined ? null : readDate(date);
    if (date !== undefined && published === null) onBadDate(date);
    return { title: title ?? null, url: resolve(link, base ?? url), published, content: content ?? null };
  };
  switch (parsed.format) {
    case 'rss':
    case 'rdf': {
      const { title, items = [] } = parsed.feed;
      return { title: title ?? null, items: items.map((item) => toItem(readRss(item))) };
    }
    case 'json': {
      const { title, items = [] } = parsed.feed;
      return { title: title ?? null, items: items.map((item) => toItem(readJson(item))) };
    }
    case 'atom': {
      const { title, entries = [], xml } = parsed.feed;
      const base = toBase(xml?.base, url);
      return { title: title?.value ?? null, items: entries.map((entry) => toItem(readAtom(entry, base))) };
    }
    default: {
      const never: never = parsed;
      return never;
    }
  }
}

interface Found {
  readonly title: string | undefined;
  readonly link: string | undefined;
  /** What relative links count from, where it is not the address of the feed. */
  readonly base?: string | undefined;
  readonly date: string | undefined;
  readonly content: string | undefined;
}

function readRss(item: Item<'rss'> | Item<'rdf'>): Found {
  const { title, link, description, content, dc, dcterms, atom } = item;
  const guid = 'guid' in item ? item.guid : undefined;
  const permalink = guid?.isPermaLink !== false && isAddress(guid?.value) ? guid?.value : undefined;
  const rdf = 'rdf' in item && isAddress(item.rdf?.about) ? item.rdf?.about : undefined;
  const pubDate = 'pubDate' in item ? item.pubDate : undefined;
  const [date = dcterms?.issued?.[0] ?? dcterms?.created?.[0] ?? dcterms?.modified?.[0]] = dc?.dates ?? [];
  return {
    title: title ?? dc?.titles?.[0],
    link: link ?? findAlternate(atom?.links) ?? permalink ?? rdf,
    date: pubDate ?? date ?? atom?.published ?? atom?.updated,
    content: content?.encoded ?? description ?? dc?.descriptions?.[0],
  };
}

function readAtom(entry: Item<'atom'>, feedBase: string | undefined): Found {
  const { title, links, published, updated, content, summary, media, xml } = entry;
  return {
    title: title?.value,
    link: findAlternate(links),
    base: toBase(xml?.base, feedBase),
    date: published ?? updated,
    content: content?.value ?? summary?.value ?? media?.groups?.[0]?.description?.value ?? media?.description?.value,
  };
}

function readJson(item: Item<'json'>): Found {
  const { title, url, external_url, date_published, date_modified, content_html, content_text, summary } = item;
  return {
    title,
    link: url ?? external_url,
    date: date_published ?? date_modified,
    content: content_html ?? content_text ?? summary,
  };
}

/** A link without `rel` is one to the page of the entry; of several the one in HTML. */
function findAlternate(
  links: readonly { href?: string | undefined; rel?: string | undefined; type?: string | undefined }[] = [],
): string | undefined {
  const pages = links.filter(({ rel = 'alternate' }) => rel.toLowerCase() === 'alternate');
  return (pages.find(({ type = 'text/html' }) => type.toLowerCase() === 'text/html') ?? pages[0])?.href;
}

function isAddress(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\//i.test(text);
}

/** Every relative link takes over what its base has: with longer ones the output would grow with the square. */
const baseLengthMax = 8_192;

/** `xml:base` counts from what is around it. */
function toBase(own: string | undefined, around: string | undefined): string | undefined {
  if (own === undefined || own.length > baseLengthMax) return around;
  return URL.canParse(own, around) ? new URL(own, around).href : around;
}

/** An absolute link stays as it is written, and so does one that nothing makes whole. */
function resolve(link: string | undefined, base: string | undefined): string | null {
  if (link === undefined) return null;
  if (URL.canParse(link) || !URL.canParse(link, base)) return link;
  return new URL(link, base).href;
}
