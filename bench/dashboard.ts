/**
 * Question: does the run page keep its budgets in a real browser without a GPU, for 39, 10,000 and 20,000 steps?
 *
 *   npm run bench:dashboard -- --rounds 3
 *
 * The built product serves runs that it has taken over from state files, and one that goes on meanwhile; headless
 * Chromium draws in software. Floors: the same page reading the run's columns and doing nothing with them, filling as
 * many rectangles as there are steps, and frames of a page that draws nothing. Drawn means: two frames after the graph
 * has its canvas. Each round has an engine of its own: it is read once from the file of the run, and once from memory.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { GraphView } from '../src/contract/run-view.ts';
import type { Workflow } from '../src/contract/workflow.ts';
import { createDataDir, describeMachine, percentile } from './fixtures.ts';
import { openTree, ownDir } from './trees.ts';

const time = '2026-01-01T00:00:00.000Z';
const panMs = 2_000;
const liveMs = 6_000;

interface Figures {
  [name: string]: number;
}

type DashboardStep = Record<string, unknown>;

function finished(id: string, name: string, dependencies: string[]): DashboardStep {
  const state = { status: 'COMPLETED', params: {}, outputs: {}, error: null, logs: [], metadata: null, attempt: 1 };
  return { id, name, action: 'noop', dependencies, ...state, startTime: time, endTime: time };
}

/** One start, pages with three stages each, one end: boxes of alike steps. */
function pages(count: number): DashboardStep[] {
  const steps = [finished('list', 'List', [])];
  for (let k = 0; k < count; k += 1) {
    steps.push(finished(`fetch-${k}`, `Fetch ${k}`, ['list']));
    steps.push(finished(`extract-${k}`, `Extract ${k}`, [`fetch-${k}`]));
    steps.push(finished(`score-${k}`, `Score ${k}`, [`extract-${k}`]));
  }
  const last = Array.from({ length: count }, (_, k) => `score-${k}`);
  return [
    ...steps,
    finished('rank', 'Rank', last),
    finished('report', 'Report', ['rank']),
    finished('tell', 'Tell', ['report']),
  ];
}

/** No two steps are siblings: each has a card. */
function lattice(count: number, width: number): DashboardStep[] {
  return Array.from({ length: count }, (_, k) => {
    const above = k - width;
    const dependencies = [above, above - (k % width > 0 ? 1 : 0)].filter((at) => at >= 0).map((at) => `s${at}`);
    return finished(`s${k}`, `Step ${k}`, [...new Set(dependencies)]);
  });
}

const runs = [
  {
    name: '39 steps',
    id: '0191a0c0-0000-7000-8000-000000000039',
    steps: pages(12).slice(0, 36).concat(lattice(3, 1)),
    by: 'auto',
  },
  { name: '10,000 in boxes', id: '0191a0c0-0000-7000-8000-000000010000', steps: pages(3_332), by: 'auto' },
  { name: '20,000 cards', id: '0191a0c0-0000-7000-8000-000000020000', steps: lattice(20_000, 100), by: 'steps' },
];

/** What is told to the page before its own code: when the graph is there, and what blocks the thread. */
function watchPage(): void {
  const seen = { canvasMs: 0, drawnMs: 0, blockedMs: 0 };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.blockedMs = Math.max(seen.blockedMs, duration);
  }).observe({ entryTypes: ['longtask'] });
  const look = (): void => {
    if (document.querySelector('.run-graph canvas') === null) requestAnimationFrame(look);
    else {
      seen.canvasMs = performance.now();
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          seen.drawnMs = performance.now();
        }),
      );
    }
  };
  requestAnimationFrame(look);
}

