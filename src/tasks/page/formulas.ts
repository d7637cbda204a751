/**
 * The formulas of a page, each once, as TeX between `$` (`$$` where it stands on a line of its own). Pages hold the
 * same formula several times: as MathML, as what is shown, as a picture, as the script it was made from.
 *
 * Each becomes `<span data-formula="inline">` or `"display"` around its text. This has to be done before Readability,
 * which takes scripts and hidden elements away.
 */
import { isElement, isText, type Page, type PageElement, type PageNode } from './dom.ts';
import { toTex } from './mathml.ts';
import { type Form, findWritten } from './written-formulas.ts';

export async function markFormulas(page: Page, root: PageElement): Promise<void> {
  for (const element of root.querySelectorAll('[data-formula]')) element.removeAttribute('data-formula');
  const usesDelimiters = findDelimiters(page);
  await markScripts(page, root);
  for (const { selector, read } of kinds) {
    for (const element of [...root.querySelectorAll(selector)]) {
      if (!root.contains(element) || element.closest('[data-formula]') !== null) continue;
      const found = await read(page, element);
      if (found !== null) replace(page, element, found.tex, found.form);
      else if (rendered.test(element.className) || element.localName === 'mjx-container') keepGlyphs(page, element);
    }
  }
  markTexts(page, root, usesDelimiters);
}

const rendered = /(?:^|\s)(?:katex|MathJax)(?:$|[\s_-])/;

/** A formula without its source: what it shows is kept as text, since Readability takes the hidden parts away. */
function keepGlyphs(page: Page, element: PageElement): void {
  const glyphs: string[] = [];
  const read = (node: PageNode): void => {
    if (isText(node)) glyphs.push(node.textContent ?? '');
    if (!isElement(node)) return;
    const glyph = readGlyph(node);
    if (glyph !== undefined) glyphs.push(glyph);
    for (let child = node.firstChild; child !== null; child = child.nextSibling) read(child);
  };
  read(element);
  const text = glyphs.join('').trim();
  if (text !== '') element.replaceWith(page.createTextNode(text));
}

/** MathJax 3 draws characters by the number in a class, or in an attribute of a path. */
function readGlyph(element: PageElement): string | undefined {
  const code =
    element.localName === 'mjx-c'
      ? /(?:^|\s)mjx-c([0-9A-F]{1,6})(?:$|\s)/i.exec(element.className)?.[1]
      : element.getAttribute('data-c');
  const point = Number.parseInt(code ?? '', 16);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}

interface Found {
  readonly tex: string;
  readonly form: Form;
}

/** In this order: what is inside another one's element comes after it. */
const kinds: readonly { selector: string; read(page: Page, element: PageElement): Promise<Found | null> }[] = [
  { selector: '.katex-display', read: async (page, element) => toFound(await readMath(page, element), 'display') },
  { selector: '.katex', read: async (page, element) => toFound(await readMath(page, element), 'inline') },
  { selector: '.katex-error', read: async (_page, element) => toFound(element.textContent, 'inline') },
  {
    selector: '.mwe-math-element',
    read: async (page, element) => toFound(await readMath(page, element), formOf(element)),
  },
  { selector: 'mjx-container', read: async (page, element) => toFound(await readMath(page, element), formOf(element)) },
  {
    selector: '.MathJax_Display, .MathJax_SVG_Display, .MJXc-display',
    read: async (page, element) => toFound(await readMath(page, element), 'display'),
  },
  {
    selector: '.MathJax, .MathJax_SVG, .MathJax_CHTML, .mjx-chtml',
    read: async (page, element) => toFound(await readMath(page, element), 'inline'),
  },
  { selector: 'math', read: async (page, element) => toFound(await readMath(page, element), formOf(element)) },
  {
    selector: '[data-tex]',
    read: async (_page, element) => toFound(element.getAttribute('data-tex'), formOf(element)),
  },
  {
    selector: 'img.latex, img.tex, img[class*="mwe-math"], img[src*="latex.php"], img[src*="codecogs.com"]',
    read: async (_page, element) => toFound(element.getAttribute('alt'), formOf(element)),
  },
];

function toFound(tex: string | null, form: Form): Found | null {
  return tex === null || tex.trim() === '' ? null : { tex, form };
}

function formOf(element: PageElement): Form {
  const math = element.localName === 'math' ? element : element.querySelector('math');
  const isDisplay =
    element.getAttribute('display') === 'true' ||
    math?.getAttribute('display') === 'block' ||
    math?.getAttribute('mode') === 'display' ||
    /display|block/.test(element.className) ||
    element.querySelector('[class*="fallback-image-display"]') !== null;
  return isDisplay ? 'display' : 'inline';
}

