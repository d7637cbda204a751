/** DeepSeek. https://api-docs.deepseek.com */
import type { Provider } from './provider.ts';

export const deepseek: Provider = {
  action: 'deepseek_chat',
  name: 'deepseek',
  title: 'DeepSeek',
  keySetting: 'DEEPSEEK_API_KEY',
  baseUrlSetting: 'DEEPSEEK_BASE_URL',
  baseUrl: 'https://api.deepseek.com',
  defaultModel: 'deepseek-chat',
  takesJsonSchema: false,
  maxTokensField: () => 'max_tokens',
  hidesReasoningInTotal: false,
};
