/** What the extension knows between two looks: its engine, and where captures can go. The token stays in here. */
import type { WaitingStep } from '../src/contract/decision.ts';
import type { KeptValues } from './browser.ts';
import { type Connection, defaultAddress } from './engine.ts';
import type { PageTemplate } from './target.ts';

export interface Known {
  /** Null before the first look. */
  readonly isHere: boolean | null;
  /** The engine refused the token: it must be paired again. */
  readonly isUnpaired: boolean;
  readonly steps: readonly WaitingStep[];
  readonly templates: readonly PageTemplate[];
}

export interface RecentRun {
  readonly workflowId: string;
  readonly title: string;
  readonly target: string;
  readonly at: string;
}

export const nothingKnown: Known = { isHere: null, isUnpaired: false, steps: [], templates: [] };
const recentMax = 5;

export class Kept {
  readonly #values: KeptValues;

  constructor(values: KeptValues) {
    this.#values = values;
  }

  async connection(): Promise<Connection> {
    const { connection } = await this.#values.get(['connection']);
    return (connection as Connection | undefined) ?? { address: defaultAddress, token: null };
  }

  /** Another engine has other steps and runs: what was known goes. */
  async connect(connection: Connection): Promise<void> {
    await this.#values.set({ connection, known: nothingKnown, recent: [] });
  }

  async known(): Promise<Known> {
    const { known } = await this.#values.get(['known']);
    return (known as Known | undefined) ?? nothingKnown;
  }

  async learn(known: Known): Promise<void> {
    await this.#values.set({ known });
  }

  /** The latest first. */
  async recent(): Promise<readonly RecentRun[]> {
    const { recent } = await this.#values.get(['recent']);
    return (recent as RecentRun[] | undefined) ?? [];
  }

  async remember(run: RecentRun): Promise<void> {
    await this.#values.set({ recent: [run, ...(await this.recent())].slice(0, recentMax) });
  }
}
