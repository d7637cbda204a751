/**
 * Reads HTML as browsers do: parse5 builds the tree by the rules of HTML5, and linkedom holds it. Tags that HTML lets
 * an author leave out are there, misplaced ones are where a browser puts them, and a tree that is too deep is made
 * flat as browsers make it.
 *
 * Nothing here calls itself: a page of a thousand levels must not fill the stack.
 */
import type { DefaultTreeAdapterTypes } from 'parse5';
import type { Page, PageElement, PageNode } from './dom.ts';

/** Chrome, Safari and Firefox hold no element deeper than this; the root is at 1. */
export const depthMax = 512;

/** Parses a page. Scripts do not run here, so `<noscript>` holds elements, as in a browser without scripts. */
export async function parsePage(html: string): Promise<Page> {
  const [{ parseFragment, Parser }, { parseHTML }] = await Promise.all([import('parse5'), import('linkedom')]);
  const { document }: { document: Page & PageElement } = parseHTML('');
  const parser = new Parser({ scriptingEnabled: false });
  // Each start tag asks whether a paragraph is open, and parse5 looks for one in all that is open: 15 s for 50,000
  // levels. Where none is open the answer comes from the list of tags alone.
  const { openElements } = parser;
  const hasInButtonScope = openElements.hasInButtonScope.bind(openElements);
  openElements.hasInButtonScope = (tag) =>
    openElements.tagIDs.lastIndexOf(tag, openElements.stackTop) >= 0 && hasInButtonScope(tag);
  parser.tokenizer.write(html, true);
  for (const child of (parser.document as DefaultTreeAdapterTypes.Document).childNodes) {
    if (isElementNode(child)) build(document, document, child, 1);
  }
  // linkedom looks for the title in the head only; a browser takes the first one, wherever it is.
  const titles = [...document.querySelectorAll('title')].filter((title) => title.closest('svg') === null);
  Object.defineProperty(document, 'title', { value: (titles[0]?.textContent ?? '').replace(/\s+/g, ' ').trim() });
  setFragmentParser(document, (text) => parseFragment(text, { scriptingEnabled: false }).childNodes);
  return document;
}

type Node = DefaultTreeAdapterTypes.ChildNode;

/** A node whose place is to be found. `parent` is where it goes, unless its siblings have been moved out of there. */
interface Open {
  readonly source: DefaultTreeAdapterTypes.Element;
  readonly target: PageElement;
  /** Of the target in the tree that is built: `depthMax` at most. */
  readonly depth: number;
  next: number;
}

/** Builds the source's element and all below it into `into`. */
function build(document: Page, into: PageElement, source: DefaultTreeAdapterTypes.Element, depth: number): void {
  const root = toElement(document, source);
  into.appendChild(root);
  const open: Open[] = [{ source, target: root, depth, next: 0 }];
  for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
    const child = at.source.childNodes[at.next];
    at.next += 1;
    if (child === undefined) {
      open.pop();
      // The tree that is read gives its memory back while the other one grows.
      at.source.childNodes = [];
    } else if (isElementNode(child)) {
      const target = at.depth === depthMax && isWrapper(child) ? at.target : toElement(document, child);
      // What is too deep becomes the next sibling of the deepest element there can be.
      const parent = at.depth < depthMax ? at.target : (at.target.parentElement as PageElement);
      if (target !== at.target) parent.appendChild(target);
      open.push({ source: child, target, depth: Math.min(at.depth + 1, depthMax), next: 0 });
    } else if (child.nodeName === '#text') {
      const text = document.createTextNode((child as DefaultTreeAdapterTypes.TextNode).value);
      (isStillLast(at) ? at.target : (at.target.parentElement as PageElement)).appendChild(text);
    }
  }
}

/** False when children of a deepest element went behind it: the text that follows them must follow them there too. */
function isStillLast(at: Open): boolean {
  return at.depth < depthMax || at.target.nextSibling === null;
}

/** An element that adds nothing to the only element in it. */
function isWrapper({ tagName, childNodes }: DefaultTreeAdapterTypes.Element): boolean {
  const [only] = childNodes;
  return childNodes.length === 1 && only !== undefined && isElementNode(only) && wrappers.has(tagName);
}

const wrappers = new Set(['article', 'center', 'div', 'font', 'main', 'section', 'span']);

function isElementNode(node: Node): node is DefaultTreeAdapterTypes.Element {
  return 'tagName' in node;
}

function toElement(document: Page, source: DefaultTreeAdapterTypes.Element): PageElement {
  const element = document.createElementNS(source.namespaceURI, source.tagName);
  for (const { name, value, prefix } of source.attrs) {
    element.setAttribute(prefix === undefined || prefix === '' ? name : `${prefix}:${name}`, value);
  }
  return element;
}

/** linkedom reads what is assigned to `innerHTML` with a parser that knows neither tables nor optional tags. */
function setFragmentParser(document: Page, parseNodes: (html: string) => Node[]): void {
  let prototype = Object.getPrototypeOf(document.documentElement);
  while (prototype !== null && !Object.hasOwn(prototype, 'innerHTML')) prototype = Object.getPrototypeOf(prototype);
  const inherited = Object.getOwnPropertyDescriptor(prototype, 'innerHTML');
  Object.defineProperty(prototype, 'innerHTML', {
    ...inherited,
    set(this: PageElement & { ownerDocument: Page }, html: string) {
      this.replaceChildren();
      for (const node of parseNodes(html)) appendNode(this.ownerDocument, this, node);
    },
  });
}

function appendNode(document: Page, into: PageElement, node: Node): void {
  if (isElementNode(node)) build(document, into, node, 1);
  else if (node.nodeName === '#text') {
    into.appendChild(document.createTextNode((node as DefaultTreeAdapterTypes.TextNode).value) as PageNode);
  }
}
