/** Goal: the page of the one who runs the engine tells what it should, and no secret. Method: a real engine behind HTTP. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { enginePageSchema } from '../../src/contract/engine-page.ts';
import { startInlineServer } from './inline-server.ts';

it('tells settings, providers, limits, disk and cache', async () => {
  const settings = {
    secrets: { OPENAI_API_KEY: 'sk-very-secret-key', DEEPSEEK_API_KEY: '' },
    secretStore: { TOKEN: { value: 'another-secret-value', hosts: [] }, B: { value: 'a-third-secret-value' } },
    proxies: { https: 'http://user:proxy-password@proxy.test', noProxy: [] },
    modelLimits: { 'openai/*': { concurrency: 2, requestsPerMinute: 30 }, '*': { tokensPerMinute: 5_000 } },
    dailyBudget: { usd: 10, calls: 7 },
  };
  const running = await startInlineServer({ inline: { settings } });
  const { holds } = running;
  const cached = { cache: true, action: 'transform', params: { input: {}, expression: '1' } };
  await running.create({ name: 'Kept', steps: [{ id: 'a', ...cached }] }, 10);
  const spends = { calls: 1, tokens: 40, cost: 0.25, model: 'm' };
  const plans = { model: 'costs-0.04', inputTokens: 1, outputTokens: 1 };
  const id = await running.create({
    name: 'Spends',
    steps: [holds.step('s', { params: { name: 's', spends, plans } })],
  });
  await holds.arrived('s');
  holds.release('s');
  await running.call('GET', `/api/workflows/${id}?wait=10`);
  const cacheDir = join(running.dir.workflowsDir, '.engine', 'cache');
  const kept = () => (existsSync(cacheDir) ? readdirSync(cacheDir, { recursive: true }) : []).map(String);
  await expect.poll(() => kept().filter((name) => name.endsWith('.json')).length).toBe(1);
  const { status, json, text } = await running.call('GET', '/api/engine');
  expect(status).toBe(200);
  expect(enginePageSchema.parse(json)).toEqual(json);
  expect(json).toMatchObject({
    version: '1.2.3',
    settings: { HOST: '127.0.0.1', MAX_PARALLEL_NODES: 4, KEEP_FINISHED: 'all', proxy: true, secrets: ['B', 'TOKEN'] },
    providers: [
      { name: 'openai', configured: true },
      { name: 'deepseek', configured: false },
      { name: 'gemini', configured: false },
      { name: 'chat', configured: false },
    ],
    templates_errors: [{ file: '', message: 'the templates directory cannot be read: ENOENT' }],
  });
  const limits = json.limits as { name: string; used: number | null; max: number; resets: string | null }[];
  expect(limits.map(({ name, max }) => [name, max])).toEqual([
    ['budget of the day, US dollars', 10],
    ['budget of the day, calls', 7],
    ['calls at once of openai/*', 2],
    ['requests a minute of openai/*', 30],
    ['tokens a minute of *', 5_000],
  ]);
  const { json: costs } = await running.call('GET', '/api/costs');
  expect(limits.map(({ used }) => used)).toEqual([costs.total.cost, costs.total.calls, null, null, null]);
  expect(limits.map(({ resets }) => resets?.endsWith('T00:00:00.000Z') ?? null)).toEqual([
    true,
    true,
    null,
    null,
    null,
  ]);
  expect(json.disk.free).toBeGreaterThan(0);
  expect(json.cache.entries).toBe(1);
  expect(json.cache.bytes).toBeGreaterThan(64);
  for (const secret of ['very-secret', 'another-secret', 'third-secret', 'proxy-password', running.dir.root]) {
    expect(text).not.toContain(secret);
  }
});
