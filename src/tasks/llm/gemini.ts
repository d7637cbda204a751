/** Gemini, through Google's OpenAI-compatible address. https://ai.google.dev/gemini-api/docs/openai */
import type { Provider } from './provider.ts';

export const gemini: Provider = {
  action: 'gemini_chat',
  name: 'gemini',
  title: 'Gemini',
  keySetting: 'GOOGLE_API_KEY',
  baseUrlSetting: 'GEMINI_BASE_URL',
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
  defaultModel: 'gemini-3.6-flash',
  takesJsonSchema: true,
  maxTokensField: () => 'max_tokens',
  hidesReasoningInTotal: true,
};