/** Frames while each of them moves or zooms the graph; without a `kind` nothing is done. */
async function frames(page: Page, kind: 'pan' | 'zoom' | null, ms: number): Promise<{ fps: number; p95: number }> {
  const gaps = await page.evaluate(
    ([how, forMs]) =>
      new Promise<number[]>((resolve) => {
        const canvas = document.querySelector('.run-graph canvas');
        const found: number[] = [];
        const startedAt = performance.now();
        let last = startedAt;
        const frame = (now: number): void => {
          found.push(now - last);
          last = now;
          const part = (now - startedAt) / Number(forMs);
          const way = part < 0.5 ? 1 : -1;
          const common = { clientX: 400, clientY: 300, bubbles: true, cancelable: true };
          if (how === 'pan')
            canvas?.dispatchEvent(new WheelEvent('wheel', { ...common, deltaX: 9 * way, deltaY: 5 * way }));
          if (how === 'zoom')
            canvas?.dispatchEvent(new WheelEvent('wheel', { ...common, deltaY: 12 * way, ctrlKey: true }));
          if (part < 1) requestAnimationFrame(frame);
          else resolve(found.slice(1));
        };
        requestAnimationFrame(frame);
      }),
    [kind, ms] as const,
  );
  const sorted = gaps.toSorted((a, b) => a - b);
  return { fps: (1_000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0), p95: percentile(sorted, 95) };
}

/** Asks until the answer is yes. The page's policy forbids what Playwright's own waiting needs. */
async function until(msMax: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so after ${msMax} ms`);
    await sleep(50);
  }
}

async function openRun(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  // The compiler wraps inner functions in a call of its own, which a page does not know.
  await page.addInitScript('globalThis.__name = (it) => it');
  await page.addInitScript(watchPage);
  await page.goto(url);
  await until(60_000, () =>
    page.evaluate(() => (globalThis as unknown as { seen: { drawnMs: number } }).seen.drawnMs > 0),
  );
  return page;
}

async function measureRun(browser: Browser, url: string, { id, by, steps }: (typeof runs)[number]): Promise<Figures> {
  const cold = await openRun(browser, `${url}/runs/${id}?by=${by}`);
  const firstMs = await cold.evaluate(() => (globalThis as unknown as { seen: { drawnMs: number } }).seen.drawnMs);
  await cold.close();
  const page = await openRun(browser, `${url}/runs/${id}?by=${by}`);
  const { drawnMs, blockedMs } = await page.evaluate(
    () => (globalThis as unknown as { seen: { drawnMs: number; blockedMs: number } }).seen,
  );
  const pan = await frames(page, 'pan', panMs);
  const zoom = await frames(page, 'zoom', panMs);
  await page.keyboard.press('1');
  const near = await frames(page, 'pan', panMs);
  const heap = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize / 1e6,
  );
  const floorMs = await page.evaluate(async (path) => {
    const startedAt = performance.now();
    JSON.parse(await (await fetch(path)).text());
    return performance.now() - startedAt;
  }, `/api/workflows/${id}?view=graph`);
  const fillMs = await page.evaluate((count) => {
    const context = document.createElement('canvas').getContext('2d')!;
    const startedAt = performance.now();
    for (let k = 0; k < count; k += 1) context.fillRect(k % 300, k % 150, 6, 6);
    context.getImageData(0, 0, 1, 1);
    return performance.now() - startedAt;
  }, steps.length);
  await page.close();
  return {
    'drawn from its file, ms': firstMs,
    'drawn, ms': drawnMs,
    'floor: as many rectangles filled, ms': fillMs,
    'floor: read and parsed, ms': floorMs,
    'longest block, ms': blockedMs,
    'pan, whole graph, fps': pan.fps,
    'zoom, fps': zoom.fps,
    'pan at 100 %, fps': near.fps,
    'heap, MB': heap,
  };
}

/** A run that goes on as fast as the engine can, watched. */
async function measureLive(browser: Browser, url: string): Promise<Figures> {
  const steps = pages(3_332).map(({ id, name, dependencies }) => ({
    ...{ id, name, dependencies },
    ...{ action: 'delay', params: { ms: 60 } },
  }));
  const { id } = await call<Workflow>('POST', `${url}/api/workflows`, { name: 'Live', steps });
  const page = await openRun(browser, `${url}/runs/${id}`);
  const graph = () => call<GraphView>('GET', `${url}/api/workflows/${id}?view=graph`);
  const before = await graph();
  const startedAt = performance.now();
  const live = await frames(page, null, liveMs);
  const after = await graph();
  const seconds = (performance.now() - startedAt) / 1_000;
  // Where it has ended by itself the engine refuses.
  await call('POST', `${url}/api/workflows/${id}/stop`).catch(() => undefined);
  const { metrics } = await graph();
  const shown = () =>
    page.evaluate(() => document.querySelector('.run-facts dd b')?.textContent?.replaceAll(',', '') ?? '');
  const lost = await until(30_000, async () => (await shown()) === String(metrics.completed_steps)).then(
    () => 0,
    () => 1,
  );
  await page.close();
  return {
    'events a second': (after.version - before.version) / seconds,
    'frames a second': live.fps,
    'frame p95, ms': live.p95,
    'counts that differ from REST at the end': lost,
  };
}

/** Bytes over the wire until the run is drawn; fonts apart. */
async function measureBytes(browser: Browser, url: string): Promise<Figures> {
  const page = await openRun(browser, `${url}/runs/${runs[0]?.id}`);
  const figures = await page.evaluate(() => {
    const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const { canvasMs } = (globalThis as unknown as { seen: { canvasMs: number } }).seen;
    const sum = (pattern: RegExp) =>
      entries
        .filter(({ name, responseEnd }) => pattern.test(name) && responseEnd <= canvasMs)
        .reduce((all, { encodedBodySize }) => all + encodedBodySize, 0) / 1_000;
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    return { code: sum(/\.(?:js|css)$/), font: sum(/\.woff2$/), paint: paint?.startTime ?? 0 };
  });
  await page.close();
  return {
    'code and styles until the graph is there, KB': figures.code,
    'font, KB': figures.font,
    'first contentful paint, ms': figures.paint,
  };
}

async function call<Data>(method: string, url: string, body?: unknown): Promise<Data> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Data;
}

async function startServer(cli: string, dir: string): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [cli, 'serve', '--port', '0', '--data', dir], {
    env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'error', MAX_PARALLEL_NODES: '64' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let told = '';
    child.once('exit', (code) => reject(new Error(`the engine ended with ${code}: ${told}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      const found = /listening on (http:\/\/\S+)/.exec(told)?.[1];
      if (found) resolve(found);
    });
  });
  return { url, stop: () => void child.kill('SIGKILL') };
}

