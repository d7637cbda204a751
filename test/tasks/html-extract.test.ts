/** Goal: what a person would call the text of a page comes out, of large, small and hostile pages alike. */
import { describe, expect, it } from 'vitest';
import { failureOf, runTask } from './run-task.ts';

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
    expect(content).toBe('Write \\<img src=x onerror=alert(1)\\> here.');
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

  it('fails clearly on a page that nests without end', async () => {
    const html = `<html><body>${'<div>'.repeat(50_000)}x${'</div>'.repeat(50_000)}</body></html>`;
    expect(await failureOf(runTask('html_extract', { html }))).toMatchObject({
      code: 'TASK_ERROR',
      message: 'the page nests its elements deeper than 256; no real page does',
    });
  });
});
