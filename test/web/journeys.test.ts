/**
 * Goal: a person gets from an empty engine to a result, and around, without the page doing what it must not. Method: real
 * Chromium on the built product; each page is watched (test/web/dashboard.ts). One browser and one engine for all.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
} from './dashboard.ts';

const html = `<html><head><title>Tea</title></head><body><article>${'<p>Tea is made from leaves of one plant. It grows on hills.</p>'.repeat(20)}</article></body></html>`;

describe.skipIf(!hasChromium)('the dashboard', () => {
  let place: string;
  let engine: RunningEngine;
  let browser: Browser;

  beforeAll(async () => {
    place = buildProduct();
    [engine, browser] = await Promise.all([startEngine(place), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    removeProduct(place);
  });

  const submit = (body: object) => engine.api<Workflow>('POST', '/api/workflows?wait=20', body);
  const newest = async () => {
    const [run] = await engine.api<WorkflowSummary[]>('GET', '/api/workflows?view=summary&limit=1');
    return run;
  };

  it('leads from nothing by a template and its form to a run and its output', async () => {
    const watched = await openPage(browser, engine.url);
    const { page } = watched;
    await page.getByRole('heading', { name: 'No run yet' }).waitFor();
    await watched.check('the empty list');
    await page.getByRole('link', { name: 'Choose a template' }).click();
    await page.getByRole('link', { name: 'Digest of a page' }).click();
    await page.getByRole('heading', { name: 'Digest of a page' }).waitFor();
    await watched.check('the form');

    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('is required').waitFor();
    expect(await page.getByLabel('html', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    expect(await newest()).toBeUndefined();

    await page.getByLabel('html', { exact: true }).fill(html);
    await page.getByLabel('keywords', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    await page.locator('.pill', { hasText: 'Completed' }).first().waitFor();
    await watched.check('the run');
    const run = await newest();
    expect(run).toMatchObject({ templateId: 'page-digest', status: 'COMPLETED' });
    expect(await engine.api<Workflow>('GET', `/api/workflows/${run?.id}`)).toMatchObject({
      params: { html, keywords: 3 },
    });

    await page.goto(`${engine.url}/runs/${run?.id}?step=report`);
    await page.getByRole('complementary').getByText('hills').first().waitFor();
    await watched.check('the output');

    await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click();
    await page
      .locator('.run-row', { hasText: 'Digest of a page' })
      .locator('.pill', { hasText: 'Completed' })
      .waitFor();
    await watched.check('the list');
    await watched.close();
  });

  it('shows runs as they begin and end, holds them back while somebody reads further down, and stops them together', async () => {
    for (let n = 0; n < 20; n += 1) await submit({ name: `Filler ${n}`, steps: [{ id: 'a', action: 'noop' }] });
    const watched = await openPage(browser, engine.url, { viewport: { width: 1280, height: 480 } });
    const { page } = watched;
    const long = { name: 'Takes long', tags: ['long'], steps: [{ id: 'a', action: 'delay', params: { ms: 600_000 } }] };
    await page.getByText('Filler 19').waitFor();
    await engine.api('POST', '/api/workflows', long);
    const row = page.locator('.run-row', { hasText: 'Takes long' }).first();
    await row.locator('.pill', { hasText: 'Running' }).waitFor();

    await page.locator('main').evaluate((main) => main.scrollTo(0, 600));
    const before = await page.locator('.run-row').nth(5).textContent();
    await engine.api('POST', '/api/workflows', { ...long, name: 'Takes long too' });
    const button = page.getByRole('button', { name: '1 new run' });
    await button.waitFor();
    expect(await page.locator('.run-row').nth(5).textContent()).toBe(before);
    await button.click();
    await page.locator('.run-row', { hasText: 'Takes long too' }).waitFor();

    await page.getByLabel('Choose Takes long', { exact: true }).check();
    await page.getByLabel('Choose Takes long too').check();
    await page.getByText('2 chosen').waitFor();
    await watched.check('two are chosen');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    await page.getByText('2 runs stopped').waitFor();
    await row.locator('.pill', { hasText: 'Stopped' }).waitFor();
    await watched.check('they are stopped');
    await watched.close();
  });

  it('keeps filters in the address: back, forward and pasted links show the same', async () => {
    await submit({
      name: 'Fails',
      tags: ['tea'],
      steps: [{ id: 'a', action: 'transform', params: { expression: '$error("no")', input: 1 } }],
    });
    const watched = await openPage(browser, engine.url);
    const { page } = watched;
    const names = () => page.locator('.run-name > a:first-child').allTextContents();
    await page
      .getByRole('group', { name: 'Filter by status' })
      .getByRole('button', { name: /Failed/ })
      .click();
    await page.waitForURL('**/?status=FAILED');
    await expect.poll(names).toEqual(['Fails']);
    await page.getByRole('link', { name: 'Fails' }).click();
    await page.getByRole('heading', { name: 'Fails' }).waitFor();
    await page.goBack();
    await expect.poll(names).toEqual(['Fails']);
    expect(new URL(page.url()).search).toBe('?status=FAILED');
    await page.goForward();
    await page.getByRole('heading', { name: 'Fails' }).waitFor();
    await watched.check('back and forward');

    await page.goto(`${engine.url}/?tag=tea&q=fai`);
    await expect.poll(names).toEqual(['Fails']);
    await page.getByRole('button', { name: 'Take away: tag tea' }).click();
    await page.waitForURL('**/?q=fai');
    await page.goto(`${engine.url}/?status=STOPPED&tag=none`);
    await page.getByText('No run matches').waitFor();
    await watched.check('nothing matches');
    await page.getByRole('button', { name: 'Clear all filters' }).click();
    await page.waitForURL(`${engine.url}/`);
    await watched.close();
  });

  it('compares a run with the one that it branched from, down to the line', async () => {
    const steps = [
      { id: 'one', action: 'render', params: { template: 'A\nB\n{{ data }}', data: { data: 'tea' } } },
      { id: 'two', action: 'noop', dependencies: ['one'] },
      { id: 'other', action: 'noop' },
    ];
    const parent = await submit({ name: 'Compared', steps });
    const body = { stepId: 'one', params: { template: 'A\nC\n{{ data }}', data: { data: 'tea' } } };
    const child = await engine.api<Workflow>('POST', `/api/workflows/${parent.id}/branches?wait=20`, body);
    const watched = await openPage(browser, `${engine.url}/runs/${child.id}/diff/default`);
    const { page } = watched;
    await page.waitForURL(`**/runs/${child.id}/diff/${parent.id}`);
    const rows = page.locator('.diff-steps tbody tr');
    expect(await rows.first().textContent()).toContain('params, outputs');
    expect(await rows.count()).toBe(3);
    await rows.first().getByRole('button').click();
    await page.waitForURL('**?step=one');
    const gone = page.locator('.diff-line.gone');
    expect((await gone.allTextContents()).some((text) => text.includes('B'))).toBe(true);
    await watched.check('the comparison');
    await page.goBack();
    await page.locator('.diff-picked').waitFor({ state: 'detached' });
    await watched.close();
  });

  it('answers in nine tabs at once', async () => {
    const run = await submit({ name: 'In many tabs', steps: [{ id: 'a', action: 'noop' }] });
    const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
    for (let n = 0; n < 9; n += 1) {
      const { page } = await openPage(browser, `${engine.url}/runs/${run.id}`, { context });
      await page.getByRole('heading', { name: 'In many tabs' }).waitFor();
      // Without a screen no tab hides another: each is told that it is hidden, as the browser would.
      await page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
    }
    await context.close();
  });

  it('says that the engine is gone, and goes on by itself when it is back', async () => {
    const own = await startEngine(place, { data: 'restarted' });
    const { port } = new URL(own.url);
    const watched = await openPage(browser, own.url);
    const { page } = watched;
    watched.allow(/Failed to load resource|ERR_/);
    await page.getByText('Live', { exact: true }).waitFor();
    own.child.kill('SIGKILL');
    await page.getByText('The connection to the engine is gone').waitFor();
    await page.getByText('Reconnecting').waitFor();
    await watched.check('while it is gone');
    const again = await startEngine(place, { data: 'restarted', port: Number(port) });
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.getByText('The connection to the engine is gone').count()).toBe(0);
    await watched.close();
    await again.stop();
  });

  it('asks for the token where there is one, keeps it for the tab alone, and sends it in the header alone', async () => {
    const own = await startEngine(place, { data: 'with-token', env: { API_TOKEN: 'a-long-token' } });
    const watched = await openPage(browser, `${own.url}/?q=x`);
    const { page } = watched;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.getByRole('heading', { name: 'This engine asks for its token' }).waitFor();
    await watched.check('the form for the token');
    watched.allow(/status of 401/);
    await page.getByLabel('Token').fill('another-token');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('This is not the token of this engine').waitFor();
    await page.getByLabel('Token').fill('a-long-token');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText('No run matches').waitFor();
    await page.reload();
    await page.getByText('No run matches').waitFor();
    expect(asked.filter((url) => /another-token|a-long-token|token=/.test(url))).toEqual([]);
    expect(await page.evaluate(() => [document.cookie, JSON.stringify(localStorage)])).toEqual(['', '{}']);
    await watched.check('with the token');
    await watched.close();
    await own.stop();
  });
});