/** The TeX that a formula was made from, or TeX that says the same as its MathML. */
async function readMath(page: Page, element: PageElement): Promise<string | null> {
  const source = [...element.querySelectorAll('annotation')].find((note) =>
    /(?:^|[/-])(?:la)?tex$/i.test(note.getAttribute('encoding') ?? ''),
  );
  if (source !== undefined) return source.textContent;
  const latex = readAttribute(element, 'data-latex');
  if (latex !== null) return latex;
  const math = element.localName === 'math' ? element : element.querySelector('math');
  const alttext = math?.getAttribute('alttext') ?? '';
  // Of a book it is a sentence for people who listen.
  if (/[\\^_{]/.test(alttext)) return alttext;
  if (math !== null) return toTex(math);
  const mathml = readAttribute(element, 'data-mathml');
  return mathml === null ? null : readMathml(page, mathml);
}

async function readMathml(page: Page, mathml: string): Promise<string | null> {
  const holder = page.createElement('div');
  holder.innerHTML = mathml;
  const math = holder.querySelector('math');
  return math === null ? null : readMath(page, math);
}

/** The attribute of the element, or of the first one in it that has it. */
function readAttribute(element: PageElement, name: string): string | null {
  return element.getAttribute(name) ?? element.querySelector(`[${name}]`)?.getAttribute(name) ?? null;
}

/** MathJax 2 keeps the source of each formula in a script behind what it shows. */
async function markScripts(page: Page, root: PageElement): Promise<void> {
  for (const script of [...root.querySelectorAll('script[type^="math/"]')]) {
    const [type = '', ...options] = (script.getAttribute('type') ?? '').split(/[; ]+/);
    const text = script.textContent;
    const tex = type === 'math/mml' ? await readMathml(page, text) : text;
    removeShownBefore(script);
    const display = options.includes('mode=display') || /<math[^>]{0,1000}display="block"/.test(text);
    if (tex !== null) replace(page, script, tex, display ? 'display' : 'inline');
  }
}

function removeShownBefore(script: PageElement): void {
  for (let at = script.previousSibling; at !== null; ) {
    const before = at.previousSibling;
    if (isElement(at)) {
      if (!/MathJax|mjx|MJX/.test(at.className)) return;
      at.remove();
    } else if (isText(at) && (at.textContent ?? '').trim() !== '') return;
    at = before;
  }
}

function replace(page: Page, element: PageNode & { replaceWith(node: PageNode): void }, tex: string, form: Form): void {
  const formula = toFormula(page, tex, form);
  element.replaceWith(formula ?? page.createTextNode(''));
}

function toFormula(page: Page, tex: string, form: Form): PageElement | null {
  const clean = cleanTex(tex);
  if (clean === '') return null;
  const formula = page.createElement('span');
  formula.setAttribute('data-formula', form);
  formula.textContent = form === 'display' ? `$$${clean}$$` : `$${clean}$`;
  return formula;
}

/** One line, without delimiters and comments; nothing in it can become a tag where Markdown is shown. */
function cleanTex(tex: string): string {
  const line = tex
    .replace(/(?<!\\)%[^\n]*(?:\n|$)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^(?:\$\$?|\\\(|\\\[)(.*?)(?:\$?\$|\\\)|\\\])$/, '$1')
    .replace(/^\{\\(?:display|text|script)style (.*)\}$/, '$1')
    .replaceAll('<', '\\lt ')
    .trim();
  return /(?:^|[^\\])(?:\\\\)*\\$/.test(line) ? `${line} ` : line;
}

/** Which delimiters stand for formulas in the texts of a page; a page that names no program for formulas has none. */
interface Delimiters {
  readonly everywhere: boolean;
  readonly single: boolean;
}

/** Pages that were not rendered have their formulas as `\(…\)`, `\[…\]`, `$$…$$`, and `$…$` where they say so. */
function findDelimiters(page: Page): Delimiters {
  let everywhere = false;
  let single = false;
  for (const script of page.querySelectorAll('script')) {
    const text = script.textContent;
    everywhere ||= /mathjax|katex/i.test(script.getAttribute('src') ?? '') || /MathJax|renderMathInElement/.test(text);
    single ||= /(?:inlineMath|delimiters)\b[^;]{0,200}?['"]\$['"]/.test(text);
  }
  return { everywhere, single };
}

const marked = '.math, .arithmatex, .tex2jax_process';
function markTexts(page: Page, root: PageElement, { everywhere, single }: Delimiters): void {
  const places = everywhere ? [root] : [...root.querySelectorAll(marked)];
  for (const place of places) {
    const isMarked = place !== root;
    for (const text of findTexts(place)) markText(page, text, single || isMarked);
  }
}

const silent = new Set(['pre', 'code', 'script', 'style', 'textarea', 'kbd', 'samp', 'noscript', 'template']);

function findTexts(root: PageElement): PageNode[] {
  const texts: PageNode[] = [];
  const find = (node: PageNode): void => {
    if (isText(node)) texts.push(node);
    if (!isElement(node) || silent.has(node.localName) || node.hasAttribute('data-formula')) return;
    for (let child = node.firstChild; child !== null; child = child.nextSibling) find(child);
  };
  find(root);
  return texts.filter((text) => /[$\\]/.test(text.textContent ?? ''));
}

function markText(page: Page, node: PageNode, single: boolean): void {
  const text = node.textContent ?? '';
  const parts: PageNode[] = [];
  let from = 0;
  for (const { start, end, tex, form } of findWritten(text, single)) {
    const formula = toFormula(page, tex, form);
    if (formula === null) continue;
    parts.push(page.createTextNode(text.slice(from, start)), formula);
    from = end;
  }
  if (parts.length === 0) return;
  const parent = node.parentNode as PageElement;
  for (const part of [...parts, page.createTextNode(text.slice(from))]) parent.insertBefore(part, node);
  parent.removeChild(node);
}
