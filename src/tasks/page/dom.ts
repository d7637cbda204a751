/**
 * As much of the DOM as `html_extract` uses. The compiler's own DOM types would put a browser's globals into every
 * file.
 */
export interface PageNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly textContent: string | null;
  readonly parentNode: PageNode | null;
  readonly parentElement: PageElement | null;
  readonly firstChild: PageNode | null;
  readonly nextSibling: PageNode | null;
  readonly previousSibling: PageNode | null;
  readonly childNodes: Iterable<PageNode>;
}

export interface PageElement extends PageNode {
  readonly localName: string;
  readonly className: string;
  innerHTML: string;
  readonly firstElementChild: PageElement | null;
  readonly nextElementSibling: PageElement | null;
  readonly children: Iterable<PageElement>;
  textContent: string;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelector(selectors: string): PageElement | null;
  querySelectorAll(selectors: string): Iterable<PageElement>;
  closest(selectors: string): PageElement | null;
  contains(node: PageNode): boolean;
  appendChild(child: PageNode): void;
  insertBefore(child: PageNode, before: PageNode | null): void;
  removeChild(child: PageNode): void;
  replaceChildren(...children: PageNode[]): void;
  replaceWith(...nodes: (PageNode | string)[]): void;
  remove(): void;
}

export interface Page {
  readonly title: string;
  readonly documentElement: PageElement;
  readonly head: PageElement;
  readonly body: PageElement;
  createElement(name: string): PageElement;
  createElementNS(namespace: string, name: string): PageElement;
  createTextNode(text: string): PageNode;
  querySelector(selectors: string): PageElement | null;
  querySelectorAll(selectors: string): Iterable<PageElement>;
}

const elementNode = 1;
const textNode = 3;

export function isElement(node: PageNode): node is PageElement {
  return node.nodeType === elementNode;
}

export function isText(node: PageNode): boolean {
  return node.nodeType === textNode;
}
