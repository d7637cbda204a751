/**
 * Goal: a person installs the extension, pairs it, presses its button, and sees the page arrive and the work run; whatever
 * is stopped between, nothing is lost and nothing comes twice. Method: the built extension in Chromium, the built engine in a
 * process of its own, and pages of a site of somebody else, which the extension may read by a gesture alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import {
  buildProduct,
  findBarriers,
  hasChromium,
  type RunningEngine,
  removeProduct,
  startEngine,
} from '../web/dashboard.ts';
import { type InstalledBrowser, installExtension, type Site, startSite } from './installed.ts';

/** Paragraphs of some 3,000 characters. */
const words = (sentence: string, bytes: number) => {
  const paragraph = `<p>${`${sentence} `.repeat(Math.ceil(3_000 / sentence.length))}</p>\n`;
  return paragraph.repeat(Math.ceil(bytes / Buffer.byteLength(paragraph)));
};
const page = (title: string, body: string, html = 'lang="en"') =>
  `<!doctype html><html ${html}><head><meta charset="utf-8"><title>${title}</title></head><body>${body}</body></html>`;
const article = (sentence: string, bytes = 3_000) =>
  `<nav><a href="/">Home</a></nav><main><article><h1>Here</h1>${words(sentence, bytes)}</article></main>`;

const shell = `<div id="root"></div><script>
  customElements.define('my-page', class extends HTMLElement {
    connectedCallback() {
      this.attachShadow({ mode: 'open' }).innerHTML = '<h1>Shell</h1><slot></slot>'
        + '<p>What a script has written into a shadow root, long after the page was loaded.</p>'.repeat(30);
    }
  });
  setTimeout(() => {
    const made = document.createElement('my-page');
    made.append('What the page put into the slot of the shell.');
    document.getElementById('root').append(made);
    document.title = 'An application';
  }, 50);
</script>`;

/** Pages by path: what must arrive of each. */
const kinds: Record<string, { html: string; holds: string; title: string }> = {
  '/plain': {
    html: page('Plain', article('Tea is a drink made from the leaves of an evergreen shrub.')),
    ...{ holds: 'leaves of an evergreen shrub', title: 'Plain' },
  },
  '/arabic': {
    html: page('الشاي', article('الشاي مشروب يُحضّر من أوراق شجيرة دائمة الخضرة.'), 'lang="ar" dir="rtl"'),
    ...{ holds: 'مشروب يُحضّر من أوراق', title: 'الشاي' },
  },
  '/japanese': {
    html: page('お茶', article('お茶は常緑樹の葉から作られる飲み物です。水の次によく飲まれています。'), 'lang="ja"'),
    ...{ holds: '常緑樹の葉から作られる飲み物', title: 'お茶' },
  },
  '/russian': {
    html: page('Чай', article('Чай — напиток, который готовят из листьев. 😀 🇺🇦 и &amp; знаки.'), 'lang="ru"'),
    ...{ holds: 'напиток, который готовят из листьев. 😀', title: 'Чай' },
  },
  '/shell': { html: page('Loading', shell), holds: 'into the slot of the shell', title: 'An application' },
  '/five': {
    html: page('Five', article('Five million bytes of one page, which is more than a person reads.', 5_000_000)),
    ...{ holds: 'which is more than a person reads', title: 'Five' },
  },
  '/nine': { html: page('Nine', article('More than the engine takes.', 9_000_000)), holds: '', title: 'Nine' },
};

const template = `id: keep-page
name: Keep this page
description: Takes the text of a page.
params: { type: object, additionalProperties: false, required: [html], properties: {
  html: { type: string }, url: { type: string }, title: { type: string } } }
accepts: { page: { html: html, url: url, title: title } }
steps:
  - { id: extract, name: Take the text, action: html_extract, params: { html: '{{params.html}}', format: text } }
  - { id: report, name: Report, action: render, dependencies: [extract],
      params: { template: 'Kept {{ url }}', data: { url: '{{params.url}}', text: '{{steps.extract.outputs.content}}' } } }
`;

