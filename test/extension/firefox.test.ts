/**
 * Goal: what is built for Firefox works there: it loads, pairs, and brings a page into a run. Method: the built extension as
 * a temporary add-on in Firefox, the built engine in a process of its own.
 */
import { expect, it, onTestFinished } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { buildProduct, removeProduct, startEngine } from '../web/dashboard.ts';
import { Firefox, firefoxPath } from './firefox.ts';
import { startSite } from './installed.ts';

const noFirefox = firefoxPath === undefined ? ' (SKIPPED: needs Firefox)' : '';
const html = `<!doctype html><html lang="en"><title>Tea</title><article><h1>Tea</h1>
  <p>${'Tea is a drink made from leaves. '.repeat(40)}</p></article></html>`;

it.skipIf(noFirefox !== '')(`pairs, captures and shows the result in Firefox${noFirefox}`, async () => {
  const place = buildProduct();
  onTestFinished(() => removeProduct(place));
  const engine = await startEngine(place);
  onTestFinished(() => engine.stop());
  const site = await startSite({ '/tea': html });
  onTestFinished(() => site.close());
  const firefox = await Firefox.start(`${place}/dist`);
  onTestFinished(() => firefox.close());

  await firefox.visit(`${site.origin}/tea`);
  await firefox.shows('Pair it with your engine');
  const { code } = await engine.api<{ code: string }>('POST', '/api/pairings');
  await firefox.fill('input[name=code]', code);
  await firefox.fill('input[name=address]', engine.url);
  await firefox.press('Pair');
  await firefox.shows('Connected');
  await firefox.shows('Digest of a page');
  await firefox.press('Digest of a page');
  expect(await firefox.shows('Completed')).toContain('Sent to Digest of a page');

  const clients = await engine.api<{ origin: string; name: string; scope: string }[]>('GET', '/api/clients');
  expect(clients).toMatchObject([
    { name: 'Firefox extension', scope: 'capture', origin: expect.stringMatching(/^moz-extension:/) },
  ]);
  const runs = await engine.api<Workflow[]>('GET', '/api/workflows');
  expect(runs.map(({ status }) => status)).toEqual(['COMPLETED']);
  expect(runs[0]?.params).toMatchObject({ title: 'Tea', html: expect.stringContaining('made from leaves') });
});
