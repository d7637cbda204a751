/**
 * What one attempt has used and cost, told to its thread as soon as it is known, so that an attempt which fails or is
 * cancelled afterwards is counted too. A call in flight when its thread or the engine dies is not in the bill.
 *
 * Guarantees:
 *   LB1  from the moment a call may have left, the attempt counts as a call of unknown cost (`cost: null`);
 *   LB2  the last usage that was said replaces what was said before, it is never added to it;
 *   LB3  a call that no server saw counts for nothing, one that the server refused costs 0.
 */

import type { UsageSaid } from './hearing.ts';
import type { Price, PriceList, Seller } from './prices.ts';
import type { ProviderWays } from './provider.ts';
import { readUsage, type Usage } from './usage.ts';

interface BilledCall {
  /** Under which the call is shown. */
  readonly provider: string;
  readonly seller: Seller;
  readonly ways: ProviderWays;
  readonly model: string;
  readonly at: Date;
  readonly prices: PriceList;
  account(metrics: Record<string, unknown>): void;
}

export interface Bill {
  /** In the form of a step's execution_metrics. */
  readonly metrics: Readonly<Record<string, unknown>>;
  /** Which list has priced the call and when it was made; part of a step's metadata. */
  readonly priceList: Readonly<Record<string, unknown>>;
  use(said: UsageSaid): void;
  refused(): void;
  unsent(): void;
}

export function createBill({ provider, seller, ways, model, at, prices, account }: BilledCall): Bill {
  let metrics: Record<string, unknown> = {};
  let priceList: Record<string, unknown> = { price_list: null, price_date: null };
  const tell = (calls: number, usage: Usage | null, price: Pick<Price, 'cost'> & { source: string | null }) => {
    const free = price.source === 'not_billed' ? 0 : null;
    metrics = {
      provider,
      model,
      calls,
      tokens: usage === null ? free : usage.inputTokens + usage.outputTokens,
      input_tokens: usage?.inputTokens ?? free,
      cached_input_tokens: usage?.cachedInputTokens ?? free,
      cache_write_tokens: usage?.cacheWriteTokens ?? free,
      output_tokens: usage?.outputTokens ?? free,
      reasoning_tokens: usage?.reasoningTokens ?? free,
      cost: price.cost,
      cost_source: price.source,
    };
    account(metrics);
  };
  const notKnown: Price = { cost: null, source: null };
  tell(1, null, notKnown);
  return {
    get metrics() {
      return metrics;
    },
    get priceList() {
      return priceList;
    },
    use({ usage: said, responseModel, serviceTier }) {
      const usage = readUsage(said, ways);
      const price = usage && prices.priceOf({ seller, model, responseModel, serviceTier, usage, at });
      tell(1, usage, price ?? notKnown);
      const { list = null, date = null, pricedAs } = price ?? notKnown;
      priceList = { price_list: list, price_date: date, ...(pricedAs === undefined ? {} : { priced_as: pricedAs }) };
    },
    refused: () => tell(1, null, { cost: 0, source: 'not_billed' }),
    unsent: () => tell(0, null, { cost: 0, source: 'not_billed' }),
  };
}
