/** Goal: FP1 to FP6, feeds of every kind and age in one form. */
import { describe, expect, it } from 'vitest';
import { readDate } from '../../src/tasks/feed/published.ts';
import { failureOf, runTask } from './run-task.ts';

const nothing = { title: null, url: null, published: null, content: null };

async function read(text: string, url?: string): Promise<{ title: unknown; items: unknown; logs: string[] }> {
  const logs: string[] = [];
  const outputs = await runTask(
    'feed_parse',
    { text, ...(url === undefined ? {} : { url }) },
    { log: (line) => void logs.push(line) },
  );
  return { title: outputs.title, items: outputs.items, logs };
}

const rss = (items: string, more = '') =>
  `<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>T &amp; U</title><link>https://a.example/</link>${more}${items}</channel></rss>`;
const atom = (entries: string, attributes = '') =>
  `<feed xmlns="http://www.w3.org/2005/Atom" ${attributes}><title type="html">&lt;i&gt;T&lt;/i&gt;</title>${entries}</feed>`;

describe('feed_parse', () => {
  it('reads RSS 2.0', async () => {
    const items = `<item><title><![CDATA[A <b>bold</b> & title]]></title><link>https://a.example/1</link>
        <pubDate>Tue, 10 Jun 2003 04:00:00 EST</pubDate><description>short</description>
        <content:encoded><![CDATA[<p>long &amp; html</p>]]></content:encoded><author>a@b.c (Ann)</author></item>
      <item><title>R&D</title><guid>https://a.example/2</guid><description>&lt;p&gt;x &amp;amp; y&lt;/p&gt;</description>
        <dc:date>2020-01-02T03:04:05+02:00</dc:date></item>
      <item><guid isPermaLink="false">https://a.example/3</guid><atom:link href="https://a.example/4"/></item>
      <item><guid>7</guid></item>`;
    expect(await read(rss(items))).toEqual({
      title: 'T & U',
      items: [
        {
          title: 'A <b>bold</b> & title',
          url: 'https://a.example/1',
          published: '2003-06-10T09:00:00.000Z',
          content: '<p>long &amp; html</p>',
        },
        {
          title: 'R&D',
          url: 'https://a.example/2',
          published: '2020-01-02T01:04:05.000Z',
          content: '<p>x &amp; y</p>',
        },
        { ...nothing, url: 'https://a.example/4' },
        nothing,
      ],
      logs: [],
    });
  });

  it.each([
    [
      'RSS 0.91 with its entities',
      `<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">
       <rss version="0.91"><channel><title>T</title><item><title>a &mdash; b</title><link>http://x.example/1</link></item></channel></rss>`,
      { ...nothing, title: 'a — b', url: 'http://x.example/1' },
    ],
    [
      'RSS 1.0',
      `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
       <channel rdf:about="x"><title>T</title></channel><item rdf:about="http://x.example/1"><title>one</title><dc:date>2020-01-02</dc:date><description>d</description></item></rdf:RDF>`,
      { title: 'one', url: 'http://x.example/1', published: '2020-01-02T00:00:00.000Z', content: 'd' },
    ],
    [
      'Atom 0.3',
      `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title><entry><title>e</title><link rel="alternate" href="http://x.example/1"/>
       <issued>2003-12-13T08:29:29-04:00</issued><content type="text/html" mode="escaped">&lt;p&gt;x&lt;/p&gt;</content></entry></feed>`,
      { title: 'e', url: 'http://x.example/1', published: '2003-12-13T12:29:29.000Z', content: '<p>x</p>' },
    ],
    [
      'Atom with a prefix',
      '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>T</a:title><a:entry><a:title>e</a:title></a:entry></a:feed>',
      { ...nothing, title: 'e' },
    ],
    [
      'JSON Feed',
      '{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{"id":"1","url":"https://x.example/1","content_html":"<p>x</p>","content_text":"x","date_published":"2020-01-02T03:04:05-05:00"}]}',
      { title: null, url: 'https://x.example/1', published: '2020-01-02T08:04:05.000Z', content: '<p>x</p>' },
    ],
    [
      'a feed behind a byte order mark and lines',
      '\uFEFF\n <?xml version="1.0"?><rss version="2.0"><channel><title>T</title><item><title>007</title></item></channel></rss>',
      { ...nothing, title: '007' },
    ],
    [
      'HTML that nobody escaped',
      '<rss version="2.0"><channel><title>T</title><item><description><p>raw <b>html</b></p></description></item></channel></rss>',
      { ...nothing, content: '<p>raw <b>html</b></p>' },
    ],
  ])('reads %s', async (_, text, item) => {
    expect(await read(text)).toEqual({ title: 'T', items: [item], logs: [] });
  });

  it('reads Atom 1.0, with links against xml:base', async () => {
    const entries = `<entry xml:base="p/"><title>e</title><link rel="self" href="s"/><link type="application/pdf" href="pdf"/><link href="1"/>
      <updated>2003-12-13T18:30:02.25Z</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>hi &amp; <b>b</b></p></div></content></entry>
      <entry><summary>sum &lt; 1</summary><published>2004-01-01T00:00:00Z</published><updated>2005-01-01T00:00:00Z</updated></entry>`;
    expect(await read(atom(entries, 'xml:base="http://b.example/x/"'))).toEqual({
      title: '<i>T</i>',
      items: [
        {
          title: 'e',
          url: 'http://b.example/x/p/1',
          published: '2003-12-13T18:30:02.250Z',
          content: '<p>hi &amp; <b>b</b></p>',
        },
        { ...nothing, published: '2004-01-01T00:00:00.000Z', content: 'sum < 1' },
      ],
      logs: [],
    });
  });

  it('makes relative links whole where it knows from where', async () => {
    const items = '<item><link>/one</link></item><item><link>http://b.example</link></item>';
    const urls = ({ items: found }: { items: unknown }) => (found as { url: string }[]).map(({ url }) => url);
    expect(urls(await read(rss(items)))).toEqual(['/one', 'http://b.example']);
    expect(urls(await read(rss(items), 'https://c.example/feeds/x.xml'))).toEqual([
      'https://c.example/one',
      'http://b.example',
    ]);
    const entry = '<entry><link href="one"/></entry>';
    expect(urls(await read(atom(entry, 'xml:base="y/"'), 'https://c.example/x/feed'))).toEqual([
      'https://c.example/x/y/one',
    ]);
  });

  it('says which dates it cannot read', async () => {
    const items =
      '<item><pubDate>soon</pubDate></item><item><pubDate>1 Jan 2020</pubDate></item><item><pubDate/><title>a</title></item>';
    expect(await read(rss(items))).toMatchObject({
      items: [{ published: null }, { published: '2020-01-01T00:00:00.000Z' }, { published: null }],
      logs: ['Warning: 1 dates cannot be read, and are null; the first is "soon"'],
    });
  });

  it('gives a feed without items an empty list', async () => {
    expect(await read(rss(''))).toEqual({ title: 'T & U', items: [], logs: [] });
    expect(await read('{"version":"https://jsonfeed.org/version/1","title":"T","items":[]}')).toMatchObject({
      title: 'T',
      items: [],
    });
  });

  it.each([
    ['nothing', ' \n', 'the text is empty'],
    [
      'an HTML page',
      '<!doctype html><html><head><link rel="alternate" href="f"></head><body>x <feed> <rss>y',
      'looks like an HTML page',
    ],
    ['a page without doctype', '<!-- x -->\n<HTML><p>hi', 'looks like an HTML page'],
    ['a sitemap', '<?xml version="1.0"?>\n<urlset xmlns="x"><url/></urlset>', 'looks like a sitemap (<urlset>)'],
    ['OPML', '<opml version="2.0"><body/></opml>', 'looks like OPML, a list of feeds, (<opml>)'],
    ['other XML', '<note><to/></note>', 'looks like XML (<note>)'],
    ['JSON', '{"title":"x","items":[{"id":"1"}]}', 'looks like JSON, but no JSON Feed'],
    ['a list in JSON', '[1]', 'looks like JSON, but no JSON Feed'],
    [
      'plain text',
      'Service Unavailable',
      'looks like plain text, and no feed (RSS, Atom or JSON Feed): it begins with "Service Unavailable"',
    ],
    [
      'a feed that was cut',
      '<rss version="2.0"><channel><title>t</title><item><title>two</ti',
      'looks like a feed, but it is broken: ',
    ],
    ['an open mark', '<', 'looks like XML, and no feed'],
  ])('says what %s looks like', async (_, text, message) => {
    expect(await failureOf(read(text))).toMatchObject({
      code: 'TASK_ERROR',
      message: expect.stringContaining(message),
    });
  });

  it('expands no entity that the feed declares', async () => {
    const laughs = `<!DOCTYPE rss [<!ENTITY x "ha"><!ENTITY y "${'&x;'.repeat(1_000)}">]>`;
    const text = rss('<item><title>&y;</title></item>').replace('<rss', `${laughs}<rss`);
    expect(await read(text)).toMatchObject({ items: [{ title: '&y;' }] });
  });

  it.each(['author', 'x:Author', 'managingEditor'])('is not held up by brackets of <%s>', async (name) => {
    const persons = [`${'('.repeat(400_000)}`, `<![CDATA[${'<'.repeat(400_000)}]]>`, '&lt;'.repeat(400_000)];
    const elements = persons.map((person) => `<${name} a="b">${person}</${name}>`);
    const items = elements.map((element) => `<item>${element}<title>t</title></item>`).join('');
    const channel = name === 'managingEditor' ? (elements[0] ?? '') : '';
    expect(await read(rss(name === 'managingEditor' ? '' : items, channel))).toMatchObject({
      title: 'T & U',
      items: name === 'managingEditor' ? [] : [{ title: 't' }, { title: 't' }, { title: 't' }],
    });
  });

  it('leaves what only looks like a person as it is', async () => {
    const html = `<author>${'('.repeat(300)}</author>`;
    const items = `<item><author/><description><![CDATA[${html}]]></description></item><!-- <author> --><item><description>${'('.repeat(300)}</description></item>`;
    expect(await read(rss(items))).toMatchObject({ items: [{ content: html }, { content: '('.repeat(300) }] });
  });
});

