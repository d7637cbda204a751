/**
 * Reads HTML as browsers do: parse5 builds the tree by the rules of HTML5, and linkedom holds it. Tags that HTML lets
 * an author leave out are there, misplaced ones are where a browser puts them, and a tree that is too deep is made
 * flat as browsers make it.
 *
 * Nothing here calls itself: a page of a thousand levels must not fill the stack.
 */
import type { DefaultTreeAdapterTypes, Token, Tokenizer } from 'parse5';
import { TaskFailure } from '../../contract/task.ts';
import type { Page, PageElement, PageNode } from './dom.ts';

/** Chrome, Safari and Firefox hold no element deeper than this; the root is at 1. */
export const depthMax = 512;

/** Open elements that a page may have; those over it are closed early. Twice what browsers hold. */
const openMax = 2 * depthMax;

/** Tables, forms and the like in each other. */
const structuresMax = 8_192;

/** Formatting tags (`<b>`, `<font>`, `<a>`) without an end that a page may have: each is repeated in each later block. */
const formattingMax = 64;

/** Attributes of one element; further ones are left out. */
const attributesMax = 256;

/** Elements that a page may make beside one for each character. */
const elementsMin = 10_000;

/** Where one of these is open the rules for tables, forms and templates differ: they are never closed early. */
const structures = new Set([
  ...['applet', 'body', 'button', 'caption', 'colgroup', 'frameset', 'head', 'html', 'marquee', 'object', 'optgroup'],
  ...['option', 'select', 'svg', 'math', 'table', 'tbody', 'td', 'template', 'tfoot', 'th', 'thead', 'tr', 'form'],
]);

/**
 * The tree of a page by the rules of HTML5, as parse5 gives it. Scripts do not run here, so `<noscript>` holds elements,
 * as in a browser without scripts.
 *
 * The rules look through all open elements at almost every tag, and repeat every unclosed formatting tag in every block:
 * a page of 100 KB can ask for gigabytes. Bounds far beyond what pages have keep the work linear. The order of texts and
 * links stays.
 */
export async function parseTree(html: string): Promise<DefaultTreeAdapterTypes.Document> {
  const { defaultTreeAdapter, Parser } = await import('parse5');
  const treeAdapter: typeof defaultTreeAdapter = {
    ...defaultTreeAdapter,
    adoptAttributes(element, attributes) {
      if (element.attrs.length < attributesMax) defaultTreeAdapter.adoptAttributes(element, attributes);
    },
  };
  const parser = new Parser({ scriptingEnabled: false, treeAdapter });
  boundAttributes(parser.tokenizer);
  const { openElements, activeFormattingElements } = parser;
  const hasInButtonScope = openElements.hasInButtonScope.bind(openElements);
  // Asked at each start tag. Where no such element is open the answer comes from the list of tags alone.
  openElements.hasInButtonScope = (tag) =>
    openElements.tagIDs.lastIndexOf(tag, openElements.stackTop) >= 0 && hasInButtonScope(tag);
  const push = openElements.push.bind(openElements);
  let made = 0;
  openElements.push = (element, tag) => {
    made += 1;
    if (made > elementsMin + html.length) {
      throw new TaskFailure(
        'TASK_ERROR',
        'the page makes more elements than it has characters: formatting tags such as <b> without an end are repeated in each block',
      );
    }
    push(element, tag);
    const parent = openElements.items[openElements.stackTop - 1] as DefaultTreeAdapterTypes.Element | undefined;
    if (openElements.stackTop <= openMax || parent === undefined) return;
    if (!structures.has(parent.nodeName)) openElements.remove(parent);
    else if (openElements.stackTop > structuresMax) {
      throw new TaskFailure('TASK_ERROR', `the page nests <${parent.nodeName}> deeper than ${structuresMax} levels`);
    }
  };
  // The newest entry is the first. Both methods add one.
  const { entries } = activeFormattingElements;
  const pushElement = activeFormattingElements.pushElement.bind(activeFormattingElements);
  activeFormattingElements.pushElement = (element, token) => {
    pushElement(element, token);
    if (entries.length > formattingMax) entries.pop();
  };
  const insertMarker = activeFormattingElements.insertMarker.bind(activeFormattingElements);
  activeFormattingElements.insertMarker = () => {
    insertMarker();
    if (entries.length > formattingMax) entries.pop();
  };
  parser.tokenizer.write(closeTags(html), true);
  return parser.document as DefaultTreeAdapterTypes.Document;
}

