/**
 * Settings from the environment, and from a `.env` file in the working directory for what the environment leaves out.
 * The only reader of either. Nothing is created or changed here.
 *
 * Guarantees, numbered for tests:
 *   CFG1  what is returned has been checked: numbers lie in their range, lists hold well-formed entries, paths are absolute;
 *   CFG2  a bad value ends in a `StartError` (status 1) of one line that names the setting, the value and what is allowed;
 *   CFG3  no message holds the value of a key or a token, in an address neither;
 *   CFG4  an empty value counts as not set, and keeps `.env` from filling that setting in;
 *   CFG5  settings that a program gives are held to the same bounds, and one that is not known is refused.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import {
  isLoopback,
  readBaseUrl,
  readHost,
  readList,
  readProxies,
  toHost,
  toHostAndPort,
  toOrigin,
} from './config/addresses.ts';
import { readDirectory, readQueueStateFile } from './config/directories.ts';
import { errorCode, refuse } from './config/refusal.ts';
import { readSecretStore } from './config/secrets.ts';
import { findSettingSlips } from './config/setting-slips.ts';
import {
  isModelServers,
  readDailyBudget,
  readLimits,
  readModelServersSetting,
  readPricesFile,
} from './config/structures.ts';
import { parseBounded } from './contract/bounded-parse.ts';
import { budgetSchema } from './contract/budget.ts';
import { toFieldErrors } from './contract/field-errors.ts';
import {
  type KeepFinished,
  keepFinishedAllowed,
  keepFinishedSchema,
  parseKeepFinished,
} from './contract/keep-finished.ts';
import { limits } from './contract/limits.ts';
import { limitsByModelSchema } from './contract/model-limits.ts';
import { modelServersSetting } from './contract/model-servers.ts';
import { pricesSchema } from './contract/prices.ts';
import { type SecretStore, secretStoreSchema } from './contract/secret-store.ts';
import { type EngineSettings, logLevels, type ServerSettings } from './contract/settings.ts';
import { StartError } from './contract/store.ts';

const keyNames = ['OPENAI_API_KEY', 'DEEPSEEK_API_KEY', 'GOOGLE_API_KEY', 'CHAT_API_KEY'];
const baseUrlNames = ['OPENAI_BASE_URL', 'DEEPSEEK_BASE_URL', 'GEMINI_BASE_URL', 'CHAT_BASE_URL'];
/** Bounds against slips of the keyboard: far above what one machine can use. */
const parallelNodesMax = 10_000;
const poolThreadsMax = 256;

export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): { engine: EngineSettings; server: ServerSettings; slips: string[] } {
  const { names, text, asked } = readWritten(env, cwd);
  const host = readHost(text('HOST') ?? '127.0.0.1');
  const port = readInteger('PORT', text('PORT'), 0, 65_535) ?? 8000;
  const apiToken = readSecret('API_TOKEN', text('API_TOKEN')) ?? null;
  if (apiToken === null && !isLoopback(host)) {
    throw refuse('HOST', host, 'set API_TOKEN too, or listen on a loopback address (127.0.0.1, ::1, localhost)');
  }

  const secrets: Record<string, string> = {};
  for (const name of keyNames) {
    const key = readSecret(name, text(name));
    if (key !== undefined) secrets[name] = key;
  }
  const httpAllowHosts = readList('HTTP_ALLOW_HOSTS', text('HTTP_ALLOW_HOSTS'), toHost, 'localhost:11434,10.0.0.5');
  for (const name of baseUrlNames) {
    const written = text(name);
    if (written === undefined) continue;
    const url = readBaseUrl(name, written);
    secrets[name] = written;
    // Whoever sets the address means it to be reached, wherever it lies.
    httpAllowHosts.push(toHostAndPort(url));
  }

  const modelServers = readModelServersSetting(cwd, text('MODEL_SERVERS'));
  if (modelServers !== undefined) secrets[modelServersSetting] = JSON.stringify(modelServers);
  for (const address of Object.keys(modelServers ?? {})) httpAllowHosts.push(toHostAndPort(new URL(address)));

  const engine: EngineSettings = {
    workflowsDir: readDirectory('WORKFLOWS_DIR', resolve(cwd, text('WORKFLOWS_DIR') ?? 'workflows'), 'writable').path,
    templatesDir: readTemplatesDir(resolve(cwd, text('TEMPLATES_DIR') ?? 'workflows/templates')),
    queueStateFile: readQueueStateFile(resolve(cwd, text('QUEUE_STATE_FILE') ?? 'queue-state.json')),
    maxParallelNodes: readInteger('MAX_PARALLEL_NODES', text('MAX_PARALLEL_NODES'), 1, parallelNodesMax) ?? 4,
    poolThreads: readInteger('POOL_THREADS', text('POOL_THREADS'), 1, poolThreadsMax) ?? availableParallelism(),
    logLevel: readChoice('LOG_LEVEL', text('LOG_LEVEL'), logLevels) ?? 'info',
    unknownActions:
      readChoice('UNKNOWN_ACTIONS', text('UNKNOWN_ACTIONS'), ['simulate', 'reject'] as const) ??
      (text('NODE_ENV') === 'production' ? 'reject' : 'simulate'),
    simulationMs: readInteger('SIMULATION_MS', text('SIMULATION_MS'), 0, limits.timeoutMsMax) ?? 1000,
    httpAllowHosts: [...new Set(httpAllowHosts)],
    proxies: readProxies(text),
    offline: readChoice('OFFLINE', text('OFFLINE'), ['true', 'false'] as const) === 'true',
    // Port 0 lets the system choose; the server then knows better than the settings do.
    ownPort: port === 0 ? null : port,
    prices: readPricesFile(cwd, text('PRICES_FILE')),
    modelLimits: readLimits(cwd, text('LIMITS')),
    dailyBudget: readDailyBudget(text('DAILY_BUDGET')),
    keepFinished: readKeepFinished(text('KEEP_FINISHED')),
    secrets,
    secretStore: readSecretStore(cwd, names, text),
  };
  const server: ServerSettings = {
    host,
    port,
    apiToken,
    allowedHosts: readList('ALLOWED_HOSTS', text('ALLOWED_HOSTS'), toHost, 'engine.example:8000'),
    allowedOrigins: readList('ALLOWED_ORIGINS', text('ALLOWED_ORIGINS'), toOrigin, 'http://localhost:3000'),
  };
  // By now every setting has been asked for.
  return { engine, server, slips: findSettingSlips(names, asked) };
}

