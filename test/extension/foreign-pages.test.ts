/**
 * Goal: a page of another origin can neither change anything in the engine nor read anything of it. Method: pages of a
 * foreign site in Chromium try every way that a browser has of sending or reading; afterwards the journal is as long as
 * before, no workflow is there, and no page has seen a byte of an answer. A partner shows that a call that is let in does
 * make the journal grow.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildProduct,
  chromiumFlags,
  chromiumPath,
  hasChromium,
  type RunningEngine,
  removeProduct,
  startEngine,
} from '../web/dashboard.ts';
import { type Site, startSite } from './installed.ts';

const definition = JSON.stringify({ name: 'Planted', steps: [{ id: 'a', action: 'noop' }] });
const secret = 'What nobody else may read';

interface Aim {
  readonly base: string;
  readonly definition: string;
}

/** Each runs in the page, whole by itself, and resolves with what it could read of an answer. */
const attacks = {
  'a fetch with JSON': async ({ base, definition }: Aim) => {
    try {
      const headers = { 'Content-Type': 'application/json' };
      return await (await fetch(`${base}/api/workflows`, { method: 'POST', headers, body: definition })).text();
    } catch {
      return null;
    }
  },
  'a fetch of what is there': async ({ base }: Aim) => {
    for (const path of [
      '/api/workflows',
      '/api/waiting',
      '/api/templates',
      '/api/queue',
      '/metrics',
      '/openapi.json',
    ]) {
      try {
        return await (await fetch(`${base}${path}`)).text();
      } catch {
        // Which is what is hoped for.
      }
    }
    return null;
  },
  'text/plain that no preflight guards': async ({ base, definition }: Aim) => {
    for (const path of [
      '/api/workflows',
      '/api/workflows/from-template?template_id=noop',
      '/api/pair',
      '/api/pairings',
    ]) {
      try {
        const headers = { 'Content-Type': 'text/plain' };
        const response = await fetch(`${base}${path}`, { method: 'POST', mode: 'no-cors', headers, body: definition });
        const text = await response.text();
        if (text !== '' || response.type !== 'opaque') return text;
      } catch {
        // Refused by the browser itself.
      }
    }
    return null;
  },
  'a POST without a type': async ({ base, definition }: Aim) => {
    try {
      const body = new Blob([definition], { type: 'application/json' });
      const response = await fetch(`${base}/api/workflows`, { method: 'POST', mode: 'no-cors', body });
      return response.type === 'opaque' ? null : await response.text();
    } catch {
      return null;
    }
  },
  'bytes of a typed array': async ({ base, definition }: Aim) => {
    try {
      const body = new TextEncoder().encode(definition);
      const response = await fetch(`${base}/api/workflows`, { method: 'POST', mode: 'no-cors', body });
      return response.type === 'opaque' ? null : await response.text();
    } catch {
      return null;
    }
  },
  'beacons, plain and typed': async ({ base, definition }: Aim) => {
    for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded', '']) {
      try {
        navigator.sendBeacon(`${base}/api/workflows`, new Blob([definition], { type }));
      } catch {
        // Some types are refused by the browser itself.
      }
    }
    navigator.sendBeacon(`${base}/api/workflows`, definition);
    // A beacon tells nobody when it has gone; what is asked after it comes after it.
    await fetch(`${base}/api/health`, { mode: 'no-cors' }).catch(() => {});
    return null;
  },
  'forms of each encoding': async ({ base, definition }: Aim) => {
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const frame = Object.assign(document.createElement('iframe'), { name: `f${Math.random()}` });
      document.body.append(frame);
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: `${base}/api/workflows`, enctype, target: frame.name });
      // Of text/plain, name, `=` and value stand side by side, which makes JSON.
      const field = Object.assign(document.createElement('input'), { name: definition.slice(0, -1), value: '}' });
      form.append(field);
      document.body.append(form);
      const done = new Promise((resolve) => frame.addEventListener('load', resolve));
      form.submit();
      await done;
      if (frame.contentDocument?.body?.textContent) return frame.contentDocument.body.textContent;
      frame.remove();
    }
    return null;
  },
  'an XMLHttpRequest': ({ base, definition }: Aim) =>
    new Promise<string | null>((resolve) => {
      const request = new XMLHttpRequest();
      request.open('POST', `${base}/api/workflows`);
      request.setRequestHeader('Content-Type', 'text/plain');
      request.onloadend = () => resolve(request.responseText === '' ? null : request.responseText);
      request.send(definition);
    }),
  'a service worker': async ({ base, definition }: Aim) => {
    // Only pages of loopback and of HTTPS have one.
    if (!('serviceWorker' in navigator)) return null;
    await navigator.serviceWorker.register('/worker.js');
    const { active } = await navigator.serviceWorker.ready;
    const headers = { 'Content-Type': 'application/json' };
    return new Promise<string | null>((resolve) => {
      navigator.serviceWorker.onmessage = ({ data }) => resolve(data.read ?? null);
      active!.postMessage({ url: `${base}/api/workflows`, init: { method: 'POST', headers, body: definition } });
    });
  },
  'a WebSocket': ({ base }: Aim) =>
    new Promise<string | null>((resolve) => {
      const socket = new WebSocket(`${base.replace('http', 'ws')}/api/events`);
      socket.onopen = () => resolve('open');
      socket.onmessage = ({ data }) => resolve(String(data));
      socket.onerror = () => resolve(null);
    }),
  'an EventSource': ({ base }: Aim) =>
    new Promise<string | null>((resolve) => {
      const source = new EventSource(`${base}/api/events?lastEventId=0`);
      const end = (read: string | null) => {
        source.close();
        resolve(read);
      };
      source.onopen = () => end('open');
      source.onerror = () => end(null);
    }),
  'a DELETE and a PUT': async ({ base }: Aim) => {
    for (const method of ['DELETE', 'PUT', 'PATCH']) {
      try {
        return await (await fetch(`${base}/api/workflows/x`, { method })).text();
      } catch {
        // Which is what is hoped for.
      }
    }
    return null;
  },
};

