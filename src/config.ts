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

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { type Budget, budgetSchema } from './contract/budget.ts';
import { toFieldErrors } from './contract/field-errors.ts';
import {
  type KeepFinished,
  keepFinishedAllowed,
  keepFinishedSchema,
  parseKeepFinished,
} from './contract/keep-finished.ts';
import { limits } from './contract/limits.ts';
import { type LimitsByModel, limitsByModelSchema } from './contract/model-limits.ts';
import { type ModelServers, modelServersSchema, modelServersSetting } from './contract/model-servers.ts';
import { type Prices, pricesSchema } from './contract/prices.ts';
import { type EngineSettings, logLevels, type ProxyRules, type ServerSettings } from './contract/settings.ts';
import { StartError } from './contract/store.ts';

/** Loaded for a setting that needs it: with it every start would take a twentieth of a second more. */
const loadYaml = () => createRequire(import.meta.url)('yaml') as typeof import('yaml');
const loadGenaiPrices = () =>
  createRequire(import.meta.url)('@pydantic/genai-prices') as typeof import('@pydantic/genai-prices');

const keyNames = ['OPENAI_API_KEY', 'DEEPSEEK_API_KEY', 'GOOGLE_API_KEY', 'CHAT_API_KEY'];
const baseUrlNames = ['OPENAI_BASE_URL', 'DEEPSEEK_BASE_URL', 'GEMINI_BASE_URL', 'CHAT_BASE_URL'];
/** Bounds against slips of the keyboard: far above what one machine can use. */
const parallelNodesMax = 10_000;
const poolThreadsMax = 256;
const originSchemes = ['http', 'https', 'chrome-extension', 'moz-extension', 'safari-web-extension'];

export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): { engine: EngineSettings; server: ServerSettings } {
  const fromFile = readEnvFile(cwd);
  const text = (name: string): string | undefined => (env[name] ?? fromFile[name])?.trim() || undefined;

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

  return {
    engine: {
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
    },
    server: {
      host,
      port,
      apiToken,
      allowedHosts: readList('ALLOWED_HOSTS', text('ALLOWED_HOSTS'), toHost, 'engine.example:8000'),
      allowedOrigins: readList('ALLOWED_ORIGINS', text('ALLOWED_ORIGINS'), toOrigin, 'http://localhost:3000'),
    },
  };
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
});

/** CFG5. Throws a StartError that names every fault; no value is shown. */
export function checkSettings(given: Partial<EngineSettings>): void {
  const parsed = givenSchema.safeParse(given);
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

function readHost(value: string): string {
  if (isIP(value) !== 0 || isHostName(value)) return value;
  throw refuse('HOST', value, 'an IP address or a host name to listen on, without a port');
}

function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isHostName(value: string): boolean {
  if (value.length > 253) return false;
  const labels = value.split('.');
  // All digits at the end would be an address that is none: 300.1.1.1, 127.1.
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,62})$/i.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
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

/** Prices of models in YAML or JSON. A wrong one would be noticed on the bill, so all of it is checked here. */
function readPricesFile(cwd: string, value: string | undefined): Prices {
  if (value === undefined) return {};
  const allowed = 'a readable YAML or JSON file of prices by <provider>/<model>';
  const prices = readStructure('PRICES_FILE', value, allowed, pricesSchema, () => readYaml(cwd, value));
  const fault = findAliasFault(prices);
  if (fault === undefined) return prices;
  throw refuse('PRICES_FILE', value, `${allowed} (${fault.path}: ${fault.message})`);
}

/** A host's prices are those of a provider that nobody knows: every call there would be without a price, in silence. */
function findAliasFault(prices: Prices): { path: string; message: string } | undefined {
  for (const [host, entry] of Object.entries(prices)) {
    if (!('as' in entry)) continue;
    const id = entry.as === 'gemini' ? 'google' : entry.as;
    if (loadGenaiPrices().findProvider({ providerId: id })?.id === id) continue;
    return { path: `${host}.as`, message: `the price list knows no "${entry.as}"; openai, deepseek or gemini, say` };
  }
  return undefined;
}

