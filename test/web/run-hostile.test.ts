/**
 * Goal: whatever steps have made, nothing of it runs, nothing leaves, and the page holds no more of it than a person
 * looks at. Method: a run with script, markup, marks that turn the reading direction, a text of 7 MB, an object of
 * 10,000 keys, and 100,000 lines of log, as a state file that the engine takes over at its start; the page fails on a
 * violation of its policy, a dialog, a request to another host.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
  type WatchedPage,
} from './dashboard.ts';

const id = '0191a0c0-1111-7000-8000-00000000beef';
const evil = '<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202Egnp.exe';
const page8 = `<script>alert(3)</script> ${'x'.repeat(80)}\n`.repeat(66_000);
const markdown = [
  '# Title <script>alert(4)</script>',
  '[bad](javascript:alert(5)) [good](https://example.com/a?b=1) ![picture](https://example.com/p.png)',
  '<img src="https://example.com/q.png" onerror="alert(6)">',
  '| a | b |\n|---|---|\n| 1 | 2 |',
].join('\n\n');
const html = '<!doctype html><img src="https://example.com/z.png"><script>parent.alert(7)</script><h1>A page</h1>';

function step(stepId: string, more: object): object {
  const time = '2026-01-01T00:00:00.000Z';
  return {
    ...{ id: stepId, name: stepId, action: 'noop', status: 'COMPLETED', dependencies: [], params: {}, error: null },
    ...{ outputs: {}, startTime: time, endTime: time, duration: '0 sec', logs: [], metadata: null, attempt: 1 },
    ...more,
  };
}

/** The state file of a workflow that the engine has never seen. */
function writeRun(place: string): void {
  const lines = Array.from({ length: 1_000 }, (_, k) => `Line ${k} ${evil}`);
  const steps = [
    step('evil', { name: evil, outputs: { content: evil, [evil]: evil }, error: null }),
    step('markdown', { outputs: { content: markdown } }),
    step('page', { outputs: { content: html, content_type: 'html' } }),
    step('big', { outputs: { content: page8 } }),
    step('keys', { outputs: Object.fromEntries(Array.from({ length: 10_000 }, (_, k) => [`key ${k}`, k])) }),
    step('failed', { status: 'FAILED', error: evil, outputs: null }),
    ...Array.from({ length: 100 }, (_, k) => step(`log-${k}`, { logs: lines })),
  ];
  const dir = join(place, 'data/workflows', id);
  mkdirSync(dir, { recursive: true });
  const head = { id, name: evil, description: evil, tags: ['<b>x'], status: 'FAILED' };
  writeFileSync(join(dir, 'state.json'), JSON.stringify({ ...head, steps }));
}

let place: string;
let browser: Browser;
let engine: RunningEngine;

const panel = (page: Page) => page.getByRole('tabpanel');

describe.skipIf(!hasChromium)('a hostile run in a browser', () => {
  let watched: WatchedPage;

  beforeAll(async () => {
    place = buildProduct();
    writeRun(place);
    [browser, engine] = await Promise.all([startBrowser(), startEngine(place)]);
    watched = await openPage(browser, `${engine.url}/runs/${id}`);
    await watched.page.locator('.run-chips').waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    if (place) removeProduct(place);
  });

  async function show(stepId: string, tab = ''): Promise<Page> {
    await watched.page.goto(`${engine.url}/runs/${id}?step=${stepId}${tab === '' ? '' : `&tab=${tab}`}`);
    await panel(watched.page).waitFor();
    return watched.page;
  }

  it('names, texts and errors are shown as text, with marks for what cannot be seen', async () => {
    const page = await show('evil');
    const shown = evil.replace('\u202E', '\u2426');
    await panel(page).getByText(shown, { exact: true }).first().waitFor();
    expect(await page.locator('h1').textContent()).toBe(shown);
    expect(await page.getByRole('complementary').getByRole('heading').textContent()).toBe(shown);
    expect(await panel(page).locator('.json-key').first().textContent()).toBe(shown);
    await show('failed');
    expect(await page.getByRole('complementary').getByRole('alert').textContent()).toContain(shown);
    expect(await page.locator('main img, main script').count()).toBe(0);
    await watched.check('evil');
  });

  it('Markdown makes elements of its own alone: links to the web with their host, no picture, no script', async () => {
    const page = await show('markdown');
    await panel(page).getByRole('button', { name: 'Markdown' }).click();
    await panel(page).getByRole('heading', { name: 'Title' }).waitFor();
    const links = await panel(page)
      .getByRole('link')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    expect(links).toEqual(['https://example.com/a?b=1', 'https://example.com/p.png']);
    expect(await panel(page).locator('img, script, iframe').count()).toBe(0);
    expect(await panel(page).getByRole('cell').allTextContents()).toEqual(['1', '2']);
    await panel(page).getByText('onerror="alert(6)"').waitFor();
    await watched.check('markdown');
    await panel(page).getByRole('button', { name: 'Text', exact: true }).click();
  });

  it('a page is shown on request alone, in a frame in which nothing runs and nothing is loaded', async () => {
    const page = await show('page');
    expect(await page.locator('iframe').count()).toBe(0);
    // The frame refuses what it is told to load, and the browser says so.
    watched.allow(/policy: |Content Security Policy|Blocked script execution|blocked by/i);
    await panel(page).getByRole('button', { name: 'Page' }).click();
    await page.frameLocator('iframe').getByRole('heading', { name: 'A page' }).waitFor();
    expect(await page.locator('iframe').getAttribute('sandbox')).toBe('');
    expect(watched.faults).toEqual([]);
  });

  it('of a text of 7 MB the page holds 256 KiB, and more when it is asked for', async () => {
    const page = await show('big');
    const text = panel(page).locator('.output-text');
    await text.waitFor();
    const lengthOf = () => text.evaluate((one) => one.textContent?.length);
    expect(await lengthOf()).toBe(256 * 1024);
    await panel(page).getByRole('button', { name: 'Show more' }).click();
    await expect.poll(lengthOf).toBe(512 * 1024);
    expect(await page.locator('main script').count()).toBe(0);
  });

  it('of an object of 10,000 keys the page holds a hundred, and finds any of them', async () => {
    const page = await show('keys');
    await panel(page).getByText('100 more of 10,000').waitFor();
    expect(await panel(page).locator('.json-key').count()).toBe(100);
    await panel(page).getByText('100 more of 10,000').click();
    await expect.poll(() => panel(page).locator('.json-key').count()).toBe(200);
    await panel(page).getByRole('searchbox').fill('key 9876');
    await panel(page).getByText('key 9876', { exact: true }).waitFor();
    expect(await panel(page).locator('.json-value').allTextContents()).toEqual(['9876']);
  });

  it('of 100,000 lines of log the page holds those in view', async () => {
    const { page } = watched;
    await page.goto(`${engine.url}/runs/${id}?view=log`);
    await page.getByText('100,000 lines').waitFor({ timeout: 60_000 });
    expect(await page.locator('.merged-line').count()).toBeLessThan(100);
    await page.getByRole('searchbox', { name: 'Find in the log' }).fill('Line 999 ');
    await page.getByText('1 of 100', { exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.merged-line.is-marked', { hasText: 'Line 999' }).waitFor();
    expect(await page.locator('.merged-line').count()).toBeLessThan(100);
    await show('log-7', 'logs');
    expect(await panel(page).locator('.log-lines li').count()).toBe(1_000);
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(watched.faults).toEqual([]);
  });
});