function print(title: string, rounds: readonly Figures[]): void {
  for (const name of Object.keys(rounds[0] ?? {})) {
    const values = rounds.map((figures) => figures[name] ?? Number.NaN).sort((a, b) => a - b);
    const text = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(value < 10 ? 1 : 0));
    console.log(
      `| ${title} | ${name} | ${text(values[0])} | ${text(values[Math.floor(values.length / 2)])} | ${text(values.at(-1))} |`,
    );
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => existsSync(file));
  if (executablePath === undefined) throw new Error('Chromium is missing');
  const tree = openTree(ownDir);
  const data = createDataDir();
  for (const { id, name, steps } of runs) {
    const dir = path.join(data.settings.workflowsDir, id);
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, 'state.json'), JSON.stringify({ id, name, status: 'COMPLETED', steps }));
  }
  const flags = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ];
  const browser = await chromium.launch({
    executablePath,
    args: [...flags, '--disable-component-update', '--disable-sync', '--enable-precise-memory-info'],
  });
  console.log(
    `Dashboard, ${tree.name}, ${describeMachine()}, Chromium ${browser.version()}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  const all = new Map<string, Figures[]>();
  const add = (name: string, figures: Figures) => all.set(name, [...(all.get(name) ?? []), figures]);
  try {
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const server = await startServer(tree.cli, path.dirname(data.settings.workflowsDir));
      add('first load', await measureBytes(browser, server.url));
      for (const run of runs) add(run.name, await measureRun(browser, server.url, run));
      add('10,000 live', await measureLive(browser, server.url));
      const idle = await browser.newPage();
      await idle.addInitScript('globalThis.__name = (it) => it');
      await idle.goto('about:blank');
      add('floor: empty page', { 'frames a second': (await frames(idle, null, panMs)).fps });
      await idle.close();
      server.stop();
      process.stderr.write(`round ${round + 1}, load ${loadavg()[0]?.toFixed(1)}\n`);
    }
  } finally {
    await browser.close();
    data.remove();
  }
  console.log('| what | figure | least | middle | most |\n|---|---|--:|--:|--:|');
  for (const [name, rounds] of all) print(name, rounds);
  console.log(JSON.stringify(Object.fromEntries(all)));
}

await main();
