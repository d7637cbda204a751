/**
 * What runs inside a page, and what it gives back. The browser sends the text of these functions into the page, so each must
 * be whole by itself: it names nothing outside its own braces (test/extension/page.test.ts runs them as text).
 */

export type CaptureKind = 'selection' | 'article' | 'page';

export interface PageReading {
  /** A document of its own: head, and what was asked for as its body. */
  readonly html: string;
  readonly text: string;
  readonly title: string;
  readonly url: string;
  readonly lang: string;
}

export interface PageLook {
  readonly title: string;
  readonly url: string;
  readonly hasSelection: boolean;
}

export function lookAtPage(): PageLook {
  return {
    title: document.title,
    url: location.href,
    hasSelection: (getSelection()?.toString().trim() ?? '') !== '',
  };
}

/**
 * The selection, the article or the page as a person sees it now: open shadow roots are part of it, links are absolute. Scripts,
 * styles, what is typed into forms and hidden fields stay behind. It is copied into a document that loads and runs nothing.
 * Null where nothing is selected.
 */
export function readPage(kind: CaptureKind): PageReading | null {
  const dataAddressMax = 1_024;
  const dropped = new Set(
    'script style noscript template iframe object embed canvas svg base link video audio source track'.split(' '),
  );
  const fields = new Set(['input', 'textarea', 'select']);
  const inert = document.implementation.createHTMLDocument();

  const toAbsolute = (made: Element, name: string) => {
    const value = made.getAttribute(name);
    if (value === null) return;
    if (value.startsWith('data:')) {
      if (value.length > dataAddressMax) made.removeAttribute(name);
      return;
    }
    // A page says what it wants there; what is no address stays as it is.
    if (URL.canParse(value, document.baseURI)) made.setAttribute(name, new URL(value, document.baseURI).href);
  };

  /** In the order of the page, without recursion: a page may be deeper than a stack. */
  const copy = (nodes: ArrayLike<Node>, into: Node) => {
    const left: [Node, Node][] = [];
    const push = (children: ArrayLike<Node>, parent: Node) => {
      for (let i = children.length - 1; i >= 0; i -= 1) left.push([children[i] as Node, parent]);
    };
    push(nodes, into);
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [node, parent] = next;
      if (node.nodeType === Node.TEXT_NODE) parent.appendChild(inert.importNode(node, false));
      if (node.nodeType !== Node.ELEMENT_NODE) continue;
      const element = node as Element;
      const isData = element.localName === 'script' && element.getAttribute('type') === 'application/ld+json';
      if (dropped.has(element.localName) && !isData) continue;
      const made = inert.importNode(element, false);
      for (const name of ['href', 'src']) toAbsolute(made, name);
      for (const name of ['srcset', 'style', 'nonce']) made.removeAttribute(name);
      parent.appendChild(made);
      if (fields.has(element.localName)) {
        made.removeAttribute('value');
        continue;
      }
      const assigned = element.localName === 'slot' ? (element as HTMLSlotElement).assignedNodes() : [];
      push(assigned.length > 0 ? assigned : (element.shadowRoot ?? element).childNodes, made);
    }
  };

  /** The longest article, or the main part, where it holds enough of the text to be what the page is about. */
  const findArticle = (): Element => {
    const sizeOf = (element: Element | null) => element?.textContent?.length ?? 0;
    const articles = [...document.querySelectorAll('article')].sort((a, b) => sizeOf(b) - sizeOf(a));
    const main = document.querySelector('main, [role="main"]');
    const found = [articles[0], main].find((element) => element && sizeOf(element) * 4 >= sizeOf(document.body));
    return found ?? document.body;
  };

  const body = document.createDocumentFragment();
  let text = '';
  if (kind === 'selection') {
    const selection = getSelection();
    text = selection?.toString() ?? '';
    if (selection === null || text.trim() === '') return null;
    for (let i = 0; i < selection.rangeCount; i += 1) body.append(selection.getRangeAt(i).cloneContents());
    copy(body.childNodes, inert.body);
  } else {
    const root = kind === 'article' ? findArticle() : document.body;
    text = root instanceof HTMLElement ? (root.innerText ?? root.textContent ?? '') : '';
    copy(root === document.body ? root.childNodes : [root], inert.body);
  }
  copy(document.head?.childNodes ?? [], inert.head);
  for (const name of ['lang', 'dir']) {
    const value = document.documentElement.getAttribute(name);
    if (value !== null) inert.documentElement.setAttribute(name, value);
  }
  const url = new URL(location.href);
  url.username = '';
  url.password = '';
  return {
    html: `<!doctype html>\n${inert.documentElement.outerHTML}`,
    text,
    title: document.title,
    url: url.href,
    lang: document.documentElement.lang || document.querySelector('[lang]')?.getAttribute('lang') || '',
  };
}
