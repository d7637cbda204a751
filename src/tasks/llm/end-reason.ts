/**
 * Why an answer ended, in whichever word a server uses for it. The words are those of OpenAI, Azure, Anthropic, Google,
 * Mistral, Cohere, Groq, OpenRouter, Together, Bedrock, DeepSeek, Qwen, GLM, vLLM, TGI, SGLang, llama.cpp, Ollama,
 * LM Studio, LocalAI and KoboldCpp. They are compared without case, spaces, dashes and underscores.
 */

/**
 * `whole`: the model has said all it wanted. `length`: a bound on tokens cut it. `withheld`: a filter or the model itself
 * refused. `tool`: the model wants a tool to be called. `interrupted`: the server gave up before the end.
 */
export type EndKind = 'whole' | 'length' | 'withheld' | 'tool' | 'interrupted' | 'unknown';

const words: Readonly<Record<Exclude<EndKind, 'unknown'>, string>> = {
  whole: `stop stopped stop_sequence stop_token stop_string stop_string_found end end_turn end_of_turn eos eos_token
    eos_found eog complete completed done finish finished normal success`,
  length: `length max_length max_tokens max_tokens_reached max_output max_output_tokens max_completion_tokens
    max_new_tokens max_predicted_tokens_reached model_length model_context_window_exceeded context_length
    context_length_reached context_length_exceeded token_limit limit error_limit`,
  withheld: `refusal content_filter content_filtered filtered safety image_safety recitation blocklist blocked
    prohibited_content spii language model_armor guardrail_intervened guardrails error_toxic sensitive moderation`,
  tool: `tool tool_call tool_calls tool_use function_call malformed_function_call unexpected_tool_call
    too_many_tool_calls`,
  interrupted: `abort aborted cancel cancelled canceled user_cancel user_stopped error failed failure timeout time_limit
    network_error insufficient_system_resource model_unloaded unload load not_finished incomplete interrupted
    pause_turn overloaded`,
};

/** Words for: nothing was said. */
const none = new Set(['', 'null', 'none', 'nil', 'undefined', 'unspecified']);

const kinds = new Map<string, EndKind>();
for (const [kind, list] of Object.entries(words)) {
  for (const word of list.split(/\s+/)) kinds.set(toPlain(word), kind as EndKind);
}

/** The reason as the server wrote it; null where it wrote none, or a word that means none. */
export function readEndReason(written: unknown): string | null {
  const said =
    typeof written === 'object' && written !== null && 'type' in written
      ? (written as { type: unknown }).type
      : written;
  const text = typeof said === 'number' ? String(said) : said;
  if (typeof text !== 'string') return null;
  return none.has(toPlain(text)) ? null : text.trim();
}

/** null, of a server that names no reason, counts as whole. */
export function toEndKind(reason: string | null): EndKind {
  if (reason === null) return 'whole';
  const plain = toPlain(reason);
  // Azure writes content_filter_… for the filter's parts.
  return kinds.get(plain) ?? (plain.startsWith('contentfilter') ? 'withheld' : 'unknown');
}

function toPlain(word: string): string {
  return word
    .slice(0, 200)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/^finishreason/, '');
}
