/**
 * Raised and lowered digits of a page. Markdown has no form for them, and without one 10<sup>9</sup> would read 109.
 */
import { isText, type Page, type PageElement } from './dom.ts';

const raised = toForms('0123456789+-=()ni', '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ');
const lowered = toForms('0123456789+-=()', '₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎');

/** Digits, signs and letters become the characters that are raised by themselves; anything else stays as it is. */
export function markIndices(page: Page, root: PageElement): void {
  for (const element of [...root.querySelectorAll('sup, sub')]) {
    const text = [...element.childNodes].every(isText) ? element.textContent.trim() : '';
    const forms = element.localName === 'sup' ? raised : lowered;
    const characters = [...text].map((character) => forms.get(character));
    if (text === '' || !/\d|^[in]$/.test(text) || characters.includes(undefined)) continue;
    element.replaceWith(page.createTextNode(characters.join('')));
  }
}

function toForms(plain: string, forms: string): ReadonlyMap<string, string> {
  const shown = [...forms];
  const pairs = [...plain].map((character, i): [string, string] => [character, shown[i] ?? character]);
  // The signs for minus that authors write.
  const minus = new Map(pairs).get('-') ?? '-';
  return new Map([...pairs, ['\u2212', minus], ['\u2013', minus]]);
}
