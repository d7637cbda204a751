/**
 * Goal: no text costs a task of the CPU lane more processor time than its length earns, so that a hostile page is done
 * within its deadline. Method: that of test/load/growth.test.ts, for tasks: ten times the input, less than fifteen times
 * the processor time of this process, in the best of a few rounds. Shapes are those that were quadratic in a library, and
 * their kin.
 */
import { expect, test } from 'vitest';
import { readAnchors } from '../../src/tasks/page/anchors.ts';
import { parseTree } from '../../src/tasks/page/tree.ts';
import { growthOf } from '../fixtures/growth.ts';
import { runTask } from './run-task.ts';

const list = (size: number, item: (i: number) => string) => Array.from({ length: size }, (_, i) => item(i)).join('');
const url = 'https://site.example/';
const links = (html: string) => () => runTask('html_links', { html, url });
const page = (html: string) => () => runTask('html_extract', { html, url });
/** A page that names a program for formulas has them between delimiters. */
const formulas = (text: string) => page(`<script src="mathjax.js"></script><p>${text}</p>`);
const feed = (items: string) => () =>
  runTask('feed_parse', { text: `<rss version="2.0"><channel><title>t</title>${items}</channel></rss>` });
const xml = (text: string) => () => runTask('xml_parse', { xml: text });

/** What is done with an input of a size. Failures count as well: they too may not take long. */
const cases: [name: string, size: number, prepare: (size: number) => () => Promise<unknown>][] = [
  ['open blocks', 4_000, (n) => links('<div>'.repeat(n))],
  ['open blocks in formatting', 2_000, (n) => links('<b><div>'.repeat(n))],
  ['formatting that no block ends', 2_000, (n) => links(list(n, (i) => `<font a=${i}>`))],
  ['formatting that is repeated in blocks', 2_000, (n) => links(list(n, (i) => `<div><font a=${i}></div>x`))],
  ['ends without a beginning in open elements', 2_000, (n) => links('<span>'.repeat(n) + '</em></p></h1>'.repeat(n))],
  ['links in links', 1_000, (n) => links('<a href=x><object>'.repeat(n))],
  ['links', 2_000, (n) => links(list(n, (i) => `<a href=${i}>text</a>`))],
  ['links of a long base', 200, (n) => links(`<base href="/${'x'.repeat(8_000)}/">${list(n, (i) => `<a href=${i}>`)}`)],
  ['attributes of a link', 2_000, (n) => links(`<a ${list(n, (i) => `a${i}=x `)} href=x>`)],
  ['attributes of tags that are repeated', 2_000, (n) => links(list(n, (i) => `<body a${i}=x>`))],
  [
    // No larger: what does not fit a processor's caches costs three times as much a node.
    'a walk through a tree',
    1_000,
    (n) => {
      const tree = parseTree('<a href=x><b>text</a>'.repeat(n));
      return async () => readAnchors(await tree);
    },
  ],
  ['formulas without an end', 2_000, (n) => formulas('\\('.repeat(n))],
  ['formulas of other kinds without an end', 2_000, (n) => formulas('\\[ \\( $$ '.repeat(n))],
  ['dollars', 2_000, (n) => formulas('$ x$ $5 '.repeat(n))],
  ['formulas', 500, (n) => formulas('\\(x\\) '.repeat(n))],
  ['spaces in a link', 4_000, (n) => page(`<p><a href=x>a${'&nbsp;'.repeat(n)}b</a></p>`)],
  ['spaces in a paragraph', 4_000, (n) => page(`<p>a${'&nbsp;'.repeat(n)}b</p>`)],
  ['spaces in code', 4_000, (n) => page(`<pre>x<b>y${' '.repeat(n)}&nbsp;</b>z${'\n'.repeat(n)}</pre>`)],
  ['spaces in cells', 4_000, (n) => page(`<table><tr><td>a${'&nbsp;'.repeat(n)}b<td>${' '.repeat(n)}c</table>`)],
  ['spaces of two kinds', 2_000, (n) => page(`<p>a<b>${'&nbsp; '.repeat(n)}b</b>${'&nbsp; '.repeat(n)}.</p>`)],
  ['items', 500, (n) => feed('<item><title>t</title><link>/a</link></item>'.repeat(n))],
  ['brackets of a person', 5_000, (n) => feed(`<item><author>${'('.repeat(n)}</author></item>`)],
  ['persons', 1_000, (n) => feed('<item><author>a (b)</author></item>'.repeat(n))],
  ['persons without an end', 4_000, (n) => feed(`<item>${'<author>'.repeat(n)}`)],
  ['persons that no tag closes', 4_000, (n) => feed(`<item>${'<author '.repeat(n)}`)],
  ['comments without an end', 4_000, (n) => feed('<!--'.repeat(n))],
  ['sections without an end', 4_000, (n) => feed('<![CDATA['.repeat(n))],
  ['titles in titles', 2_000, (n) => feed(`<item>${'<title>'.repeat(n)}${'</title>'.repeat(n)}</item>`)],
  ['text that is no feed', 20_000, (n) => () => runTask('feed_parse', { text: '<!-->'.repeat(n) })],
  ['levels of XML', 4_000, (n) => xml('<a>'.repeat(n) + '</a>'.repeat(n))],
  ['elements of one name', 4_000, (n) => xml(`<a>${'<b/>'.repeat(n)}</a>`)],
  ['elements of many names', 2_000, (n) => xml(`<a>${list(n, (i) => `<b${i}/>`)}</a>`)],
  ['attributes of XML', 2_000, (n) => xml(`<a ${list(n, (i) => `b${i}="" `)}/>`)],
  ['pieces of text', 4_000, (n) => xml(`<a>${'x<b/>'.repeat(n)}</a>`)],
  ['entities of XML', 10_000, (n) => xml(`<a>${'&amp;'.repeat(n)}</a>`)],
  ['a DOCTYPE', 4_000, (n) => xml(`<!DOCTYPE a [${list(n, (i) => `<!ENTITY a${i} "a">`)}]><a/>`)],
  [
    'texts to join',
    5_000,
    (n) => () =>
      runTask('text_join', { texts: Array.from({ length: n }, (_, i) => (i % 2 ? null : { content: 'x' })) }),
  ],
];

/** Below so many microseconds it is the measuring that costs. */
const baseMin = 300;

test.each(cases)('%s: ten times the input, less than fifteen times the work', async (_, size, prepare) => {
  const { ratio, ratioMax } = await growthOf(prepare(size), prepare(10 * size), baseMin);
  expect(ratio).toBeLessThan(ratioMax);
});

interface Tag {
  readonly nodeName: string;
  readonly attrs: readonly { name: string }[];
  readonly childNodes: readonly Tag[];
}

test('of the attributes of an element the first 256 are kept', async () => {
  const tree = await parseTree(`<body ${list(300, (i) => `a${i}=x `)}>`);
  const html = tree.childNodes.find(({ nodeName }) => nodeName === 'html') as unknown as Tag;
  const body = html.childNodes.find(({ nodeName }) => nodeName === 'body');
  expect(body?.attrs.map(({ name }) => name)).toEqual(Array.from({ length: 256 }, (_, i) => `a${i}`));
});