/** A page that registers a worker, which then tries from there. */
const workerScript = `self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));
self.addEventListener('message', async ({ data, source }) => {
  try {
    const response = await fetch(data.url, data.init);
    source.postMessage({ read: await response.text() });
  } catch (error) {
    source.postMessage({ failed: String(error) });
  }
});`;

describe.skipIf(!hasChromium)('a page of another origin', () => {
  let place: string;
  let engine: RunningEngine;
  let site: Site;
  let browser: Browser;
  const pages: Page[] = [];
  let port: string;

  beforeAll(async () => {
    place = buildProduct();
    engine = await startEngine(place);
    ({ port } = new URL(engine.url));
    await engine.api('POST', '/api/workflows?wait=10', { name: secret, steps: [{ id: 'a', action: 'noop' }] });
    site = await startSite({ '/': '<!doctype html><title>Foreign</title><body>Foreign', '/worker.js': workerScript });
    // A name that somebody else owns and points at our address (DNS rebinding), and pages of a site with a name.
    const rules = `--host-resolver-rules=MAP *.test 127.0.0.1`;
    browser = await chromium.launch({ executablePath: chromiumPath!, args: [...chromiumFlags, rules], headless: true });
    // Of another site, and of another port of our own host, which browsers call the same site.
    for (const origin of [site.origin.replace('127.0.0.1', 'foreign.test'), site.origin]) {
      const page = await browser.newPage();
      await page.goto(origin);
      pages.push(page);
    }
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await engine?.stop();
    removeProduct(place);
  });

  /** Bytes of all that the engine has recorded. */
  const journalBytes = () => {
    const journal = join(place, 'data/workflows/.engine/journal');
    return readdirSync(journal).reduce((sum, name) => sum + statSync(join(journal, name)).size, 0);
  };
  const workflows = async () => (await engine.api<{ name: string }[]>('GET', '/api/workflows?view=summary')).length;

  const bases = () => [engine.url, `http://localhost:${port}`, `http://0.0.0.0:${port}`, `http://rebound.test:${port}`];

  it.each(Object.keys(attacks) as (keyof typeof attacks)[])('has no effect and reads nothing: %s', async (name) => {
    const before = [journalBytes(), await workflows()];
    for (const page of pages) {
      for (const base of bases()) {
        // Resolves with what it could read.
        expect(await page.evaluate(attacks[name], { base, definition }), `${page.url()} ${base}`).toBe(null);
      }
    }
    expect([journalBytes(), await workflows()]).toEqual(before);
  });

  it('has no effect from a name of its own that leads to the engine (rebinding)', async () => {
    const before = [journalBytes(), await workflows()];
    const rebound = await browser.newPage();
    // The page itself is refused, so that its scripts have no place to run.
    const response = await rebound.goto(`http://rebound.test:${port}/`);
    expect(response?.status()).toBe(421);
    expect(await rebound.content()).not.toContain(secret);
    await rebound.close();
    expect([journalBytes(), await workflows()]).toEqual(before);
  });

  it.each([0, 1])('shows nothing of the engine in a frame, an image, a script or a style (%i)', async (at) => {
    const seen = await pages[at]!.evaluate(async (base) => {
      const load = (element: HTMLElement, name: 'src' | 'href' | 'data') =>
        new Promise<string>((resolve) => {
          element.addEventListener('load', () => resolve('loaded'));
          element.addEventListener('error', () => resolve('refused'));
          element.setAttribute(name, `${base}/api/workflows`);
          document.body.append(element);
        });
      const style = Object.assign(document.createElement('link'), { rel: 'stylesheet' });
      const frame = document.createElement('iframe');
      const inFrame = new Promise<string>((resolve) => {
        frame.addEventListener('load', () => {
          // Null for a document of another origin, which is what is expected.
          resolve(frame.contentDocument === null ? 'closed' : frame.contentDocument.body.textContent);
        });
      });
      frame.src = `${base}/`;
      document.body.append(frame);
      return {
        image: await load(document.createElement('img'), 'src'),
        script: await load(document.createElement('script'), 'src'),
        style: await load(style, 'href'),
        frame: await inFrame,
      };
    }, engine.url);
    expect(seen).toEqual({ image: 'refused', script: 'refused', style: 'refused', frame: 'closed' });
  });

  it('would be seen if it had an effect: our own page has one', async () => {
    const before = [journalBytes(), await workflows()] as const;
    const own = await browser.newPage();
    await own.goto(engine.url);
    const read = await own.evaluate(attacks['a fetch with JSON'], { base: engine.url, definition });
    expect(read).toContain('Planted');
    expect(journalBytes()).toBeGreaterThan(before[0]);
    expect(await workflows()).toBe(before[1] + 1);
    await own.close();
  });
});