/** The secrets of steps alone, for who needs no other setting. Throws StartError. */
export function readSecrets(env: Readonly<Record<string, string | undefined>>, cwd: string): SecretStore {
  const { names, text } = readWritten(env, cwd);
  return readSecretStore(cwd, names, text);
}

function readWritten(env: Readonly<Record<string, string | undefined>>, cwd: string) {
  const fromFile = readEnvFile(cwd);
  const asked = new Set<string>();
  const text = (name: string): string | undefined => {
    asked.add(name);
    return (env[name] ?? fromFile[name])?.trim() || undefined;
  };
  return { names: Object.keys({ ...fromFile, ...env }), text, asked };
}

const secretPattern = /^[\x21-\x7e]{1,4096}$/;
const path = z.string().min(1).optional();
const secret = z
  .string()
  .regex(secretPattern, 'must be up to 4096 printable ASCII characters without spaces')
  .optional();

const proxyAddress = z.url({ protocol: /^https?$/ }).optional();

const givenSchema = z.strictObject({
  workflowsDir: path,
  templatesDir: path,
  queueStateFile: path,
  maxParallelNodes: z.int().min(1).max(parallelNodesMax).optional(),
  poolThreads: z.int().min(1).max(poolThreadsMax).optional(),
  logLevel: z.enum(logLevels).optional(),
  unknownActions: z.enum(['simulate', 'reject']).optional(),
  simulationMs: z.int().min(0).max(limits.timeoutMsMax).optional(),
  httpAllowHosts: z
    .array(z.string().refine((entry) => toHost(entry) !== undefined, 'must be a host, or host:port'))
    .optional(),
  proxies: z.strictObject({ http: proxyAddress, https: proxyAddress, noProxy: z.array(z.string()) }).optional(),
  offline: z.boolean().optional(),
  ownPort: z.int().min(1).max(65_535).nullish(),
  prices: pricesSchema.optional(),
  dryRun: z.object({ wanted: z.record(z.string(), z.array(z.array(z.string()))) }).optional(),
  modelLimits: limitsByModelSchema.optional(),
  dailyBudget: budgetSchema.optional(),
  secrets: z
    .strictObject({
      ...Object.fromEntries([...keyNames, ...baseUrlNames].map((name) => [name, secret])),
      [modelServersSetting]: z.string().refine(isModelServers, 'must be MODEL_SERVERS as JSON text').optional(),
    })
    .optional(),
  keepFinished: keepFinishedSchema.optional(),
  secretStore: secretStoreSchema
    .refine(
      (store) => Object.values(store).every(({ hosts }) => hosts.every((entry) => toHost(entry) === entry)),
      'has hosts that are none: write api.github.com, nas.lan:8080',
    )
    .optional(),
});

/** CFG5. Throws a StartError that names every fault; no value is shown. */
export function checkSettings(given: Partial<EngineSettings>): void {
  const parsed = parseBounded(givenSchema, given);
  if (parsed.success) return;
  const faults = toFieldErrors(parsed.error.issues, ['settings']).map(({ path, message }) => `${path}: ${message}`);
  throw new StartError(`The engine cannot start with these settings: ${faults.join('; ')}`, 1);
}

function readEnvFile(cwd: string): NodeJS.Dict<string> {
  const path = resolve(cwd, '.env');
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return {};
    throw new StartError(`${path} cannot be read (${errorCode(cause)}): make it a readable file, or remove it`, 1, {
      cause,
    });
  }
}

function readInteger(name: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d{1,15}$/.test(value) && number >= min && number <= max) return number;
  throw refuse(name, value, `a whole number from ${min} to ${max}`);
}

function readChoice<const Choice extends string>(
  name: string,
  value: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === value.toLowerCase());
  if (choice !== undefined) return choice;
  throw refuse(name, value, choices.join(', '));
}

/** Keys and tokens travel in a header: what cannot stand there is refused here, without being shown. */
function readSecret(name: string, value: string | undefined): string | undefined {
  if (value === undefined || secretPattern.test(value)) return value;
  throw new StartError(
    `${name} is not usable (its value is not shown): allowed are up to 4096 printable ASCII characters without spaces`,
    1,
  );
}

function readKeepFinished(value: string | undefined): KeepFinished | undefined {
  if (value === undefined) return undefined;
  const keep = parseKeepFinished(value);
  if (keep === null) throw refuse('KEEP_FINISHED', value, `it must be ${keepFinishedAllowed}`);
  return keep;
}

function readTemplatesDir(path: string): string {
  if (readDirectory('TEMPLATES_DIR', path, 'readable').exists) return path;
  return fileURLToPath(new URL('../workflows/templates', import.meta.url));
}