/** Each attribute is compared with all before it. */
function boundAttributes(written: Tokenizer): void {
  const tokenizer = written as unknown as { currentToken: Token.TagToken; _leaveAttrName(): void };
  const leaveName = tokenizer._leaveAttrName.bind(tokenizer);
  tokenizer._leaveAttrName = () => {
    if (tokenizer.currentToken.attrs.length < attributesMax) leaveName();
  };
}

/**
 * Parses a page into the document that Readability and turndown work on. What a `<template>` holds is left out, unless it
 * is shown as the inside of its parent (a declarative shadow root).
 */
export async function parsePage(html: string, keepsTemplates = false): Promise<Page> {
  const [source, { parseFragment }, { parseHTML }] = await Promise.all([
    parseTree(html),
    import('parse5'),
    import('linkedom'),
  ]);
  const { document }: { document: Page & PageElement } = parseHTML('');
  for (const child of source.childNodes) {
    if (isElementNode(child)) build({ document, keepsTemplates }, document, child, 1);
  }
  // linkedom looks for the title in the head only; a browser takes the first one, wherever it is.
  const titles = [...document.querySelectorAll('title')].filter((title) => title.closest('svg') === null);
  Object.defineProperty(document, 'title', { value: (titles[0]?.textContent ?? '').replace(/\s+/g, ' ').trim() });
  setFragmentParser(document, (text) => parseFragment(text, { scriptingEnabled: false }).childNodes);
  return document;
}

/** XHTML may close these at once, where HTML would take all that follows as their text. */
function closeTags(html: string): string {
  if (!/^\s*<\?xml\s/.test(html.slice(0, 100).replace('\ufeff', ''))) return html;
  return html.replace(/<(title|script|style|textarea|iframe)((?:\s[^<>]*)?)\/>/gi, '<$1$2></$1>');
}

type Node = DefaultTreeAdapterTypes.ChildNode;

interface Building {
  readonly document: Page;
  readonly keepsTemplates: boolean;
}

/** A node whose place is to be found. `parent` is where it goes, unless its siblings have been moved out of there. */
interface Open {
  readonly source: DefaultTreeAdapterTypes.Element;
  readonly target: PageElement;
  /** Of the target in the tree that is built: `depthMax` at most. */
  readonly depth: number;
  next: number;
}

/** Builds the source's element and all below it into `into`. */
function build(
  { document, keepsTemplates }: Building,
  into: PageElement,
  source: DefaultTreeAdapterTypes.Element,
  depth: number,
): void {
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
      if (keepsTemplates || isShadowRoot(child)) openTemplate(child);
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

/** What a browser shows as the inside of the element around it. */
function isShadowRoot({ tagName, attrs }: DefaultTreeAdapterTypes.Element): boolean {
  return tagName === 'template' && attrs.some(({ name }) => name === 'shadowrootmode');
}

/** What a template holds stands beside its tree. A shadow root becomes a plain block. */
function openTemplate(element: DefaultTreeAdapterTypes.Element): void {
  if (!('content' in element)) return;
  element.childNodes = (element as DefaultTreeAdapterTypes.Template).content.childNodes;
  if (!isShadowRoot(element)) return;
  element.tagName = 'div';
  element.attrs = [];
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
  if (isElementNode(node)) build({ document, keepsTemplates: false }, into, node, 1);
  else if (node.nodeName === '#text') {
    into.appendChild(document.createTextNode((node as DefaultTreeAdapterTypes.TextNode).value) as PageNode);
  }
}
