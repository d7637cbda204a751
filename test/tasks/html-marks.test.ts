/**
 * Goal: what a page shows by other means than letters comes out too: raised digits, numbers of lists, formulas without a
 * source, shadow roots. Method: a page for each, beside one that only looks alike.
 */
import { describe, expect, it } from 'vitest';
import { parsePage } from '../../src/tasks/page/tree.ts';
import { runTask } from './run-task.ts';

async function contentOf(html: string, format = 'markdown'): Promise<unknown> {
  return (await runTask('html_extract', { html, format })).content;
}

describe('raised and lowered digits', () => {
  it.each([
    ['<p>10<sup>9</sup> and 10<sup>-3</sup>, 10<sup>−3</sup>, 10<sup> 12 </sup></p>', '10⁹ and 10⁻³, 10⁻³, 10¹²'],
    ['<p>H<sub>2</sub>O, x<sup>n</sup>, (a+b)<sup>n+1</sup>, a<sub>10</sub></p>', 'H₂O, xⁿ, (a+b)ⁿ⁺¹, a₁₀'],
    [
      '<p>the 1<sup>st</sup>, M<sup>me</sup>, x<sub>i</sub>, e<sup>+</sup>, a<sup></sup>b</p>',
      'the 1st, Mme, xi, e+, ab',
    ],
    ['<p>so<sup><a href="#n">2</a></sup></p>', 'so[2](#n)'],
  ])('%s', async (html, expected) => {
    expect(await contentOf(html)).toBe(expected);
  });

  it('are raised in text too', async () => {
    expect(await contentOf('<p>10<sup>9</sup></p>', 'text')).toBe('10⁹');
  });
});

describe('the items of a list have the numbers that a browser shows', () => {
  it.each([
    ['<ol><li>a<li>b</ol>', '1.  a\n2.  b'],
    ['<ol start="5"><li>a<li value="9">b<li>c</ol>', '5.  a\n9.  b\n10.  c'],
    ['<ol reversed><li>a<li>b<li>c</ol>', '3.  a\n2.  b\n1.  c'],
    ['<ol start="-1"><li>a<li>b</ol>', '-1.  a\n0.  b'],
    ['<ol start="x"><li value="">a<li>b</ol>', '1.  a\n2.  b'],
    ['<ol><li>a</li><p>x</p><li>b</ol>', '1.  a\n\nx\n\n2.  b'],
    ['<ul><li>a<ol><li>b<li>c</ol><li>d</ul>', '-   a\n    1.  b\n    2.  c\n-   d'],
    ['<ol><li><p>a</p><p>b</p><li>c</ol>', '1.  a\n    \n    b\n    \n2.  c'],
  ])('%s', async (html, expected) => {
    expect(await contentOf(html)).toBe(expected);
  });

  it('are counted once, however many there are', async () => {
    const content = (await contentOf(`<ol>${'<li>x'.repeat(20_000)}</ol>`)) as string;
    expect(content.endsWith('\n20000.  x')).toBe(true);
  }, 20_000);
});

describe('a formula without its source', () => {
  const glyphs =
    '<mjx-mi><mjx-c class="mjx-c1D438 TEX-I"></mjx-c></mjx-mi><mjx-mo><mjx-c class="mjx-c3D"></mjx-c></mjx-mo>';
  it.each([
    ['KaTeX', '<span class="katex"><span class="katex-html" aria-hidden="true">E=m</span></span>', 'E=m'],
    [
      'MathJax 3',
      `<mjx-container class="MathJax" jax="CHTML"><mjx-math aria-hidden="true">${glyphs}</mjx-math></mjx-container>`,
      '𝐸=',
    ],
    [
      'MathJax 3 as SVG',
      '<mjx-container class="MathJax" jax="SVG"><svg aria-hidden="true"><g><path data-c="1D438"></path><path data-c="3D"></path></g></svg></mjx-container>',
      '𝐸=',
    ],
    ['no formula', '<span class="MathJaxless"><i data-c="41"></i>x</span>', 'x'],
  ])('of %s keeps its characters', async (_name, html, expected) => {
    expect(await contentOf(`<p>Here ${html} is it.</p>`)).toBe(`Here ${expected} is it.`);
  });
});

describe('a template', () => {
  it.each(['open', 'closed'])('that is a shadow root (%s) is shown', async (mode) => {
    const html = `<x-card><template shadowrootmode="${mode}"><h2>Title</h2><p>Inside</p></template><p>Beside</p></x-card>`;
    expect(await contentOf(html)).toBe('## Title\n\nInside\n\nBeside');
  });

  it('is not shown otherwise', async () => {
    expect(await contentOf('<p>a</p><template><p>b</p></template>')).toBe('a');
    const page = await parsePage('<template>b</template>');
    expect(page.documentElement.textContent).toBe('');
  });
});

describe('XHTML', () => {
  it('may close elements at once', async () => {
    const head = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a.js" /></head>';
    const html = `<?xml version="1.0"?>\n${head}<body><p>Text</p></body></html>`;
    expect(await runTask('html_extract', { html })).toMatchObject({ content: 'Text', title: null });
  });
});
