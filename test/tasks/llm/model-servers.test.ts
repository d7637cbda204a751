/**
 * Goal: a server of models gets the key, the headers and the query that settings give for its address, another server
 * gets none of them, and none stands in what leaves an attempt. Method: the stand-in and its record of what came in.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { findSecretParams } from '../../../src/core/secret-params.ts';
import { tasks } from '../../../src/tasks/registry.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { outputsOf, runModel } from './model-attempt.ts';

let standIn: StandIn;
let other: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
  other = await StandIn.start();
});
afterAll(async () => {
  await standIn.close();
  await other.close();
});
beforeEach(() => {
  standIn.calls.length = 0;
  other.calls.length = 0;
});

const serversOf = (servers: object) => ({ MODEL_SERVERS: JSON.stringify(servers) });
const azure = {
  headers: { 'api-key': 'azure-key-0123456789', 'X-Title': 'Hybrid' },
  query: { 'api-version': '2024-10-21', code: 'function-code-42' },
};

it('a provider action through Azure sends its header and its query, and no bearer key', async () => {
  const secrets = {
    OPENAI_BASE_URL: `${standIn.origin}/openai/deployments/d`,
    ...serversOf({ [standIn.origin]: azure }),
  };
  outputsOf(await runModel(standIn, 'openai_chat', {}, { secrets }));
  const [{ path, headers }] = standIn.calls as [(typeof standIn.calls)[0]];
  expect(path).toBe('/openai/deployments/d/chat/completions?api-version=2024-10-21&code=function-code-42');
  expect(headers).toMatchObject({ 'api-key': 'azure-key-0123456789', 'x-title': 'Hybrid' });
  expect(headers).not.toHaveProperty('authorization');
});

it('a query of *_BASE_URL is sent by its action, by chat at the same address, and by any_chat', async () => {
  const secrets = {
    CHAT_BASE_URL: `${standIn.baseUrl}?api-version=1`,
    OPENAI_BASE_URL: `${standIn.baseUrl}?api-version=1`,
  };
  outputsOf(await runModel(standIn, 'openai_chat', { stream: true }, { secrets }));
  outputsOf(await runModel(standIn, 'chat', { api_key_env: undefined }, { secrets }));
  outputsOf(await runModel(standIn, 'any_chat' as never, { provider: 'chat', model: 'm' }, { secrets }));
  expect(standIn.calls.map(({ path }) => path)).toEqual(Array(3).fill('/v1/chat/completions?api-version=1'));
  const planned = tasks.get('openai_chat')?.callsModel?.({ prompt: 'x' }, secrets);
  expect(planned).toMatchObject({ baseUrl: standIn.baseUrl });
});

it('each address has its own key: the longest that fits, by whole segments, and no other server any', async () => {
  const secrets = serversOf({
    [standIn.origin]: { key: 'key-of-the-whole-host' },
    [`${standIn.origin}/v1/`]: { key: 'key-of-version-one' },
  });
  const ask = (at: StandIn, base_url: string) =>
    runModel(at, 'chat', { base_url, api_key_env: undefined, model: 'm' }, { secrets });
  await ask(standIn, `${standIn.origin}/v1`);
  await ask(standIn, `${standIn.origin}/v11`);
  await ask(other, other.baseUrl);
  expect(standIn.calls.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer key-of-version-one',
    'Bearer key-of-the-whole-host',
  ]);
  expect(other.calls.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

it('the address’s key goes before the provider’s', async () => {
  const secrets = {
    OPENAI_BASE_URL: standIn.baseUrl,
    OPENAI_API_KEY: 'key-of-the-provider',
    ...serversOf({ [standIn.baseUrl]: { key: 'key-of-the-address' } }),
  };
  await runModel(standIn, 'openai_chat', {}, { secrets });
  expect(standIn.calls[0]?.headers.authorization).toBe('Bearer key-of-the-address');
});

it('keys, headers and query fields are taken out of answers, versions and titles are not', async () => {
  const secrets = {
    OPENAI_BASE_URL: standIn.baseUrl,
    ...serversOf({ [standIn.origin]: { ...azure, headers: { ...azure.headers, authorization: 'Bearer abcdefgh12' } } }),
  };
  standIn.next({ content: 'azure-key-0123456789 function-code-42 abcdefgh12 2024-10-21 Hybrid' });
  expect(outputsOf(await runModel(standIn, 'openai_chat', {}, { secrets }))).toMatchObject({
    content: '[secret MODEL_SERVERS] [secret MODEL_SERVERS] [secret MODEL_SERVERS] 2024-10-21 Hybrid',
  });
  expect(findSecretParams('azure-key-0123456789', ['params'], secrets)).toHaveLength(1);
});
