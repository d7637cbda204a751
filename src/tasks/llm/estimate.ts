/** How many tokens a call is likely to take, reckoned from its request alone. */

/** English has some four characters a token; other languages and code have fewer. */
const charactersPerToken = 4;
/** Of an answer that the step does not bound. */
const answerTokensDefault = 1_000;

export interface TokenEstimate {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Of a picture in a message. gpt-4o reckons at most 1,445 for one, some small models many times that. */
const pictureTokens = 1_600;

/** `messages` as they are sent; of their parts text and pictures count. */
export function estimateTokens(messages: unknown, answerTokensMax: number | null | undefined): TokenEstimate {
  return {
    inputTokens: Math.ceil(countCharacters(messages) / charactersPerToken),
    outputTokens: answerTokensMax ?? answerTokensDefault,
  };
}

/** As long as an answer of so many tokens. */
export function toCharacters(tokens: number): number {
  return tokens * charactersPerToken;
}

function countCharacters(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countCharacters(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  const { type, content, text } = value as Record<string, unknown>;
  const picture = type === 'image_url' ? toCharacters(pictureTokens) : 0;
  return countCharacters(content) + countCharacters(text) + picture;
}
