/** Goal: `prices` shows the rates that calls of now are priced with. Method: a clock of its own, and rows as a whole. */
import { expect, it } from 'vitest';
import { listPrices } from '../../../src/tasks/llm/price-rows.ts';

const now = new Date('2026-11-30T00:00:00Z');
const none = { overrides: {}, now };
const listed = { list: '@pydantic/genai-prices 0.1.8', date: '2026-09-23', age_days: 68 };

it('a model has its rates, the list and its age, by its name alone or with its provider', async () => {
  const row = {
    provider: 'openai',
    model: 'gpt-4o',
    input_per_million: 2.5,
    cached_input_per_million: 1.25,
    output_per_million: 10,
    ...listed,
    source: expect.stringMatching(/^https:\/\/.*openai/),
  };
  expect(await listPrices({ ...none, model: 'gpt-4o' })).toEqual([row]);
  expect(await listPrices({ ...none, model: 'openai/gpt-4o' })).toEqual([row]);
  expect(await listPrices({ ...none, model: 'deepseek/gpt-4o' })).toEqual([]);
  expect(await listPrices({ ...none, model: 'gpt-of-tomorrow' })).toEqual([]);
});

it('rates in tiers say from how much input they hold', async () => {
  expect(await listPrices({ ...none, model: 'gemini-2.5-pro' })).toEqual([
    {
      provider: 'gemini',
      model: 'gemini-2.5-pro',
      input_per_million: { base: 1.25, tiers: [{ over: 200_000, rate: 2.5 }] },
      cached_input_per_million: { base: 0.125, tiers: [{ over: 200_000, rate: 0.25 }] },
      output_per_million: { base: 10, tiers: [{ over: 200_000, rate: 15 }] },
      ...listed,
      source: expect.stringMatching(/^https:/),
    },
  ]);
});

it('a correction is shown in the place of the list, at its hour', async () => {
  const at = (time: string) => listPrices({ overrides: {}, now: new Date(time), model: 'deepseek-flash' });
  const row = {
    provider: 'deepseek',
    model: 'deepseek-flash',
    list: 'corrections of hybrid-engine',
    date: '2026-10-27',
    age_days: 34,
    source: 'https://api-docs.deepseek.com/quick_start/pricing',
  };
  const offPeak = { input_per_million: 0.15, cached_input_per_million: 0.003, output_per_million: 0.6 };
  expect(await at('2026-11-30T00:59:59Z')).toEqual([{ ...row, ...offPeak }]);
  const peak = { input_per_million: 0.3, cached_input_per_million: 0.006, output_per_million: 1.2 };
  expect(await at('2026-11-30T01:00:00Z')).toEqual([{ ...row, ...peak }]);
});

it('PRICES_FILE goes before both, and adds what nobody knows', async () => {
  const overrides = {
    'deepseek/deepseek-chat': { input_per_million: 1, output_per_million: 2 },
    'box:8080/*': { input_per_million: 3, cached_input_per_million: 0.5, output_per_million: 4 },
    'gateway.local': { as: 'openai' },
  };
  const own = { list: 'PRICES_FILE', date: null, age_days: null, source: 'PRICES_FILE' };
  expect(await listPrices({ overrides, now, model: 'deepseek-chat' })).toEqual([
    {
      provider: 'deepseek',
      model: 'deepseek-chat',
      input_per_million: 1,
      cached_input_per_million: null,
      output_per_million: 2,
      ...own,
    },
  ]);
  expect(await listPrices({ overrides, now, model: 'box:8080/llama' })).toMatchObject([{ model: 'llama', ...own }]);
  const all = await listPrices({ overrides, now });
  expect(all.filter(({ list }) => list === 'PRICES_FILE').map(({ provider, model }) => `${provider}/${model}`)).toEqual(
    ['box:8080/*', 'deepseek/deepseek-chat'],
  );
});

it('without a model, each of the three providers’ models comes once, in order', async () => {
  const names = (await listPrices(none)).map(({ provider, model }) => `${provider}/${model}`);
  for (const name of ['openai/gpt-4', 'deepseek/deepseek-chat', 'deepseek/deepseek-flash', 'gemini/gemini-3.6-flash']) {
    expect(names).toContain(name);
  }
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual([...names].sort());
  expect(new Set(names.map((name) => name.split('/')[0]))).toEqual(new Set(['deepseek', 'gemini', 'openai']));
});
