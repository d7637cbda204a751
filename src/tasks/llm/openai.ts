/** OpenAI. https://platform.openai.com/docs/api-reference/chat */
import type { Provider } from './provider.ts';

export const openai: Provider = {
  action: 'openai_chat',
  name: 'openai',
  title: 'OpenAI',
  keySetting: 'OPENAI_API_KEY',
  baseUrlSetting: 'OPENAI_BASE_URL',
  baseUrl: 'https://api.openai.com/v1',
  defaultModel: 'gpt-4',
  takesJsonSchema: true,
  // The reasoning models refuse max_tokens; servers of others that speak this API know nothing else.
  maxTokensField: (model) => (/^(o\d|gpt-[5-9])/.test(model) ? 'max_completion_tokens' : 'max_tokens'),
  hidesReasoningInTotal: false,
};
