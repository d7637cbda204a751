/**
 * The dashboard as a person meets it: the built product in a process of its own on a free port, and Chromium. A page that is
 * watched fails its test on a violation of the policy, an error on the page or its console, a request to another host, and
 * what axe-core finds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { builtOnce } from '../fixtures/built-once.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

/** Where it is missing, tests in a browser are skipped; this line says so. */
export const hasChromium = chromiumPath !== undefined;
if (!hasChromium) process.stderr.write('Chromium is missing: tests of the dashboard in a browser are skipped\n');

export const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function startBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('Chromium is missing');
  return chromium.launch({ executablePath: chromiumPath, args: chromiumFlags, headless: true });
}

/** A directory with the built product in `dist`; remove it in the end. */
export function buildProduct(): string {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'hybrid-dashboard-')));
  for (const name of ['node_modules', 'package.json', 'workflows']) symlinkSync(join(root, name), join(place, name));
  cpSync(builtOnce(), join(place, 'dist'), { recursive: true });
  return place;
}

export interface RunningEngine {
  readonly url: string;
  readonly child: ChildProcess;
  /** Of an API call with JSON, as a client makes it. */
  api<Data>(method: string, path: string, body?: unknown): Promise<Data>;
  stop(): Promise<void>;
}

/** `data`: a directory of the product's place, which lives on when the engine has ended. */
export async function startEngine(
  place: string,
  { data = 'data', port = 0, env = {} }: { data?: string; port?: number; env?: Record<string, string> } = {},
): Promise<RunningEngine> {
  const { PATH = '', HOME = '' } = process.env;
  const args = [join(place, 'dist/cli.js'), 'serve', '--port', String(port), '--data', join(place, data)];
  const child = spawn(process.execPath, args, {
    cwd: place,
    env: { PATH, HOME, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the engine ended (${code}): ${told}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      const found = /listening on (http:\/\/\S+)/.exec(told)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    url,
    child,
    async api<Data>(method: string, path: string, body?: unknown) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(env.API_TOKEN === undefined ? {} : { Authorization: `Bearer ${env.API_TOKEN}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return (text === '' ? null : JSON.parse(text)) as Data;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page must not do, so far. Empty when all is well. */
  readonly faults: string[];
  /** Faults of this kind are part of what the test does: `status of 401`. */
  allow(pattern: RegExp): void;
  /** Looks at what is shown with axe-core, and fails on anything it finds or that was collected. */
  check(what: string): Promise<void>;
  close(): Promise<void>;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { context?: BrowserContext } = {},
): Promise<WatchedPage> {
  const { context: given, ...rest } = options;
  const context = given ?? (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...rest }));
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const faults: string[] = [];
  const allowed: RegExp[] = [];
  const add = (fault: string) => {
    if (!allowed.some((pattern) => pattern.test(fault))) faults.push(fault);
  };
  const { host } = new URL(url);
  page.on('pageerror', (error) => add(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') add(`console: ${message.text()}`);
  });
  page.on('dialog', (dialog) => {
    add(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'data:' && asked.protocol !== 'blob:' && asked.host !== host) add(`request: ${asked.href}`);
  });
  await page.exposeFunction('tellViolation', (text: string) => add(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { tellViolation } = globalThis as unknown as { tellViolation(text: string): void };
      tellViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  await page.goto(url);
  return {
    page,
    context,
    faults,
    allow: (pattern) => void allowed.push(pattern),
    async check(what) {
      const found = await findBarriers(page);
      expect([...faults, ...found], what).toEqual([]);
    },
    async close() {
      await (given ? page.close() : context.close());
    },
  };
}

/** What axe-core finds, one line each. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async (tags) => {
    const { axe } = globalThis as unknown as { axe: { run(root: Document, options: object): Promise<AxeResults> } };
    const { violations } = await axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
    );
  }, axeTags);
}

interface AxeResults {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[];
}

export function removeProduct(place: string): void {
  rmSync(place, { recursive: true, force: true });
}
