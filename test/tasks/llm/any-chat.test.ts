/**
 * Goal: any_chat asks whom it was told to ask, else the first that is set up, else nobody; and it says which. Method: one attempt
 * at a time against the stand-in.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, outcomeSchema } from '../../../src/contract/job.ts';
import { createActionCatalogue, rehearsedTasks } from '../../../src/tasks/registry.ts';
import { runAttempt } from '../../../src/worker/attempt.ts';
import { createJob } from '../../pool/harness.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { canaryKey, environmentFor, outputsOf } from './model-attempt.ts';

let standIn: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
});
afterAll(() => standIn.close());

async function ask(params: Record<string, unknown>, secrets: Record<string, string>): Promise<Outcome> {
  const job = createJob('any_chat', { params: { prompt: 'Why?', ...params }, secrets });
  return outcomeSchema.parse(await runAttempt(job, environmentFor(standIn, new AbortController().signal)));
}

async function rehearse(params: Record<string, unknown>, secrets: Record<string, string> = {}): Promise<Outcome> {
  const job = createJob('any_chat', { params: { prompt: 'Why?', ...params }, secrets });
  const environment = { ...environmentFor(standIn, new AbortController().signal), tasks: rehearsedTasks };
  return outcomeSchema.parse(await runAttempt(job, environment));
}

describe('any_chat', () => {
  it('asks the first provider that is set up, with its default model, and passes nothing of its own on', async () => {
    const secrets = {
      GEMINI_BASE_URL: standIn.baseUrl,
      DEEPSEEK_BASE_URL: standIn.baseUrl,
      DEEPSEEK_API_KEY: canaryKey,
    };
    const outcome = await ask({ model: '', otherwise: 'nothing', top_p: 0.5 }, secrets);
    expect(outputsOf(outcome)).toMatchObject({ model: 'deepseek-chat', answered_by: 'model' });
    expect(outcome).toMatchObject({ metadata: { provider: 'deepseek', answered_by: 'model' }, metrics: { calls: 1 } });
    const call = standIn.calls.at(-1);
    expect(call?.headers.authorization).toBe(`Bearer ${canaryKey}`);
    expect(call?.body).toEqual({
      model: 'deepseek-chat',
      messages: [{ role: 'user', content: 'Why?' }],
      top_p: 0.5,
      stream: false,
    });
  });

  it('asks whom it is told to, and nobody else', async () => {
    const secrets = { OPENAI_BASE_URL: standIn.baseUrl, GEMINI_BASE_URL: standIn.baseUrl };
    expect((await ask({ provider: 'gemini', model: 'gemini-x' }, secrets)).metadata).toMatchObject({
      provider: 'gemini',
      model: 'gemini-x',
    });
    const before = standIn.calls.length;
    expect(await ask({ provider: 'deepseek' }, secrets)).toMatchObject({
      code: 'MISSING_SECRET',
      message: expect.stringContaining('put DEEPSEEK_API_KEY into'),
    });
    expect(standIn.calls).toHaveLength(before);
  });

  it('asks the server of CHAT_BASE_URL with its key where it is named, and wants a model for it', async () => {
    const secrets = { CHAT_BASE_URL: standIn.baseUrl, CHAT_API_KEY: canaryKey };
    expect((await ask({ provider: 'chat', model: 'mine' }, secrets)).metadata).toMatchObject({ model: 'mine' });
    expect(standIn.calls.at(-1)?.headers.authorization).toBe(`Bearer ${canaryKey}`);
    expect(await ask({ provider: 'chat' }, secrets)).toMatchObject({ code: 'BAD_PARAMS' });
    expect(await ask({ provider: 'chat', model: 'mine' }, {})).toMatchObject({
      code: 'MISSING_SECRET',
      message: expect.stringContaining('CHAT_BASE_URL'),
    });
  });

  it('gives the text of otherwise where nobody is set up, in the shape that was asked for, and has cost nothing', async () => {
    const before = standIn.calls.length;
    const outcome = await ask({ otherwise: '{"a":1}', response_format: 'json_object' }, {});
    expect(outputsOf(outcome)).toEqual({
      content: '{"a":1}',
      json: { a: 1 },
      finish_reason: 'stop',
      model: null,
      answered_by: 'otherwise',
    });
    expect(outcome).toMatchObject({ metadata: { answered_by: 'otherwise' }, metrics: null });
    expect(outcome.logs).toEqual([expect.stringMatching(/^No model was asked, since OPENAI_API_KEY or /)]);
    expect(outputsOf(await ask({ otherwise: '' }, {})).content).toBe('');
    expect(standIn.calls).toHaveLength(before);
  });

  it('fails as the model fails: a provider that is set up and down is no reason to pick sentences', async () => {
    standIn.next((response) => response.writeHead(401).end('{}'));
    const outcome = await ask({ otherwise: 'nothing' }, { OPENAI_BASE_URL: standIn.baseUrl });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'PROVIDER_REJECTED' });
  });

  it('tells beforehand whom it will call, and nobody where it will give otherwise', () => {
    const { callsModel } = createActionCatalogue().get('any_chat') ?? {};
    const secrets = { DEEPSEEK_API_KEY: canaryKey, CHAT_BASE_URL: standIn.baseUrl };
    const prompt = '{{steps.a.outputs.content}}';
    expect(callsModel?.({ prompt, model: '', max_tokens: 7 }, secrets)).toMatchObject({
      provider: 'deepseek',
      model: 'deepseek-chat',
      outputTokens: 7,
    });
    expect(callsModel?.({ prompt, provider: 'chat', model: 'mine' }, secrets)).toMatchObject({
      provider: standIn.host,
      model: 'mine',
    });
    expect(callsModel?.({ prompt, provider: 'openai' }, secrets)).toBeNull();
    expect(callsModel?.({ prompt, provider: '{{steps.a.outputs.content}}' }, secrets)).toBe('unread');
  });

  it.each([
    ['auto', 'openai', 'gpt-4', 'api.openai.com', 'OPENAI_API_KEY'],
    ['openai', 'openai', 'gpt-4', 'api.openai.com', 'OPENAI_API_KEY'],
    ['deepseek', 'deepseek', 'deepseek-chat', 'api.deepseek.com', 'DEEPSEEK_API_KEY'],
    ['gemini', 'gemini', 'gemini-3.6-flash', 'generativelanguage.googleapis.com', 'GOOGLE_API_KEY'],
  ])('rehearses the call of %s before it is set up', async (provider, name, model, address, setting) => {
    const { metadata } = await rehearse({ provider });
    expect(metadata).toMatchObject({
      rehearsal: { provider: name, model, address, obstacle: expect.stringContaining(`${setting} is not set`) },
    });
  });

  it('rehearses the call of a server of your own, and names the setting where its address is not known', async () => {
    const { metadata } = await rehearse({ provider: 'chat', model: 'mine' }, { CHAT_BASE_URL: standIn.baseUrl });
    expect(metadata).toMatchObject({ rehearsal: { model: 'mine', address: standIn.host, obstacle: null } });
    expect(await rehearse({ provider: 'chat', model: 'mine' })).toMatchObject({
      code: 'MISSING_SECRET',
      message: expect.stringContaining('CHAT_BASE_URL'),
    });
  });

  it('rehearses otherwise where nobody is set up', async () => {
    const { metadata } = await rehearse({ provider: 'deepseek', otherwise: 'nothing' });
    expect(metadata).toEqual({ answered_by: 'otherwise' });
  });

  it('takes no address and no key', () => {
    const { params } = createActionCatalogue().get('any_chat') ?? {};
    for (const field of ['base_url', 'api_key_env', 'api_key']) {
      expect(params?.safeParse({ prompt: 'x', [field]: 'y' }).success, field).toBe(false);
    }
  });
});
