/**
 * The code blocks of a page, each as `<pre data-code="language"><code>…</code></pre>` with nothing but its text.
 * This has to be done before Readability, which takes away the classes that name the language.
 */
import { isElement, isText, type Page, type PageElement, type PageNode } from './dom.ts';

const notCode = 'h1, h2, h3, h4, h5, h6, table, article, img, pre';

export function markCode(page: Page, root: PageElement): void {
  for (const element of root.querySelectorAll('[data-code]')) element.removeAttribute('data-code');
  for (const table of [...root.querySelectorAll('table')]) takeCodeOutOfTable(page, table);
  for (const block of [...root.querySelectorAll('pre, xmp, listing, plaintext, code')]) {
    if (!root.contains(block) || isInCode(block)) continue;
    if (block.localName === 'code' && block.querySelector('br') === null) continue;
    // A page that forgets an end tag has all that follows in its code.
    if (block.querySelector(notCode) !== null) continue;
    replaceWithCode(page, block, readCode(block), findLanguage(block));
  }
  for (const block of [...root.querySelectorAll('[style]')]) if (root.contains(block)) keepLines(page, block);
}

/** `white-space: pre` makes code of any block; `pre-wrap` and `pre-line` keep the lines of a text. */
function keepLines(page: Page, block: PageElement): void {
  const kind = /(?:^|;)\s*white-space\s*:\s*(pre|pre-wrap|pre-line|break-spaces)\s*(?:!|;|$)/i.exec(
    block.getAttribute('style') ?? '',
  )?.[1];
  if (kind === undefined || block.localName === 'pre' || isInCode(block)) return;
  if (!block.textContent.trim().includes('\n')) return;
  if (block.querySelector(`${notCode}, p, div, li`) !== null) return;
  if (/^pre$/i.test(kind)) replaceWithCode(page, block, readCode(block), findLanguage(block));
  else for (const text of findTexts(block)) keepLinesOfText(page, text);
}

function keepLinesOfText(page: Page, text: PageNode): void {
  const lines = (text.textContent ?? '').split('\n');
  const parent = text.parentNode as PageElement;
  for (const [i, line] of lines.entries()) {
    if (i > 0) parent.insertBefore(page.createElement('br'), text);
    parent.insertBefore(page.createTextNode(line), text);
  }
  parent.removeChild(text);
}

function findTexts(node: PageNode): PageNode[] {
  if (isText(node)) return [node];
  return isElement(node) ? [...node.childNodes].flatMap(findTexts) : [];
}

function isInCode(block: PageElement): boolean {
  for (let at = block.parentElement; at !== null; at = at.parentElement) {
    if (at.localName === 'pre') return true;
  }
  return false;
}

function replaceWithCode(page: Page, block: PageElement, code: string, language: string): void {
  const pre = page.createElement('pre');
  for (const name of ['id', 'class']) {
    const value = block.getAttribute(name);
    if (value !== null) pre.setAttribute(name, value);
  }
  pre.setAttribute('data-code', language);
  const inner = page.createElement('code');
  inner.appendChild(page.createTextNode(code));
  pre.appendChild(inner);
  block.replaceWith(pre);
}

/** Highlighters put code into tables, with the numbers of the lines in a column of their own. */
function takeCodeOutOfTable(page: Page, table: PageElement): void {
  if (table.parentElement === null) return;
  const lines: string[] = [];
  let language = '';
  let isWhole = false;
  for (const row of table.querySelectorAll('tr')) {
    const cells = [...row.children];
    const code = cells.at(-1);
    if (code === undefined || !cells.slice(0, -1).every(isLineNumbers)) return;
    if (!codeCell.test(code.className) && (cells.length === 1 || !isGutter(cells[0]))) return;
    isWhole ||= code.querySelector('pre') !== null || /\n\s*\d/.test(cells[0]?.textContent ?? '');
    language ||= findLanguage(code.querySelector('pre') ?? code);
    lines.push(readCode(code).replace(/\n$/, ''));
  }
  if (lines.length === 0 || (isWhole && lines.length > 1)) return;
  const block = table.parentElement.closest('pre') ?? table;
  replaceWithCode(page, block, lines.join('\n'), language || findLanguage(table));
}

const codeCell = /(?:^|[\s_-])(?:code|blob-code|ln-code|line-content|codeline)(?:$|[\s_-])/i;

function isGutter(cell: PageElement | undefined): boolean {
  return cell !== undefined && gutter.test(cell.className);
}

const gutter = /(?:^|[\s_-])(?:gutter|linenos?|line-?num(?:ber)?s?|blob-num|ln-numbers|lnt|ln|num)(?:$|[\s_-])/i;