describe('a date', () => {
  it.each([
    ['Tue, 10 Jun 2003 04:00:00 GMT', '2003-06-10T04:00:00.000Z'],
    ['Tue, 10 Jun 2003 04:00:00 +0530', '2003-06-09T22:30:00.000Z'],
    ['10 June 2003 4:05 PDT', '2003-06-10T11:05:00.000Z'],
    ['Tues, 10 Jun 03 04:00:00 UT (Coordinated Universal Time)', '2003-06-10T04:00:00.000Z'],
    ['Tuesday, 10-Jun-99 04:00:00 GMT+02:00', '1999-06-10T02:00:00.000Z'],
    ['Tue, 10 Jun 2003 04:00:00', '2003-06-10T04:00:00.000Z'],
    [' Tue,\n10 Jun 2003\t23:59:60 Z ', '2003-06-11T00:00:00.000Z'],
    ['2003-12-13T18:30:02.123456+01:00', '2003-12-13T17:30:02.123Z'],
    ['2003-12-13t18:30z', '2003-12-13T18:30:00.000Z'],
    ['2003-12-13 18:30:02 -0500', '2003-12-13T23:30:02.000Z'],
    ['2003-12', '2003-12-01T00:00:00.000Z'],
    ['0050-01-01', '0050-01-01T00:00:00.000Z'],
  ])('%s is read', (written, expected) => {
    expect(readDate(written)).toBe(expected);
  });

  it.each([
    '',
    'soon',
    '31 Feb 2020',
    '2020-02-30',
    '2020-13-01',
    '10 Foo 2003',
    '1 Jan 2020 24:00',
    '1 Jan 2020 10:00 XYZ',
    'x'.repeat(1e6),
  ])('%s is none', (written) => {
    expect(readDate(written)).toBeNull();
  });
});
