/** Goal: what a model step will ask for is told before it starts, from any params. Method: the actions of the catalogue, asked. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/contract/json.ts';
import type { PlannedCall } from '../../../src/contract/task.ts';
import { createActionCatalogue, rehearsedTasks } from '../../../src/tasks/registry.ts';
import { runAttempt } from '../../../src/worker/attempt.ts';
import { createJob } from '../../pool/harness.ts';

const catalogue = createActionCatalogue();
const plan = (action: string, params: JsonObject, secrets = {}) => catalogue.get(action)?.callsModel?.(params, secrets);
const known = (action: string, params: JsonObject) => plan(action, params) as PlannedCall;

test('each model action names the provider and the model that its metadata will name, and where the call goes', () => {
  expect(plan('openai_chat', { prompt: 'Why?' })).toMatchObject({
    provider: 'openai',
    model: 'gpt-4',
    baseUrl: 'https://api.openai.com/v1',
  });
  expect(plan('deepseek_chat', { prompt: 'Why?', model: 'deepseek-reasoner' })).toMatchObject({
    provider: 'deepseek',
    model: 'deepseek-reasoner',
  });
  const elsewhere = { GEMINI_BASE_URL: 'http://127.0.0.1:9/v1' };
  expect(plan('gemini_chat', {}, elsewhere)).toMatchObject({ provider: 'gemini', baseUrl: 'http://127.0.0.1:9/v1' });
  const local = { base_url: 'http://localhost:11434/v1', model: 'llama3.2' };
  expect(plan('chat', local)).toMatchObject({ provider: 'localhost:11434', model: 'llama3.2' });
  const listed = { base_url: 'https://api.deepseek.com/v1', model: 'deepseek-chat' };
  expect(plan('chat', listed)).toMatchObject({ provider: 'deepseek', baseUrl: 'https://api.deepseek.com/v1' });
});

test('no other action calls a model', () => {
  const actions = [...catalogue.values()].filter(({ callsModel }) => callsModel).map(({ action }) => action);
  expect(actions).toEqual(['openai_chat', 'deepseek_chat', 'gemini_chat', 'chat', 'any_chat']);
});

test('tokens are a fourth of the characters, and what the answer is bounded by', () => {
  const text = 'x'.repeat(4_000);
  const tokens = (params: JsonObject) => {
    const { inputTokens, outputTokens } = known('openai_chat', params);
    return [inputTokens, outputTokens];
  };
  expect(tokens({ prompt: text })).toEqual([1_001, 1_000]);
  expect(tokens({ prompt: text, system: text, max_tokens: 50 })).toEqual([2_001, 50]);
  const messages = [
    { role: 'system', content: text },
    { role: 'user', content: [{ type: 'text', text }, { type: 'input_audio' }, null] },
    { role: 'assistant', content: null },
    'odd',
    null,
  ];
  expect(tokens({ messages, max_completion_tokens: 70 })).toEqual([2_002, 70]);
  expect(tokens({ messages: 7, extra: { max_completion_tokens: 90 } })).toEqual([1, 90]);
  const pictures = [
    { role: 'user', content: [{ type: 'image_url' }, { type: 'image_url', image_url: { url: text } }] },
  ];
  expect(tokens({ messages: pictures })).toEqual([3_201, 1_000]);
  const schema = { type: 'json_schema', schema: { description: text } };
  expect(tokens({ prompt: 'x', response_format: schema })[0]).toBeGreaterThan(1_000);
});

test.each(['openai_chat', 'deepseek_chat'])(
  'a dry run of %s counts the schema that the answer has to fit',
  async (action) => {
    const inputTokens = async (length: number) => {
      const schema = { type: 'object', description: 'x'.repeat(length) };
      const job = createJob(action, {
        params: { prompt: 'Why?', response_format: { type: 'json_schema', schema } },
        secrets: {},
      });
      const { metadata } = await runAttempt(job, {
        tasks: rehearsedTasks,
        network: { allowHosts: [], ownPort: null },
        signal: new AbortController().signal,
      });
      return (metadata as { rehearsal: { input_tokens: number } }).rehearsal.input_tokens;
    };
    expect((await inputTokens(4_000)) - (await inputTokens(0))).toBe(1_000);
  },
);

test('what is not known yet, or is no call at all, is no error', () => {
  expect(plan('openai_chat', { model: 7 })).toBeNull();
  for (const params of [{}, { base_url: 7 }, { base_url: 'none' }, { base_url: 'http://localhost:1/v1' }]) {
    expect(plan('chat', params as JsonObject)).toBeNull();
  }
});

test('who is asked, or for how much, can hang on outputs that are not read yet', () => {
  const later = '{{steps.a.outputs.x}}';
  for (const params of [
    { model: later },
    { max_tokens: later },
    { n: later },
    { extra: { max_completion_tokens: later } },
    { extra: later },
  ])
    expect(plan('openai_chat', params)).toBe('unread');
  expect(plan('chat', { base_url: later, model: 'm' })).toBe('unread');
  expect(plan('any_chat', { provider: later })).toBe('unread');
  // What is asked for counts by its size.
  expect(plan('openai_chat', { prompt: later, system: later })).toMatchObject({ provider: 'openai' });
});

test('a bound that no provider would take is none: the step fails for it when it runs', () => {
  for (const bound of [100.5, 0, -1, 1e300, Number.POSITIVE_INFINITY, Number.NaN, '5', null])
    expect(plan('openai_chat', { prompt: 'x', max_tokens: bound } as JsonObject)).toMatchObject({
      outputTokens: 1_000,
    });
});

test('several answers count several times, and tools as part of the request', () => {
  expect(plan('openai_chat', { prompt: 'x', max_tokens: 100, n: 50 })).toMatchObject({ outputTokens: 5_000 });
  expect(plan('openai_chat', { prompt: 'x', max_tokens: 100, extra: { n: 3 } })).toMatchObject({ outputTokens: 300 });
  expect(plan('openai_chat', { prompt: 'x', max_tokens: 100, n: 0.5 })).toMatchObject({ outputTokens: 100 });
  const tools = [{ type: 'function', function: { name: 'f', description: 'x'.repeat(4_000) } }];
  expect(known('openai_chat', { prompt: 'x', tools }).inputTokens).toBeGreaterThan(1_000);
});