function isLineNumbers(cell: PageElement): boolean {
  return isGutter(cell) || /^[\d\s]*$/.test(cell.textContent);
}

/** Parts of a block that are no code: numbers of lines, buttons. */
const extras = new Set(['button', 'script', 'style', 'select', 'textarea', 'template', 'noscript']);
const extraClass =
  /(?:^|\s)(?:gutter|linenos?|lineno|line-?numbers?(?:-rows)?|hljs-ln-n(?:umbers)?|ln-num|blob-num|copy(?:-?btn|-?button|-code)?|toolbar)(?:$|\s)/i;

const lineClass = /(?:^|\s)(?:line|token-line|code-line|view-line|ec-line|cl)(?:$|\s)/i;
const lineElements = new Set(['div', 'p', 'li', 'tr', 'ol', 'ul', 'section']);

/** The text of a block, with a line end wherever a browser shows one. */
export function readCode(block: PageElement): string {
  const pieces: string[] = [];
  let isLineOwed = false;
  const put = (text: string): void => {
    if (text === '') return;
    if (isLineOwed && !text.startsWith('\n')) pieces.push('\n');
    isLineOwed = false;
    pieces.push(text);
  };
  const read = (node: PageNode): void => {
    if (isText(node)) put(node.textContent ?? '');
    if (!isElement(node)) return;
    if (node.localName === 'br') put('\n');
    if (node !== block && (extras.has(node.localName) || extraClass.test(node.className))) return;
    const isLine = node !== block && (lineElements.has(node.localName) || lineClass.test(node.className));
    if (isLine && isLineOwed) {
      pieces.push('\n');
      isLineOwed = false;
    }
    for (let child = node.firstChild; child !== null; child = child.nextSibling) read(child);
    if (isLine) isLineOwed = pieces.at(-1)?.endsWith('\n') !== true || isEmpty(node);
  };
  read(block);
  return pieces.join('').replaceAll('\u00a0', ' ').replaceAll('\u200b', '').replace(/\r\n?/g, '\n');
}

function isEmpty(node: PageElement): boolean {
  return node.textContent === '' && node.querySelector('br') === null;
}

/** The language that the block, its code or what is around them names; empty where none of them does. */
export function findLanguage(block: PageElement): string {
  const around = [block, block.parentElement, block.parentElement?.parentElement, block.closest('figure, table')];
  const code = block.localName === 'code' ? null : block.querySelector('code, [class*="language-"], [class*="lang-"]');
  for (const element of [code, ...around]) {
    const language = element ? readLanguage(element) : '';
    if (language !== '') return language;
  }
  return '';
}

const languageAttributes = [
  'data-lang',
  'data-language',
  'data-code-language',
  'data-enlighter-language',
  'data-tagsearch-lang',
];
const named =
  /(?:^|\s)(?:language|lang|highlight-source|highlight-text|highlight|brush:\s*|code|source)(?:-|(?<=brush:\s*))([a-z0-9+#_.-]+)/i;

function readLanguage(element: PageElement): string {
  const own = element.localName === 'pre' || element.localName === 'code' ? element.getAttribute('lang') : null;
  const attribute = languageAttributes.map((name) => element.getAttribute(name)).find((value) => value !== null);
  const written = attribute ?? (own !== null && known.has(own.toLowerCase()) ? own : undefined);
  const fromClass = named.exec(element.className)?.[1] ?? element.className.split(/\s+/).find(isKnown);
  return toName(written ?? fromClass ?? '');
}

function isKnown(name: string): boolean {
  return known.has(name.toLowerCase());
}

/** Names that mean no language, and whatever could end the line of a fence. */
function toName(name: string): string {
  const clean = name.trim().toLowerCase();
  if (/^(?:none|plain|plaintext|text|txt|default|auto|nohighlight|no-highlight|block|wrapper|box)$/.test(clean))
    return '';
  return /^[a-z0-9+#_.-]{1,40}$/.test(clean) ? clean : '';
}

/** Languages that highlighters name by a bare class. */
const known = new Set(
  (
    'bash sh shell zsh console powershell python py python3 ruby rb java javascript js jsx typescript ts tsx json yaml ' +
    'yml xml html css scss sass less sql go golang rust rs c cpp c++ csharp cs php perl lua r scala kotlin swift dart ' +
    'haskell elixir erlang clojure groovy matlab julia fortran ocaml fsharp nim zig toml ini diff dockerfile makefile ' +
    'graphql latex tex markdown objectivec vb vim asm solidity protobuf terraform hcl nix'
  ).split(' '),
);
