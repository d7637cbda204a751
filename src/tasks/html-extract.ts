/**
 * `html_extract`: the article of a page as Markdown or text. Readability picks the article; where it finds none, the
 * whole body is taken, because a short page is still what the step was given.
 *
 * What Readability would lose is marked before it reads the page: code with its language, formulas, raised digits.
 * Tables and addresses are settled after it.
 */
import { z } from 'zod';
import type { IsolatedTask } from '../contract/task.ts';
import { resolveAddresses, setAddresses } from './page/addresses.ts';
import { markTables } from './page/aria-tables.ts';
import { markCheckboxes } from './page/checkboxes.ts';
import { markCode } from './page/code.ts';
import type { Page, PageElement } from './page/dom.ts';
import { markFormulas } from './page/formulas.ts';
import { settleImages } from './page/images.ts';
import { markIndices } from './page/indices.ts';
import { toMarkdown } from './page/markdown.ts';
import { explainSilence } from './page/silence.ts';
import { takeLayoutApart } from './page/tables.ts';
import { toText } from './page/text.ts';
import { parsePage } from './page/tree.ts';

/** As much as one call may bring in: the body of external data, and of a workflow, has 8 MiB at most. */
const htmlLengthMax = 8 * 1024 * 1024;

const params = z.strictObject({
  html: z.string().max(htmlLengthMax).meta({ description: 'The page, at most 8 Mi characters.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: 'Where the page is from; makes its relative links whole.' }),
  format: z
    .enum(['markdown', 'text'])
    .default('markdown')
    .meta({ description: 'Form of the content; markdown when not given.' }),
});

export const htmlExtract: IsolatedTask<z.infer<typeof params>> = {
  action: 'html_extract',
  lane: 'cpu',
  isolated: true,
  description:
    'Takes the main text of an HTML page, as Markdown or plain text, with title, byline, excerpt and language. Tables, code and formulas (as TeX) are kept. Where no article is found, the whole body is taken. Loads nothing from the network.',
  params,
  timeoutMs: 60_000,
  version: 4,
  async run({ html, url, format }, { log }) {
    const { Readability } = await import('@mozilla/readability');
    const { page, base } = await readPage(html, url);
    const title = page.title || null;
    const lang = page.documentElement.getAttribute('lang');
    const article = new Readability<PageElement>(page as never, { serializer: (node) => node }).parse();
    // Readability takes the page apart: the body that stands in for a missing article is read once more.
    const isFound = article?.content != null && article.content.textContent.trim() !== '';
    const whole = isFound ? null : (await readPage(html, url)).page;
    const root = whole === null ? (article?.content as PageElement) : withoutScripts(whole.body);
    resolveAddresses(root, base, url);
    takeLayoutApart(whole ?? page, root);
    const content = format === 'text' ? toText(root) : await toMarkdown(whole ?? page, root);
    for (const line of await explainSilence(html, content)) log(`Warning: ${line}`);
    return {
      outputs: {
        content,
        title: article?.title || title,
        byline: article?.byline || null,
        excerpt: article?.excerpt || null,
        lang: article?.lang || lang || null,
        length: content.length,
      },
    };
  },
};

async function readPage(html: string, url: string | undefined): Promise<{ page: Page; base: string | undefined }> {
  const page = await parsePage(html);
  const base = setAddresses(page, url);
  await markFormulas(page, page.documentElement);
  markTables(page, page.documentElement);
  markCheckboxes(page, page.documentElement);
  settleImages(page.documentElement);
  markCode(page, page.documentElement);
  markIndices(page, page.documentElement);
  return { page, base };
}

/** What Readability takes out of an article. */
const scripts = 'script, style, noscript, template, svg, iframe, frameset, noframes, textarea, select, button';

function withoutScripts(root: PageElement): PageElement {
  for (const element of [...root.querySelectorAll(scripts)]) element.remove();
  return root;
}
