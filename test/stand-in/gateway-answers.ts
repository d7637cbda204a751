/**
 * Answers that came to their end and hold something beside the answer, or have it in another place: what proxies add, what
 * encoders write, what servers say twice. `docs/models.md` lists them.
 */
import type { ServerAnswer } from './server-answers.ts';
import type { ServerStream } from './server-streams.ts';

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const yes = { content: 'Yes.', finish_reason: 'stop' };
const json = { response_format: 'json_object' };
const says = (content: unknown, more: object = {}, choice: object = {}) => ({
  model: 'some-model',
  choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop', ...choice }],
  usage,
});
const plain = JSON.stringify(says('Yes.'));
const gateway = 'Other gateways';

export const gatewayAnswers: Readonly<Record<string, ServerAnswer>> = {
  'perplexity-delta-beside-message': {
    server: 'Perplexity',
    body: says('Yes.', {}, { delta: { role: 'assistant', content: '' } }),
    outputs: yes,
  },
  'json-behind-comments': { server: gateway, body: `: processing\n\n: processing\n\n${plain}`, outputs: yes },
  'json-before-a-comment': { server: gateway, body: `${plain}\n<!-- served by cache-3 -->`, outputs: yes },
  'json-before-zeros': { server: gateway, body: `${plain}\0\0`, outputs: yes },
  'json-twice': {
    server: gateway,
    body: `${plain}${plain}`,
    tokens: null,
    failure: {
      code: 'ANSWER_INVALID',
      message: /answered JSON that has a fault in it$/,
      kept: { content: `${plain}${plain}`, characters: 2 * plain.length },
    },
  },
  'json-with-a-raw-line-end': {
    server: gateway,
    body: plain.replace('Yes.', 'Yes\n.'),
    tokens: null,
    failure: {
      code: 'ANSWER_INVALID',
      message: /answered JSON that has a fault in it$/,
      kept: { content: plain.replace('Yes.', 'Yes\n.'), characters: plain.length + 1 },
    },
  },
  'json-with-nan': {
    server: gateway,
    body: plain.replace('"index":0', '"index":0,"logprobs":[NaN,-Infinity]').replace('Yes.', 'Yes: NaN \\" -Infinity'),
    outputs: { content: 'Yes: NaN " -Infinity', finish_reason: 'stop' },
  },
  'index-as-text': { server: gateway, body: says('Yes.', {}, { index: '0' }), outputs: yes },
  'empty-fields-of-tools': {
    server: gateway,
    body: says('Yes.', { refusal: ' ', function_call: {}, tool_calls: [{ function: { name: '', arguments: '' } }] }),
    outputs: yes,
  },
  'json-as-value-with-a-type': {
    server: gateway,
    body: says({ type: 'invoice', text: 'x', n: 1 }),
    params: json,
    outputs: { ...yes, content: '{"type":"invoice","text":"x","n":1}', json: { type: 'invoice', text: 'x', n: 1 } },
  },
  'error-beside-a-whole-answer': {
    server: gateway,
    body: { ...says('Yes.'), error: { message: 'cache is down', code: 500 } },
    outputs: yes,
    logs: ['Warning: the answer was whole before OpenAI at HOST broke off its answer (500): cache is down'],
  },
  'another-api': {
    server: gateway,
    body: { candidates: [{ content: { parts: [{ text: 'Yes.' }] } }] },
    tokens: null,
    failure: {
      code: 'ANSWER_INVALID',
      message: /answered JSON that holds no model's answer/,
      kept: { content: '{"candidates":[{"content":{"parts":[{"text":"Yes."}]}}]}', characters: 56 },
    },
  },
  'json-with-large-numbers': {
    server: gateway,
    body: says('{"id": 12345678901234567890, "x": 1e400}'),
    params: json,
    outputs: {
      ...yes,
      content: '{"id": 12345678901234567890, "x": 1e400}',
      json: { id: 12345678901234567000, x: null },
    },
    logs: [
      'json.id: 12345678901234567890 cannot be held as a number and became 12345678901234567000; content has it as it was sent',
      'json.x: 1e400 cannot be held as a number and became null; content has it as it was sent',
    ],
  },
};

const chunk = (choice: object) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}`;
const piece = (content: string, rest: object = {}) => chunk({ delta: { content }, finish_reason: null, ...rest });
const stop = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage })}`;
const done = 'data: [DONE]';
const total = (content: string, delta: string, rest: object = {}) =>
  chunk({ message: { role: 'assistant', content }, delta: { role: 'assistant', content: delta }, ...rest });

export const gatewayStreams: Readonly<Record<string, ServerStream>> = {
  'perplexity-all-so-far': {
    server: 'Perplexity',
    events: [total('Ye', 'Ye'), total('Yes.', 's.'), total('Yes.', '', { finish_reason: 'stop' }), stop, done],
    outputs: yes,
  },
  'message-at-the-end': {
    server: gateway,
    events: [
      piece('Ye', { message: null }),
      piece('s.'),
      chunk({ message: { content: 'Yes.' }, finish_reason: 'stop' }),
      stop,
    ],
    outputs: yes,
  },
  'words-between-pieces': {
    server: gateway,
    events: ['data: ping', piece('Ye'), 'data:', 'data: keep-alive', piece('s.'), stop, 'data:  [DONE] '],
    outputs: yes,
  },
  'nan-in-a-piece': {
    server: gateway,
    events: [piece('Ye'), piece('s.').replace('"index":0', '"index":0,"logprobs":NaN'), stop, done],
    outputs: yes,
  },
  'broken-piece-of-a-whole-stream': {
    server: gateway,
    events: [piece('Ye'), 'data: {"choices":[{"delta":{"content":"s."}', stop, done],
    failure: {
      code: 'ANSWER_INVALID',
      message: /a piece of the stream of OpenAI at .* is no JSON, so its text is not whole/,
      kept: { content: 'Ye', characters: 2, finish_reason: 'stop' },
    },
  },
  'error-after-the-end': {
    server: gateway,
    events: [piece('Yes.'), stop, 'data: {"error":{"message":"could not save","code":500}}'],
    outputs: yes,
    logs: ['Warning: the answer was whole before OpenAI at HOST broke off its answer (500): could not save'],
  },
  'event-named-error': {
    server: gateway,
    events: [piece('Half'), 'event: error\ndata: {"message":"out of memory"}'],
    tokens: null,
    failure: {
      code: 'HTTP_RETRYABLE',
      message: /broke off its answer: out of memory/,
      kept: { content: 'Half', characters: 4, finish_reason: null },
    },
  },
};
