/** The items of lists as Markdown, each with the number that a browser shows. */
import type { PageElement } from './dom.ts';

/** Numbers of the items of ordered lists: `start`, `value` and `reversed` count, as in the HTML standard. */
export class ItemNumbers {
  readonly #numbers = new Map<PageElement, number>();

  /** undefined for an item of no ordered list. */
  numberOf(item: PageElement): number | undefined {
    const list = item.parentElement;
    if (list?.localName !== 'ol') return undefined;
    // All of a list at once: its items are asked for one by one.
    if (!this.#numbers.has(item)) this.#count(list);
    return this.#numbers.get(item);
  }

  #count(list: PageElement): void {
    const items = [...list.children].filter(({ localName }) => localName === 'li');
    const isReversed = list.hasAttribute('reversed');
    let next = readNumber(list.getAttribute('start')) ?? (isReversed ? items.length : 1);
    for (const item of items) {
      const number = readNumber(item.getAttribute('value')) ?? next;
      this.#numbers.set(item, number);
      next = number + (isReversed ? -1 : 1);
    }
  }
}

/** `marker` is what the item begins with: `-` or `7.`. */
export function toItem(content: string, marker: string, isLast: boolean): string {
  const indent = `${marker}${marker === '-' ? '   ' : '  '}`;
  const isParagraph = content.endsWith('\n');
  const text = `${content.replace(/^\n+/, '').trimEnd()}${isParagraph ? '\n' : ''}`;
  return `${indent}${text.replaceAll('\n', `\n${' '.repeat(indent.length)}`)}${isLast ? '' : '\n'}`;
}

function readNumber(text: string | null): number | undefined {
  return text !== null && /^\s*[+-]?\d{1,9}/.test(text) ? Number.parseInt(text, 10) : undefined;
}