/** Limits of models: a file in YAML or JSON, or the same as text. A wrong one would be noticed in the provider's refusals. */
function readLimits(cwd: string, value: string | undefined): LimitsByModel {
  if (value === undefined) return {};
  const allowed = 'limits by <provider>/<model>, in YAML or JSON, or a readable file of them';
  return readStructure('LIMITS', value, allowed, limitsByModelSchema, () => readYamlOrFile(cwd, value));
}

/** Keys stand in it: what is wrong is named by its place alone. */
function readModelServersSetting(cwd: string, value: string | undefined): ModelServers | undefined {
  if (value === undefined) return undefined;
  const allowed =
    'by address {key, headers, query}, in YAML or JSON, or a readable file of them (its value is not shown)';
  let written: unknown;
  try {
    written = readYamlOrFile(cwd, value);
  } catch (cause) {
    const code = errorCode(cause);
    const why = /^E[A-Z]+$/.test(code) ? code : 'no YAML';
    throw new StartError(`${modelServersSetting} is not usable (${why}); allowed: ${allowed}`, 1);
  }
  const parsed = modelServersSchema.safeParse(written);
  if (parsed.success) return parsed.data;
  const [first] = toFieldErrors(parsed.error.issues);
  throw new StartError(
    `${modelServersSetting} is not usable (${withoutKeys(first?.path || 'the whole')}: ${first?.message}); allowed: ${allowed}`,
    1,
  );
}

