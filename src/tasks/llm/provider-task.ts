/** The action of a provider: `openai_chat`, `deepseek_chat`, `gemini_chat`. */
import { modelServersSetting } from '../../contract/model-servers.ts';
import type { Task } from '../../contract/task.ts';
import { askModel } from './ask-model.ts';
import { providerEndpoint, providers, splitQuery } from './endpoint.ts';
import { type ChatParams, providerParams } from './params.ts';
import { planCall } from './planned-call.ts';
import { loadPriceList } from './prices.ts';
import { modelTimeoutMs, type Provider } from './provider.ts';
import { rehearseModel } from './rehearse.ts';

function createProviderTask(provider: Provider): Task<ChatParams> {
  const { action, name, title, keySetting, baseUrlSetting, baseUrl, defaultModel } = provider;
  return {
    action,
    lane: 'io',
    description: `Asks a model of ${title} (${defaultModel} when none is named) and returns its answer as content, with what it has used and cost. Needs ${keySetting}.`,
    params: providerParams,
    secrets: [keySetting, baseUrlSetting, modelServersSetting],
    goesOut: true,
    timeoutMs: modelTimeoutMs,
    callsModel: (params, secrets) =>
      planCall(params, {
        provider: name,
        baseUrl: splitQuery(secrets[baseUrlSetting] ?? baseUrl).address,
        defaultModel,
        gatewayOf: secrets[baseUrlSetting] === undefined ? undefined : name,
      }),
    async run(params, context) {
      const endpoint = providerEndpoint(provider, context.secrets);
      const prices = await loadPriceList(context.prices);
      const model = params.model ?? defaultModel;
      // Another address may have other prices; the step's provider is shown as the action names it.
      const seller = prices.sellerAt(endpoint.baseUrl, name);
      return askModel({ params, model, endpoint, provider: name, seller, ways: provider, prices }, context);
    },
    async rehearse(params, context) {
      const { secrets } = context;
      const open = () => providerEndpoint(provider, secrets);
      const prices = await loadPriceList(context.prices);
      const model = params.model ?? defaultModel;
      const baseUrl = splitQuery(secrets[baseUrlSetting] ?? provider.baseUrl).address;
      const seller = prices.sellerAt(baseUrl, name);
      return rehearseModel({ params, model, baseUrl, open, provider: name, seller, ways: provider, prices }, context);
    },
  };
}

export const providerTasks: readonly Task<ChatParams>[] = providers.map(createProviderTask);
