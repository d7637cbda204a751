/** Goal: what a person would call the text of a page comes out, of large, small and hostile pages alike. */
import { describe, expect, it } from 'vitest';
import { tasks } from '../../src/tasks/registry.ts';
import { runTask } from './run-task.ts';

const paragraph = (i: number) =>
  `<p>Paragraph ${i} tells <b>something</b> about bees, with <a href="/more/${i}">a link</a>, and goes on for a while, so that it counts as text of an article.</p>`;

function createPage(paragraphs: number): string {
  const body = Array.from({ length: paragraphs }, (_, i) => paragraph(i)).join('\n');
  return `<!doctype html><html lang="en"><head><title>On bees</title><meta name="author" content="Ada Bee">
    <script>window.evil = 'SCRIPT TEXT'</script><style>p { color: red }</style></head>
    <body><nav><a href="/">Home</a><a href="/x">Imprint</a></nav><article><h1>On bees</h1>${body}
    <table><thead><tr><th>Kind</th><th>Legs</th></tr></thead><tbody><tr><td>bee</td><td>6</td></tr></tbody></table>
    <p><a href="javascript:alert(1)">click</a> and <a href=" java&#9;script:alert(1)">again</a></p></article></body></html>`;
}

describe('html_extract', () => {
  it('takes the article of a page of several hundred KB as Markdown', async () => {
    const html = createPage(2_000);
    expect(html.length).toBeGreaterThan(300_000);
    const outputs = await runTask('html_extract', { html, url: 'https://bees.example/articles/1' });
    const content = outputs.content as string;
    expect(outputs).toMatchObject({ title: 'On bees', lang: 'en', length: content.length });
    expect(outputs.byline).toBe('Ada Bee');
    expect(content).toContain('Paragraph 0 tells **something** about bees, with [a link](https://bees.example/more/0)');
    expect(content).toContain('Paragraph 1999 tells');
    expect(content).toMatch(/\| Kind \| Legs \|\n\| --- \| --- \|\n\| bee \| 6 +\|/);
    expect(content).not.toMatch(/SCRIPT TEXT|Imprint|color: red|javascript|alert/);
  });

  it.each([
    ['behind many spaces', `${' '.repeat(200)}javascript:alert(1)`],
    ['with many tabs in it', `java${'&#9;'.repeat(200)}script:alert(1)`],
    ['whose colon is an entity in Markdown', 'javascript&amp;colon;alert(1)'],
    ['that begins with an entity in Markdown', '&amp;#106;avascript:alert(1)'],
    ['whose colon is escaped in Markdown', 'javascript\\:alert(1)'],
  ])('drops an address that runs a script %s', async (_, href) => {
    // Long enough to be an article: what stands in for a missing one goes through another reading of its entities.
    const article = `<p>A page with <a href="${href}">a link</a>.</p><p>${'Bees make honey, and '.repeat(60)}</p>`;
    const { content } = await runTask('html_extract', { html: article });
    expect(content).toMatch(/^A page with a link\.\n/);
  });

  it('keeps addresses that only look alike', async () => {
    const html = '<p><a href="/javascript:x?a=1&amp;b;=2">one</a> <a href="mailto:a@b.c">two</a></p>';
    const { content } = await runTask('html_extract', { html });
    expect(content).toBe('[one](/javascript:x?a=1&b;=2) [two](mailto:a@b.c)');
  });

  it('keeps text that reads like a tag from becoming one', async () => {
    const { content } = await runTask('html_extract', {
      html: '<p>Write &lt;img src=x onerror=alert(1)&gt; here.</p>',
    });
    expect(content).toBe('Write \\<img src=x onerror=alert(1)> here.');
  });

  it('takes it as text with its paragraphs apart', async () => {
    const { content } = await runTask('html_extract', { html: createPage(20), format: 'text' });
    expect(content).toMatch(/text of an article\.\n\nParagraph 1 tells something about bees, with a link,/);
    expect(content).not.toMatch(/[<>*]/);
  });

  it('finds the title of a page without <html>, and keeps it out of the text', async () => {
    const pages = [
      '<title>Tea</title><p>Tea is a drink.</p>',
      '<head><title>Tea</title></head><body><p>Tea is a drink.</p></body>',
    ];
    for (const html of pages) {
      expect(await runTask('html_extract', { html })).toMatchObject({ title: 'Tea', content: 'Tea is a drink.' });
    }
  });

  it('takes the whole body where there is no article', async () => {
    expect(
      await runTask('html_extract', { html: '<title>Tiny</title><p>Hi <i>there</i></p><script>x()</script>' }),
    ).toMatchObject({
      content: expect.stringMatching(/^(Tiny\s+)?Hi _there_$/),
    });
    expect(await runTask('html_extract', { html: '' })).toEqual({
      content: '',
      title: null,
      byline: null,
      excerpt: null,
      lang: null,
      length: 0,
    });
    expect(await runTask('html_extract', { html: 'just text', format: 'text' })).toMatchObject({
      content: 'just text',
    });
  });

  it.each([
    ['closed', `${'<div>'.repeat(20_000)}x${'</div>'.repeat(20_000)}`],
    ['never closed', `${'<font color="red"><div>'.repeat(5_000)}x`],
  ])('makes a page flat that nests deeper than browsers follow, %s', async (_, html) => {
    expect(await runTask('html_extract', { html })).toMatchObject({ content: 'x' });
  });

  it('keeps the order of a text deeper than 512 levels', async () => {
    const html = `${'<div>'.repeat(600)}one <b>two</b> three<div>four</div>five`;
    const { content } = await runTask('html_extract', { html, format: 'text' });
    expect((content as string).replace(/\s+/g, ' ')).toBe('one two three four five');
  });

  it('takes a page of 8 Mi characters and no longer one', async () => {
    const task = tasks.get('html_extract');
    expect(task?.params.safeParse({ html: 'x'.repeat(8 * 1024 * 1024) }).success).toBe(true);
    expect(task?.params.safeParse({ html: 'x'.repeat(8 * 1024 * 1024 + 1) }).success).toBe(false);
  });

  it.each([
    [
      'a frameset',
      '<frameset><frame src="menu.html"><frame src="main.html"></frameset>',
      'Warning: nothing came out: the page is a frameset, and its text is in the pages of its frames: menu.html, main.html',
    ],
    [
      'an application shell',
      '<script src="app.js"></script><div id="root"></div>',
      'Warning: nothing came out: the page is an application shell, whose text is written by scripts, and no script runs here; capture the page in a browser after it has loaded',
    ],
    [
      'a shell that says it loads',
      '<script src="app.js"></script><div id="app">Loading…</div>',
      'Warning: only 8 characters came out: the page is an application shell, whose text is written by scripts, and no script runs here; capture the page in a browser after it has loaded',
    ],
    [
      'one frame',
      '<iframe src="https://a.example/"></iframe>',
      'Warning: nothing came out: the page has no text but that of its frames: https://a.example/',
    ],
    [
      'text in a field',
      '<textarea>words</textarea>',
      'Warning: nothing came out: the page has text only in <textarea>, which is no part of what it shows',
    ],
    [
      'text in a template',
      '<template>words</template>',
      'Warning: nothing came out: the page has text only in <template>, which is no part of what it shows',
    ],
    [
      'a title without an end',
      '<title>Tea <p>Tea is a drink.</p>',
      'Warning: nothing came out: all of the page is in its <title>, which has no end',
    ],
    [
      'a way to another one',
      '<meta http-equiv="Refresh" content="0; url=/start"><title>Wait</title>',
      'Warning: nothing came out: the page only leads on to another one: /start',
    ],
    ['no text', '<img src="a.png">', 'Warning: nothing came out: the page has no text'],
  ])('warns where a page is %s', async (_, html, line) => {
    const logs: string[] = [];
    await runTask('html_extract', { html, format: 'text' }, { log: (text) => void logs.push(text) });
    expect(logs).toEqual([line]);
  });

  it('does not warn about a short page that has its text', async () => {
    const logs: string[] = [];
    await runTask('html_extract', { html: '<p>Short.<script>x()</script>' }, { log: (line) => void logs.push(line) });
    expect(logs).toEqual([]);
  });

  it('does not follow spans that would fill the memory', async () => {
    const row = '<tr><td colspan="1000" rowspan="65534">x</td><td colspan="1000" rowspan="65534">y</td></tr>';
    const { content } = await runTask('html_extract', { html: `<table>${row.repeat(300)}</table>` });
    expect(content).toBe(`|  |  |\n| --- | --- |\n${'| x | y |\n'.repeat(300)}`.trim());
  });

  it('lets no formula bring a tag or a mark of its own', async () => {
    const html =
      '<p><span data-formula="inline">&lt;img&gt;</span> and <span class="math">$&lt;img src=x&gt;$</span></p>';
    const { content } = await runTask('html_extract', { html });
    expect(content).toBe('\\<img> and $\\lt img src=x>$');
  });

  it.each([
    ['a base without the page’s address', '<base href="https://b.example/x/">', undefined, 'https://b.example/x/t'],
    ['a relative base without it', '<base href="x/">', undefined, 't'],
    ['a base that is a script', '<base href="javascript:x">', 'https://a.example/p/q', 'https://a.example/p/t'],
    ['a base that counts from the address', '<base href="../x/">', 'https://a.example/p/q', 'https://a.example/x/t'],
  ])('resolves links by %s', async (_, base, url, expected) => {
    const { content } = await runTask('html_extract', { html: `${base}<p><a href="t">a</a>`, ...(url ? { url } : {}) });
    expect(content).toBe(`[a](${expected})`);
  });
});
