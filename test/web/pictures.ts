/**
 * Takes the pictures of docs/dashboard.md: the built product with a stand-in for a provider of models, in Chromium.
 *
 *   npm run pictures                     those of the documentation, into docs/images/dashboard
 *   npm run pictures -- --all <dir>      every screen and state: both themes, desk and phone; to be looked at
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import type { Workflow } from '../../src/contract/workflow.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { buildProduct, type RunningEngine, removeProduct, startBrowser, startEngine } from './dashboard.ts';

const { values } = parseArgs({ options: { all: { type: 'string' } } });
const desk = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const texts: readonly (readonly [RegExp, string])[] = [
  [
    /post|draft/i,
    'Tea can be grown in Europe.\n\nThe Azores have done so since 1874; newer gardens stand in Wales and Brittany.',
  ],
  [
    /./,
    '## Growing tea in Europe\n\nTea wants **mild winters**, acid soil and rain.\n\n- The Azores: since 1874\n- Wales, Brittany, Galicia: since 2005\n\nYields are a third of those in Assam; prices are twenty times as high.',
  ],
];

interface Scene {
  readonly [name: string]: string;
}

/** Runs of every kind: done, failed, under way, waiting for somebody, stopped, with groups, and with hostile names. */
async function setScene({ api }: RunningEngine): Promise<Scene> {
  const submit = (body: object, wait = 20) => api<Workflow>('POST', `/api/workflows?wait=${wait}`, body);
  const brief = { template_id: 'research-brief', params: { topic: 'Growing tea in Europe', model: 'gpt-4o-mini' } };
  const first = await api<Workflow>('POST', '/api/workflows/from-template?wait=30', brief);
  const writer = first.steps.find(({ id }) => id === 'synthesis');
  const params = { ...writer?.params, system: 'Write for farmers, in short sentences.' };
  const second = await api<Workflow>('POST', `/api/workflows/${first.id}/branches?wait=30`, {
    ...{ stepId: writer?.id, params },
  });
  const pages = ['azores', 'wales', 'brittany', 'galicia', 'ticino', 'cornwall', 'madeira', 'kent', 'jura', 'crete'];
  const crawl = await submit(
    {
      ...{ name: 'Read the gardens', tags: ['tea', 'weekly'] },
      steps: [
        { id: 'list', name: 'List the gardens', action: 'render', params: { template: '{{ n }}', data: { n: 10 } } },
        {
          ...{ id: 'read', name: 'Read each garden', action: 'render', dependencies: ['list'] },
          ...{ forEach: { garden: pages }, params: { template: 'Garden: {{ g }}', data: { g: '{{garden}}' } } },
        },
        { id: 'fetch', name: 'Fetch the prices', action: 'http_request', params: { url: 'http://127.0.0.1:9/prices' } },
        { id: 'table', name: 'Make the table', action: 'noop', dependencies: ['read', 'fetch'] },
        {
          ...{ id: 'tell', name: 'Tell who asked', action: 'openai_chat', dependencies: ['read'] },
          params: { model: 'gpt-4o-mini', prompt: 'Draft a note on {{steps.read.outputs.count}} gardens' },
        },
      ],
    },
    20,
  );
  const post = await submit(
    {
      ...{ name: 'Write, approve, publish', tags: ['blog'] },
      steps: [
        { id: 'draft', name: 'Draft', action: 'openai_chat', params: { model: 'gpt-4o-mini', prompt: 'Draft a post' } },
        {
          ...{ id: 'review', name: 'Editor approves the draft', action: 'approval', dependencies: ['draft'] },
          params: {
            ...{ message: 'Publish this?\n\n{{steps.draft.outputs.content}}', within: '3d', otherwise: 'reject' },
            data: { type: 'object', properties: { title: { type: 'string', description: 'A better title' } } },
          },
        },
        { id: 'publish', name: 'Publish', action: 'noop', dependencies: ['review'] },
      ],
    },
    1,
  );
  const data = await submit(
    { name: 'Digest a page', steps: [{ id: 'page', name: 'The page', action: 'external_data' }] },
    1,
  );
  const live = await submit(
    {
      name: 'Translate a book',
      steps: [
        { id: 'split', name: 'Split the chapters', action: 'noop' },
        ...Array.from({ length: 240 }, (_, k) => ({
          ...{ id: `chapter-${k}`, name: `Chapter ${k + 1}`, action: 'delay', dependencies: ['split'] },
          params: { ms: k < 90 ? 20 : 600_000 },
        })),
        {
          ...{ id: 'bind', name: 'Bind the book', action: 'noop' },
          dependencies: Array.from({ length: 240 }, (_, k) => `chapter-${k}`),
        },
      ],
    },
    2,
  );
  // Not in the pictures of the documentation.
  const hostile =
    values.all === undefined
      ? first
      : await submit({
          name: `<img src=x onerror=alert(1)> \u202Egnp.exe ${'a very long name '.repeat(10)}`,
          tags: ['</script>', 'x'.repeat(60)],
          steps: [
            {
              id: 'a',
              name: `${'Unbreakable'.repeat(20)}</script>`,
              action: 'render',
              params: { template: '<b>bold</b>', data: {} },
            },
            { id: 'b', name: '\u202Etxet', action: 'noop', dependencies: ['a'] },
          ],
        });
  const stopped = await submit(
    { name: 'Import the archive', steps: [{ id: 'a', name: 'Import', action: 'delay', params: { ms: 600_000 } }] },
    1,
  );
  await api('POST', `/api/workflows/${stopped.id}/stop`);
  return {
    ...{ FIRST: first.id, SECOND: second.id, CRAWL: crawl.id, POST: post.id, DATA: data.id, LIVE: live.id },
    ...{ HOSTILE: hostile.id, STOPPED: stopped.id, LAST: writer?.id ?? '' },
  };
}

