/** What makes one provider of models differ from the next. Another one is one more file like `openai.ts`. */

/** Models think for minutes. */
export const modelTimeoutMs = 600_000;

/** How its API differs from the next, wherever it is reached. */
export interface ProviderWays {
  /** Whether `response_format` may hold a JSON Schema. Where not, JSON is asked for and the schema stands in the prompt. */
  readonly takesJsonSchema: boolean;
  /** The request's name for the upper bound of the answer's tokens. */
  maxTokensField(model: string): 'max_tokens' | 'max_completion_tokens';
  /** Whether the total of a usage may hold reasoning that no other count of it names. It is billed as output. */
  readonly hidesReasoningInTotal: boolean;
}

export interface Provider extends ProviderWays {
  /** The action's name, `openai_chat`. */
  readonly action: string;
  /** In metadata, prices and messages. */
  readonly name: string;
  /** How people write it. */
  readonly title: string;
  /** The setting that holds its key. */
  readonly keySetting: string;
  /** The setting that points to another address for the same API. */
  readonly baseUrlSetting: string;
  readonly baseUrl: string;
  readonly defaultModel: string;
}
