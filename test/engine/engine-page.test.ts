/** Goal: the page tells today's use of each budget, in its own unit and until midnight UTC, and looks at the cache once a minute. Method: a coordinator of a few lines, clocks of the test's own, a cache on disk. */
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CoordinatorPort } from '../../src/contract/coordinator.ts';
import type { EngineSettings } from '../../src/contract/settings.ts';
import { EnginePages } from '../../src/engine/engine-page.ts';

let workflowsDir: string;
beforeEach(() => {
  workflowsDir = mkdtempSync(join(tmpdir(), 'hybrid-page-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(workflowsDir, { recursive: true, force: true });
});

function pagesOf(settings: object = {}) {
  const asked: unknown[] = [];
  const call = async (_: string, query: unknown) => {
    asked.push(query);
    return { total: { cost: 0.5, tokens: 700, calls: 9 } };
  };
  const all = { workflowsDir, secrets: {}, httpAllowHosts: [], ...settings } as unknown as EngineSettings;
  return { pages: new EnginePages(all, { call } as unknown as CoordinatorPort), asked };
}

test('of each budget of the day its own figure, and the next midnight in UTC', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 11, 31, 23, 59, 59, 999) });
  const { pages, asked } = pagesOf({ dailyBudget: { usd: 10, tokens: 1_000, calls: 70 } });
  const resets = '2027-01-01T00:00:00.000Z';
  expect((await pages.read()).limits).toEqual([
    { name: 'budget of the day, US dollars', used: 0.5, max: 10, resets },
    { name: 'budget of the day, tokens', used: 700, max: 1_000, resets },
    { name: 'budget of the day, calls', used: 9, max: 70, resets },
  ]);
  expect(asked).toEqual([{ from: '2026-12-31', to: '2026-12-31', by: 'day' }]);
});

test('limits of models, without a figure of their use', async () => {
  const modelLimits = { 'a/*': { tokensPerMinute: 3, requestsPerMinute: 2, concurrency: 1 }, '*': {} };
  const { pages, asked } = pagesOf({ modelLimits });
  const of = (name: string, max: number) => ({ name, used: null, max, resets: null });
  expect((await pages.read()).limits).toEqual([
    ...[of('calls at once of a/*', 1), of('requests a minute of a/*', 2), of('tokens a minute of a/*', 3)],
  ]);
  expect(asked).toEqual([]);
});

test('a provider is configured by what is set and not empty, and a proxy by either', async () => {
  const providersOf = async (secrets: object) =>
    (await pagesOf({ secrets }).pages.read()).providers.map(({ configured }) => configured);
  expect(await providersOf({ OPENAI_API_KEY: 'k', DEEPSEEK_API_KEY: '', CHAT_BASE_URL: 'u' })).toEqual([
    true,
    false,
    false,
    true,
  ]);
  const proxyOf = async (proxies: object | undefined) => (await pagesOf({ proxies }).pages.read()).settings.proxy;
  expect(await proxyOf(undefined)).toBe(false);
  expect(await proxyOf({ noProxy: [] })).toBe(false);
  expect([await proxyOf({ http: 'h', noProxy: [] }), await proxyOf({ https: 'h', noProxy: [] })]).toEqual([true, true]);
});

test('the disk has its free bytes', async () => {
  const { bavail, bsize } = statfsSync(workflowsDir);
  const { free } = (await pagesOf().pages.read()).disk;
  expect(Math.abs((free ?? 0) / (bavail * bsize) - 1)).toBeLessThan(0.5);
});

test('the cache is looked through once a minute, its answers alone', async () => {
  const shard = join(workflowsDir, '.engine', 'cache', 'ab');
  mkdirSync(shard, { recursive: true });
  const write = (name: string, bytes: number) => writeFileSync(join(shard, name), 'x'.repeat(bytes));
  write('one.json', 3);
  write('one.json.tmp', 100);
  let now = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  try {
    const { pages } = pagesOf();
    const size = async () => (await pages.read()).cache;
    expect(await size()).toEqual({ entries: 1, bytes: 3 });
    write('two.json', 40);
    now += 60_000;
    expect(await size()).toEqual({ entries: 1, bytes: 3 });
    now += 1;
    expect(await size()).toEqual({ entries: 2, bytes: 43 });
  } finally {
    clock.mockRestore();
  }
});
