/**
 * Goal: what is captured is what a person sees, and nothing that they typed. Method: the functions go into a page of jsdom as
 * text, as a browser sends them; one that names anything outside itself fails there.
 */
import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { type CaptureKind, lookAtPage, type PageReading, readPage } from '../../extension/page.ts';

function open(html: string, url = 'https://site.example/a/page?x=1'): JSDOM {
  return new JSDOM(html, { url, runScripts: 'outside-only' });
}

function read(page: JSDOM, kind: CaptureKind): PageReading | null {
  return page.window.eval(`(${readPage.toString()})(${JSON.stringify(kind)})`) as PageReading | null;
}

const long = 'Tea is a drink made from leaves. '.repeat(20);

describe('a page', () => {
  it('has its title, address, language and direction', () => {
    const page = open('<html lang="ar" dir="rtl"><head><title> شاي </title></head><body><p>الشاي</p></body></html>');
    expect(read(page, 'page')).toEqual({
      html: '<!doctype html>\n<html lang="ar" dir="rtl"><head><title> شاي </title></head><body><p>الشاي</p></body></html>',
      text: 'الشاي',
      title: 'شاي',
      url: 'https://site.example/a/page?x=1',
      lang: 'ar',
    });
  });

  it('leaves scripts, styles, frames and comments behind, and keeps linked data', () => {
    const page = open(`<head><style>a{}</style><link rel="stylesheet" href="a.css"><script>let secret = 1;</script>
      <script type="application/ld+json">{"name":"Tea"}</script></head>
      <body><!-- secret --><noscript>secret</noscript><iframe src="/secret"></iframe><svg><text>secret</text></svg>
      <p style="color:red" nonce="secret">Tea</p></body>`);
    const { html } = read(page, 'page')!;
    expect(html).not.toMatch(/secret|style|svg|iframe/);
    expect(html).toContain('<script type="application/ld+json">{"name":"Tea"}</script>');
    expect(html).toContain('<p>Tea</p>');
  });

  it('leaves what stands in forms behind', () => {
    const page = open(`<body><input type="hidden" name="csrf" value="secret"><input type="password" value="secret">
      <input value="secret"><textarea>secret</textarea><select><option>secret</option></select><p>Tea</p></body>`);
    page.window.document.querySelector('textarea')!.value = 'secret';
    expect(read(page, 'page')!.html).not.toContain('secret');
  });

  it('has absolute links, by the base that the page names, and no large data in them', () => {
    const page = open(`<head><base href="https://other.example/b/"></head><body><a href="c">x</a><img src="/d.png">
      <img src="data:image/png;base64,${'A'.repeat(2_000)}"><img src="data:,small"><a href="http://[">bad</a></body>`);
    const { html } = read(page, 'page')!;
    expect(html).toContain('<a href="https://other.example/b/c">x</a><img src="https://other.example/d.png">');
    expect(html).toContain('<img><img src="data:,small"><a href="http://[">bad</a>');
    expect(html).not.toContain('<base');
  });

  it('has what open shadow roots show, in the order of the page', () => {
    const page = open('<body><my-app><b>slotted</b></my-app><p>after</p></body>');
    const root = page.window.document.querySelector('my-app')!.attachShadow({ mode: 'open' });
    root.innerHTML = '<h1>before</h1><slot></slot><i>end</i>';
    expect(read(page, 'page')!.html).toContain(
      '<body><my-app><h1>before</h1><slot><b>slotted</b></slot><i>end</i></my-app><p>after</p></body>',
    );
  });

  it('tells no name or password of its address', () => {
    expect(read(open('<p>a', 'https://ann:pass@site.example/'), 'page')!.url).toBe('https://site.example/');
  });
});

describe('an article', () => {
  it('is the longest one of the page, with the head of the page', () => {
    const page = open(`<title>Tea</title><body><nav>Menu</nav><article>Short.</article>
      <main><article id="a"><h1>Tea</h1>${long}</article></main><footer>Foot</footer></body>`);
    const { html, text } = read(page, 'article')!;
    expect(html.match(/<title>/g)).toHaveLength(1);
    expect(html).toContain('<body><article id="a"><h1>Tea</h1>');
    expect(html).not.toMatch(/Menu|Short|Foot/);
    expect(text).toContain(long.trim());
  });

  it('is the main part where no article holds enough', () => {
    const page = open(`<body><nav>Menu</nav><main>${long}<article>Teaser.</article></main></body>`);
    const { html } = read(page, 'article')!;
    expect(html).toContain(`<main>${long}`);
    expect(html).not.toContain('Menu');
  });

  it('is the whole page where neither does', () => {
    expect(read(open(`<body><main></main><div>${long}</div></body>`), 'article')!.html).toContain(`<div>${long}`);
    expect(read(open(`<body><div>${long}</div></body>`), 'article')!.html).toContain(`<body><div>${long}`);
  });
});

describe('a selection', () => {
  it('is what is selected, and null where nothing is', () => {
    const page = open('<title>Tea</title><body><p id="a">one <b>two</b> three</p><p>four</p></body>');
    expect(read(page, 'selection')).toBe(null);
    const { document } = page.window;
    const range = document.createRange();
    range.setStart(document.querySelector('b')!, 0);
    range.setEndAfter(document.querySelector('#a')!);
    page.window.getSelection()!.addRange(range);
    const { html, text } = read(page, 'selection')!;
    expect(html).toContain('<title>Tea</title>');
    expect(html).toContain('<b>two</b> three');
    expect(html).not.toMatch(/one|four/);
    expect(text).toBe('two three');
    expect(page.window.eval(`(${lookAtPage.toString()})()`)).toEqual({
      ...{ title: 'Tea', url: 'https://site.example/a/page?x=1', hasSelection: true },
    });
  });
});
