/**
 * Where a call goes and with which key.
 *
 * Guarantees:
 *   LE1  a key leaves for the origin of its own base URL only: the provider's, or the one its *_BASE_URL setting names;
 *   LE2  a provider's own address is never called without its key.
 */
import { type ModelServer, modelServersSetting, readModelServers, serverAt } from '../../contract/model-servers.ts';
import { TaskFailure } from '../../contract/task.ts';
import { deepseek } from './deepseek.ts';
import { gemini } from './gemini.ts';
import { openai } from './openai.ts';
import type { Provider } from './provider.ts';

export interface Endpoint {
  readonly baseUrl: string;
  /** null: the call carries none. */
  readonly apiKey: string | null;
  /** The setting to look at when the key is refused. */
  readonly keySetting: string | null;
  /** Besides the key, by MODEL_SERVERS. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By MODEL_SERVERS and the query of a *_BASE_URL, such as Azure's `api-version=…`; empty where there is none. */
  readonly query?: string;
  /** In messages: `OpenAI`, or `OpenAI at localhost:4000` where it is not the provider's own address. */
  readonly label: string;
}

type Secrets = Readonly<Record<string, string>>;

export const providers: readonly Provider[] = [openai, deepseek, gemini];

/** Which key belongs to which address. CHAT_API_KEY is for a server of the user's own, so that its address has no default. */
const keyBindings = [
  ...providers.map(({ keySetting, baseUrlSetting, baseUrl }) => ({ keySetting, baseUrlSetting, baseUrl })),
  { keySetting: 'CHAT_API_KEY', baseUrlSetting: 'CHAT_BASE_URL', baseUrl: undefined },
];

export const keySettings = keyBindings.map(({ keySetting }) => keySetting) as [string, ...string[]];
/** What a task that may use any of the keys declares. */
export const endpointSettings = [
  ...keyBindings.flatMap(({ keySetting, baseUrlSetting }) => [keySetting, baseUrlSetting]),
  modelServersSetting,
];

export function providerEndpoint(provider: Provider, secrets: Secrets): Endpoint {
  const { title, keySetting, baseUrlSetting } = provider;
  const elsewhere = secrets[baseUrlSetting];
  const { address: baseUrl, query } = splitQuery(elsewhere ?? provider.baseUrl);
  const server = serverAt(readModelServers(secrets), baseUrl);
  const apiKey = server.key ?? secrets[keySetting] ?? null;
  if (apiKey === null && elsewhere === undefined) {
    throw new TaskFailure(
      'MISSING_SECRET',
      `${keySetting} is not set: put the key for ${title} into the environment or into .env, or let ${baseUrlSetting} name a server that needs none`,
    );
  }
  const label = elsewhere === undefined ? title : `${title} at ${new URL(baseUrl).host}`;
  return {
    baseUrl,
    apiKey,
    keySetting: server.key === undefined ? keySetting : modelServersSetting,
    label,
    ...extras(server, query),
  };
}

/** An address without its query, and the query. Paths are appended to the address. */
export function splitQuery(url: string): { address: string; query: string } {
  const at = url.indexOf('?');
  return at === -1 ? { address: url, query: '' } : { address: url.slice(0, at), query: url.slice(at + 1) };
}

function extras({ headers = {}, query = {} }: ModelServer, written: string) {
  const all = new URLSearchParams(written);
  for (const [name, value] of Object.entries(query)) all.set(name, value);
  return { headers, query: all.toString() };
}

/** Of the action `chat`: any server, and a key only where `keySetting` names one that belongs to that server's origin. */
export function openEndpoint(url: string, keySetting: string | undefined, secrets: Secrets): Endpoint {
  const { address: baseUrl, query: written } = splitQuery(url);
  const { host, origin } = new URL(baseUrl);
  const server = serverAt(readModelServers(secrets), baseUrl);
  const { key = null } = server;
  const keyOf = key === null ? null : modelServersSetting;
  const more = extras(server, written || querySetFor(baseUrl, secrets));
  const open = { baseUrl, apiKey: key, keySetting: keyOf, label: host, ...more };
  if (keySetting === undefined) return open;
  const binding = keyBindings.find((candidate) => candidate.keySetting === keySetting);
  const apiKey = secrets[keySetting];
  if (binding === undefined || apiKey === undefined) {
    throw new TaskFailure(
      'MISSING_SECRET',
      `${keySetting} is not set: put it into the environment or into .env, or leave out api_key_env`,
    );
  }
  const home = secrets[binding.baseUrlSetting] ?? binding.baseUrl;
  if (home === undefined || new URL(home).origin !== origin) {
    throw new TaskFailure(
      'TARGET_REFUSED',
      `${keySetting} is not sent to ${origin}: a key goes to its own server alone, ${
        home === undefined ? 'and none is named' : new URL(home).origin
      }; set ${binding.baseUrlSetting} to change that`,
    );
  }
  return { ...open, apiKey, keySetting };
}

/** The query of the *_BASE_URL that names this very address: params cannot hold one. */
function querySetFor(baseUrl: string, secrets: Secrets): string {
  const plain = (address: string) => address.replace(/\/+$/, '');
  const set = keyBindings
    .map(({ baseUrlSetting }) => splitQuery(secrets[baseUrlSetting] ?? ''))
    .find(({ address }) => address !== '' && plain(address) === plain(baseUrl));
  return set?.query ?? '';
}
