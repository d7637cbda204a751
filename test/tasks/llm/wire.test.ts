/**
 * Goal: calls to addresses that a test cannot have, and faults that no server of a test can make, are met as the rest is.
 * Method: undici's `request` is replaced; it notes what would have been sent and answers as it is told.
 */
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runTask } from '../run-task.ts';

interface Sent {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

const sent: Sent[] = [];
let answer: Iterable<string> = [];
let outcome: PromiseSettledResult<unknown>;
vi.mock('undici', async (original) => ({
  ...(await original<typeof import('undici')>()),
  request: async (url: string, options: { headers: Record<string, string>; body: string }) => {
    sent.push({ url, authorization: options.headers.authorization, body: JSON.parse(options.body) });
    return { statusCode: 200, headers: {}, body: Readable.from(answer, { objectMode: false }) };
  },
}));

const usage = { prompt_tokens: 20, completion_tokens: 198, total_tokens: 218 };
const answered = (said: unknown = usage) => [
  JSON.stringify({ choices: [{ message: { content: '{}' }, finish_reason: 'stop' }], usage: said }),
];
beforeEach(() => {
  sent.length = 0;
  answer = answered();
});

/** The bill of a call, whatever became of it. */
async function chat(base_url: string, params: Record<string, unknown> = {}): Promise<unknown> {
  const bills: unknown[] = [];
  const account = (metrics: Record<string, unknown>) => void bills.push(metrics);
  const call = runTask('chat', { prompt: 'Why?', model: 'gpt-4', base_url, ...params }, { account });
  [outcome] = await Promise.allSettled([call]);
  return bills.at(-1);
}

/** A stream that says so much and then fails. */
function* failing(code: string, ...events: unknown[]): Iterable<string> {
  for (const event of events) yield `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`;
  throw Object.assign(new Error('of the connection'), { code });
}

it('an answer that begins with a byte order mark is read, and billed', async () => {
  answer = ['\ufeff', ...answered()];
  expect(await chat('https://api.openai.com/v1')).toMatchObject({ calls: 1, cost: 0.01248 });
  expect(outcome).toMatchObject({ status: 'fulfilled', value: { content: '{}' } });
});

it('LE1: each call to an address goes with its own key, and one without a key with none', async () => {
  const params = { prompt: 'Why?', model: 'gpt-4', base_url: 'https://api.openai.com/v1' };
  const secrets = [{ OPENAI_API_KEY: 'of one' }, {}, { OPENAI_API_KEY: 'of another' }];
  await Promise.all(
    secrets.map((own) =>
      runTask('chat', { ...params, api_key_env: 'OPENAI_API_KEY' }, { secrets: own as Record<string, string> }).catch(
        () => undefined,
      ),
    ),
  );
  await runTask('chat', params);
  expect(sent.map(({ authorization }) => authorization)).toEqual(['Bearer of one', 'Bearer of another', undefined]);
});

describe('a TLS error', () => {
  const code = 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC';
  const piece = { choices: [{ delta: { content: 'Yes.' }, finish_reason: 'stop' }], usage };

  it('in the middle of an answer leaves the bill as it was known', async () => {
    answer = failing(code, { ...piece, choices: [{ delta: { content: 'Yes' }, finish_reason: null }] });
    // 20 × 30 + 198 × 60 = 600 + 11,880
    expect(await chat('https://api.openai.com/v1', { stream: true })).toMatchObject({ calls: 1, cost: 0.01248 });
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'NETWORK' } });
    answer = failing(code, { choices: [] });
    expect(await chat('https://api.openai.com/v1', { stream: true })).toMatchObject({ calls: 1, cost: null });
  });

  const unended = { choices: [{ delta: { content: 'Yes.' }, finish_reason: null }], usage };

  it.each([[[piece, '[DONE]']], [[piece]], [[unended, '[DONE]']]])(
    'after an answer’s end is none of the answer’s: %j',
    async (events) => {
      answer = failing(code, ...events);
      expect(await chat('https://api.openai.com/v1', { stream: true })).toMatchObject({ calls: 1, cost: 0.01248 });
      expect(outcome).toMatchObject({ status: 'fulfilled', value: { content: 'Yes.' } });
    },
  );
});

describe('chat, at the address of a provider that has an action', () => {
  it('names the bound of OpenAI’s reasoning models as they want it, and of others as servers know it', async () => {
    for (const host of ['api.openai.com', 'openai']) {
      await chat(`https://${host}/v1`, { model: 'o3-mini', max_tokens: 20 });
    }
    expect(sent).toMatchObject([
      { url: 'https://api.openai.com/v1/chat/completions', body: { max_completion_tokens: 20 } },
      { url: 'https://openai/v1/chat/completions', body: { max_tokens: 20 } },
    ]);
  });

  it('bills the thoughts that Gemini counts in the total alone, and no other total that contradicts its parts', async () => {
    answer = answered({ ...usage, total_tokens: 623 });
    const params = { model: 'gemini-2.5-flash' };
    const gemini = 'https://generativelanguage.googleapis.com/v1beta/openai';
    // 20 × 0.30 + 603 × 2.50 = 6 + 1,507.5
    expect(await chat(gemini, params)).toMatchObject({ provider: 'gemini', output_tokens: 603, cost: 0.0015135 });
    expect(await chat('https://api.openai.com/v1')).toMatchObject({ calls: 1, tokens: null, cost: null });
  });

  it('asks DeepSeek for JSON in words', async () => {
    await chat('https://api.deepseek.com', { response_format: { type: 'json_schema', schema: { type: 'object' } } });
    expect(sent).toMatchObject([{ body: { response_format: { type: 'json_object' } } }]);
  });
});