const documented: readonly (readonly [string, string])[] = [
  ['runs', '/'],
  ['run', '/runs/CRAWL?step=fetch'],
  ['new', '/new/research-brief'],
  ['editor', '/new/research-brief'],
  ['compare', '/runs/SECOND/diff/FIRST?step=LAST'],
  ['costs', '/costs'],
  ['schedules', '/schedules'],
  ['engine', '/engine'],
];

/** Besides those: what is to be looked at. */
const more: readonly (readonly [string, string])[] = [
  ['run-output', '/runs/SECOND?step=LAST&tab=output'],
  ['run-decision', '/runs/POST?step=review'],
  ['run-data', '/runs/DATA?step=page'],
  ['run-live', '/runs/LIVE'],
  ['run-hostile', '/runs/HOSTILE?step=a'],
  ['run-stopped', '/runs/STOPPED'],
  ['run-table', '/runs/CRAWL?view=table'],
  ['run-log', '/runs/CRAWL?view=log'],
  ['run-find', '/runs/CRAWL?find=azores'],
  ['none', '/?q=nothing-like-it'],
  ['missing', '/runs/3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10'],
  ['new-choose', '/new'],
];

async function take(page: Page, file: string, url: string): Promise<void> {
  await page.goto(url);
  await page.locator('main').waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  if (url.includes('find=')) {
    await page.getByRole('searchbox').first().focus();
    await page.getByText('in errors, logs and outputs').waitFor();
  }
  if (file.includes('editor')) {
    await page.getByRole('button', { name: 'Use example' }).first().click();
    await page.getByRole('button', { name: 'Edit as YAML' }).click();
  }
  if (file.endsWith('jump.png')) {
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').fill('re');
  }
  // Charts and the graph draw with the next frames, what they need in chunks of its own.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 900)));
  await page.screenshot({ path: file });
}

async function takeAll(browser: Browser, dir: string, base: string, scene: Scene): Promise<void> {
  const urlOf = (path: string) =>
    base + Object.entries(scene).reduce((text, [name, id]) => text.replaceAll(name, id), path);
  const isReview = values.all !== undefined;
  for (const colorScheme of isReview ? (['light', 'dark'] as const) : (['light'] as const)) {
    for (const viewport of isReview ? [desk, phone] : [desk]) {
      const context = await browser.newContext({ viewport, colorScheme, timezoneId: 'UTC', locale: 'en-GB' });
      const page = await context.newPage();
      const mark = isReview ? `-${colorScheme}-${viewport.width}` : '';
      for (const [name, path] of isReview ? [...documented, ...more] : documented)
        await take(page, join(dir, `${name}${mark}.png`), urlOf(path));
      await take(page, join(dir, `${isReview ? `x${mark}-` : ''}jump.png`), urlOf('/runs/SECOND'));
      await context.close();
    }
  }
  if (isReview) return;
  const context = await browser.newContext({
    viewport: phone,
    deviceScaleFactor: 2,
    timezoneId: 'UTC',
    locale: 'en-GB',
  });
  await take(await context.newPage(), join(dir, 'phone.png'), urlOf('/'));
  await context.close();
}

async function main(): Promise<void> {
  const dir = values.all ?? 'docs/images/dashboard';
  mkdirSync(dir, { recursive: true });
  const place = buildProduct();
  rmSync(join(place, 'workflows'));
  cpSync('workflows', join(place, 'workflows'), { recursive: true });
  cpSync('workflows/examples/06-nightly-digest.yaml', join(place, 'workflows/templates/morning-digest.yaml'));
  const models = await StandIn.start({
    behaviour: ({ body }) => ({
      content: texts.find(([pattern]) => pattern.test(JSON.stringify(body.messages ?? '')))?.[1] ?? '',
      delayMs: 350,
    }),
  });
  const env = { MAX_PARALLEL_NODES: '48', OPENAI_API_KEY: 'a-key-for-pictures', OPENAI_BASE_URL: models.baseUrl };
  const [engine, browser] = await Promise.all([startEngine(place, { env }), startBrowser()]);
  try {
    await takeAll(browser, dir, engine.url, await setScene(engine));
  } finally {
    await browser.close();
    await engine.stop();
    await models.close();
    removeProduct(place);
  }
}

await main();
