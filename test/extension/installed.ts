/**
 * The extension as a person meets it: built, loaded unpacked into Chromium, and an engine beside it. Chromium's own protocol
 * presses its button (`Extensions.triggerAction`), which gives it the right to read that tab as a person's press does. The
 * popup stands in a tab of its own, where a test can use it.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page, type Worker } from 'playwright-core';
import { chromiumFlags, chromiumPath } from '../web/dashboard.ts';

export const extensionId = 'ffcaekjojidlmhjaaiiifinpgcmphnmd';
export const extensionOrigin = `chrome-extension://${extensionId}`;

export interface InstalledBrowser {
  readonly context: BrowserContext;
  /** Opens a page in a tab of its own, and presses the extension's button on it. */
  visit(url: string): Promise<VisitedTab>;
  /** The extension's worker; a browser that has ended it starts another. */
  worker(): Promise<Worker>;
  close(): Promise<void>;
}

export interface VisitedTab {
  readonly page: Page;
  /** The popup for this tab. */
  openPopup(options?: { colorScheme?: 'light' | 'dark' }): Promise<Page>;
}

/**
 * `built`: a directory with `extension/chrome`. The manifest names port 8000, and a test's engine has another: its port
 * takes the place of 8000, and nothing else is changed.
 */
export async function installExtension(built: string, port: string): Promise<InstalledBrowser> {
  const place = mkdtempSync(join(tmpdir(), 'hybrid-installed-'));
  const unpacked = join(place, 'extension');
  cpSync(join(built, 'extension/chrome'), unpacked, { recursive: true });
  const manifest = readFileSync(join(unpacked, 'manifest.json'), 'utf8');
  writeFileSync(join(unpacked, 'manifest.json'), manifest.replaceAll(':8000/*', `:${port}/*`));
  const context = await chromium.launchPersistentContext(join(place, 'profile'), {
    executablePath: chromiumPath!,
    args: [...chromiumFlags, '--headless=new', '--enable-unsafe-extension-debugging'],
    ignoreDefaultArgs: ['--disable-extensions'],
    viewport: { width: 1280, height: 800 },
  });
  // A page of five million bytes takes its time on a busy machine.
  context.setDefaultTimeout(90_000);
  const session = await context.browser()!.newBrowserCDPSession();
  await send(session, 'Extensions.loadUnpacked', { path: unpacked });

  const worker = async () => context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  return {
    context,
    worker,
    async visit(url) {
      const page = await context.newPage();
      await page.goto(url);
      await page.bringToFront();
      const { targetInfos } = await send<{ targetInfos: { targetId: string; url: string }[] }>(
        session,
        'Target.getTargets',
        { filter: [{ type: 'tab' }] },
      );
      const target = targetInfos.find((info) => info.url === page.url());
      await send(session, 'Extensions.triggerAction', { id: extensionId, targetId: target!.targetId });
      const inWorker = await worker();
      const tabId = await inWorker.evaluate(readTabId, page.url());
      return {
        page,
        async openPopup({ colorScheme = 'light' } = {}) {
          const popup = await context.newPage();
          await popup.emulateMedia({ colorScheme });
          await popup.setViewportSize({ width: 380, height: 600 });
          await popup.goto(`${extensionOrigin}/popup.html?tab=${tabId}`);
          return popup;
        },
      };
    },
    async close() {
      await context.close();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** Runs in the extension's worker. The right to read the tab is there: its address is not hidden. */
async function readTabId(url: string): Promise<number> {
  const { chrome } = globalThis as unknown as {
    chrome: { tabs: { query(filter: object): Promise<{ id: number; url?: string }[]> } };
  };
  const tabs = await chrome.tabs.query({});
  return tabs.find((tab) => tab.url === url)!.id;
}

/** The protocol's `Extensions` domain has no types in playwright-core. */
function send<Answer>(session: CDPSession, method: string, params: object): Promise<Answer> {
  return (session as unknown as { send(method: string, params: object): Promise<Answer> }).send(method, params);
}

export interface Site {
  readonly origin: string;
  /** Requests so far, for tests that count them. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** A site of somebody else: pages by path. */
export async function startSite(pages: Readonly<Record<string, string>>): Promise<Site> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    asked.push(path);
    const page = pages[path];
    response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': typeOf(path) });
    response.end(page ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function typeOf(path: string): string {
  return path.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
}
