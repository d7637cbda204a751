/**
 * What the stand-in charges: every call it has answered or begun to answer. Reckoned in whole picodollars from rates of its
 * own, so that it can bear witness against the engine's ledger.
 */

export interface Rates {
  /** Picodollars a token, which is millionths of a dollar for a million tokens. */
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

/** From the providers' price pages: $30 and $60 for a million tokens of gpt-4, and so on. */
export const listedRates: Readonly<Record<string, Rates>> = {
  'gpt-4': { input: 30_000_000, cached: 30_000_000, output: 60_000_000 },
  'gpt-4o': { input: 2_500_000, cached: 1_250_000, output: 10_000_000 },
  'gpt-4o-mini': { input: 150_000, cached: 75_000, output: 600_000 },
};

export interface BilledUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

export interface InvoiceLine extends BilledUsage {
  readonly call: number;
  readonly model: string;
  readonly stream: boolean;
  /** `begun`: the answer broke off. It is charged all the same. */
  fate: 'begun' | 'answered';
  /** null for a model without a price. */
  readonly costPico: bigint | null;
}

export class Invoice {
  readonly lines: InvoiceLine[] = [];
  readonly #rates: Readonly<Record<string, Rates>>;

  constructor(rates: Readonly<Record<string, Rates>>) {
    this.#rates = rates;
  }

  begin(call: { number: number; model: string; stream: boolean }, usage: BilledUsage): InvoiceLine {
    const rates = this.#rates[call.model];
    const costPico =
      rates === undefined
        ? null
        : BigInt(usage.inputTokens - usage.cachedTokens) * BigInt(rates.input) +
          BigInt(usage.cachedTokens) * BigInt(rates.cached) +
          BigInt(usage.outputTokens) * BigInt(rates.output);
    const line: InvoiceLine = {
      call: call.number,
      model: call.model,
      stream: call.stream,
      fate: 'begun',
      costPico,
      ...usage,
    };
    this.lines.push(line);
    return line;
  }

  get tokens(): number {
    return this.lines.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
  }

  get costPico(): bigint {
    return this.lines.reduce((sum, { costPico }) => sum + (costPico ?? 0n), 0n);
  }
}
