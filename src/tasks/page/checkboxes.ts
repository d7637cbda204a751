/**
 * Checkboxes of lists, as the text that Markdown has for them: `[x]` and `[ ]`. Readability takes form elements away.
 * Each becomes `<span data-check>`, which Markdown leaves as it is.
 */
import type { Page, PageElement } from './dom.ts';

export function markCheckboxes(page: Page, root: PageElement): void {
  for (const element of root.querySelectorAll('[data-check]')) element.removeAttribute('data-check');
  for (const box of [...root.querySelectorAll('li input, li [role="checkbox"]')]) {
    if (box.localName === 'input' && !/^(?:checkbox|radio)$/i.test(box.getAttribute('type') ?? '')) continue;
    const isChecked = box.hasAttribute('checked') || box.getAttribute('aria-checked') === 'true';
    const mark = page.createElement('span');
    mark.setAttribute('data-check', '');
    mark.textContent = isChecked ? '[x]' : '[ ]';
    box.replaceWith(mark, page.createTextNode(' '));
  }
}
