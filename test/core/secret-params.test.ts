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
        'holds the value of S7: name it in params of http_request, as {{secrets.S7}}, and params are stored and shown; remove it',
    },
  ]);
});