const watch = (name: string) => ({
  name: `Watch ${name}`,
  steps: [
    { id: 'capture', name, action: 'external_data' },
    {
      ...{ id: 'extract', name: 'Take the text', action: 'html_extract', dependencies: ['capture'] },
      params: { html: '{{steps.capture.outputs.content}}', format: 'text' },
    },
  ],
});

describe.skipIf(!hasChromium)('the extension', () => {
  let place: string;
  let engine: RunningEngine;
  let site: Site;
  let browser: InstalledBrowser;
  let port: number;

  const start = () => startEngine(place, { port, env: { TEMPLATES_DIR: join(place, 'own-templates') } });

  beforeAll(async () => {
    place = buildProduct();
    mkdirSync(join(place, 'own-templates'));
    writeFileSync(join(place, 'own-templates/keep-page.yaml'), template);
    port = 0;
    engine = await start();
    port = Number(new URL(engine.url).port);
    site = await startSite(Object.fromEntries(Object.entries(kinds).map(([path, { html }]) => [path, html])));
    browser = await installExtension(join(place, 'dist'), String(port));
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await engine?.stop();
    removeProduct(place);
  });
  beforeEach(async () => {
    for (const tab of browser.context.pages().slice(1)) await tab.close();
  });

  const visit = (path: string) => browser.visit(`${site.origin}${path}`);
  const wait = async (name: string) => (await engine.api<Workflow>('POST', '/api/workflows', watch(name))).id;
  const runs = (name: string) =>
    engine.api<Workflow[]>('GET', `/api/workflows?view=summary&q=${encodeURIComponent(name)}`);
  const ended = (id: string) => engine.api<Workflow>('GET', `/api/workflows/${id}?wait=60`);
  const stepOf = (id: string, step: string) =>
    engine.api<WorkflowStep & { outputs: { content: string; source_url?: string } }>(
      'GET',
      `/api/workflows/${id}/steps/${step}`,
    );
  const row = (popup: Page, name: string) => popup.getByRole('button', { name }).first();
  const said = (popup: Page, text: string | RegExp) => popup.locator('.said').filter({ hasText: text }).waitFor();
  const keptHere = (popup: Page) => popup.getByRole('heading', { name: 'Kept here' });
  /** What the extension does each minute. */
  const look = (popup: Page) => popup.evaluate("chrome.runtime.sendMessage({ kind: 'look' })");

  async function pair(popup: Page): Promise<void> {
    const { code } = await engine.api<{ code: string }>('POST', '/api/pairings');
    await popup.getByLabel('Code').fill(code);
    await popup.getByLabel('Address of the engine').fill(engine.url);
    await popup.getByRole('button', { name: 'Pair', exact: true }).click();
    await popup.getByText('Connected').waitFor();
  }

  it('refuses a wrong code in words, and pairs with the right one', async () => {
    const popup = await (await visit('/plain')).openPopup();
    await popup.getByRole('heading', { name: 'Pair it with your engine' }).waitFor();
    expect(await findBarriers(popup)).toEqual([]);
    await popup.getByLabel('Code').fill('WRONGONE');
    await popup.getByLabel('Address of the engine').fill(engine.url);
    await popup.getByRole('button', { name: 'Pair', exact: true }).click();
    await popup.getByRole('alert').filter({ hasText: /code/i }).waitFor();
    await pair(popup);
  });

  it.each(Object.keys(kinds).filter((path) => path !== '/nine'))(
    'brings %s to the step that waits for it, and what depends on it completes',
    async (path) => {
      const { holds, title } = kinds[path]!;
      const id = await wait(`For ${path}`);
      const tab = await visit(path);
      await tab.page.waitForFunction((expected) => document.title === expected, title);
      const popup = await tab.openPopup();
      await row(popup, `For ${path}`).click();
      await said(popup, `Sent to For ${path}`);
      expect((await ended(id)).status).toBe('COMPLETED');
      const capture = await stepOf(id, 'capture');
      expect(capture.outputs.content).toContain(holds);
      expect(capture.outputs).toMatchObject({ source_url: `${site.origin}${path}`, content_type: 'html' });
      expect(capture.metadata).toMatchObject({ title, captured: 'article' });
      expect((await stepOf(id, 'extract')).outputs.content).toContain(holds);
      await popup.getByText('Completed').waitFor();
      await popup.getByText('2 of 2 steps').waitFor();
    },
  );

  it('says how large a page is that the engine does not take, and keeps nothing', async () => {
    await wait('For nine');
    const popup = await (await visit('/nine')).openPopup();
    await row(popup, 'For nine').click();
    await said(popup, /This is \d+\.\d+ MiB, and the engine takes 8 MiB at once/);
    expect(await keptHere(popup).count()).toBe(0);
  });

  it('starts a template with the page in one call, and shows its result', async () => {
    const popup = await (await visit('/plain')).openPopup();
    await row(popup, 'Keep this page').click();
    await popup
      .locator('.result')
      .filter({ hasText: `Kept ${site.origin}/plain` })
      .waitFor();
    const [run, ...more] = await runs('Keep this page');
    expect([run?.status, more]).toEqual(['COMPLETED', []]);
    await engine.api('DELETE', `/api/workflows/${run!.id}`);
  });

  it('captures what is selected', async () => {
    const id = await wait('For words');
    const tab = await visit('/plain');
    await tab.page.evaluate(() => getSelection()!.selectAllChildren(document.querySelector('article p')!));
    const popup = await tab.openPopup();
    expect(await popup.getByRole('radio', { name: 'Selection' }).isChecked()).toBe(true);
    await row(popup, 'For words').click();
    await said(popup, 'Sent to For words');
    const { outputs, metadata } = await stepOf(id, 'capture');
    expect(outputs.content).toContain('evergreen shrub');
    expect(outputs.content).not.toMatch(/<h1>|<p>|<nav>/);
    expect(metadata).toMatchObject({ captured: 'selection' });
    await ended(id);
  });

  it('keeps captures while the engine is away, and sends each once when it is back', async () => {
    const names = ['/plain', '/arabic', '/five'];
    const ids = new Map<string, string>();
    for (const path of names) ids.set(path, await wait(`Later ${path}`));
    const tabs = [];
    for (const path of names) tabs.push({ path, tab: await visit(path) });
    const first = await tabs[0]!.tab.openPopup();
    await row(first, 'Later /five').waitFor();
    await engine.stop();
    for (const { path, tab } of tabs) {
      const popup = await tab.openPopup();
      await row(popup, `Later ${path}`).click();
      await said(popup, 'The engine is away');
      await popup.close();
    }
    await row(first, 'Keep this page').click();
    await said(first, 'The engine is away');
    expect(await badge()).toBe('4');
    engine = await start();
    await Promise.all([look(first), look(first), look(first)]);
    await first.getByText('Connected').waitFor();
    for (const path of names) {
      const run = await ended(ids.get(path)!);
      expect([path, run.status, run.steps.length]).toEqual([path, 'COMPLETED', 2]);
      expect((await stepOf(run.id, 'capture')).outputs.content).toContain(kinds[path]!.holds);
    }
    expect(await runs('Keep this page')).toHaveLength(1);
    await keptHere(first).waitFor({ state: 'detached' });
  });

  it('does not start a workflow twice when the answer is lost', async () => {
    for (const { id } of await runs('Keep this page')) await engine.api('DELETE', `/api/workflows/${id}`);
    const worker = await browser.worker();
    await worker.evaluate(() => {
      const whole = globalThis.fetch;
      globalThis.fetch = async (...args) => {
        const answer = await whole(...args);
        if (args[1]?.method !== 'POST') return answer;
        globalThis.fetch = whole;
        throw new TypeError('Failed to fetch');
      };
    });
    const popup = await (await visit('/plain')).openPopup();
    await row(popup, 'Keep this page').click();
    await said(popup, 'The engine is away');
    // A death between: what the engine has recorded under the key outlives it.
    engine.child.kill('SIGKILL');
    await engine.stop();
    engine = await start();
    await look(popup);
    await keptHere(popup).waitFor({ state: 'detached' });
    await popup.close();
    expect(await runs('Keep this page')).toHaveLength(1);
  });

  it('keeps a capture without a target until a person chooses one, by keyboard alone', async () => {
    const id = await wait('Chosen later');
    const popup = await (await visit('/plain')).openPopup();
    await row(popup, 'Keep it, and choose later').focus();
    await popup.keyboard.press('Enter');
    await said(popup, 'Choose below where it goes');
    const choice = popup.getByLabel('Where Plain goes');
    await choice.focus();
    await choice.selectOption({ label: 'Chosen later' });
    await popup.keyboard.press('Tab');
    await popup.keyboard.press('Enter');
    await said(popup, 'Sent to Chosen later');
    expect((await ended(id)).status).toBe('COMPLETED');
  });

  it('has no barrier in either theme, and fits its width', async () => {
    await wait('Captured page');
    for (const colorScheme of ['light', 'dark'] as const) {
      const tab = await visit('/plain');
      const popup = await tab.openPopup({ colorScheme });
      await row(popup, 'Captured page').waitFor();
      await row(popup, 'Keep it, and choose later').click();
      await said(popup, 'Kept here');
      expect(await popup.evaluate(() => document.documentElement.dataset.theme)).toBe(colorScheme);
      expect(await findBarriers(popup), colorScheme).toEqual([]);
      expect(await popup.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(380);
      await popup.getByRole('button', { name: 'Drop Plain' }).first().click();
      await said(popup, 'Dropped');
    }
  });

  it('says that a page of the browser cannot be read', async () => {
    const popup = await (await visit('/plain')).openPopup();
    await popup.goto(popup.url().replace(/tab=\d+/, 'tab=999999999'));
    await popup.getByText('The browser lets no extension read this page').waitFor();
    expect(await row(popup, 'Captured page').isDisabled()).toBe(true);
  });

  it('asks to be paired again when the engine has revoked it', async () => {
    const [client] = await engine.api<{ id: string; name: string }[]>('GET', '/api/clients');
    expect(client).toMatchObject({ name: 'Chrome extension' });
    await engine.api('DELETE', `/api/clients/${client!.id}`);
    const id = await wait('After pairing');
    const popup = await (await visit('/plain')).openPopup();
    await popup.getByText('Pair it again').waitFor();
    await pair(popup);
    await row(popup, 'After pairing').click();
    await said(popup, 'Sent to After pairing');
    expect((await ended(id)).status).toBe('COMPLETED');
  });

  it('leaves no token where a page could find it', async () => {
    const tab = await visit('/plain');
    const seen = await tab.page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, location.href]));
    expect(seen).not.toMatch(/token/);
    const reached = await tab.page.evaluate(async (origin) => {
      const answers = ['manifest.json', 'popup.html', 'icons/16.png'].map((name) => fetch(`${origin}/${name}`));
      return (await Promise.allSettled(answers)).map(({ status }) => status);
    }, 'chrome-extension://ffcaekjojidlmhjaaiiifinpgcmphnmd');
    expect(reached).toEqual(['rejected', 'rejected', 'rejected']);
  });

  async function badge(): Promise<string> {
    return (await browser.worker()).evaluate(() => {
      const { chrome } = globalThis as unknown as { chrome: { action: { getBadgeText(o: object): Promise<string> } } };
      return chrome.action.getBadgeText({});
    });
  }
});
