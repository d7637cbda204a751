/**
 * Goal: every screen is whole on a phone and on a desk, light and dark, and by the keyboard. Method: real Chromium; each
 * screen is watched, looked at by axe-core, and must not be wider than the window.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
} from './dashboard.ts';

const hostile = '<img src=x onerror=alert(1)></script><script>alert(2)</script>';

describe.skipIf(!hasChromium)('the screens', () => {
  let place: string;
  let engine: RunningEngine;
  let browser: Browser;
  let ids: readonly [string, string];

  beforeAll(async () => {
    place = buildProduct();
    [engine, browser] = await Promise.all([startEngine(place), startBrowser()]);
    const submit = (body: object) => engine.api<Workflow>('POST', '/api/workflows?wait=20', body);
    const steps = [{ id: 'a', name: hostile, action: 'render', params: { template: hostile, data: {} } }];
    const first = await submit({ name: hostile, tags: ['<b>x</b>', '\u202Egnp.exe'], steps });
    const second = await submit({ name: hostile, steps: [...steps, { id: 'x', action: 'noop' }] });
    await submit({ name: 'Waits', steps: [{ id: 'page', name: hostile, action: 'external_data' }] });
    ids = [first.id, second.id];
  });
  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    removeProduct(place);
  });

  const screens = [
    ['/', 'Runs'],
    ['/new', 'New run'],
    ['/new/page-digest', 'Digest of a page'],
    ['/new?edit=1', 'Write a definition'],
    ['/new?from=ONE', 'Run again'],
    ['/costs', 'Costs'],
    ['/schedules', 'Schedules'],
    ['/engine', 'Engine'],
    ['/runs/TWO/diff/ONE?step=a', 'Compare'],
  ] as const;
  const sizes = [
    { width: 390, height: 844 },
    { width: 1280, height: 800 },
  ];

  const overflow = (page: Page) =>
    page.evaluate(() => {
      const widest = [document.documentElement, ...document.querySelectorAll('main, header')];
      return widest.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.tagName);
    });

  /** Controls that no scrolling brings into the window as a whole. */
  const unreachable = (page: Page) =>
    page.evaluate(() => {
      const controls = document.querySelectorAll<HTMLElement>('a, button, input, select, textarea, summary');
      return [...controls].flatMap((one) => {
        const isSeen =
          one.checkVisibility() && one.offsetWidth > 1 && one.closest('.visually-hidden, .skip-link') === null;
        if (!isSeen) return [];
        one.scrollIntoView({ block: 'center', inline: 'center' });
        const { left, right, top, bottom } = one.getBoundingClientRect();
        const isTall = bottom - top > innerHeight;
        const isWithin = left >= -1 && right <= innerWidth + 1 && (isTall || (top >= -1 && bottom <= innerHeight + 1));
        return isWithin ? [] : [one.outerHTML.slice(0, 120)];
      });
    });

  it.each(sizes.flatMap((viewport) => (['light', 'dark'] as const).map((colorScheme) => ({ viewport, colorScheme }))))(
    'are whole at $viewport.width in $colorScheme',
    async ({ viewport, colorScheme }) => {
      const watched = await openPage(browser, engine.url, { viewport, colorScheme });
      for (const [path, title] of screens) {
        await watched.page.goto(engine.url + path.replace('ONE', ids[0]).replace('TWO', ids[1]));
        await watched.page.getByRole('heading', { name: title, exact: true, level: 1 }).waitFor();
        await watched.page.locator('.skeleton').waitFor({ state: 'detached' });
        expect([path, await overflow(watched.page)]).toEqual([path, []]);
        await watched.check(`${path} at ${viewport.width} in ${colorScheme}`);
      }
      await watched.close();
    },
  );

  it('can be used at 200 % zoom: nothing is wider than the window, and each control can be brought into it', async () => {
    // What a window of 1280 × 800 has room for then.
    const watched = await openPage(browser, engine.url, {
      viewport: { width: 640, height: 400 },
      deviceScaleFactor: 2,
    });
    const { page } = watched;
    for (const path of [...screens.map(([screen]) => screen), '/runs/TWO?step=a', '/runs/TWO?view=table']) {
      await page.goto(engine.url + path.replace('ONE', ids[0]).replace('TWO', ids[1]));
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      expect([path, await overflow(page), await unreachable(page)]).toEqual([path, [], []]);
    }
    expect(watched.faults).toEqual([]);
    await watched.close();
  });

  it('say what they say by colour also where the system has colours of its own', async () => {
    const watched = await openPage(browser, `${engine.url}/runs/${ids[1]}`, { forcedColors: 'active' });
    const { page } = watched;
    const colourOf = (selector: string, property: 'backgroundColor' | 'color' | 'outlineStyle') =>
      page
        .locator(selector)
        .first()
        .evaluate((element, name) => getComputedStyle(element)[name], property);
    await page.locator('.run-views .on').waitFor();
    const ground = await colourOf('body', 'backgroundColor');
    expect(await colourOf('.run-facts .progress i', 'backgroundColor')).not.toBe(ground);
    expect(await colourOf('.run-views .on', 'backgroundColor')).not.toBe(
      await colourOf('.run-views button:not(.on)', 'backgroundColor'),
    );
    expect(await colourOf('.run-chips .glyph', 'color')).not.toBe(await colourOf('.run-chips .chip', 'color'));
    expect(await colourOf('.top nav .on', 'outlineStyle')).toBe('solid');
    expect(await colourOf('.top nav a:not(.on)', 'outlineStyle')).toBe('none');
    expect(watched.faults).toEqual([]);
    await watched.close();
  });

  it('can be walked by keys alone, and say which', async () => {
    const watched = await openPage(browser, engine.url);
    const { page } = watched;
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.keyboard.press('Shift+G');
    await page.keyboard.press('n');
    await page.waitForURL('**/new');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await watched.check('the keys');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('digest');
    await page.getByRole('option', { name: /Digest of a page/ }).waitFor();
    await watched.check('the jump');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/new/page-digest');
    await page.keyboard.press('Shift+G');
    await page.keyboard.press('r');
    await page.waitForURL(`${engine.url}/`);
    await page.getByText('Waits', { exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('waits');
    await page.waitForURL('**/?q=waits');
    await page.keyboard.press('Escape');
    await page.waitForURL(`${engine.url}/`);
    await page.keyboard.press('t');
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/runs/*');
    await watched.close();
  });

  it('let a definition be written: faults at their lines, a dry run, a run', async () => {
    const watched = await openPage(browser, `${engine.url}/new?edit=1`);
    const { page } = watched;
    const text = page.getByLabel('Definition of the run');
    await text.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(
      'name: Written\nsteps:\n  - id: a\n    action: no_such_action\n    dependencies: [b]\n',
    );
    await page
      .locator('.notice.fail')
      .getByText(/unknown step|"b"/)
      .first()
      .waitFor();
    await watched.check('faults');
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(
      'name: Written\nsteps:\n  - id: a\n    action: noop\n  - id: b\n    action: noop\n    dependencies: [a]\n',
    );
    await page.locator('.outline-card').nth(1).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByText('2 in 2 waves').waitFor();
    await watched.check('the dry run');
    await text.click();
    await page.keyboard.press('Control+Shift+Enter');
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
    await page.getByRole('heading', { name: 'Written' }).waitFor();
    await watched.close();
  });
});
