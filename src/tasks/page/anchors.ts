/**
 * The links of a page's tree, in document order, with what is written in them. One walk, which does not call itself.
 * Text belongs to the innermost link that it is in: all texts together are no longer than the page.
 */
import type { DefaultTreeAdapterTypes } from 'parse5';
import { paragraphs } from './text.ts';

type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.ChildNode;

export interface Anchor {
  /** As it is written. */
  readonly href: string;
  /** As it is written; '' where there is none. */
  readonly rel: string;
  /** With white space as one space; the `alt` of pictures in it where it has no other text. */
  readonly text: string;
}

/** What a page does not show as text. */
const silent = new Set(['script', 'style', 'template']);

const lines = new Set([...paragraphs, 'br', 'td', 'th', 'tr']);

/** `base` is the address of the first `<base>` that has one, as it is written. */
export function readAnchors(document: DefaultTreeAdapterTypes.Document): {
  anchors: Anchor[];
  base: string | undefined;
} {
  const drafts: Draft[] = [];
  let base: string | undefined;
  const open: { node: { childNodes: Node[] }; draft: Draft | undefined; next: number }[] = [
    { node: document, draft: undefined, next: 0 },
  ];
  for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
    const child = at.node.childNodes[at.next];
    at.next += 1;
    if (child === undefined) {
      open.pop();
      if ('tagName' in at.node && lines.has(at.node.tagName as string)) at.draft?.pieces.push(' ');
    } else if (child.nodeName === '#text') {
      at.draft?.pieces.push((child as DefaultTreeAdapterTypes.TextNode).value);
    } else if ('tagName' in child && !silent.has(child.tagName)) {
      if (child.tagName === 'base') base ??= read(child, 'href');
      if (lines.has(child.tagName)) at.draft?.pieces.push(' ');
      if (child.tagName === 'img') at.draft?.alts.push(read(child, 'alt') ?? '');
      const draft = toDraft(child);
      if (draft !== undefined) drafts.push(draft);
      open.push({ node: child, draft: draft ?? at.draft, next: 0 });
    }
  }
  return { anchors: drafts.map(toAnchor), base };
}

interface Draft {
  readonly href: string;
  readonly rel: string;
  readonly pieces: string[];
  readonly alts: string[];
}

function toDraft(element: Element): Draft | undefined {
  const href = element.tagName === 'a' || element.tagName === 'area' ? read(element, 'href') : undefined;
  if (href === undefined) return undefined;
  const alts = element.tagName === 'area' ? [read(element, 'alt') ?? ''] : [];
  return { href, rel: read(element, 'rel') ?? '', pieces: [], alts };
}

function read(element: Element, name: string): string | undefined {
  return element.attrs.find((attribute) => attribute.name === name)?.value;
}

function toAnchor({ href, rel, pieces, alts }: Draft): Anchor {
  return { href, rel, text: squash(pieces.join('')) || squash(alts.join(' ')) };
}

function squash(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
