/** What a call may cost before it is sent, by the same prices by which it is billed. */
import type { Prices } from '../../contract/prices.ts';
import type { PlannedCall } from '../../contract/task.ts';
import { loadPriceList } from './prices.ts';

/** US dollars; null where the price is not known. */
export async function loadCallPricer(overrides: Prices = {}): Promise<(call: PlannedCall) => number | null> {
  const prices = await loadPriceList(overrides);
  return ({ baseUrl, model, inputTokens, outputTokens }) => {
    const none = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, audioTokens: 0 };
    const usage = { inputTokens, outputTokens, ...none };
    return prices.priceOf({ seller: prices.sellerAt(baseUrl), model, usage, at: new Date() }).cost;
  };
}
