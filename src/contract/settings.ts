/** Settings as the engine uses them: read and checked by `src/config.ts`, or given to `createEngine`. */

import type { Budget } from './budget.ts';
import type { KeepFinished } from './keep-finished.ts';
import type { LimitsByModel } from './model-limits.ts';
import type { Prices } from './prices.ts';
import type { SecretStore } from './secret-store.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface EngineSettings {
  /** Absolute paths. */
  workflowsDir: string;
  templatesDir: string;
  queueStateFile: string;
  /** Upper bound on steps running at once, over all workflows. */
  maxParallelNodes: number;
  /** Threads of the CPU lane before the bound above is applied. */
  poolThreads: number;
  logLevel: LogLevel;
  unknownActions: 'simulate' | 'reject';
  simulationMs: number;
  httpAllowHosts: string[];
  /** The proxies that tasks go through; absent where none is set. */
  proxies?: ProxyRules | undefined;
  /** Nothing goes out: a step whose action would, is answered from the cache or fails. */
  offline?: boolean | undefined;
  /** The port the server listens on, which tasks must not reach; null for an engine without a server. */
  ownPort: number | null;
  /** What PRICES_FILE adds to the known prices of models, or puts in their place. */
  prices?: Prices | undefined;
  /** Present: a dry run, in which nobody is called and what goes out is rehearsed. */
  dryRun?: DryRun | undefined;
  /** What LIMITS allows for calls of models. */
  modelLimits?: LimitsByModel | undefined;
  /** DAILY_BUDGET: what all calls of models together may use on one day, UTC. */
  dailyBudget?: Budget | undefined;
  /** KEEP_FINISHED: the finished workflows that stay; all of them when it is not set. */
  keepFinished?: KeepFinished | undefined;
  /** Secrets by name (OPENAI_API_KEY, …), handed only to the actions that declare them. */
  secrets: Record<string, string>;
  /** Secrets that steps send to other machines, by the name that definitions write as `{{secrets.NAME}}`. */
  secretStore?: SecretStore | undefined;
}

export interface DryRun {
  /**
   * For each step the fields of its outputs that others refer to, as paths. Where nobody can know the shape of an answer,
   * the made-up one has these. A step within a group goes by its id there.
   */
  wanted: Record<string, string[][]>;
  /** How many made-up items a list has that nobody can know yet; default 1. */
  items?: number;
}

export interface ServerSettings {
  host: string;
  port: number;
  apiToken: string | null;
  /** Values of the Host header that are answered; empty means the loopback names with our port. */
  allowedHosts: string[];
  allowedOrigins: string[];
}

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY: addresses with their scheme, which may hold a name and a password. */
export interface ProxyRules {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Hosts, addresses and ranges that are reached directly. */
  readonly noProxy: readonly string[];
}
