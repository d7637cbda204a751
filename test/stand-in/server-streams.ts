/** Streams of real servers, as the data of their events, shortened. `docs/models.md` lists them. */
import type { ServerAnswer } from './server-answers.ts';

export interface ServerStream extends Omit<ServerAnswer, 'body'> {
  /** Events, each with its field's name, without the empty line that ends it. */
  readonly events: readonly string[];
  /** What followers are told, joined; the content where it is not given. */
  readonly said?: string;
}

const chunk = (choice: object | null, rest: object = {}) =>
  `data: ${JSON.stringify({
    id: 'c-1',
    object: 'chat.completion.chunk',
    model: 'some-model',
    choices: choice === null ? [] : [{ index: 0, ...choice }],
    ...rest,
  })}`;
const piece = (delta: object, finish_reason: unknown = null, rest: object = {}) =>
  chunk({ delta, finish_reason }, rest);
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const last = chunk(null, { usage });
const done = 'data: [DONE]';
const yes = { content: 'Yes.', finish_reason: 'stop' };
const thought = { ...yes, reasoning: 'Let me see.' };
const named = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}`;

export const serverStreams: Readonly<Record<string, ServerStream>> = {
  'mistral-parts-streamed': {
    server: 'Mistral',
    events: [
      piece({ role: 'assistant', content: '' }),
      piece({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Let me ' }] }] }),
      piece({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'see.' }] }] }),
      piece({ content: 'Ye' }),
      piece({ content: 's.' }, 'stop', { usage }),
      done,
    ],
    outputs: thought,
  },
  'vllm-reasoning-streamed': {
    server: 'vLLM',
    events: [
      piece({ role: 'assistant', content: '' }),
      piece({ reasoning: 'Let me ', reasoning_content: 'Let me ' }),
      piece({ reasoning: 'see.', reasoning_content: 'see.' }),
      piece({ content: 'Yes.' }),
      piece({}, 'stop'),
      last,
      done,
    ],
    outputs: thought,
  },
  'sglang-empty-reasons': {
    server: 'SGLang',
    events: [
      chunk(
        { delta: { role: null, content: 'Yes', tool_calls: null }, finish_reason: '', matched_stop: null },
        { usage: null },
      ),
      chunk(
        { delta: { role: null, content: '.', tool_calls: null }, finish_reason: '', matched_stop: null },
        { usage: null },
      ),
      last,
      done,
    ],
    outputs: yes,
  },
  'koboldcpp-null-text': {
    server: 'KoboldCpp',
    events: [piece({ content: 'Yes' }, 'null'), piece({ content: '.' }, 'null'), piece({}, 'stop', { usage }), done],
    outputs: yes,
  },
  'vllm-channels-streamed': {
    server: 'vLLM',
    events: [
      piece({ content: '<|chan' }),
      piece({ content: 'nel|>analysis<|message|>Let me see.<|end|><|start|>assistant<|channel|>fin' }),
      piece({ content: 'al<|message|>Ye' }),
      piece({ content: 's.<|ret' }),
      piece({ content: 'urn|>' }),
      piece({}, 'stop', { usage }),
      done,
    ],
    outputs: thought,
  },
  'llama.cpp-think-streamed': {
    server: 'llama.cpp',
    events: [
      piece({ content: '<thi' }),
      piece({ content: 'nk>\nLet me' }),
      piece({ content: ' see.\n</th' }),
      piece({ content: 'ink>\n' }),
      piece({ content: '\nYe' }),
      piece({ content: 's.' }),
      piece({}, 'stop', { usage }),
      done,
    ],
    outputs: thought,
  },
  'llama.cpp-error-field': {
    server: 'llama.cpp',
    events: [
      piece({ content: 'Half an' }),
      'error: {"code":500,"message":"context shift is disabled","type":"server_error"}',
    ],
    tokens: null,
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /broke off its answer \(server_error, 500\): context shift is disabled/,
      kept: { content: 'Half an', characters: 7, finish_reason: null },
    },
  },
  'lm-studio-error-event': {
    server: 'LM Studio',
    events: [
      piece({ content: 'Half an' }),
      'event: error\ndata: {"error":{"message":"The model has crashed without additional information."}}',
    ],
    tokens: null,
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /broke off its answer: The model has crashed/,
      kept: { content: 'Half an', characters: 7, finish_reason: null },
    },
  },
  'groq-usage-streamed': {
    server: 'Groq',
    events: [
      piece({ role: 'assistant', content: '' }, null, { x_groq: { id: 'req_1' } }),
      piece({ content: 'Yes.' }),
      piece({}, 'stop', { x_groq: { id: 'req_1', usage } }),
      done,
    ],
    outputs: yes,
  },
  'openrouter-comments': {
    server: 'OpenRouter',
    events: [
      ': OPENROUTER PROCESSING',
      piece({
        role: 'assistant',
        content: '',
        reasoning: 'Let me see.',
        reasoning_details: [{ type: 'reasoning.text', text: 'Let me see.' }],
      }),
      ': OPENROUTER PROCESSING',
      chunk({
        delta: { role: 'assistant', content: 'Yes.' },
        finish_reason: 'stop',
        native_finish_reason: 'completed',
      }),
      last,
      done,
    ],
    outputs: thought,
  },
  'openrouter-error-in-choice': {
    server: 'OpenRouter',
    events: [
      piece({ content: 'Half an' }),
      chunk({
        delta: { content: '' },
        finish_reason: 'error',
        error: { code: 502, message: 'Provider disconnected', metadata: { error_type: 'provider_unavailable' } },
      }),
    ],
    tokens: null,
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /broke off its answer \(502\): Provider disconnected/,
      kept: { content: 'Half an', characters: 7, finish_reason: 'error' },
    },
  },
  'together-streamed': {
    server: 'Together',
    events: [piece({ content: 'Yes' }, '', { usage: null }), piece({ content: '.' }, 'eos', { usage }), done],
    outputs: yes,
  },
  'azure-annotations': {
    server: 'Azure OpenAI',
    events: [
      `data: ${JSON.stringify({ choices: [], prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }] })}`,
      piece({ role: 'assistant', content: '' }),
      piece({ content: 'Yes.' }),
      chunk({ finish_reason: null, content_filter_results: {}, content_filter_offsets: { check_offset: 1 } }),
      piece({}, 'stop'),
      last,
      done,
    ],
    outputs: yes,
  },
  'moonshot-usage-in-choice': {
    server: 'Other gateways',
    events: [piece({ content: 'Yes.' }), chunk({ delta: {}, finish_reason: 'stop', usage }), done],
    outputs: yes,
  },
  'several-choices': {
    server: 'Other gateways',
    params: { n: 2 },
    events: [
      piece({ content: 'Yes' }),
      chunk({ index: 1, delta: { content: 'No' } }),
      piece({ content: '.' }, 'stop'),
      chunk({ index: 1, delta: { content: '!' }, finish_reason: 'length' }),
      last,
      done,
    ],
    outputs: yes,
  },
  'anthropic-events': {
    server: 'Anthropic-shaped proxies',
    events: [
      named('message_start', {
        message: { type: 'message', model: 'some-model', content: [], usage: { input_tokens: 11, output_tokens: 1 } },
      }),
      named('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '' } }),
      named('ping', {}),
      named('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'Let me see.' } }),
      named('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'x' } }),
      named('content_block_stop', { index: 0 }),
      named('content_block_start', { index: 1, content_block: { type: 'text', text: '' } }),
      named('content_block_delta', { index: 1, delta: { type: 'text_delta', text: 'Ye' } }),
      named('content_block_delta', { index: 1, delta: { type: 'text_delta', text: 's.' } }),
      named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }),
      named('message_stop', {}),
    ],
    outputs: thought,
  },
  'done-without-reason': {
    server: 'Other gateways',
    events: [piece({ content: 'Yes.' }), last, done],
    outputs: yes,
  },
  'json-instead-of-stream': {
    server: 'Other gateways',
    contentType: 'application/json',
    events: [JSON.stringify({ choices: [{ message: { content: 'Yes.' }, finish_reason: 'stop' }], usage }, null, 2)],
    outputs: yes,
  },
  'json-called-a-stream': {
    server: 'Other gateways',
    events: [JSON.stringify({ choices: [{ message: { content: 'Yes.' }, finish_reason: 'stop' }], usage })],
    outputs: yes,
  },
  'stream-called-text': {
    server: 'Other gateways',
    contentType: 'text/plain; charset=utf-8',
    events: [piece({ content: 'Yes.' }), piece({}, 'stop', { usage }), done],
    outputs: yes,
  },
  'json-a-line': {
    server: 'Other gateways',
    contentType: 'application/x-ndjson',
    events: [
      `${piece({ content: 'Yes' }).slice(6)}\n${piece({ content: '.' }).slice(6)}\n${piece({}, 'stop', { usage }).slice(6)}`,
    ],
    outputs: yes,
  },
  'error-instead-of-stream': {
    server: 'Other gateways',
    contentType: 'application/json',
    events: [
      '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}',
    ],
    tokens: null,
    failure: {
      code: 'PROVIDER_REJECTED',
      message: /broke off its answer \(NotFoundError, 404\): The model `x` does not exist/,
    },
  },
};
