/**
 * Where a call goes and with which key.
 *
 * Guarantees:
 *   LE1  a key leaves for the origin of its own base URL only: the provider's, or the one its *_BASE_URL setting names;
 *   LE2  a provider's own address is never called without its key.
 */
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
export const endpointSettings = keyBindings.flatMap(({ keySetting, baseUrlSetting }) => [keySetting, baseUrlSetting]);

export function providerEndpoint(provider: Provider, secrets: Secrets): Endpoint {
  const { title, keySetting, baseUrlSetting } = provider;
  const apiKey = secrets[keySetting] ?? null;
  const elsewhere = secrets[baseUrlSetting];
  if (apiKey === null && elsewhere === undefined) {
    throw new TaskFailure(
      'MISSING_SECRET',
      `${keySetting} is not set: put the key for ${title} into the environment or into .env, or let ${baseUrlSetting} name a server that needs none`,
    );
  }
  const baseUrl = elsewhere ?? provider.baseUrl;
  const label = elsewhere === undefined ? title : `${title} at ${new URL(baseUrl).host}`;
  return { baseUrl, apiKey, keySetting, label };
}

/** Of the action `chat`: any server, and a key only where `keySetting` names one that belongs to that server's origin. */
export function openEndpoint(baseUrl: string, keySetting: string | undefined, secrets: Secrets): Endpoint {
  const { host, origin } = new URL(baseUrl);
  const open = { baseUrl, apiKey: null, keySetting: null, label: host };
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
