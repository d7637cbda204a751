/** `chat`: a model behind any server that speaks OpenAI's API: Ollama, llama.cpp, vLLM, LM Studio, a hosted one. */
import { z } from 'zod';
import type { Task } from '../../contract/task.ts';
import { askModel } from './ask-model.ts';
import { endpointSettings, keySettings, openEndpoint, providers, splitQuery } from './endpoint.ts';
import { checkFields, commonFields } from './params.ts';
import { isUnread, planCall } from './planned-call.ts';
import { loadPriceList, type PriceList, type Seller } from './prices.ts';
import type { ProviderWays } from './provider.ts';
import { modelTimeoutMs } from './provider.ts';
import { rehearseModel } from './rehearse.ts';

const params = z
  .looseObject({
    ...commonFields,
    base_url: z
      .string()
      .max(2_048)
      .refine(
        isBaseUrl,
        'must be an http or https address such as http://localhost:11434/v1, without credentials or query',
      )
      .meta({ description: 'Where the API begins, up to and with /v1. Private targets need HTTP_ALLOW_HOSTS.' }),
    api_key_env: z
      .enum(keySettings)
      .optional()
      .meta({ description: 'The setting that holds the key. It is sent to the server it belongs to and to no other.' }),
    model: commonFields.model.unwrap().meta({ description: "The model's name, as the server knows it." }),
  })
  .superRefine(checkFields);

/** Of a server that none of our providers is. */
const commonWays: ProviderWays = {
  takesJsonSchema: true,
  maxTokensField: () => 'max_tokens',
  hidesReasoningInTotal: false,
};

export const chat: Task<z.infer<typeof params>> = {
  action: 'chat',
  lane: 'io',
  description:
    "Asks a model behind any server that speaks OpenAI's API (Ollama, llama.cpp, vLLM, LM Studio, hosted ones) and returns its answer as content, with what it has used and cost.",
  params,
  addresses: ['base_url'],
  secrets: endpointSettings,
  goesOut: true,
  timeoutMs: modelTimeoutMs,
  callsModel: (given) => {
    const { base_url: url } = given;
    if (isUnread(url)) return 'unread';
    if (typeof url !== 'string' || !URL.canParse(url)) return null;
    const baseUrl = splitQuery(url).address;
    const { host, origin } = new URL(baseUrl);
    const known = providers.find((provider) => new URL(provider.baseUrl).origin === origin);
    return planCall(given, { provider: known?.name ?? host, baseUrl, defaultModel: null });
  },
  async run(given, context) {
    const { base_url: baseUrl, api_key_env: keySetting, model } = given;
    const endpoint = openEndpoint(baseUrl, keySetting, context.secrets);
    const prices = await loadPriceList(context.prices);
    const { seller, ways } = toSeller(splitQuery(baseUrl).address, prices);
    return askModel({ params: given, model, endpoint, provider: seller.name, seller, ways, prices }, context);
  },
  async rehearse(given, context) {
    const { base_url: baseUrl, api_key_env: keySetting, model } = given;
    const open = () => openEndpoint(baseUrl, keySetting, context.secrets);
    const prices = await loadPriceList(context.prices);
    const { seller, ways } = toSeller(splitQuery(baseUrl).address, prices);
    return rehearseModel({ params: given, model, baseUrl, open, provider: seller.name, seller, ways, prices }, context);
  },
};

function toSeller(baseUrl: string, prices: PriceList): { seller: Seller; ways: ProviderWays } {
  const seller = prices.sellerAt(baseUrl);
  const known = seller.isListed ? providers.find(({ name }) => name === seller.name) : undefined;
  return { seller, ways: known ?? commonWays };
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && `${username}${password}${search}${hash}` === '';
}