function isModelServers(text: string): boolean {
  try {
    return modelServersSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

function toHostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

function readDailyBudget(value: string | undefined): Budget | undefined {
  if (value === undefined) return undefined;
  const allowed = 'a budget such as {usd: 5, tokens: 2000000, calls: 1000}, of which one is enough';
  return readStructure('DAILY_BUDGET', value, allowed, budgetSchema, () => loadYaml().parse(value));
}

function readKeepFinished(value: string | undefined): KeepFinished | undefined {
  if (value === undefined) return undefined;
  const keep = parseKeepFinished(value);
  if (keep === null) throw refuse('KEEP_FINISHED', value, `it must be ${keepFinishedAllowed}`);
  return keep;
}

function readYaml(cwd: string, path: string): unknown {
  return loadYaml().parse(readFileSync(resolve(cwd, path), 'utf8'));
}

/** What is a single word to YAML is the name of a file. */
function readYamlOrFile(cwd: string, value: string): unknown {
  const read: unknown = loadYaml().parse(value);
  return typeof read === 'string' ? readYaml(cwd, value) : read;
}

function readStructure<Value>(
  name: string,
  value: string,
  allowed: string,
  schema: z.ZodType<Value>,
  read: () => unknown,
): Value {
  let written: unknown;
  try {
    written = read();
  } catch (cause) {
    throw refuse(name, value, `${allowed} (${errorCode(cause).split('\n')[0]})`, cause);
  }
  const parsed = schema.safeParse(written);
  if (parsed.success) return parsed.data;
  const [first] = toFieldErrors(parsed.error.issues);
  throw refuse(name, value, `${allowed} (${first?.path || 'the whole'}: ${first?.message})`);
}

function readBaseUrl(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url && (url.username !== '' || url.password !== '')) {
    throw new StartError(`${name} holds a user name or password: give the address alone and the key in its setting`, 1);
  }
  if (url && url.hash !== '') throw new StartError(`${name} ends in a fragment: give the address without it`, 1);
  // `api-version` may stand there; a key would be shown with the address, so it is not shown here.
  if (url && [...url.searchParams.keys()].some((field) => /key|token|secret|sig|auth|pass|cred/i.test(field))) {
    throw new StartError(`${name} holds a key in its query: put it into ${modelServersSetting}, under this address`, 1);
  }
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw refuse(name, withoutKeys(value), 'an http or https address such as http://localhost:11434/v1');
}

/**
 * The names that other programs use too, in capitals or not; the small ones win, as in curl. An address without a scheme
 * is one of http.
 */
function readProxies(text: (name: string) => string | undefined): ProxyRules | undefined {
  const read = (name: string): string | undefined => {
    const written = text(name.toLowerCase()) ?? text(name);
    if (written === undefined) return undefined;
    const address = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `http://${written}`;
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url.href;
    throw refuse(name, withoutKeys(written), 'the http or https address of a proxy, such as http://proxy.example:3128');
  };
  const [http, https] = [read('HTTP_PROXY'), read('HTTPS_PROXY')];
  if (http === undefined && https === undefined) return undefined;
  const noProxy = (text('no_proxy') ?? text('NO_PROXY') ?? '').split(/[,\s]+/).filter((entry) => entry !== '');
  return { ...(http ? { http } : {}), ...(https ? { https } : {}), noProxy };
}

function readList(
  name: string,
  value: string | undefined,
  toEntry: (entry: string) => string | undefined,
  example: string,
): string[] {
  const entries: string[] = [];
  for (const part of (value ?? '').split(',')) {
    const written = part.trim();
    if (written === '') continue;
    const entry = toEntry(written);
    if (entry === undefined || written.includes('*')) {
      const wildcard = written.includes('*') ? '; * stands for nothing here: name each' : '';
      throw refuse(name, withoutKeys(written), `entries such as ${example}, separated by commas${wildcard}`);
    }
    entries.push(entry);
  }
  return entries;
}

/** `host` or `host:port`, an IPv6 address in brackets, in the spelling a URL gives it. */
function toHost(entry: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(entry);
  const name = match?.[1];
  const port = match?.[2];
  if (name === undefined || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) return undefined;
  const isAddress = name.startsWith('[') ? isIP(name.slice(1, -1)) === 6 : isIP(name) === 4;
  if (!isAddress && !isHostName(name)) return undefined;
  if (!URL.canParse(`http://${name}/`)) return undefined;
  const hostname = new URL(`http://${name}/`).hostname;
  return port === undefined ? hostname : `${hostname}:${Number(port)}`;
}

/** An origin exactly as browsers send it, so that it can be compared as text. */
function toOrigin(entry: string): string | undefined {
  const match = /^([a-z-]+):\/\/[^/?#@\s]+$/.exec(entry);
  if (match?.[1] === undefined || !originSchemes.includes(match[1]) || !URL.canParse(entry)) return undefined;
  const isWeb = match[1] === 'http' || match[1] === 'https';
  return isWeb && new URL(entry).origin !== entry ? undefined : entry;
}

function readDirectory(name: string, path: string, needed: 'readable' | 'writable'): { path: string; exists: boolean } {
  const allowed = `a ${needed} directory`;
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { path, exists: false };
    throw refuse(name, path, `${allowed} (${errorCode(cause)})`, cause);
  }
  if (!isDirectory) throw refuse(name, path, allowed);
  checkAccess(name, path, needed, allowed, constants.X_OK);
  return { path, exists: true };
}

function readTemplatesDir(path: string): string {
  if (readDirectory('TEMPLATES_DIR', path, 'readable').exists) return path;
  return fileURLToPath(new URL('../workflows/templates', import.meta.url));
}

function readQueueStateFile(path: string): string {
  const allowed = 'the path of a writable file, which is created when absent';
  let isFile: boolean;
  try {
    isFile = statSync(path).isFile();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return path;
    throw refuse('QUEUE_STATE_FILE', path, `${allowed} (${errorCode(cause)})`, cause);
  }
  if (!isFile) throw refuse('QUEUE_STATE_FILE', path, allowed);
  checkAccess('QUEUE_STATE_FILE', path, 'writable', allowed, 0);
  return path;
}

function checkAccess(
  name: string,
  path: string,
  needed: 'readable' | 'writable',
  allowed: string,
  extraMode: number,
): void {
  try {
    accessSync(path, constants.R_OK | extraMode | (needed === 'writable' ? constants.W_OK : 0));
  } catch (cause) {
    throw refuse(name, path, `${allowed} (${errorCode(cause)})`, cause);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Of what was meant to be an address, credentials and a query are not shown. */
function withoutKeys(address: string): string {
  return address.replace(/^([a-z+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*/s, '?…');
}

function refuse(name: string, value: string, allowed: string, cause?: unknown): StartError {
  // As JSON text, so that a control character in a value can neither break the line nor reach the terminal.
  const shown = JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  return new StartError(`${name}=${shown} is not allowed; allowed: ${allowed}`, 1, { cause });
}
