/**
 * Answers of real servers, whole: the bodies as their documentation, their sources and their issue trackers show them,
 * shortened. Each names what the engine has to make of it. `docs/models.md` lists them.
 */

export interface ServerAnswer {
  /** The server's name in docs/models.md. */
  readonly server: string;
  /** The answer's body, as JSON or as it stands. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** The step's outputs without its model; or how it fails, and the text it keeps. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly failure?: {
    readonly code: string;
    readonly message: RegExp;
    readonly kept?: Readonly<Record<string, unknown>>;
  };
  /** Input and output tokens; null where the usage is not known. */
  readonly tokens?: readonly [input: number, output: number] | null;
  readonly logs?: readonly string[];
}

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

/** An answer in OpenAI's form with this message and end. */
function openAi(message: unknown, finish_reason: unknown = 'stop', rest: object = {}) {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'some-model',
    choices: [{ index: 0, message, finish_reason, logprobs: null }],
    usage,
    ...rest,
  };
}
const says = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more });
const yes = { content: 'Yes.', finish_reason: 'stop' };
const thought = { ...yes, reasoning: 'Let me see.' };
const json = { response_format: 'json_object' };
const n1 = { finish_reason: 'stop', json: { n: 1 } };

export const serverAnswers: Readonly<Record<string, ServerAnswer>> = {
  'mistral-parts': {
    server: 'Mistral',
    body: openAi(
      says([
        {
          type: 'thinking',
          thinking: [
            { type: 'text', text: 'Let me ' },
            { type: 'text', text: 'see.' },
          ],
          closed: true,
        },
        { type: 'text', text: 'Yes.' },
      ]),
    ),
    outputs: thought,
  },
  'mistral-references': {
    server: 'Mistral',
    body: openAi(
      says([
        { type: 'text', text: 'Yes' },
        { type: 'reference', reference_ids: [1] },
        { type: 'text', text: '.' },
      ]),
    ),
    outputs: yes,
    logs: ['Warning: parts of the answer that are no text were left out: reference'],
  },
  'mistral-model-length': {
    server: 'Mistral',
    body: openAi(says('Half an'), 'model_length'),
    failure: {
      code: 'ANSWER_CUT',
      message: /was cut after 7 characters by the model's own limit/,
      kept: { content: 'Half an', characters: 7, finish_reason: 'model_length' },
    },
  },
  'vllm-reasoning-content': {
    server: 'vLLM',
    body: openAi(says('\n\nYes.', { reasoning_content: 'Let me see.', tool_calls: [], refusal: null }), 'stop', {
      usage: { ...usage, prompt_tokens_details: null },
    }),
    outputs: { ...thought, content: '\n\nYes.' },
  },
  'vllm-reasoning': {
    server: 'vLLM',
    body: openAi(says('Yes.', { reasoning: 'Let me see.', reasoning_content: 'Let me see.', function_call: null })),
    outputs: thought,
  },
  'vllm-all-in-reasoning': {
    server: 'vLLM',
    body: openAi(says(null, { reasoning_content: 'The answer is yes.' })),
    failure: {
      code: 'ANSWER_INVALID',
      message: /is empty; all it says stands in its reasoning \(18 characters\)/,
      kept: { content: '', characters: 0, reasoning: 'The answer is yes.', finish_reason: 'stop' },
    },
  },
  'vllm-abort': {
    server: 'vLLM',
    body: openAi(says('Half an'), 'abort'),
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /ended early \(finish_reason abort\)/,
      kept: { content: 'Half an', characters: 7, finish_reason: 'abort' },
    },
  },
  'vllm-channels': {
    server: 'vLLM',
    body: openAi(
      says(
        '<|channel|>analysis<|message|>Let me see.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>',
      ),
    ),
    outputs: thought,
  },
  'tgi-eos-token': { server: 'TGI', body: openAi(says('Yes.'), 'eos_token'), outputs: yes },
  'tgi-stop-sequence': { server: 'TGI', body: openAi(says('Yes.'), 'stop_sequence'), outputs: yes },
  'sglang-think': {
    server: 'SGLang',
    body: openAi(says('<think>\nLet me see.\n</think>\n\nYes.', { reasoning_content: null }), 'stop', {
      metadata: { weight_version: 'default' },
    }),
    outputs: thought,
  },
  'sglang-think-without-opening': {
    server: 'SGLang',
    body: openAi(says('Let me see.\n</think>\n\nYes.')),
    outputs: thought,
  },
  'sglang-end-as-object': { server: 'SGLang', body: openAi(says('Yes.'), { type: 'stop', matched: 2 }), outputs: yes },
  'llama.cpp-think-cut': {
    server: 'llama.cpp',
    body: openAi(says('<think>\nLet me see, and see'), 'length', { timings: { prompt_n: 11, predicted_n: 7 } }),
    params: { max_tokens: 7 },
    failure: {
      code: 'ANSWER_CUT',
      message: /ran out of tokens before it answered: its reasoning took all of them; raise max_tokens/,
      kept: { content: '', characters: 0, reasoning: 'Let me see, and see', finish_reason: 'length' },
    },
  },
  'llama.cpp-no-thinking': { server: 'llama.cpp', body: openAi(says('<think>\n\n</think>\n\nYes.')), outputs: yes },
  'ollama-reasoning': { server: 'Ollama', body: openAi(says('Yes.', { reasoning: 'Let me see.' })), outputs: thought },
  'ollama-no-end': { server: 'Ollama', body: openAi(says('Yes.'), ''), outputs: yes },
  'ollama-native': {
    server: 'Ollama',
    body: {
      model: 'some-model',
      created_at: '2026-01-01T00:00:00Z',
      message: { role: 'assistant', content: 'Yes.', thinking: 'Let me see.' },
      done_reason: 'stop',
      done: true,
      prompt_eval_count: 11,
      eval_count: 7,
    },
    outputs: thought,
  },
  'lm-studio-eos-found': { server: 'LM Studio', body: openAi(says('Yes.'), 'eosFound', { stats: {} }), outputs: yes },
  'lm-studio-context-reached': {
    server: 'LM Studio',
    body: openAi(says('Half an'), 'contextLengthReached'),
    params: { max_tokens: 2 },
    outputs: { content: 'Half an', finish_reason: 'length', truncated: true },
    logs: ['The answer was cut by max_tokens (finish_reason contextLengthReached)'],
  },
  'localai-null-text': { server: 'LocalAI', body: openAi(says('Yes.'), 'null'), outputs: yes },
  'localai-json-in-fence': {
    server: 'LocalAI',
    body: openAi(says('Here it is:\n```json\n{"n": 1}\n```\nAnything else?')),
    params: json,
    outputs: { ...n1, content: 'Here it is:\n```json\n{"n": 1}\n```\nAnything else?' },
  },
  'localai-json-with-bom': {
    server: 'LocalAI',
    body: openAi(says('\ufeff{"n": 1}')),
    params: json,
    outputs: { ...n1, content: '\ufeff{"n": 1}' },
  },
  'cohere-complete': { server: 'Cohere', body: openAi(says('Yes.'), 'COMPLETE'), outputs: yes },
  'cohere-max-tokens': {
    server: 'Cohere',
    body: openAi(says('Half an'), 'MAX_TOKENS'),
    params: { max_tokens: 2 },
    outputs: { content: 'Half an', finish_reason: 'length', truncated: true },
    logs: ['The answer was cut by max_tokens (finish_reason MAX_TOKENS)'],
  },
  'cohere-error-toxic': {
    server: 'Cohere',
    body: openAi(says('Half an'), 'ERROR_TOXIC'),
    failure: {
      code: 'ANSWER_REFUSED',
      message: /withheld the answer \(finish_reason ERROR_TOXIC\)/,
      kept: { content: 'Half an', characters: 7, finish_reason: 'ERROR_TOXIC' },
    },
  },
  'cohere-native': {
    server: 'Cohere',
    body: {
      id: 'c-1',
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Let me see.' },
          { type: 'text', text: 'Yes.' },
        ],
      },
      finish_reason: 'COMPLETE',
      usage: { billed_units: { input_tokens: 11, output_tokens: 7 }, tokens: { input_tokens: 80, output_tokens: 9 } },
    },
    outputs: thought,
  },
  'groq-parsed': {
    server: 'Groq',
    body: openAi(says('Yes.', { reasoning: 'Let me see.' }), 'stop', {
      x_groq: { id: 'req_1' },
      service_tier: 'on_demand',
    }),
    outputs: thought,
  },
  'openrouter-reasoning-details': {
    server: 'OpenRouter',
    body: openAi(
      says('Yes.', {
        refusal: null,
        reasoning_details: [
          { type: 'reasoning.summary', summary: 'Let me ', format: 'x', index: 0 },
          { type: 'reasoning.text', text: 'see.', signature: null, format: 'x', index: 1 },
          { type: 'reasoning.encrypted', data: 'AAAA' },
        ],
      }),
      'stop',
      { provider: 'X' },
    ),
    outputs: thought,
  },
  'openrouter-native-reason': {
    server: 'OpenRouter',
    body: openAi(says('Half'), 'error'),
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /ended early \(finish_reason error\)/,
      kept: { content: 'Half', characters: 4, finish_reason: 'error' },
    },
  },
  'together-eos': {
    server: 'Together',
    body: openAi(says('Yes.', { tool_calls: [] }), 'eos', { prompt: [] }),
    outputs: yes,
  },
  'together-think': {
    server: 'Together',
    body: openAi(says('<think>Let me see.</think>Yes.'), 'eos'),
    outputs: thought,
  },
  'azure-filter-results': {
    server: 'Azure OpenAI',
    body: {
      ...openAi(says('Yes.', { annotations: [], refusal: null })),
      choices: [
        {
          index: 0,
          message: says('Yes.', { annotations: [], refusal: null }),
          finish_reason: 'stop',
          content_filter_results: { hate: { filtered: false, severity: 'safe' } },
        },
      ],
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
    },
    outputs: yes,
  },
  'azure-content-filter': {
    server: 'Azure OpenAI',
    body: openAi(says('Half an'), 'content_filter'),
    failure: {
      code: 'ANSWER_REFUSED',
      message: /withheld the answer \(finish_reason content_filter\)/,
      kept: { content: 'Half an', characters: 7, finish_reason: 'content_filter' },
    },
  },
  'anthropic-end-turn': { server: 'Anthropic-shaped proxies', body: openAi(says('Yes.'), 'end_turn'), outputs: yes },
  'anthropic-refusal': {
    server: 'Anthropic-shaped proxies',
    body: openAi(says('I would rather not.'), 'refusal'),
    failure: {
      code: 'ANSWER_REFUSED',
      message: /withheld the answer \(finish_reason refusal\)/,
      kept: { content: 'I would rather not.', characters: 19, finish_reason: 'refusal' },
    },
  },
  'anthropic-thinking-blocks': {
    server: 'Anthropic-shaped proxies',
    body: openAi(
      says('Yes.', {
        reasoning_content: 'Let me see.',
        thinking_blocks: [{ type: 'thinking', thinking: 'Let me see.', signature: 'x' }],
      }),
    ),
    outputs: thought,
  },
  'anthropic-native': {
    server: 'Anthropic-shaped proxies',
    body: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'some-model',
      content: [
        { type: 'thinking', thinking: 'Let me see.', signature: 'x' },
        { type: 'text', text: 'Yes.' },
      ],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 4, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 7 },
    },
    outputs: thought,
  },
  'gemini-thought': {
    server: 'Gemini',
    body: openAi(says('<thought>Let me see.</thought>Yes.', { extra_content: { google: { thought: true } } })),
    outputs: thought,
  },
  'gemini-safety': {
    server: 'Gemini',
    body: openAi(says(''), 'SAFETY'),
    failure: { code: 'ANSWER_REFUSED', message: /withheld the answer \(finish_reason SAFETY\)/ },
  },
  'json-as-value': {
    server: 'Other gateways',
    body: openAi(says({ n: 1 })),
    params: json,
    outputs: { content: '{"n":1}', finish_reason: 'stop', json: { n: 1 } },
  },
  'unknown-end': {
    server: 'Other gateways',
    body: openAi(says('Yes.'), 'because'),
    outputs: yes,
    logs: [
      'Warning: OpenAI at HOST ended the answer with finish_reason because, which is not known; it was taken as whole',
    ],
  },
  'stream-instead-of-json': {
    server: 'Other gateways',
    contentType: 'text/event-stream',
    body: 'data: {"choices":[{"delta":{"content":"Yes"}}]}\n\ndata: {"choices":[{"delta":{"content":"."},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7}}\n\ndata: [DONE]\n\n',
    outputs: yes,
  },
  'json-with-done': {
    server: 'Other gateways',
    contentType: 'text/event-stream',
    body: `${JSON.stringify(openAi(says('Yes.')))}\n\ndata: [DONE]\n\n`,
    outputs: yes,
  },
  'broken-byte': {
    server: 'Other gateways',
    body: Buffer.concat([
      Buffer.from('{"choices":[{"message":{"content":"Y'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from(`s."},"finish_reason":"stop"}],"usage":${JSON.stringify(usage)}}`),
    ]),
    outputs: { content: 'Y\ufffd(s.', finish_reason: 'stop' },
    logs: ['Warning: bytes of the answer are not valid UTF-8; U+FFFD stands in their place'],
  },
  'plain-text': {
    server: 'Other gateways',
    contentType: 'text/plain',
    body: 'Yes, of course.',
    tokens: null,
    failure: {
      code: 'ANSWER_INVALID',
      message: /answered text\/plain that is no JSON; is this the API's address\?/,
      kept: { content: 'Yes, of course.', characters: 15 },
    },
  },
};
