/** Why little or nothing came out of a page, in words for the log of the step. */
import type { Page, PageElement } from './dom.ts';
import { parsePage } from './tree.ts';

/** A page that says less than this may be an application that has not begun. */
const fewCharacters = 200;

/** No line for a page whose text came out. Reads the page once more, so it asks only where little came out. */
export async function explainSilence(html: string, content: string): Promise<string[]> {
  if (content.length >= fewCharacters || html.trim() === '') return [];
  const page = await parsePage(html, true);
  const little = content === '' ? 'nothing came out' : `only ${content.length} characters came out`;
  if (content === '' && page.querySelector('frameset') !== null) {
    return [`${little}: the page is a frameset, and its text is in the pages of its frames${listAddresses(page)}`];
  }
  if (isShell(page)) {
    return [
      `${little}: the page is an application shell, whose text is written by scripts, and no script runs here; capture the page in a browser after it has loaded`,
    ];
  }
  if (content !== '') return [];
  const next = findNext(page);
  if (next !== undefined) return [`${little}: the page only leads on to another one: ${next}`];
  const title = page.querySelector('title')?.textContent ?? '';
  if (/<\/?[a-z][^>]*>/i.test(title)) return [`${little}: all of the page is in its <title>, which has no end`];
  if (page.querySelector('iframe[src], iframe[srcdoc]') !== null) {
    return [`${little}: the page has no text but that of its frames${listAddresses(page)}`];
  }
  const places = findPlaces(page);
  return [
    places.length > 0
      ? `${little}: the page has text only in ${places.join(', ')}, which is no part of what it shows`
      : `${little}: the page has no text`,
  ];
}

/** The element that a framework fills. */
const roots =
  '#root, #app, #__next, #__nuxt, #___gatsby, #svelte, #ember-app, #application, #main-app, #react-root, [ng-app], [ng-version], [data-reactroot], [data-server-rendered], [id$="-root"], [id$="-app"], [id$="_root"], [id$="_app"]';

/** Scripts, and either nothing beside them or an element for them to fill. */
function isShell(page: Page): boolean {
  if (page.querySelector('script') === null) return false;
  const isToFill = ({ localName, textContent }: PageElement) =>
    localName !== 'html' && localName !== 'body' && textContent.trim().length < fewCharacters;
  if ([...page.querySelectorAll(roots)].some(isToFill)) return true;
  const asksForScripts = [...page.querySelectorAll('noscript')].some(({ textContent }) =>
    /javascript/i.test(textContent),
  );
  const custom = [...page.body.children].some(({ localName }) => localName.includes('-'));
  return asksForScripts || custom || toShown(page) === '';
}

/** What a page shows without its scripts. */
function toShown(page: Page): string {
  const { body } = page;
  for (const element of [...body.querySelectorAll('script, style, noscript, template, iframe, svg')]) element.remove();
  return body.textContent.trim();
}

/** Where a page without text sends a browser. */
function findNext(page: Page): string | undefined {
  const refresh = [...page.querySelectorAll('meta[http-equiv]')].find(
    (meta) => meta.getAttribute('http-equiv')?.trim().toLowerCase() === 'refresh',
  );
  const address = /;\s*url\s*=\s*["']?([^"'\s]+)/i.exec(refresh?.getAttribute('content') ?? '')?.[1];
  return address?.slice(0, 200);
}

const hidden = [
  ['noscript', '<noscript>'],
  ['template', '<template>'],
  ['textarea', '<textarea>'],
  ['select', '<select>'],
  ['svg', '<svg>'],
  ['script', '<script>'],
] as const;

function findPlaces(page: Page): string[] {
  return hidden
    .filter(([name]) => [...page.querySelectorAll(name)].some(({ textContent }) => textContent.trim() !== ''))
    .map(([, place]) => place);
}

function listAddresses(page: Page): string {
  const addresses = [...page.querySelectorAll('frame[src], iframe[src]')].map(
    (frame) => frame.getAttribute('src') ?? '',
  );
  const shown = addresses.slice(0, 5).map((address) => address.trim().slice(0, 200));
  return shown.length === 0 ? '' : `: ${shown.join(', ')}${addresses.length > shown.length ? ', …' : ''}`;
}
