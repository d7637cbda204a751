/** Goal: a key in params is found wherever it stands, is named by its setting alone, and short ones are left. */
import { expect, it } from 'vitest';
import { findSecretParams } from '../../src/core/secret-params.ts';

const secrets = {
  OPENAI_API_KEY: 'sk-12345',
  CHAT_API_KEY: 'ollama7',
  CHAT_BASE_URL: 'http://localhost:11434/v1',
};
const message = expect.stringMatching(/^holds the value of OPENAI_API_KEY: /);

it('names each place, names of fields before values, and never the key', () => {
  const params = {
    prompt: 'my key is sk-12345, use it',
    headers: [{ authorization: 'Bearer sk-12345' }, 'sk-1234', 7, null],
    'x-sk-12345': 'in a name',
  };
  const found = findSecretParams(params, ['steps', 1, 'params'], secrets);
  expect(found).toEqual([
    { path: 'steps[1].params.x-[OPENAI_API_KEY]', message },
    { path: 'steps[1].params.prompt', message },
    { path: 'steps[1].params.headers[0].authorization', message },
  ]);
  expect(JSON.stringify(found)).not.toContain('sk-12345');
});

it('seven characters and addresses are searched for nowhere', () => {
  expect(findSecretParams({ a: 'ollama7 at http://localhost:11434/v1' }, ['params'], secrets)).toEqual([]);
  expect(findSecretParams(undefined, ['params'], secrets)).toEqual([]);
  expect(findSecretParams({ a: 'sk-12345' }, ['params'], {})).toEqual([]);
});

it('secrets of steps are found as well, among many, and the message says how to name one', () => {
  const store = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`S${i}`, { value: `canary-${i}-secret` }]));
  expect(findSecretParams({ a: 'x canary-7-secret', b: 'canary-77-secret' }, ['params'], secrets, store)).toEqual([
    {
      path: 'params.a',
      message:
        'holds the value of S7: name it in params of http_request, as {{secrets.S7}}, and definitions are stored and shown; remove it',
    },
  ]);
});

it('shows no other key in the path of the first, and no part of one in a name that is cut', () => {
  const two = { OPENAI_API_KEY: 'sk-12345', DEEPSEEK_API_KEY: 'ds-67890' };
  const params = { 'a sk-12345 ds-67890': ['ds-67890'], [`${'k'.repeat(196)}sk-12345`]: 1 };
  const found = findSecretParams(params, ['params'], two);
  expect(found.map(({ path }) => path)).toEqual([
    `params.${'k'.repeat(196)}[OPE…`,
    'params.a [OPENAI_API_KEY] [DEEPSEEK_API_KEY]',
    'params.a [OPENAI_API_KEY] [DEEPSEEK_API_KEY][0]',
  ]);
});

it('names a hundred places and no more', () => {
  const places = (count: number) => findSecretParams(Array(count).fill('sk-12345'), ['params'], secrets);
  expect([places(100).length, places(101).length]).toEqual([100, 100]);
});
