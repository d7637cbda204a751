/**
 * Goal (LP4): calls through a gateway have the provider's prices where that is certain, and no price where it is not.
 * Method: the stand-in as the gateway of each provider action and as a gateway that PRICES_FILE names; bills by hand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prices } from '../../../src/contract/prices.ts';
import { pricesSchema } from '../../../src/contract/prices.ts';
import { loadCallPricer, loadPriceList } from '../../../src/tasks/llm/prices.ts';
import { tasks } from '../../../src/tasks/registry.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { type Action, runModel } from './model-attempt.ts';

let standIn: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
});
afterAll(() => standIn.close());

const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };

async function ask(action: Action, model: string, prices: Prices = {}) {
  standIn.next({ content: 'Yes.', usage });
  const { metrics, metadata } = await runModel(standIn, action, { model }, { prices });
  const { price_list, priced_as } = metadata ?? {};
  return { cost: metrics?.cost, source: metrics?.cost_source, list: price_list, as: priced_as };
}

const listed = '@pydantic/genai-prices 0.1.8';
const unpriced = { cost: null, source: null, list: null, as: undefined };

describe('a provider action through its own *_BASE_URL', () => {
  it.each<[Action, string, number, string, string]>([
    // 1,000 × 30 + 100 × 60
    ['openai_chat', 'gpt-4', 0.036, listed, 'openai'],
    // A dated name that the list has letter by letter: 1,000 × 2.50 + 100 × 10
    ['openai_chat', 'gpt-4o-2024-08-06', 0.0035, listed, 'openai'],
    // 1,000 × 0.28 + 100 × 0.42
    ['deepseek_chat', 'deepseek-chat', 0.000322, 'corrections of hybrid-engine', 'deepseek'],
    // 1,000 × 0.30 + 100 × 2.50
    ['gemini_chat', 'gemini-2.5-flash', 0.00055, listed, 'gemini'],
  ])('%s: %s is priced as the provider', async (action, model, cost, list, as) => {
    expect(await ask(action, model)).toEqual({ cost, source: 'catalogue', list, as });
  });

  it.each<[Action, string]>([
    ['openai_chat', 'gpt-4o-my-own'],
    ['openai_chat', 'openai/gpt-4o'],
    ['openai_chat', 'GPT-4o'],
    ['openai_chat', 'deepseek-chat'],
    ['deepseek_chat', 'deepseek-chat-tuned'],
    ['gemini_chat', 'models/gemini-2.5-flash'],
    ['gemini_chat', 'gemini-2.5-flash-of-ours'],
    ['chat', 'gpt-4o'],
  ])('%s: %s is not, since its name is none of the list', async (action, model) => {
    expect(await ask(action, model)).toEqual(unpriced);
  });

  it('has the gateway’s own price where PRICES_FILE names it, then the provider’s there, then the list’s', async () => {
    const mine = { input_per_million: 1, output_per_million: 1 };
    const theirs = { input_per_million: 2, output_per_million: 2 };
    expect(await ask('openai_chat', 'gpt-4', { [`${standIn.host}/*`]: mine, 'openai/gpt-4': theirs })).toEqual({
      cost: 0.0011,
      source: 'prices_file',
      list: 'PRICES_FILE',
      as: undefined,
    });
    expect(await ask('openai_chat', 'gpt-4', { 'openai/gpt-4': theirs })).toEqual({
      cost: 0.0022,
      source: 'prices_file',
      list: 'PRICES_FILE',
      as: 'openai',
    });
    // A price for all of OpenAI's models says nothing of a name that OpenAI does not have.
    expect(await ask('openai_chat', 'my-own', { 'openai/*': theirs })).toEqual(unpriced);
  });
});

describe('PRICES_FILE: {as: …}', () => {
  it('prices any server as that provider, names that the list knows by a pattern included', async () => {
    const prices = { [standIn.host]: { as: 'openai' } };
    // 1,000 × 2.50 + 100 × 10
    expect(await ask('chat', 'gpt-4o', prices)).toEqual({
      cost: 0.0035,
      source: 'catalogue',
      list: listed,
      as: 'openai',
    });
    expect(await ask('chat', 'llama3', prices)).toEqual(unpriced);
    expect(await ask('chat', 'gemini-2.5-flash', { [standIn.host]: { as: 'gemini' } })).toMatchObject({
      cost: 0.00055,
    });
  });

  it('is meant for every port where it names none, and its host is written in any case', async () => {
    const prices = pricesSchema.parse({ 'GateWay.Local': { as: 'openai' }, 'other.local:81': { as: 'deepseek' } });
    const list = await loadPriceList(prices);
    const at = new Date('2026-11-30T12:00:00Z');
    const tokens = { inputTokens: 1_000, outputTokens: 100, cachedInputTokens: 0, cacheWriteTokens: 0 };
    const cost = (baseUrl: string, model: string) =>
      list.priceOf({
        seller: list.sellerAt(baseUrl),
        model,
        usage: { ...tokens, reasoningTokens: 0, audioTokens: 0 },
        at,
      }).cost;
    expect(cost('http://gateway.local:4000/v1', 'gpt-4o')).toBe(0.0035);
    expect(cost('https://gateway.local/v1', 'gpt-4o')).toBe(0.0035);
    expect(cost('http://sub.gateway.local/v1', 'gpt-4o')).toBeNull();
    expect(cost('http://other.local:81/v1', 'deepseek-chat')).toBe(0.000322);
    expect(cost('http://other.local:82/v1', 'deepseek-chat')).toBeNull();
  });

  it.each([
    [{ 'gateway.local': { as: 'openai', input_per_million: 1 } }, ['gateway.local']],
    [{ 'gateway.local': { input_per_million: 1, output_per_million: 1 } }, ['gateway.local']],
    [{ 'openai/gpt-4': { as: 'openai' } }, ['openai/gpt-4', 'input_per_million']],
    [{ 'a b': { as: 'openai' } }, ['a b']],
  ])('%j is refused', (written, path) => {
    expect(pricesSchema.safeParse(written).error?.issues[0]?.path).toEqual(path);
  });
});

it('a budget reckons with the same price before the call', async () => {
  const secrets = { OPENAI_BASE_URL: standIn.baseUrl };
  const planned = (action: string, params: object) => tasks.get(action)?.callsModel?.(params as never, secrets);
  const price = await loadCallPricer();
  const call = planned('openai_chat', { prompt: 'x'.repeat(4_000), max_tokens: 100, model: 'gpt-4' });
  if (typeof call !== 'object' || call === null) throw new Error('no call');
  expect(call).toMatchObject({ gatewayOf: 'openai', outputTokens: 100 });
  expect(price({ ...call, inputTokens: 1_000 })).toBe(0.036);
  expect(price({ ...call, model: 'my-own' })).toBeNull();
  // At the provider's own address it is the provider's own call.
  expect(tasks.get('openai_chat')?.callsModel?.({ prompt: 'x' }, {})).not.toHaveProperty('gatewayOf');
});
