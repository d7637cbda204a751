/**
 * Goal: on the page "Engine" a person pairs an extension, sees who may call, and revokes one of them. Method: real
 * Chromium; the extension's part is one request with its origin and the code that is read from the screen.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
} from './dashboard.ts';

const origin = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;
const hostile = '<b>Work</b> \u202Egnp.exe laptop';

describe.skipIf(!hasChromium)('the clients in a browser', () => {
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

  /** As an extension sends it. */
  const send = (path: string, headers: Record<string, string>, body?: object) =>
    fetch(`${engine.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Origin: origin, 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it.each([
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ])('are paired by the code that is shown, listed, and revoked, at $width', async (viewport) => {
    const watched = await openPage(browser, `${engine.url}/engine`, { viewport });
    const { page } = watched;
    const clients = page.locator('section', { has: page.getByRole('heading', { name: 'Clients' }) });
    await clients.getByText('Nobody is paired.').waitFor();

    await clients.getByRole('button', { name: 'Pair an extension' }).click();
    const dialog = page.getByRole('dialog', { name: 'Pair an extension' });
    const code = (await dialog.locator('.pairing-code').textContent()) ?? '';
    await watched.check('the code');
    expect((await send('/api/pair', {}, { code: 'AAAAAAAA', name: 'Guess' })).ok).toBe(false);
    const answer = await send('/api/pair', {}, { code, name: hostile });
    expect(answer.status).toBe(201);
    const { token } = (await answer.json()) as { token: string };
    const call = async () => (await send('/api/waiting', { Authorization: `Bearer ${token}` })).status;
    expect(await call()).toBe(200);

    // The page notices by itself.
    await page.getByText('laptop is paired').waitFor();
    await dialog.waitFor({ state: 'detached' });
    const row = clients.getByRole('row', { name: /Work/ });
    await row.waitFor();
    const cells = (await row.getByRole('cell').allTextContents()).slice(0, 3);
    expect(cells).toEqual(['<b>Work</b> ␦gnp.exe laptop', 'capture', origin]);
    await watched.check('one client');

    await row.getByRole('button', { name: /^Revoke/ }).click();
    const question = page.getByRole('dialog', { name: 'Revoke this client?' });
    expect(await question.textContent()).toContain('<b>Work</b>');
    await watched.check('the question');
    await question.getByRole('button', { name: 'Cancel' }).click();
    expect(await call()).toBe(200);
    await row.getByRole('button', { name: /^Revoke/ }).click();
    await question.getByRole('button', { name: 'Revoke' }).click();
    await clients.getByText('Nobody is paired.').waitFor();
    // Neither the token nor the origin is let in.
    expect(await call()).toBe(403);
    await watched.check('nobody is left');
    await watched.close();
  });
});
