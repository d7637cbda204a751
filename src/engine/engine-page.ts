/** What the engine knows for the page of the one who runs it. No secret and no path of the machine is in it. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Budget } from '../contract/budget.ts';
import type { CoordinatorPort } from '../contract/coordinator.ts';
import type { EnginePage, EnginePageParts } from '../contract/engine-page.ts';
import type { EngineSettings } from '../contract/settings.ts';

/** The names of providers, and the settings that make each usable. */
const providers = [
  ['openai', 'OPENAI_API_KEY'],
  ['deepseek', 'DEEPSEEK_API_KEY'],
  ['gemini', 'GOOGLE_API_KEY'],
  ['chat', 'CHAT_BASE_URL'],
] as const;

/** A cache of more files is not walked to its end. */
const cacheFilesMax = 100_000;
const cacheLookMs = 60_000;

export class EnginePages {
  readonly #settings: EngineSettings;
  readonly #coordinator: CoordinatorPort;
  #cache: { at: number; size: Promise<EnginePage['cache']> } | null = null;

  constructor(settings: EngineSettings, coordinator: CoordinatorPort) {
    this.#settings = settings;
    this.#coordinator = coordinator;
  }

  async read(): Promise<EnginePageParts> {
    const { workflowsDir, secrets } = this.#settings;
    const [free, limits] = await Promise.all([readFree(workflowsDir), this.#limits()]);
    return {
      settings: toShownSettings(this.#settings),
      providers: providers.map(([name, setting]) => ({ name, configured: (secrets[setting] ?? '') !== '' })),
      limits,
      disk: { free },
      cache: await this.#cacheSize(),
    };
  }

  async #limits(): Promise<EnginePage['limits']> {
    const { dailyBudget, modelLimits = {} } = this.#settings;
    const ofModels = Object.entries(modelLimits).flatMap(([model, allowed]) => {
      const { concurrency, requestsPerMinute, tokensPerMinute } = allowed;
      const rows: [string, number | undefined][] = [
        [`calls at once of ${model}`, concurrency],
        [`requests a minute of ${model}`, requestsPerMinute],
        [`tokens a minute of ${model}`, tokensPerMinute],
      ];
      return rows.flatMap(([name, max]) => (max === undefined ? [] : [{ name, used: null, max, resets: null }]));
    });
    return [...(dailyBudget ? await this.#today(dailyBudget) : []), ...ofModels];
  }

  async #today({ usd, tokens, calls }: Budget): Promise<EnginePage['limits']> {
    const now = new Date();
    const day = now.toISOString().slice(0, 10);
    const resets = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)).toISOString();
    const { total } = await this.#coordinator.call('costs', { from: day, to: day, by: 'day' });
    const rows: [string, number, number | undefined][] = [
      ['budget of the day, US dollars', total.cost, usd],
      ['budget of the day, tokens', total.tokens, tokens],
      ['budget of the day, calls', total.calls, calls],
    ];
    return rows.flatMap(([name, used, max]) => (max === undefined ? [] : [{ name, used, max, resets }]));
  }

  /** The cache is only ever added to; it is looked through once a minute at most. */
  #cacheSize(): Promise<EnginePage['cache']> {
    const now = performance.now();
    if (this.#cache === null || now - this.#cache.at > cacheLookMs) {
      this.#cache = { at: now, size: measureCache(join(this.#settings.workflowsDir, '.engine', 'cache')) };
    }
    return this.#cache.size;
  }
}

function toShownSettings(settings: EngineSettings): Record<string, unknown> {
  const { maxParallelNodes, poolThreads, logLevel, unknownActions, simulationMs, httpAllowHosts } = settings;
  const { offline = false, keepFinished, modelLimits, dailyBudget, proxies, secretStore = {} } = settings;
  return {
    MAX_PARALLEL_NODES: maxParallelNodes,
    POOL_THREADS: poolThreads,
    LOG_LEVEL: logLevel,
    UNKNOWN_ACTIONS: unknownActions,
    SIMULATION_MS: simulationMs,
    HTTP_ALLOW_HOSTS: httpAllowHosts,
    OFFLINE: offline,
    KEEP_FINISHED: keepFinished ?? 'all',
    LIMITS: modelLimits ?? {},
    DAILY_BUDGET: dailyBudget ?? {},
    // Its address may hold a password.
    proxy: proxies?.http !== undefined || proxies?.https !== undefined,
    secrets: Object.keys(secretStore).sort(),
  };
}

async function readFree(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}

async function measureCache(directory: string): Promise<EnginePage['cache']> {
  let entries = 0;
  let bytes = 0;
  for (const shard of await namesIn(directory)) {
    for (const name of await namesIn(join(directory, shard))) {
      if (!name.endsWith('.json')) continue;
      if (entries >= cacheFilesMax) return { entries, bytes };
      entries += 1;
      // One that has just gone counts as nothing.
      bytes += await stat(join(directory, shard, name)).then(
        ({ size }) => size,
        () => 0,
      );
    }
  }
  return { entries, bytes };
}

/** None where there is no such directory. */
async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
