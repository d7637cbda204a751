/**
 * Goal: a call costs what the provider charges for it, to the last digit, and what nobody knows is null (LP1–LP3). Method:
 * usage objects as the providers' documentation shows them, each with its price worked out by hand in millionths of a dollar.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { pricesSchema } from '../../../src/contract/prices.ts';
import { providers } from '../../../src/tasks/llm/endpoint.ts';
import { gemini } from '../../../src/tasks/llm/gemini.ts';
import { openai } from '../../../src/tasks/llm/openai.ts';
import { loadPriceList, type PriceList, type Seller } from '../../../src/tasks/llm/prices.ts';
import type { ProviderWays } from '../../../src/tasks/llm/provider.ts';
import { readUsage, type Usage } from '../../../src/tasks/llm/usage.ts';
import { Invoice, listedRates } from '../../stand-in/invoice.ts';

const at = new Date('2026-07-15T12:00:00Z');
let list: PriceList;
beforeAll(async () => {
  list = await loadPriceList();
});

function usageOf(said: unknown, ways: Pick<ProviderWays, 'hidesReasoningInTotal'> = openai): Usage {
  const usage = readUsage(said, ways);
  if (usage === null) throw new Error(`not usable: ${JSON.stringify(said)}`);
  return usage;
}

const listed = (name: string): Seller => ({ name, isListed: true });
const plain = usageOf({ prompt_tokens: 1_000, completion_tokens: 100 });

describe('OpenAI', () => {
  it('counts cached input within the input', () => {
    // Its guide to prompt caching.
    const usage = usageOf({
      prompt_tokens: 2_006,
      completion_tokens: 300,
      total_tokens: 2_306,
      prompt_tokens_details: { cached_tokens: 1_920 },
      completion_tokens_details: { reasoning_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    });
    expect(usage).toMatchObject({ inputTokens: 2_006, cachedInputTokens: 1_920, outputTokens: 300 });
    // 86 × 2.50 + 1,920 × 1.25 + 300 × 10 = 215 + 2,400 + 3,000
    expect(list.priceOf({ seller: listed('openai'), model: 'gpt-4o', usage, at })).toEqual({
      cost: 0.005615,
      source: 'catalogue',
      list: '@pydantic/genai-prices 0.1.8',
      date: '2026-09-23',
    });
  });

  it('counts reasoning within the output', () => {
    // Its guide to reasoning models.
    const usage = usageOf({
      prompt_tokens: 75,
      completion_tokens: 1_186,
      total_tokens: 1_261,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 1_024 },
    });
    expect(usage).toMatchObject({ outputTokens: 1_186, reasoningTokens: 1_024 });
    // 75 × 1.10 + 1,186 × 4.40 = 82.5 + 5,218.4
    expect(list.priceOf({ seller: listed('openai'), model: 'o3-mini', usage, at }).cost).toBe(0.0053009);
  });
});

describe('DeepSeek', () => {
  // Its guide to context caching: hits and misses beside prompt_tokens, which is their sum.
  const usage = usageOf({
    prompt_tokens: 1_000,
    completion_tokens: 200,
    total_tokens: 1_200,
    prompt_cache_hit_tokens: 900,
    prompt_cache_miss_tokens: 100,
  });

  it('counts cached input under a name of its own', () => {
    expect(usage).toMatchObject({ inputTokens: 1_000, cachedInputTokens: 900, outputTokens: 200 });
    // 100 × 0.28 + 900 × 0.028 + 200 × 0.42 = 28 + 25.2 + 84
    expect(list.priceOf({ seller: listed('deepseek'), model: 'deepseek-chat', usage, at }).cost).toBe(0.0001372);
  });

  it('costs what it cost at the hour of a call that no correction reaches', () => {
    const priced = (time: string) =>
      list.priceOf({ seller: listed('deepseek'), model: 'deepseek-chat', usage, at: new Date(time) }).cost;
    // 100 × 0.27 + 900 × 0.07 + 200 × 1.10 = 27 + 63 + 220, and half of it at night.
    expect(priced('2025-08-15T12:00:00Z')).toBe(0.00031);
    expect(priced('2025-08-15T20:00:00Z')).toBe(0.000155);
  });

  it('costs a fraction of a millionth, exactly', () => {
    const one = usageOf({ prompt_tokens: 1, completion_tokens: 0, prompt_cache_hit_tokens: 1 });
    expect(list.priceOf({ seller: listed('deepseek'), model: 'deepseek-v4-flash', usage: one, at }).cost).toBe(2.8e-9);
  });
});

describe('Gemini', () => {
  it('counts its thoughts in the total alone, and bills them as output', () => {
    // promptTokenCount 20, candidatesTokenCount 198, thoughtsTokenCount 405.
    const usage = usageOf({ prompt_tokens: 20, completion_tokens: 198, total_tokens: 623 }, gemini);
    expect(usage).toMatchObject({ inputTokens: 20, outputTokens: 603, reasoningTokens: 405 });
    // 20 × 0.30 + 603 × 2.50 = 6 + 1,507.5
    expect(list.priceOf({ seller: listed('gemini'), model: 'gemini-2.5-flash', usage, at }).cost).toBe(0.0015135);
  });

  it('costs more from 200,000 tokens of input', () => {
    const usage = usageOf({ prompt_tokens: 300_000, completion_tokens: 10, total_tokens: 300_010 }, gemini);
    // 300,000 × 2.50 + 10 × 15
    expect(list.priceOf({ seller: listed('gemini'), model: 'gemini-2.5-pro', usage, at }).cost).toBe(0.75015);
  });

  it('has a price for the model that is the default', () => {
    expect(list.priceOf({ seller: listed('gemini'), model: 'gemini-3.6-flash', usage: plain, at }).cost).not.toBeNull();
  });
});

it('xAI names its reasoning beside the completion, and bills it as output', () => {
  const said = { prompt_tokens: 32, completion_tokens: 9, total_tokens: 135 };
  const usage = usageOf({ ...said, completion_tokens_details: { reasoning_tokens: 94 } });
  expect(usage).toMatchObject({ inputTokens: 32, outputTokens: 103, reasoningTokens: 94 });
});

describe('usage', () => {
  const good = { prompt_tokens: 10, completion_tokens: 5 };
  it.each([
    { ...good, total_tokens: 16 },
    { ...good, total_tokens: 10_000 },
    { ...good, total_tokens: 20, completion_tokens_details: { reasoning_tokens: 4 } },
    { ...good, total_tokens: 20, completion_tokens_details: { reasoning_tokens: 0 } },
  ])('%j is not used, where its total contradicts its parts', (said) => {
    expect(readUsage(said, openai)).toBeNull();
  });

  it.each([
    undefined,
    null,
    {},
    [],
    { ...good, prompt_tokens: -10 },
    { ...good, completion_tokens: Infinity },
    { ...good, completion_tokens: 1.5 },
    { ...good, completion_tokens: '5' },
    { ...good, total_tokens: -15 },
    { ...good, prompt_tokens: 2 ** 60 },
    { ...good, prompt_cache_hit_tokens: 11 },
    { ...good, prompt_tokens_details: { cached_tokens: 6, cache_write_tokens: 6 } },
    { ...good, completion_tokens_details: { reasoning_tokens: 6 } },
  ])('%j is not used', (said) => {
    expect(readUsage(said, gemini)).toBeNull();
    expect(readUsage(said, openai)).toBeNull();
  });
});

describe('a price that is not known', () => {
  it.each([
    ['https://api.openai.com/v1', 'gpt-of-tomorrow'],
    ['https://api.openai.com/v1', 'constructor'],
    ['http://localhost:11434/v1', 'llama3'],
    ['http://localhost:11434/v1', 'gpt-4'],
    ['http://vllm-openai:8000/v1', 'gpt-4o'],
    ['http://openai/v1', 'gpt-4o'],
    ['http://mistral:8000/v1', 'mistral-large-latest'],
    ['http://gemini.local/v1', 'gemini-2.5-flash'],
    ['https://anthropic-proxy/v1', 'claude-sonnet-4-5'],
    ['http://cohere:9/v1', 'command-r'],
    ['https://api.openai.com.example/v1', 'gpt-4o'],
  ])('at %s for %s is null', (baseUrl, model) => {
    const call = { seller: list.sellerAt(baseUrl), model, usage: plain, at };
    expect(list.priceOf(call)).toEqual({ cost: null, source: null });
  });

  it('is null for a faster or slower tier, and for sound', () => {
    const call = { seller: listed('openai'), model: 'gpt-4o', usage: plain, at };
    expect(list.priceOf({ ...call, serviceTier: 'flex' }).cost).toBeNull();
    expect(list.priceOf({ ...call, serviceTier: 'priority' }).cost).toBeNull();
    expect(list.priceOf({ ...call, serviceTier: 'default' }).cost).toBe(0.0035);
    const sound = usageOf({ prompt_tokens: 9, completion_tokens: 9, prompt_tokens_details: { audio_tokens: 3 } });
    expect(list.priceOf({ ...call, usage: sound }).cost).toBeNull();
  });

  it('is that of the model which answered, where the one asked for is an alias', () => {
    const call = { seller: listed('gemini'), model: 'gemini-flash-latest', usage: plain, at };
    expect(list.priceOf(call).cost).toBeNull();
    // 1,000 × 0.30 + 100 × 2.50
    expect(list.priceOf({ ...call, responseModel: 'gemini-2.5-flash' }).cost).toBe(0.00055);
  });
});

it('the price list has the version that its documentation names', () => {
  const root = new URL('../../../', import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const named = /`@pydantic\/genai-prices` (\S+),/.exec(readFileSync(new URL('docs/models.md', root), 'utf8'))?.[1];
  expect(named).toBe(dependencies['@pydantic/genai-prices']);
});

describe('PRICES_FILE', () => {
  const usage = usageOf({
    prompt_tokens: 1_000,
    completion_tokens: 10,
    prompt_tokens_details: { cached_tokens: 300, cache_write_tokens: 200 },
  });

  it('is read as its documentation shows it', () => {
    const page = readFileSync(new URL('../../../docs/models.md', import.meta.url), 'utf8');
    const example = /<!-- prices file -->\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(Object.keys(pricesSchema.parse(parse(example)))).toEqual([
      'openai/gpt-4o',
      'localhost:11434/*',
      'gateway.local',
    ]);
  });

  it('adds prices and goes before those known', async () => {
    const own = await loadPriceList({
      'openai/gpt-4': {
        input_per_million: 1.5,
        cached_input_per_million: 0.25,
        cache_write_per_million: 2,
        output_per_million: 7,
      },
      'box:8080/*': { input_per_million: 1, output_per_million: 2 },
      'localhost:11434/*': { input_per_million: 0, output_per_million: 0 },
    });
    // 500 × 1.50 + 300 × 0.25 + 200 × 2 + 10 × 7 = 750 + 75 + 400 + 70
    const call = { seller: listed('openai'), model: 'gpt-4', usage, at };
    expect(own.priceOf(call)).toEqual({ cost: 0.001295, source: 'prices_file', list: 'PRICES_FILE' });
    // 1,000 × 1 + 10 × 2
    expect(own.priceOf({ ...call, seller: { name: 'box:8080', isListed: false }, model: 'any' }).cost).toBe(0.00102);
    expect(own.priceOf({ ...call, seller: { name: 'localhost:11434', isListed: false }, model: 'llama3' })).toEqual({
      cost: 0,
      source: 'prices_file',
      list: 'PRICES_FILE',
    });
    expect(own.priceOf({ ...call, model: 'gpt-4o' }).source).toBe('catalogue');
  });
});

describe('the provider behind an address', () => {
  it.each<[string, string]>([
    ...providers.map(({ baseUrl, name }): [string, string] => [baseUrl, name]),
    ['https://openrouter.ai/api/v1', 'openrouter'],
  ])('%s is %s', (baseUrl, name) => {
    expect(list.sellerAt(baseUrl)).toEqual({ name, isListed: true });
  });

  it.each([
    ['https://api.openai.com.evil.example/v1', 'api.openai.com.evil.example'],
    ['https://evil.example/https://api.openai.com/v1', 'evil.example'],
    ['http://openai/v1', 'openai'],
    ['http://localhost:11434/v1', 'localhost:11434'],
  ])('%s is nobody the list knows', (baseUrl, name) => {
    expect(list.sellerAt(baseUrl)).toEqual({ name, isListed: false });
  });
});

it('every cost is the exact sum, and so are sums of costs', () => {
  const tokens = fc.integer({ min: 0, max: 5_000_000 });
  const calls = fc.array(fc.tuple(fc.constantFrom(...Object.keys(listedRates)), tokens, tokens, tokens), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(calls, (made) => {
      const invoice = new Invoice(listedRates);
      let pico = 0n;
      for (const [model, fresh, cached, output] of made) {
        const said = {
          prompt_tokens: fresh + cached,
          completion_tokens: output,
          prompt_tokens_details: { cached_tokens: cached },
        };
        const { cost } = list.priceOf({ seller: listed('openai'), model, usage: usageOf(said), at });
        pico += BigInt(Math.round((cost ?? Number.NaN) * 1e12));
        invoice.begin(
          { number: 1, model, stream: false },
          { inputTokens: fresh + cached, cachedTokens: cached, outputTokens: output },
        );
      }
      expect(pico).toBe(invoice.costPico);
    }),
    { numRuns: 200 },
  );
});
