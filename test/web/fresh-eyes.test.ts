/**
 * Goal: a person who has never seen the dashboard starts a template, finds why a run has failed and runs it again mended,
 * compares the two, approves a run that waits, and says what each has cost. Method: real Chromium, with nothing but what
 * is written on the screen; the clicks are counted, so that the way does not grow unseen.
 */
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandIn } from '../stand-in/stand-in.ts';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
} from './dashboard.ts';

const clicksMax = 16;
const chat = (id: string, name: string) => ({
  ...{ id, name, action: 'openai_chat' },
  params: { model: 'gpt-4o-mini', prompt: 'About tea' },
});

describe.skipIf(!hasChromium)('somebody new to the dashboard', () => {
  let place: string;
  let models: StandIn;
  let engine: RunningEngine;
  let browser: Browser;

  beforeAll(async () => {
    place = buildProduct();
    models = await StandIn.start({ behaviour: () => ({ content: 'Tea grows in the Azores.' }) });
    const env = { OPENAI_API_KEY: 'a-key-for-tests', OPENAI_BASE_URL: models.baseUrl };
    [engine, browser] = await Promise.all([startEngine(place, { env }), startBrowser()]);
    const text = '{{steps.write.outputs.content}}';
    await engine.api('POST', '/api/workflows?wait=20', {
      name: 'Send the digest',
      steps: [
        chat('write', 'Write'),
        {
          ...{ id: 'shape', name: 'Shape', action: 'render', dependencies: ['write'] },
          params: { template: '{{ text | no_such_filter }}', data: { text } },
        },
        { id: 'tell', name: 'Tell', action: 'noop', dependencies: ['shape'] },
      ],
    });
    await engine.api('POST', '/api/workflows', {
      name: 'Publish the post',
      steps: [
        chat('draft', 'Draft'),
        {
          ...{ id: 'ok', name: 'Editor approves', action: 'approval', dependencies: ['draft'] },
          params: { message: 'Publish this?' },
        },
        { id: 'out', name: 'Publish', action: 'noop', dependencies: ['ok'] },
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    await models?.close();
    removeProduct(place);
  });

  it('finds the way by what is on the screen', async () => {
    const watched = await openPage(browser, engine.url);
    const { page } = watched;
    let clicks = 0;
    const click = async (place: Locator) => {
      clicks += 1;
      await place.click();
    };
    const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
    const goTo = (name: string) => click(page.getByRole('navigation').getByRole('link', { name }));
    const status = (word: string) => page.locator('.run-title .pill', { hasText: word }).waitFor();

    await goTo('New run');
    await click(page.getByText('Digest of a page'));
    await click(button('Use example').first());
    await click(button('Run'));
    await status('Completed');

    await goTo('Runs');
    await click(page.getByText('Send the digest'));
    await status('Failed');
    await click(button(/^Failed/));
    await page.getByRole('alert').getByText('undefined filter: no_such_filter').waitFor();
    await click(button('Branch').first());
    const dialog = page.getByRole('dialog');
    const params = dialog.getByLabel('Its params as JSON');
    // They come with the step, which is read when the dialog opens.
    await expect.poll(() => params.inputValue()).toContain('no_such_filter');
    await params.fill((await params.inputValue()).replace(' | no_such_filter', ''));
    await click(dialog.getByRole('button', { name: 'Run the branch' }));
    await status('Completed');
    await click(button(/more/i).first());
    await click(page.getByRole('menuitem', { name: 'Compare with its parent' }));
    await page.getByRole('row', { name: /^Shape.*status, params, outputs, error/ }).waitFor();
    await watched.check('compared');

    await goTo('Runs');
    await click(page.getByRole('region', { name: 'Waits for you' }).getByText('Editor approves'));
    await click(button('Approve'));
    await status('Completed');

    await goTo('Costs');
    await click(button('Run'));
    for (const name of ['Send the digest', 'Publish the post'])
      expect(await page.getByRole('row', { name: new RegExp(`^${name}`) }).textContent()).toMatch(/\$0\.0/);
    await watched.check('costs of runs');
    expect(clicks).toBeLessThanOrEqual(clicksMax);
    await watched.close();
  });
});
