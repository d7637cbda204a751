/**
 * Goal: what pages say in other ways than by their elements comes out: lines kept by a style, checkboxes of lists, tables
 * made of roles, images with their address in `srcset`. Method: small pages, with the same page without it beside them.
 */
import { describe, expect, test } from 'vitest';
import { runTask } from './run-task.ts';

const extract = async (html: string, format = 'markdown') => {
  const page = `<html><body><article><h1>T</h1><p>${'Some text of the page. '.repeat(20)}</p>${html}</article></body></html>`;
  const { content } = (await runTask('html_extract', { html: page, format, url: 'https://site.example/a/' })) as {
    content: string;
  };
  return content.split('Some text of the page. '.trimEnd()).at(-1)?.trim();
};

describe('white-space in a style', () => {
  test.each([
    ['pre on a div is code', '<div style="white-space: pre">if a:\n    b()</div>', '```\nif a:\n    b()\n```'],
    ['pre among other styles', '<div style="color:red;white-space:pre !important">a\n  b</div>', '```\na\n  b\n```'],
    ['pre-wrap keeps the lines of a text', '<div style="white-space: pre-wrap;">one\ntwo</div>', 'one  \ntwo'],
    [
      'pre-line keeps the lines of a text',
      '<p style="white-space:pre-line">one\n<b>two\nthree</b></p>',
      'one  \n**two  \nthree**',
    ],
    ['one line is a text', '<div style="white-space: pre">one line</div>', 'one line'],
    ['nowrap keeps no lines', '<div style="white-space: nowrap">one\ntwo</div>', 'one two'],
    ['without a style', '<div>one\ntwo</div>', 'one two'],
  ])('%s', async (_what, html, content) => {
    expect(await extract(html)).toBe(content);
  });
});

describe('checkboxes in lists', () => {
  const list =
    '<ul><li><input type="checkbox" checked disabled> done</li><li><label><input type="checkbox"> not <b>yet</b></label></li><li>plain [x]</li></ul>';

  test('as Markdown', async () => {
    expect(await extract(list)).toBe('-   [x] done\n-   [ ] not **yet**\n-   plain \\[x\\]');
  });

  test('as text', async () => {
    expect(await extract(list, 'text')).toBe('[x] done\n\n[ ] not yet\n\nplain [x]');
  });

  test('by their role, and no other fields', async () => {
    const html =
      '<ol><li><span role="checkbox" aria-checked="true"></span>one</li><li><input type="text" value="v">two</li></ol>';
    expect(await extract(html)).toBe('1.  [x] one\n2.  two');
  });
});

describe('tables made of roles', () => {
  test('with headings, groups and spans', async () => {
    const html = `<div role="table"><div role="rowgroup"><div role="row"><span role="columnheader">Name</span><span
      role="columnheader">Price</span></div></div><div role="rowgroup"><div role="row"><span role="cell">Tea</span><span
      role="cell">2</span></div><div role="row"><div role="cell" aria-colspan="2">none else</div></div></div></div>`;
    expect(await extract(html)).toBe('| Name | Price |\n| --- | --- |\n| Tea | 2 |\n| none else |  |');
  });

  test('of a grid, as text', async () => {
    const row = (...cells: string[]) =>
      `<div role="row">${cells.map((cell) => `<div role="gridcell">${cell}</div>`).join('')}</div>`;
    expect(await extract(`<div role="grid">${row('a', 'b')}${row('c', 'd')}</div>`, 'text')).toBe('a\tb\nc\td');
  });

  test('a list of rows without a table stays a text', async () => {
    expect(await extract('<div><div role="row">a</div></div>')).toBe('a');
  });
});

describe('images with their address in srcset', () => {
  const base = 'https://site.example/a/';
  test.each([
    ['the widest', '<img alt="p" srcset="s.jpg 480w, l.jpg 1024w, m.jpg 800w">', 'l.jpg'],
    ['the densest', '<img alt="p" srcset="s.jpg, l.jpg 2x">', 'l.jpg'],
    ['an address with a comma', '<img alt="p" srcset="c/w_1,h_2/s.jpg 1x, c/w_2,h_3/l.jpg 2x">', 'c/w_2,h_3/l.jpg'],
    ['of a picture', '<picture><source srcset="l.webp 2x, s.webp 1x"><img alt="p"></picture>', 'l.webp'],
    [
      'behind a placeholder',
      '<img alt="p" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-srcset="l.jpg 2x">',
      'l.jpg',
    ],
    ['kept back', '<img alt="p" data-src="late.jpg">', 'late.jpg'],
    ['its own address stays', '<img alt="p" src="own.jpg" srcset="l.jpg 2x">', 'own.jpg'],
  ])('%s', async (_what, html, address) => {
    expect(await extract(`<p>See ${html} here.</p>`)).toBe(`See ![p](${base}${address}) here.`);
  });
});
