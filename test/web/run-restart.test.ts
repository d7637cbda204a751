/**
 * Goal: an engine that is killed in the middle of a run and started again costs the run page nothing: it says that it
 * is cut off, goes on by itself, its counts are those of REST, and what is on the screen has not moved. Method:
 * SIGKILL, the same port and data again, and a click on the same pixel of the graph before and after.
 */
import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GraphView } from '../../src/contract/run-view.ts';
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

let place: string;
let browser: Browser;
let engine: RunningEngine;

describe.skipIf(!hasChromium)('the run page when the engine dies', () => {
  beforeAll(async () => {
    place = buildProduct();
    [browser, engine] = await Promise.all([startBrowser(), startEngine(place, { env: { MAX_PARALLEL_NODES: '3' } })]);
  });

  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    if (place) removeProduct(place);
  });

  it('goes on by itself, with the counts of REST and the view where it was', async () => {
    const steps = [
      { id: 'list', name: 'List', action: 'noop' },
      ...Array.from({ length: 30 }, (_, k) => ({
        ...{ id: `read-${k}`, name: `Read ${'abcdefghijklmnopqrstuvwxyzABCD'[k]}`, action: 'delay' },
        ...{ dependencies: ['list'], params: { ms: k < 6 ? 30 : 600_000 } },
      })),
      { id: 'ask', name: 'Ask', action: 'external_data', dependencies: ['list'] },
      { id: 'end', name: 'End', action: 'noop', dependencies: ['read-0', 'read-29'] },
    ];
    const { id } = await engine.api<Workflow>('POST', '/api/workflows', { name: 'Killed', steps });
    const watched = await openPage(browser, `${engine.url}/runs/${id}?by=steps`);
    // While nobody listens, the browser says so on its console.
    watched.allow(
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|Failed to load resource/,
    );
    const { page } = watched;
    const countOf = async (word: string) =>
      Number(await page.locator('.run-chips .chip', { hasText: word }).locator('b').first().textContent());
    await expect.poll(() => countOf('Completed'), { timeout: 30_000 }).toBe(7);
    await expect.poll(() => countOf('Running')).toBe(3);
    // An event that the page has heard, so that it can ask for those after it.
    await engine.api('POST', `/api/workflows/${id}/external-data`, { step_id: 'ask', content: 'x' });
    await expect.poll(() => countOf('Completed')).toBe(8);

    const graph = page.getByRole('application');
    const box = await graph.boundingBox();
    const at = { x: (box?.x ?? 0) + 40, y: (box?.y ?? 0) + 40 };
    await page.mouse.move((box?.x ?? 0) + 300, (box?.y ?? 0) + 120);
    await page.mouse.wheel(0, -240);
    const picked = () => new URL(page.url()).searchParams.get('step');
    // The first point on the way to the right and down where a step is.
    for (let steps = 0; picked() === null && steps < 60; steps += 1) {
      at.x += 17;
      at.y += 3;
      await page.mouse.click(at.x, at.y);
      // The address is written with the next frame: a look before it would take the next point for this one.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))));
    }
    const before = picked();
    expect(before).not.toBeNull();
    await page.keyboard.press('Escape');
    await expect.poll(picked).toBeNull();

    const died = once(engine.child, 'exit');
    engine.child.kill('SIGKILL');
    await died;
    await page.getByText('The connection to the engine is gone').waitFor();
    expect(await page.getByRole('button', { name: 'Stop', exact: true }).getAttribute('aria-disabled')).toBe('true');
    await watched.check('cut off');
    engine = await startEngine(place, { port: Number(new URL(engine.url).port), env: { MAX_PARALLEL_NODES: '3' } });
    await page.getByText('The engine was restarted').waitFor({ timeout: 30_000 });
    await expect.poll(() => page.locator('.connection').textContent()).toContain('Live');
    await expect.poll(() => countOf('Running'), { timeout: 30_000 }).toBe(3);

    const { steps: columns } = await engine.api<GraphView>('GET', `/api/workflows/${id}?view=graph`);
    const restCount = (digit: string) => [...columns.status].filter((one) => one === digit).length;
    await expect
      .poll(async () => [await countOf('Queued'), await countOf('Running'), await countOf('Completed')])
      .toEqual([restCount('0'), restCount('1'), restCount('2')]);
    expect(restCount('2')).toBe(8);
    await page.mouse.click(at.x, at.y);
    await expect.poll(picked).toBe(before);
    await watched.check('live again');
    await watched.close();
    await engine.api('POST', `/api/workflows/${id}/stop`);
  });

  it('reads the run again where what has changed since the death is not known, the picked step with it', async () => {
    const steps = [
      { id: 'list', name: 'List', action: 'noop' },
      {
        ...{ id: 'ask', name: 'Ask', action: 'http_request', dependencies: ['list'] },
        params: { url: 'http://127.0.0.1:9/' },
      },
    ];
    const { id } = await engine.api<Workflow>('POST', '/api/workflows', { name: 'Killed and retried', steps });
    const watched = await openPage(browser, `${engine.url}/runs/${id}?step=ask&tab=attempts`);
    watched.allow(/ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|Failed to load resource/);
    const { page } = watched;
    const tries = page.getByRole('tabpanel').getByRole('listitem');
    await page.getByRole('alert').getByText('TARGET_REFUSED').waitFor();
    expect(await tries.count()).toBeLessThan(2);

    // What the engine answers when it knows nothing from before its start.
    let refused = 0;
    await page.route(/view=changes/, async (route) => {
      refused += 1;
      const json = { status: 409, code: 'CONFLICT', detail: 'What has changed since then is too old to be known' };
      await route.fulfill({ status: 409, contentType: 'application/problem+json', json });
    });
    const died = once(engine.child, 'exit');
    engine.child.kill('SIGKILL');
    await died;
    engine = await startEngine(place, { port: Number(new URL(engine.url).port), env: { MAX_PARALLEL_NODES: '3' } });
    await expect.poll(() => page.locator('.connection').textContent(), { timeout: 30_000 }).toContain('Live');
    await page.getByRole('button', { name: 'Retry failed' }).click();
    await expect.poll(() => tries.count(), { timeout: 60_000 }).toBe(2);
    expect(refused).toBeGreaterThan(0);
    expect(watched.faults).toEqual([]);
    await watched.close();
  });

  it.each(['/runs/{id}', '/', '/costs'])('%s tells of the restart though it has heard nothing before', async (path) => {
    const steps = [{ id: 'long', name: 'Long', action: 'delay', params: { ms: 600_000 } }];
    const { id } = await engine.api<Workflow>('POST', '/api/workflows', { name: 'Silent', steps });
    await expect
      .poll(async () => (await engine.api<GraphView>('GET', `/api/workflows/${id}?view=graph`)).steps.status)
      .toBe('1');
    // Whatever the engine did before is known by now: nothing comes after the stream has begun.
    const watched = await openPage(browser, `${engine.url}${path.replace('{id}', id)}`);
    watched.allow(/ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|Failed to load resource/);
    const { page } = watched;
    await expect.poll(() => page.locator('.connection').textContent()).toContain('Live');
    const died = once(engine.child, 'exit');
    engine.child.kill('SIGKILL');
    await died;
    await page.getByText('The connection to the engine is gone').waitFor();
    engine = await startEngine(place, { port: Number(new URL(engine.url).port), env: { MAX_PARALLEL_NODES: '3' } });
    await page.getByText('The engine was restarted; 1 step was queued again').waitFor({ timeout: 30_000 });
    expect(watched.faults).toEqual([]);
    await watched.close();
    await engine.api('POST', `/api/workflows/${id}/stop`);
  });
});
