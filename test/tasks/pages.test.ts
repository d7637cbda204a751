/**
 * Goal: what comes out of a page is what a browser's reader view shows, and as Markdown it is what a model can read.
 * Method: each page of `pages/` goes through `html_extract`, and through Readability in jsdom, which follows the
 * standards that browsers follow. Their texts must be equal, white space aside. Beside each page lies the Markdown
 * that a person expects (`UPDATE_PAGES=1` writes it anew, to be read before it is committed).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Readability } from '@mozilla/readability';
import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { markCode } from '../../src/tasks/page/code.ts';
import { markFormulas } from '../../src/tasks/page/formulas.ts';
import { runTask } from './run-task.ts';

const folder = new URL('./pages/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.html'))
  .map((name) => name.replace('.html', ''));
const url = 'https://site.example/news/today';

/** A reader view shows a formula as many times as the page holds it, and the numbers of lines: here both are marked. */
const marked = /line-numbers|mathml|katex|mathjax|formulas/;

/** No text comes out of these. */
const silent = /shell|frameset/;

async function extractInBrowser(html: string, isMarked: boolean): Promise<Record<string, unknown>> {
  const { window } = new JSDOM(html, { url });
  const { document } = window;
  if (isMarked) {
    await markFormulas(document, document.documentElement);
    markCode(document, document.documentElement);
  }
  const article = new Readability(document).parse();
  window.close();
  return { title: article?.title, excerpt: article?.excerpt, text: squash(article?.textContent) };
}

function squash(text: unknown): string {
  return String(text ?? '').replace(/\s+/g, '');
}

describe('pages', () => {
  it('has 24 of them', () => {
    expect(names).toHaveLength(24);
  });

  it.each(names)('%s', async (name) => {
    const html = readFileSync(new URL(`${name}.html`, folder), 'utf8');
    const logs: string[] = [];
    const log = (line: string) => void logs.push(line);
    const text = await runTask('html_extract', { html, url, format: 'text' }, { log });
    const { content } = await runTask('html_extract', { html, url });
    const golden = new URL(`${name}.md`, folder);
    if (process.env.UPDATE_PAGES === '1') writeFileSync(golden, `${content}\n`);
    expect(`${content}\n`).toBe(readFileSync(golden, 'utf8'));
    if (silent.test(name)) {
      expect(logs).toHaveLength(1);
      return;
    }
    expect(logs).toEqual([]);
    expect({ title: text.title, excerpt: text.excerpt, text: squash(text.content) }).toEqual(
      await extractInBrowser(html, marked.test(name)),
    );
  });
});
