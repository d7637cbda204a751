/** Goal: HL1 to HL5, the links of a page as a browser would follow them, each once. */
import { describe, expect, it } from 'vitest';
import { tasks } from '../../src/tasks/registry.ts';
import { failureOf, runTask } from './run-task.ts';

const url = 'https://www.site.example/news/today?x=1';

interface Link {
  url: string;
  text: string;
  rel: string[];
}

async function read(html: string, params: object = {}): Promise<{ links: Link[]; logs: string[] }> {
  const logs: string[] = [];
  const { links } = await runTask('html_links', { html, url, ...params }, { log: (line) => void logs.push(line) });
  return { links: links as Link[], logs };
}

async function addresses(html: string, params: object = {}): Promise<string[]> {
  return (await read(html, params)).links.map((link) => link.url);
}

describe('html_links', () => {
  it('lists address, text and rel', async () => {
    const html = `<a href="/a?b=1&amp;c=2#d" rel=" NoFollow noopener  nofollow">Read\n  <b>more</b></a>
      <map><area href="b" alt="the map"></map> <a href="c"><img src="x.png" alt="a picture"></a>
      <a href="d"><div>one</div><div>two</div>three<br>four<script>x()</script></a>`;
    expect((await read(html)).links).toEqual([
      { url: 'https://www.site.example/a?b=1&c=2', text: 'Read more', rel: ['nofollow', 'noopener'] },
      { url: 'https://www.site.example/news/b', text: 'the map', rel: [] },
      { url: 'https://www.site.example/news/c', text: 'a picture', rel: [] },
      { url: 'https://www.site.example/news/d', text: 'one two three four', rel: [] },
    ]);
  });

  it('takes http and https alone, resolved as browsers do', async () => {
    const html = `<a href="mailto:a@b.c">m</a><a href=" java&#9;script:alert(1)">j</a><a href="data:text/html,x">d</a>
      <a href="ftp://a.example/">f</a><a>no address</a><a href="http://[">broken</a><a href="tel:1">t</a>
      <a href=" \thttps://a.example/p\nq ">one</a><a href="//b.example">two</a><a href="HTTP://C.example:80/../x">three</a>
      <a href="?y">four</a><link href="/style.css" rel="stylesheet"><svg><a href="/svg"><text>S</text></a></svg>`;
    expect(await addresses(html)).toEqual([
      'https://a.example/pq',
      'https://b.example/',
      'http://c.example/x',
      'https://www.site.example/news/today?y',
      'https://www.site.example/svg',
    ]);
  });

  it('lists each address once, with the first text that is not empty', async () => {
    const html =
      '<a href="/b"></a><a href="/a#1" rel="x">A</a><a href="/b#2">B</a><a href="/a">again</a><a href="/b">C</a>';
    expect((await read(html)).links).toEqual([
      { url: 'https://www.site.example/b', text: 'B', rel: [] },
      { url: 'https://www.site.example/a', text: 'A', rel: ['x'] },
    ]);
  });

  it('leaves out links to a part of the page, and keeps those to the page itself', async () => {
    const html = `<a href="#part">p</a><a href="#">top</a><a href="${url}#part">p</a>`;
    expect(await addresses(html)).toEqual([]);
    expect(await addresses(`${html}<a href="?x=1">this page</a>`)).toEqual([url]);
    expect(await addresses(`<base href="/other">${html}`)).toEqual(['https://www.site.example/other']);
  });

  it.each([
    ['that counts from the page', '<base href="../x/">', 'https://www.site.example/x/t'],
    ['that comes late, the first of two', '', 'https://b.example/t'],
    ['that is a script', '<base href="javascript:x">', 'https://www.site.example/news/t'],
  ])('resolves by a base %s', async (_, base, expected) => {
    const late = base === '' ? '<base target="_top"><base href="//b.example"><base href="//c.example">' : '';
    expect(await addresses(`${base}<a href="t">a</a>${late}`)).toEqual([expected]);
  });

  it('keeps to the site where asked: its host with or without www., by either scheme', async () => {
    const hosts = ['site.example', 'www.site.example', 'blog.site.example', 'site.example:8443', 'notsite.example'];
    const html = ['https', 'http']
      .flatMap((scheme) => hosts.map((host) => `<a href="${scheme}://${host}/">x</a>`))
      .join('');
    expect(await addresses(html)).toHaveLength(10);
    const own = [
      'https://site.example/',
      'https://www.site.example/',
      'http://site.example/',
      'http://www.site.example/',
    ];
    expect(await addresses(html, { sameSite: true })).toEqual(own);
    expect(await addresses(html, { sameSite: true, url: 'http://SITE.example/' })).toEqual(own);
    expect(await addresses(html, { sameSite: true, url: 'https://blog.site.example/' })).toEqual([
      'https://blog.site.example/',
      'http://blog.site.example/',
    ]);
  });

  it('reads pages without their optional tags, and text of a link in a link once', async () => {
    const { links } = await read(
      '<title>t</title><ul><li><a href=1>one<li><a href=2>two<object><a href=3>three</a></object>',
    );
    expect(links.map(({ url: address, text }) => [address.at(-1), text])).toEqual([
      ['1', 'one'],
      ['2', 'two'],
      ['3', 'three'],
    ]);
  });

  it('takes a page of 8 Mi characters and no longer one', () => {
    const params = tasks.get('html_links')?.params;
    expect(params?.safeParse({ html: 'x'.repeat(8 * 1024 * 1024), url }).success).toBe(true);
    expect(params?.safeParse({ html: 'x'.repeat(8 * 1024 * 1024 + 1), url }).success).toBe(false);
    expect(params?.safeParse({ html: '', url: 'ftp://a.example/' }).success).toBe(false);
  });

  it('lists no address that is longer than 8,192 characters, and says so', async () => {
    const long = 'x'.repeat(8_192);
    expect(await read(`<a href="/${long}">a</a><a href="/b">b</a>`)).toMatchObject({
      links: [{ text: 'b' }],
      logs: ['Left out 1 links whose address has more than 8192 characters'],
    });
    expect(await read(`<base href="/${long}/"><a href="a">a</a><a href="https://b.example/">b</a>`)).toMatchObject({
      links: [{ text: 'b' }],
      logs: ['Left out all relative links: the <base> of the page is too long'],
    });
  });

  it('fails where the addresses are too long together', async () => {
    const base = `<base href="/${'x'.repeat(8_000)}/">`;
    const html = base + Array.from({ length: 9_000 }, (_, i) => `<a href=${i}>`).join('');
    expect(await failureOf(read(html))).toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('finds the links of a page that nests 100,000 levels deep', async () => {
    const html = `<a href=1>one</a>${'<div>'.repeat(100_000)}<a href=2>two</a>${'</div>'.repeat(100_000)}<a href=3>three</a>`;
    expect((await read(html)).links.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  });

  it('fails where unclosed tags would fill the memory, or tables nest without end', async () => {
    const fonts = Array.from({ length: 2_000 }, (_, i) => `<font a=${i}>`).join('');
    expect(await failureOf(read(`<div>${fonts}</div>${'<div>x</div>'.repeat(5_000)}`))).toMatchObject({
      code: 'TASK_ERROR',
      message: expect.stringContaining('more elements than it has characters'),
    });
    expect(await failureOf(read('<table><td>'.repeat(10_000)))).toMatchObject({
      code: 'TASK_ERROR',
      message: expect.stringMatching(/^the page nests <\w+> deeper than 8192 levels$/),
    });
  });
});
