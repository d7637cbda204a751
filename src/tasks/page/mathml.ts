/** MathML as TeX. */
import { isElement, isText, type PageElement, type PageNode } from './dom.ts';

/** null where the formula says nothing that TeX can say. */
export async function toTex(math: PageElement): Promise<string | null> {
  const { MathMLToLaTeX } = await import('mathml-to-latex');
  try {
    return MathMLToLaTeX.convert(toXml(math));
  } catch {
    // Its characters are worth more than nothing.
    return math.textContent.trim() || null;
  }
}

/** What says the formula once more, in another form. */
const notes = new Set(['annotation', 'annotation-xml', 'mphantom']);
const attributes = [
  'mathvariant',
  'open',
  'close',
  'separators',
  'linethickness',
  'accent',
  'notation',
  'displaystyle',
];

/** The converter reads XML, which HTML seldom is. */
function toXml(node: PageNode): string {
  if (isText(node)) return escapeXml(node.textContent ?? '');
  if (!isElement(node) || notes.has(node.localName)) return '';
  const name = node.localName.replace(/^.*:/, '');
  const given = attributes.flatMap((attribute) => {
    const value = node.getAttribute(attribute);
    return value === null ? [] : [` ${attribute}="${escapeXml(value)}"`];
  });
  const content = toFunction(name, node) ?? [...node.childNodes].map(toXml).join('');
  return /^[a-z]+$/.test(name) ? `<${name}${given.join('')}>${content}</${name}>` : content;
}

/** `sin` is a function and not three letters. The converter keeps what is TeX already. */
function toFunction(name: string, { textContent }: PageElement): string | null {
  const word = textContent.trim();
  return (name === 'mi' || name === 'mo') && functions.has(word) ? `\\${word}` : null;
}

const functions = new Set(
  (
    'arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max ' +
    'min sec sin sinh sup tan tanh Pr'
  ).split(' '),
);

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
