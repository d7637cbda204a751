/**
 * Goal: a step's params become the right request to the right provider, and its answer the outputs, metadata and metrics of
 * the contract. Method: the stand-in as every provider, and its record of what came in.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { tasks } from '../../../src/tasks/registry.ts';
import { expired, selfSigned } from '../../stand-in/certificates.ts';
import * as faults from '../../stand-in/faults.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { failureOf, runTask } from '../run-task.ts';
import { type Action, canaryKey, outputsOf, runModel, settingsFor } from './model-attempt.ts';

let standIn: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
});
afterAll(() => standIn.close());

const sent = () => {
  const call = standIn.calls.at(-1);
  if (call === undefined) throw new Error('no call came in');
  return call;
};
const ask = async (action: Action, params: Record<string, unknown> = {}) =>
  outputsOf(await runModel(standIn, action, params));

describe('a call', () => {
  it.each([
    ['openai_chat', 'gpt-4'],
    ['deepseek_chat', 'deepseek-chat'],
    ['gemini_chat', 'gemini-3.6-flash'],
  ] as const)('of %s goes to its provider with its key and asks %s', async (action, model) => {
    await ask(action);
    const { path, headers, body } = sent();
    expect(path).toBe('/v1/chat/completions');
    expect(headers).toMatchObject({ authorization: `Bearer ${canaryKey}`, 'user-agent': 'hybrid-engine' });
    expect(Object.keys(headers).filter((name) => name.startsWith('x-stainless') || name.startsWith('openai'))).toEqual(
      [],
    );
    expect(body).toEqual({ model, messages: [{ role: 'user', content: 'Why?' }], stream: false });
  });

  it('carries what the params say, fields of the provider among them', async () => {
    await ask('openai_chat', {
      prompt: undefined,
      messages: [{ role: 'user', content: 'Hi' }],
      system: 'Be brief.',
      model: 'gpt-4o',
      temperature: 0.5,
      max_tokens: 20,
      seed: 7,
      stop: ['END'],
      top_p: 0.9,
      extra: { user: 'me', logit_bias: { 50256: -100 } },
    });
    expect(sent().body).toEqual({
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      temperature: 0.5,
      max_tokens: 20,
      seed: 7,
      stop: ['END'],
      top_p: 0.9,
      user: 'me',
      logit_bias: { 50256: -100 },
      stream: false,
    });
    await ask('openai_chat', { model: 'o3-mini', max_tokens: 20 });
    expect(sent().body).toMatchObject({ max_completion_tokens: 20 });
    expect(sent().body).not.toHaveProperty('max_tokens');
  });

  it('of a stream asks for its usage', async () => {
    await ask('openai_chat', { stream: true, stream_options: { include_obfuscation: false } });
    expect(sent().body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    });
  });

  it.each([
    [{ prompt: undefined }, 'prompt'],
    [{ messages: [{ role: 'user' }] }, 'prompt'],
    [{ temperature: 3 }, 'temperature'],
    [{ api_key: 'x' }, 'api_key'],
    [{ headers: {} }, 'headers'],
    [{ base_url: 'http://x/' }, 'base_url'],
    [{ extra: { messages: [] } }, 'extra.messages'],
    [{ response_format: { type: 'json_schema', schema: { pattern: '(a+)+$' } } }, 'response_format'],
    [{ response_format: { type: 'json_schema', schema: { $ref: '#/nowhere' } } }, 'response_format'],
    [{ response_format: { type: 'json_schema', schema: { properties: { n: { type: 'strng' } } } } }, 'response_format'],
  ])('with %j is refused', (params, path) => {
    const parsed = tasks.get('openai_chat')?.params.safeParse({ prompt: 'Why?', ...params });
    expect(parsed?.error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
  });
});

describe('an answer', () => {
  it.each([false, true])('has outputs, metadata and metrics, streamed: %s', async (stream) => {
    standIn.next({ content: 'Because of it.', headers: { 'x-request-id': 'req-canary' } });
    const outcome = await runModel(standIn, 'openai_chat', { stream });
    expect(outputsOf(outcome)).toEqual({ content: 'Because of it.', finish_reason: 'stop', model: 'gpt-4' });
    // The stand-in counts a token for four characters: [{"role":"user","content":"Why?"}] has 34, the answer 14.
    // 9 × 30 + 4 × 60 = 510 millionths
    expect(outcome.metrics).toEqual({
      provider: 'openai',
      model: 'gpt-4',
      calls: 1,
      tokens: 13,
      input_tokens: 9,
      cached_input_tokens: 0,
      cache_write_tokens: 0,
      output_tokens: 4,
      reasoning_tokens: 0,
      cost: 0.00051,
      cost_source: 'prices_file',
    });
    expect(outcome.metadata).toEqual({
      provider: 'openai',
      model: 'gpt-4',
      response_model: 'gpt-4-2026-01-01',
      tokens: 13,
      prompt_tokens: 9,
      completion_tokens: 4,
      cost: 0.00051,
      price_list: 'PRICES_FILE',
      price_date: null,
      duration_ms: expect.any(Number),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      finish_reason: 'stop',
      request_id: 'req-canary',
    });
  });

  it('whose stream says its usage in every chunk is billed by the last', async () => {
    const chunk = (content: string, tokens: number, finish: string | null = null) =>
      `data: ${JSON.stringify({
        model: 'gpt-4',
        choices: [{ delta: { content }, finish_reason: finish }],
        usage: { prompt_tokens: 10, completion_tokens: tokens, total_tokens: 10 + tokens },
      })}`;
    standIn.next(faults.events(chunk('One ', 1), chunk('two ', 2), chunk('three', 3, 'stop'), 'data: [DONE]'));
    const outcome = await runModel(standIn, 'openai_chat', { stream: true });
    expect(outputsOf(outcome)).toMatchObject({ content: 'One two three' });
    // 10 × 30 + 3 × 60
    expect(outcome.metrics).toMatchObject({ tokens: 13, output_tokens: 3, cost: 0.00048 });
  });

  it('whose stream says its usage in the last chunk alone, which has no choice, is billed by that', async () => {
    // As OpenAI documents it for stream_options.include_usage: null in all chunks but the last, whose choices are empty.
    const chunk = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ model: 'gpt-4', choices: [{ index: 0, delta, finish_reason: finish }], usage: null })}`;
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 40,
      total_tokens: 140,
      prompt_tokens_details: { cached_tokens: 30, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 25, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    };
    const last = `data: ${JSON.stringify({ model: 'gpt-4', choices: [], usage })}`;
    standIn.next(
      faults.events(chunk({ content: 'Be' }), chunk({ content: 'cause.' }), chunk({}, 'stop'), last, 'data: [DONE]'),
    );
    const outcome = await runModel(standIn, 'openai_chat', { stream: true });
    expect(outputsOf(outcome)).toMatchObject({ content: 'Because.', finish_reason: 'stop' });
    // 100 × 30 + 40 × 60 = 5,400 millionths: the prices say nothing of cached input, and the reasoning is among the 40.
    expect(outcome.metrics).toMatchObject({
      calls: 1,
      tokens: 140,
      input_tokens: 100,
      cached_input_tokens: 30,
      output_tokens: 40,
      reasoning_tokens: 25,
      cost: 0.0054,
    });
  });

  it('whose stream breaks off after it said its usage is billed by it', async () => {
    standIn.next({ content: 'one two three', usageIn: 'every', cutAfter: 2 });
    const outcome = await runModel(standIn, 'openai_chat', { stream: true });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'NETWORK', metrics: { tokens: 13, calls: 1 } });
    const line = standIn.invoice.lines.at(-1);
    expect(line).toMatchObject({ fate: 'begun' });
    expect(BigInt(Math.round(Number(outcome.metrics?.cost) * 1e12))).toBe(line?.costPico);
  });

  it('that the step itself has bounded is taken as far as it goes', async () => {
    standIn.next({ content: 'Half an', finishReason: 'length' });
    const outcome = await runModel(standIn, 'openai_chat', { max_tokens: 2 });
    expect(outputsOf(outcome)).toMatchObject({ content: 'Half an', finish_reason: 'length', truncated: true });
    expect(outcome.logs).toEqual(['The answer was cut by max_tokens (finish_reason length)']);
  });

  it('keeps its reasoning apart', async () => {
    standIn.next({ message: { role: 'assistant', content: 'Yes.', reasoning_content: 'Let me think.' } });
    expect(await ask('deepseek_chat')).toMatchObject({ content: 'Yes.', reasoning: 'Let me think.' });
  });
});

describe('a JSON answer', () => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer' } },
    required: ['n'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', schema };

  it('is parsed, and its text kept', async () => {
    standIn.next({ content: '{"n": 1, "__proto__": {}}' });
    expect(await ask('openai_chat', { response_format: 'json_object' })).toMatchObject({
      content: '{"n": 1, "__proto__": {}}',
      json: { n: 1 },
    });
    expect(sent().body).toMatchObject({ response_format: { type: 'json_object' } });
  });

  it('is taken out of a fence', async () => {
    standIn.next({ content: '```json\n{"n": 1}\n```' });
    expect(await ask('openai_chat', { response_format: { type: 'json_object' } })).toMatchObject({ json: { n: 1 } });
  });

  it('names the numbers that a number cannot hold, also inside a fence', async () => {
    standIn.next({ content: '```json\n{"id": 9007199254740993, "big": [1e400]}\n```' });
    const outcome = await runModel(standIn, 'openai_chat', { response_format: { type: 'json_object' } });
    expect(outputsOf(outcome).json).toEqual({ id: 9007199254740992, big: [null] });
    expect(outcome.logs).toEqual([
      'json.id: 9007199254740993 cannot be held as a number and became 9007199254740992; content has it as it was sent',
      'json.big[0]: 1e400 cannot be held as a number and became null; content has it as it was sent',
    ]);
  });

  it('is checked against the schema, in either form of it', async () => {
    standIn.next({ content: '{"n": 1}' }, { content: '{"n": 2}' });
    expect(await ask('openai_chat', { response_format: format })).toMatchObject({ json: { n: 1 } });
    expect(sent().body).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    const native = { type: 'json_schema', json_schema: { name: 'count', strict: true, schema } };
    expect(await ask('gemini_chat', { response_format: native })).toMatchObject({ json: { n: 2 } });
    expect(sent().body).toMatchObject({ response_format: native });
  });

  it('of a provider that takes no schema is asked for in words', async () => {
    standIn.next({ content: '{"n": 1}' });
    expect(await ask('deepseek_chat', { response_format: format })).toMatchObject({ json: { n: 1 } });
    expect(sent().body).toMatchObject({
      response_format: { type: 'json_object' },
      messages: [{ role: 'system', content: expect.stringContaining(JSON.stringify(schema)) }, { role: 'user' }],
    });
  });

  it.each([
    ['{"n": "one"}', 'OUTPUT_INVALID', /does not fit the schema .*#\/n/],
    ['{}', 'OUTPUT_INVALID', /required property "n"/],
    ['{"n": 1', 'OUTPUT_INVALID', /asked for JSON, and its answer of 7 characters is none/],
    ['Sure! {"n": 1}', 'OUTPUT_INVALID', /is none/],
  ])('%j fails', async (content, code, message) => {
    standIn.next({ content });
    expect(await runModel(standIn, 'openai_chat', { response_format: format })).toMatchObject({
      code,
      message: expect.stringMatching(message),
      metrics: { tokens: expect.any(Number), cost: expect.any(Number) },
    });
  });

  it('that was cut is none, whoever bounded it', async () => {
    standIn.next({ content: '[1, 2]', finishReason: 'length' });
    expect(await runModel(standIn, 'openai_chat', { response_format: 'json_object', max_tokens: 3 })).toMatchObject({
      code: 'ANSWER_CUT',
    });
  });
});

describe('keys', () => {
  const withoutKey = (name: string) => {
    const { [name]: _key, ...rest } = settingsFor(standIn);
    return rest;
  };

  it.each([
    ['openai_chat', 'OPENAI_API_KEY'],
    ['deepseek_chat', 'DEEPSEEK_API_KEY'],
    ['gemini_chat', 'GOOGLE_API_KEY'],
  ] as const)('LE2: %s fails without %s, by its name and before any call', async (action, name) => {
    const before = standIn.calls.length;
    expect(await runModel(standIn, action, {}, { secrets: {} })).toMatchObject({
      code: 'MISSING_SECRET',
      message: expect.stringMatching(new RegExp(`^${name} is not set`)),
      metrics: null,
    });
    expect(standIn.calls.length).toBe(before);
  });

  it('are not needed where the setting names another server, which then gets none', async () => {
    await runModel(standIn, 'openai_chat', {}, { secrets: withoutKey('OPENAI_API_KEY') });
    expect(sent().headers).not.toHaveProperty('authorization');
    outputsOf(await runModel(standIn, 'chat', { api_key_env: undefined }));
    expect(sent().headers).not.toHaveProperty('authorization');
  });

  it('leave for the server they belong to and no other', async () => {
    const elsewhere = await StandIn.start();
    try {
      for (const name of ['OPENAI', 'DEEPSEEK', 'GOOGLE', 'CHAT']) {
        const outcome = await runModel(
          elsewhere,
          'chat',
          { api_key_env: `${name}_API_KEY` },
          { secrets: settingsFor(standIn) },
        );
        expect(outcome).toMatchObject({
          code: 'TARGET_REFUSED',
          message: expect.stringContaining(`${name}_API_KEY is not sent to ${elsewhere.origin}`),
        });
      }
      const secrets = { OPENAI_API_KEY: canaryKey, CHAT_API_KEY: canaryKey };
      for (const api_key_env of ['OPENAI_API_KEY', 'CHAT_API_KEY']) {
        expect(await runModel(elsewhere, 'chat', { api_key_env }, { secrets })).toMatchObject({
          code: 'TARGET_REFUSED',
        });
      }
      expect(elsewhere.calls).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it('are taken out of answers, addresses are no secrets', async () => {
    standIn.next({ content: `${canaryKey} opens ${standIn.baseUrl}` });
    expect(await ask('openai_chat')).toMatchObject({
      content: expect.stringMatching(new RegExp(`^\\[secret \\w+\\] opens ${standIn.baseUrl}$`)),
    });
  });

  it('that are not configured are named', async () => {
    expect(await runModel(standIn, 'chat', {}, { secrets: withoutKey('CHAT_API_KEY') })).toMatchObject({
      code: 'MISSING_SECRET',
      message: expect.stringMatching(/^CHAT_API_KEY is not set/),
    });
    const params = tasks.get('chat')?.params;
    const given = { prompt: 'x', model: 'm', base_url: 'http://localhost/v1' };
    expect(params?.safeParse({ ...given, api_key_env: 'AWS_SECRET_ACCESS_KEY' }).success).toBe(false);
    expect(params?.safeParse({ ...given, base_url: 'http://user:pass@localhost/v1' }).success).toBe(false);
    expect(params?.safeParse({ ...given, base_url: 'file:///v1' }).success).toBe(false);
    expect(params?.safeParse(given).success).toBe(true);
  });
});

describe('a server that is not reached', () => {
  const local = (port: string) => ({ network: { allowHosts: [`127.0.0.1:${port}`], ownPort: null } });
  const chatAt = (base_url: string, context = {}) => {
    const accounted: unknown[] = [];
    const run = runTask(
      'chat',
      { prompt: 'Why?', model: 'm', base_url },
      { ...context, account: (m) => void accounted.push(m) },
    );
    return failureOf(run).then((failure) => ({ ...failure, message: failure.message, bill: accounted.at(-1) }));
  };
  const nothing = { calls: 0, tokens: 0, cost: 0 };

  it('costs nothing and says why: refused, unknown name, private address', async () => {
    const gone = await StandIn.start();
    await gone.close();
    expect(await chatAt(gone.baseUrl, local(new URL(gone.origin).port))).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('nothing listens there (ECONNREFUSED)'),
      bill: nothing,
    });
    expect(await chatAt('http://no-such-host.invalid/v1')).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('could not be resolved'),
      bill: nothing,
    });
    expect(await chatAt(standIn.baseUrl)).toMatchObject({
      code: 'TARGET_REFUSED',
      message: expect.stringContaining('add 127.0.0.1:'),
      bill: nothing,
    });
  });

  it('costs nothing when its certificate is not acceptable, or it speaks no TLS', async () => {
    const secure = await StandIn.start({ tls: 'self-signed' });
    try {
      expect(await chatAt(secure.baseUrl, local(new URL(secure.origin).port))).toMatchObject({
        code: 'NETWORK',
        message: expect.stringContaining('certificate or TLS is not acceptable (DEPTH_ZERO_SELF_SIGNED_CERT)'),
        bill: nothing,
      });
      const plain = standIn.baseUrl.replace('http:', 'https:');
      expect(await chatAt(plain, local(new URL(standIn.origin).port))).toMatchObject({
        code: 'NETWORK',
        bill: nothing,
      });
    } finally {
      await secure.close();
    }
  });

  it('costs nothing when a certificate that is trusted is another host’s, or out of date', async () => {
    // Trusted by the environment of a process of its own: nothing else makes Node trust more than it does.
    const trusted = join(mkdtempSync(join(tmpdir(), 'hybrid-engine-')), 'trusted.pem');
    onTestFinished(() => rmSync(dirname(trusted), { recursive: true }));
    writeFileSync(trusted, `${selfSigned.cert}\n${expired.cert}`);
    const source = `
      import { runModel } from './test/tasks/llm/model-attempt.ts';
      import { StandIn } from './test/stand-in/stand-in.ts';
      for (const tls of ['self-signed', 'expired']) {
        const standIn = await StandIn.start({ tls });
        const { code, message, metrics } = await runModel(standIn, 'chat', {});
        console.log(JSON.stringify({ code, message, calls: metrics.calls, seen: standIn.calls.length }));
        await standIn.close();
      }
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted },
      encoding: 'utf8',
      timeout: 50_000,
    });
    const refused = { code: 'NETWORK', calls: 0, seen: 0 };
    expect(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
      stderr,
    ).toMatchObject([
      { ...refused, message: expect.stringContaining('(ERR_TLS_CERT_ALTNAME_INVALID)') },
      { ...refused, message: expect.stringContaining('(CERT_HAS_EXPIRED)') },
    ]);
  });
});

describe('a provider’s action whose setting names another server', () => {
  it.each(['openai_chat', 'deepseek_chat', 'gemini_chat'] as const)(
    '%s has the price of that server',
    async (action) => {
      const params = { model: 'a-model-of-their-own' };
      const unpriced = await runModel(standIn, action, params, { prices: {} });
      expect(unpriced.metrics).toMatchObject({ tokens: expect.any(Number), cost: null, cost_source: null });
      // The metadata names the step's own provider all the same.
      expect(unpriced.metadata).toMatchObject({ provider: action.replace('_chat', ''), cost: null, price_list: null });
      expect(unpriced.metadata).not.toHaveProperty('priced_as');
      const free = { input_per_million: 0, output_per_million: 0 };
      const priced = await runModel(standIn, action, params, { prices: { [`${standIn.host}/*`]: free } });
      expect(priced.metrics).toMatchObject({ cost: 0, cost_source: 'prices_file' });
    },
  );
});

it('a model of one’s own costs 0 where the prices say so, and null where they do not', async () => {
  const costs: unknown[] = [];
  const context = {
    network: { allowHosts: [standIn.host], ownPort: null },
    account: (metrics: Record<string, unknown>) => void costs.push(metrics.cost),
  };
  const params = { prompt: 'Why?', model: 'llama3', base_url: standIn.baseUrl };
  await runTask('chat', params, context);
  expect(costs.at(-1)).toBeNull();
  const free = { input_per_million: 0, output_per_million: 0 };
  await runTask('chat', params, { ...context, prices: { [`${standIn.host}/*`]: free } });
  expect(costs.at(-1)).toBe(0);
});
