/**
 * `html_extract`: the article of a page as Markdown or text. Readability picks the article; where it finds none, the
 * whole body is taken, because a short page is still what the step was given.
 */
import { z } from 'zod';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';

/** Extraction takes some 100 times the page's size in memory; this much fits a thread. */
const htmlLengthMax = 4 * 1024 * 1024;

/** Extraction takes a time that grows with the cube of the depth: 25 s at 1,000. Browsers stop at 512. */
const depthMax = 256;

const params = z.strictObject({
  html: z.string().max(htmlLengthMax).meta({ description: 'The page, at most 4 Mi characters.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: 'Where the page is from; makes its relative links whole.' }),
  format: z
    .enum(['markdown', 'text'])
    .default('markdown')
    .meta({ description: 'Form of the content; markdown when not given.' }),
});

export const htmlExtract: IsolatedTask<z.infer<typeof params>> = {
  action: 'html_extract',
  lane: 'cpu',
  isolated: true,
  description:
    'Takes the main text of an HTML page, as Markdown or plain text, with title, byline, excerpt and language. Where no article is found, the whole body is taken. Loads nothing from the network.',
  params,
  timeoutMs: 60_000,
  async run({ html, url, format }) {
    const [{ parseHTML }, { Readability }] = await Promise.all([import('linkedom'), import('@mozilla/readability')]);
    const { document }: { document: Page } = parseHTML(toWholeDocument(html));
    if (isDeeperThan(document.documentElement, depthMax)) {
      throw new TaskFailure('TASK_ERROR', `the page nests its elements deeper than ${depthMax}; no real page does`);
    }
    if (url !== undefined) addBase(document, url);
    addTableRows(document);
    const title = document.title || null;
    const lang = document.documentElement.getAttribute('lang');
    // Readability takes the document apart: the body that stands in for a missing article has to be kept first.
    const body = document.body.cloneNode(true);
    const article = new Readability<PageElement>(document, { serializer: (node) => node }).parse();
    const root = article?.content ?? withoutScripts(body);
    withoutScriptLinks(root);
    const content = format === 'text' ? toText(root) : await toMarkdown(root);
    return {
      outputs: {
        content,
        title: article?.title || title,
        byline: article?.byline || null,
        excerpt: article?.excerpt || null,
        lang: article?.lang || lang || null,
        length: content.length,
      },
    };
  },
};

/** Depth-first without recursion, which is what such pages would overflow. */
function isDeeperThan(root: PageElement, max: number): boolean {
  let depth = 1;
  let at: PageElement | null = root;
  while (at !== null && depth <= max) {
    if (at.firstElementChild) {
      at = at.firstElementChild;
      depth += 1;
      continue;
    }
    while (at !== null && at !== root && !at.nextElementSibling) {
      at = at.parentElement;
      depth -= 1;
    }
    at = at === root || at === null ? null : at.nextElementSibling;
  }
  return depth > max;
}

/** As much of the DOM as is used here: the compiler's own DOM types would put a browser's globals into every file. */
interface PageElement {
  readonly localName: string;
  readonly textContent: string | null;
  readonly firstElementChild: PageElement | null;
  readonly nextElementSibling: PageElement | null;
  readonly parentElement: PageElement | null;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelectorAll(selectors: string): Iterable<PageElement>;
  cloneNode(deep: boolean): PageElement;
  prepend(child: PageElement): void;
  after(sibling: string): void;
  remove(): void;
}

interface Page {
  readonly title: string;
  readonly documentElement: PageElement;
  readonly head: PageElement;
  readonly body: PageElement;
  createElement(name: string): PageElement;
  querySelector(selectors: string): PageElement | null;
}

/** The parser takes the first element for the root, whatever it is, and leaves a title where it stands. */
function toWholeDocument(html: string): string {
  if (/<html[\s>]/i.test(html)) return html;
  if (/<(?:head|body)[\s>]/i.test(html)) return `<!doctype html><html>${html}</html>`;
  const title = /<title\b[^<>]*>[^<]*<\/title>/i.exec(html)?.[0] ?? '';
  return `<!doctype html><html><head>${title}</head><body>${html.replace(title, '')}</body></html>`;
}

function addBase(document: Page, url: string): void {
  if (document.querySelector('base[href]')) return;
  const base = document.createElement('base');
  base.setAttribute('href', url);
  document.head.prepend(base);
}

/** The Markdown of tables asks for `rows`, which this DOM does not have. */
function addTableRows(document: Page): void {
  const prototype = Object.getPrototypeOf(document.createElement('table')) as object;
  if ('rows' in prototype) return;
  Object.defineProperty(prototype, 'rows', {
    get(this: PageElement) {
      return [...this.querySelectorAll('tr')];
    },
  });
}

function withoutScripts(root: PageElement): PageElement {
  for (const element of root.querySelectorAll('script, style, noscript, template, svg, iframe')) element.remove();
  return root;
}

/** Captured pages are not trusted, and Markdown is often turned back into HTML. */
function withoutScriptLinks(root: PageElement): void {
  for (const link of root.querySelectorAll('a[href], img[src]')) {
    for (const name of ['href', 'src']) {
      if (isScriptAddress(link.getAttribute(name) ?? '')) link.removeAttribute(name);
    }
  }
}

/** As a browser reads it, and as a browser does after Markdown has taken out its backslashes and entities. */
function isScriptAddress(address: string): boolean {
  // Browsers skip control characters anywhere in an address and white space before it.
  const read = address.replace(/[\\\p{Cc} ]/gu, '');
  return /^(?:javascript|vbscript|data):/i.test(read) || /^[^/?]*&#?\w+;/.test(read);
}

async function toMarkdown(root: PageElement): Promise<string> {
  const [{ default: TurndownService }, { gfm }] = await Promise.all([
    import('turndown'),
    import('@joplin/turndown-plugin-gfm'),
  ]);
  const turndown = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' });
  turndown.use(gfm);
  // Text that reads like a tag must not become one where the Markdown is shown.
  const escapeMarkdown = turndown.escape.bind(turndown);
  turndown.escape = (text) => escapeMarkdown(text).replaceAll('<', '\\<');
  return turndown.turndown(root as never).trim();
}

const blocks =
  'p, div, section, article, header, footer, main, aside, nav, h1, h2, h3, h4, h5, h6, ul, ol, li, dl, dt, dd, table, tr, blockquote, pre, figure, figcaption, hr, br';

/** `textContent` alone would glue paragraphs together. */
function toText(root: PageElement): string {
  for (const block of root.querySelectorAll(blocks)) block.after(block.localName === 'br' ? '\n' : '\n\n');
  return (root.textContent ?? '')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
