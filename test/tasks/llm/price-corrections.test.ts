/**
 * Goal: a correction holds from its moment on, at its hours, and a bill comes out as the provider's page has it. Method:
 * bills of 1,000,000 tokens of each kind, worked out by hand from the pages that the corrections name, on both sides of
 * every border.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { pricesSchema } from '../../../src/contract/prices.ts';
import { catalogue } from '../../../src/tasks/llm/price-catalogue.ts';
import { correctedRates, priceCorrections } from '../../../src/tasks/llm/price-corrections.ts';
import { correctionsName, loadPriceList, type PriceList } from '../../../src/tasks/llm/prices.ts';

let list: PriceList;
beforeAll(async () => {
  list = await loadPriceList();
});

/** Three million tokens in, of which one million cached, and five million out: each rate has a weight of its own. */
const usage = {
  inputTokens: 3_000_000,
  cachedInputTokens: 1_000_000,
  cacheWriteTokens: 0,
  outputTokens: 5_000_000,
  reasoningTokens: 0,
  audioTokens: 0,
};
const billed = (provider: string, model: string, time: string) =>
  list.priceOf({ seller: { name: provider, isListed: true }, model, usage, at: new Date(time) });

describe.each([
  // 2 × 0.135 + 0.035 + 5 × 0.55: the list's own rates by night.
  ['deepseek-chat', '2025-09-28T23:59:59Z', 3.055],
  // 2 × 0.28 + 0.028 + 5 × 0.42, by day and by night, weekday and weekend
  ['deepseek-chat', '2025-09-29T00:00:00Z', 2.688],
  ['deepseek-chat', '2025-12-10T03:00:00Z', 2.688],
  ['deepseek-chat', '2026-11-30T20:00:00Z', 2.688],
  ['deepseek-reasoner', '2025-12-10T12:00:00Z', 2.688],
  // 2 × 0.14 + 0.0028 + 5 × 0.28, at every hour
  ['deepseek-v4-flash', '2026-06-10T02:00:00Z', 1.6828],
  ['deepseek-v4-flash', '2026-08-16T15:59:59Z', 1.6828],
  // 2 × 0.22 + 0.007 + 5 × 0.66, and twice that from 01:00 to 04:00 and from 06:00 to 10:00
  ['deepseek-v4-flash', '2026-08-16T16:00:00Z', 3.747],
  ['deepseek-v4-flash', '2026-08-17T00:59:59Z', 3.747],
  ['deepseek-v4-flash', '2026-08-17T01:00:00Z', 7.494],
  ['deepseek-v4-flash', '2026-08-17T03:59:59Z', 7.494],
  ['deepseek-v4-flash', '2026-08-17T04:00:00Z', 3.747],
  ['deepseek-v4-flash', '2026-08-17T05:59:59Z', 3.747],
  ['deepseek-v4-flash', '2026-08-17T06:00:00Z', 7.494],
  ['deepseek-v4-flash', '2026-08-17T09:59:59Z', 7.494],
  ['deepseek-v4-flash', '2026-08-17T10:00:00Z', 3.747],
  // A Saturday still has its peak, the Sunday after it has none any more, the Monday has it again.
  ['deepseek-v4-flash', '2026-08-22T02:00:00Z', 7.494],
  ['deepseek-v4-flash', '2026-08-23T02:00:00Z', 3.747],
  ['deepseek-v4-flash', '2026-08-24T02:00:00Z', 7.494],
  // 2 × 0.15 + 0.003 + 5 × 0.60
  ['deepseek-v4-flash', '2026-09-10T03:59:59Z', 7.494],
  ['deepseek-v4-flash', '2026-09-10T04:00:00Z', 3.303],
  ['deepseek-flash', '2026-09-10T04:00:00Z', 3.303],
  ['deepseek-flash', '2026-09-11T06:00:00Z', 6.606],
  ['deepseek-flash', '2026-09-12T06:00:00Z', 3.303],
  // 2 × 0.435 + 0.003625 + 5 × 0.87
  ['deepseek-v4-pro', '2026-08-16T15:59:59Z', 5.223625],
  // 2 × 0.66 + 0.022 + 5 × 1.98, and twice that
  ['deepseek-v4-pro', '2026-08-16T16:00:00Z', 11.242],
  ['deepseek-v4-pro', '2026-08-17T09:59:59Z', 22.484],
  ['deepseek-v4-pro', '2026-08-29T02:00:00Z', 11.242],
] as const)('%s at %s', (model, time, dollars) => {
  it(`costs ${dollars}`, () => {
    expect(billed('deepseek', model, time).cost).toBe(dollars);
  });
});

it.each([
  // 2 × 30 + 30 + 5 × 60: no discount for cached input.
  ['openai', 'gpt-4', 390],
  // 2 × 2.50 + 1.25 + 5 × 10
  ['openai', 'gpt-4o', 56.25],
  // 2 × 0.75 + 0.075 + 5 × 3.75
  ['gemini', 'gemini-3.6-flash', 20.325],
  // 2 × 0.30 + 0.03 + 5 × 2.50
  ['gemini', 'gemini-2.5-flash', 13.13],
])('%s: %s costs %d by the list', (provider, model, dollars) => {
  expect(billed(provider, model, '2026-11-30T12:00:00Z')).toEqual({
    cost: dollars,
    source: 'catalogue',
    list: catalogue.name,
    date: catalogue.date,
  });
});

it('a corrected call names the corrections and the day on which their source was read', () => {
  expect(billed('deepseek', 'deepseek-chat', '2026-01-01T00:00:00Z')).toEqual({
    cost: 2.688,
    source: 'catalogue',
    list: correctionsName,
    date: '2025-12-09',
  });
});

it('PRICES_FILE goes before a correction', async () => {
  const own = await loadPriceList({ 'deepseek/deepseek-chat': { input_per_million: 1, output_per_million: 2 } });
  const seller = { name: 'deepseek', isListed: true };
  // 3 × 1 + 5 × 2
  expect(own.priceOf({ seller, model: 'deepseek-chat', usage, at: new Date() })).toEqual({
    cost: 13,
    source: 'prices_file',
    list: 'PRICES_FILE',
  });
});

it('each correction can be checked: a day, a page, whole picodollars, and models by their exact names', () => {
  for (const { provider, models, from, rates, source, checked } of priceCorrections) {
    expect(Date.parse(from)).not.toBeNaN();
    expect(checked).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(source).toMatch(/^https:\/\//);
    for (const model of models) expect(() => pricesSchema.parse({ [`${provider}/${model}`]: rates })).not.toThrow();
  }
  expect(correctedRates('deepseek', 'deepseek-chat-of-mine', new Date())).toBeUndefined();
  expect(correctedRates('openai', 'deepseek-chat', new Date())).toBeUndefined();
});

it('the list has the version that package.json pins', () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(catalogue.name).toBe(`@pydantic/genai-prices ${dependencies['@pydantic/genai-prices']}`);
});
