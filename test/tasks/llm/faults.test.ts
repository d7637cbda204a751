/**
 * Goal: whatever a provider does (P rows), an attempt ends with the right kind of failure after one request, its bill is
 * sane (LB1 to LB3), and no key is in anything that leaves it; an answer is read to LW1 to LW4. Method: the stand-in fails in each way, once for openai_chat, chat and
 * http_request; faults that never end are ended by an abort as the deadline does it, once the call has arrived.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../../../src/contract/job.ts';
import { callModel } from '../../../src/tasks/llm/call.ts';
import { createWire } from '../../../src/tasks/llm/wire.ts';
import { runAttempt } from '../../../src/worker/attempt.ts';
import { createJob } from '../../pool/harness.ts';
import * as faults from '../../stand-in/faults.ts';
import { type Behaviour, StandIn } from '../../stand-in/stand-in.ts';
import { canaryKey, environmentFor, runModel } from './model-attempt.ts';

/** What an attempt is billed: null where nobody can know, 0 where a provider bills nothing. */
type Cost = 'unknown' | 'nothing' | 'known';

interface Expected {
  readonly code: string | null;
  readonly retryAfterMs?: number | null;
  readonly message?: RegExp;
  readonly cost?: Cost;
}

interface Row {
  readonly behaviour: Behaviour;
  readonly model: Expected;
  /** What http_request makes of it; null: completed. */
  readonly http: string | null;
  /** Never ends by itself. */
  readonly endless?: true;
  /** Says in its body, which http_request does not read, how long to wait. */
  readonly waitInBody?: true;
}

const answer = (choices: unknown, rest: Record<string, unknown> = {}) =>
  faults.body(JSON.stringify({ id: 'x', model: 'gpt-4', choices, ...rest }));
const said = (message: unknown, finish_reason: string | null = 'stop', rest: Record<string, unknown> = {}) =>
  answer([{ index: 0, message, finish_reason }], rest);
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

const refused = (code: string, retryAfterMs: number | null = null, message = /./): Expected => ({
  code,
  retryAfterMs,
  message,
  cost: 'nothing',
});
const unusable = (message: RegExp, cost: Cost = 'unknown'): Expected => ({ code: 'ANSWER_INVALID', message, cost });
const network: Expected = { code: 'NETWORK', message: /^the call to .* failed: /, cost: 'unknown' };
/** Cut on its way: asked for again. */
const cut = (message: RegExp): Expected => ({ code: 'NETWORK', message, cost: 'unknown' });
const timeout: Expected = { code: 'TIMEOUT', cost: 'unknown' };

const throttledWith = (headers: Record<string, string>) =>
  faults.status(429, { error: { message: 'slow down' } }, headers);
const openAiError = (status: number, code: string, type = code) =>
  faults.status(status, { error: { message: 'You exceeded your current quota', type, code, param: null } });
const googleError = (quotaId: string, retryDelay = '34.5s') =>
  faults.status(429, [
    {
      error: {
        code: 429,
        message: 'You exceeded your current quota',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
          { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
        ],
      },
    },
  ]);

const rows: Record<string, Row> = {
  '429 alone': { behaviour: throttledWith({}), model: refused('RATE_LIMITED'), http: 'HTTP_RETRYABLE' },
  ...Object.fromEntries(
    (
      [
        [{ 'retry-after': '0' }, 0],
        [{ 'retry-after': '1' }, 1_000],
        [{ 'retry-after': '3600' }, 60_000],
        [{ 'retry-after': '-5' }, null],
        [{ 'retry-after': 'garbage' }, null],
        [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
        [{ 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }, 60_000],
        [{ 'retry-after-ms': '1234', 'retry-after': '50' }, 1_234],
      ] as const
    ).map(([headers, waitMs]): [string, Row] => [
      `429 with ${JSON.stringify(headers)}`,
      { behaviour: throttledWith(headers), model: refused('RATE_LIMITED', waitMs), http: 'HTTP_RETRYABLE' },
    ]),
  ),
  '429 of Google for a minute': {
    behaviour: googleError('GenerateRequestsPerMinutePerProjectPerModel-FreeTier'),
    model: refused('RATE_LIMITED', 34_500),
    http: 'HTTP_RETRYABLE',
    waitInBody: true,
  },
  '429 of Google for some nanoseconds more': {
    behaviour: googleError('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '34.074824224s'),
    model: refused('RATE_LIMITED', 34_075),
    http: 'HTTP_RETRYABLE',
    waitInBody: true,
  },
  '429 of Google for a day': {
    behaviour: googleError('GenerateRequestsPerDayPerProjectPerModel-FreeTier'),
    model: refused('QUOTA_USED_UP', null, /quota is used up/),
    http: 'HTTP_RETRYABLE',
  },
  '429 insufficient_quota': {
    behaviour: openAiError(429, 'insufficient_quota'),
    model: refused('QUOTA_USED_UP'),
    http: 'HTTP_RETRYABLE',
  },
  '429 billing_hard_limit_reached': {
    behaviour: openAiError(429, 'billing_hard_limit_reached', 'requests'),
    model: refused('QUOTA_USED_UP'),
    http: 'HTTP_RETRYABLE',
  },
  '402': { behaviour: faults.status(402), model: refused('QUOTA_USED_UP'), http: 'HTTP_STATUS' },
  ...Object.fromEntries(
    [400, 403, 404, 413, 422].map((status): [string, Row] => [
      String(status),
      { behaviour: faults.status(status), model: refused('PROVIDER_REJECTED'), http: 'HTTP_STATUS' },
    ]),
  ),
  ...Object.fromEntries(
    [408, 409, 500, 502, 503, 504, 529].map((status): [string, Row] => [
      String(status),
      {
        behaviour: faults.status(status, '<html>Bad gateway</html>'),
        // Behind a gateway that gave up, the provider may have answered and billed.
        model: {
          ...refused('HTTP_RETRYABLE', null, /answered \d+$/),
          cost: status === 408 || status === 502 || status === 504 ? 'unknown' : 'nothing',
        },
        http: status === 409 ? 'HTTP_STATUS' : 'HTTP_RETRYABLE',
      },
    ]),
  ),
  '401 that echoes the key': {
    behaviour: faults.echoKey,
    model: refused(
      'PROVIDER_REJECTED',
      null,
      /answered 401 \(invalid_request_error, invalid_api_key\): Incorrect API key/,
    ),
    http: 'HTTP_STATUS',
  },
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((status): [string, Row] => [
      `${status} to a file`,
      {
        behaviour: faults.redirect(status, 'file:///etc/passwd'),
        model: refused('PROVIDER_REJECTED', null, /a redirect, which model calls do not follow/),
        http: 'TARGET_REFUSED',
      },
    ]),
  ),
  '302 to another machine': {
    behaviour: faults.redirect(302, 'http://127.0.0.2:9/v1/chat/completions'),
    model: refused('PROVIDER_REJECTED'),
    http: 'TARGET_REFUSED',
  },
  'reset before the headers': { behaviour: faults.reset, model: network, http: 'NETWORK' },
  'reset in the headers': { behaviour: faults.raw('HTTP/1.1 200 OK\r\nContent-'), model: network, http: 'NETWORK' },
  'reset in the body': { behaviour: faults.resetInBody, model: network, http: 'NETWORK' },
  'no HTTP': { behaviour: faults.raw('SSH-2.0-OpenSSH\r\n\r\n'), model: network, http: 'NETWORK' },
  'too long a Content-Length': {
    behaviour: faults.raw('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}'),
    model: network,
    http: 'NETWORK',
  },
  'too short a Content-Length': {
    behaviour: faults.raw(
      'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"choices":[]}',
    ),
    model: cut(/is cut JSON, of 2 characters/),
    http: null,
  },
  'damaged gzip': {
    behaviour: faults.body('no gzip', 'application/json', { 'content-encoding': 'gzip' }),
    model: unusable(/the compressed answer of .* is damaged \(Z_DATA_ERROR\)/),
    http: 'NETWORK',
  },
  'gzip in gzip, six times': {
    behaviour: faults.nestedGzip(6),
    model: { code: 'OUTPUT_INVALID', message: /encoded 6 times/, cost: 'unknown' },
    http: 'OUTPUT_INVALID',
  },
  '17 MiB': {
    behaviour: faults.flood,
    model: { code: 'OUTPUT_TOO_LARGE', message: /longer than 16777216 bytes/, cost: 'unknown' },
    http: 'OUTPUT_TOO_LARGE',
  },
  '100 MiB in a little gzip': {
    behaviour: faults.gzipBomb,
    model: { code: 'OUTPUT_TOO_LARGE', message: /longer than 16777216 bytes/, cost: 'unknown' },
    http: 'OUTPUT_TOO_LARGE',
  },
  'no answer at all': { behaviour: faults.silence, model: timeout, http: 'TIMEOUT', endless: true },
  'headers, then silence': { behaviour: faults.silenceAfterHeaders, model: timeout, http: 'TIMEOUT', endless: true },
  'a drip for ever': { behaviour: faults.drip, model: timeout, http: 'TIMEOUT', endless: true },
  HTML: {
    behaviour: faults.body('<html>Sign in to the network</html>', 'text/html'),
    model: unusable(/answered text\/html that is no JSON/),
    http: null,
  },
  'an empty body': { behaviour: faults.body(''), model: cut(/is empty, without even JSON/), http: null },
  '{}': { behaviour: faults.body('{}'), model: unusable(/holds no model's answer/), http: null },
  null: { behaviour: faults.body('null'), model: unusable(/holds no model's answer/), http: null },
  'half a JSON': {
    behaviour: faults.body('{"choices":[{"mess'),
    model: cut(/is cut JSON, of 18 characters/),
    http: null,
  },
  'choices []': { behaviour: answer([], { usage }), model: unusable(/holds no model's answer/, 'known'), http: null },
  'null content': {
    behaviour: said({ role: 'assistant', content: null }, 'stop', { usage }),
    model: unusable(/is empty/, 'known'),
    http: null,
  },
  'blank content': { behaviour: said({ content: ' \n' }), model: unusable(/is empty/), http: null },
  'content that is a number': {
    behaviour: said({ content: 7 }),
    model: { code: null, cost: 'unknown' },
    http: null,
  },
  'invalid UTF-8': {
    behaviour: faults.body(
      Buffer.concat([Buffer.from('{"choices":["'), Buffer.from([0xff, 0xfe]), Buffer.from('"]}')]),
    ),
    model: unusable(/none of a model's answer/),
    http: null,
  },
  'an error in a 200': {
    behaviour: faults.body(JSON.stringify({ error: { message: 'overloaded', code: 503 } })),
    model: { code: 'HTTP_RETRYABLE', message: /broke off its answer \(503\): overloaded/, cost: 'unknown' },
    http: null,
  },
  'a list of bad fields in a 200': {
    behaviour: faults.body(JSON.stringify({ detail: [{ loc: ['body', 'model'], msg: 'field required' }] })),
    model: { code: 'PROVIDER_REJECTED', message: /broke off its answer: body\.model: field required/, cost: 'unknown' },
    http: null,
  },
  'a word for a bad request in a 200': {
    behaviour: faults.body(JSON.stringify({ detail: 'Not Found' })),
    model: { code: 'PROVIDER_REJECTED', message: /broke off its answer: Not Found/, cost: 'unknown' },
    http: null,
  },
  'other words in a 200': {
    behaviour: faults.body(JSON.stringify({ detail: ['try again', { msg: 'later' }] })),
    model: { code: 'HTTP_RETRYABLE', message: /broke off its answer: try again; later/, cost: 'unknown' },
    http: null,
  },
  refusal: {
    behaviour: said({ content: null, refusal: 'I cannot help with that.' }, 'stop', { usage }),
    model: { code: 'ANSWER_REFUSED', message: /refused to answer: I cannot/, cost: 'known' },
    http: null,
  },
  'content filter': {
    behaviour: said({ content: 'Half an' }, 'content_filter', { usage }),
    model: { code: 'ANSWER_REFUSED', message: /content_filter/, cost: 'known' },
    http: null,
  },
  'tool call': {
    behaviour: said({ content: null, tool_calls: [{ id: 'c', type: 'function' }] }, 'tool_calls', { usage }),
    model: { code: 'OUTPUT_INVALID', message: /wants to call a tool/, cost: 'known' },
    http: null,
  },
  'cut by the length': {
    behaviour: said({ content: 'Half an' }, 'length', { usage }),
    model: { code: 'ANSWER_CUT', message: /cut after 7 characters by the model's own limit/, cost: 'known' },
    http: null,
  },
  'cut before it said anything': {
    behaviour: said({ content: '' }, 'length', { usage }),
    model: { code: 'ANSWER_CUT', message: /ran out of tokens before it answered/, cost: 'known' },
    http: null,
  },
  'an end that the server was forced to': {
    behaviour: said({ content: 'Half an' }, 'insufficient_system_resource', { usage }),
    model: {
      code: 'HTTP_RETRYABLE',
      message: /ended early \(finish_reason insufficient_system_resource\)/,
      cost: 'known',
    },
    http: null,
  },
  'an end nobody has heard of': {
    behaviour: said({ content: 'An answer' }, 'because_i_say_so', { usage }),
    model: { code: null, cost: 'known' },
    http: null,
  },
  'an end nobody has heard of, and no text': {
    behaviour: said({ content: '' }, 'because_i_say_so', { usage }),
    model: unusable(/is empty \(finish_reason because_i_say_so\)/, 'known'),
    http: null,
  },
  'usage missing': { behaviour: said({ content: 'Yes.' }), model: { code: null, cost: 'unknown' }, http: null },
  'usage negative': {
    behaviour: said({ content: 'Yes.' }, 'stop', { usage: { ...usage, prompt_tokens: -10 } }),
    model: { code: null, cost: 'unknown' },
    http: null,
  },
  'usage 1e309': {
    behaviour: faults.body(
      '{"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1e309,"completion_tokens":1}}',
    ),
    model: { code: null, cost: 'unknown' },
    http: null,
  },
  'usage of text': {
    behaviour: said({ content: 'Yes.' }, 'stop', { usage: { prompt_tokens: '10', completion_tokens: '5' } }),
    model: { code: null, cost: 'unknown' },
    http: null,
  },
  'more cached than there was': {
    behaviour: said({ content: 'Yes.' }, 'stop', { usage: { ...usage, prompt_tokens_details: { cached_tokens: 11 } } }),
    model: { code: null, cost: 'unknown' },
    http: null,
  },
};

const doneEvents = `data: ${JSON.stringify({
  choices: [{ delta: { content: 'Yes.' }, finish_reason: 'stop' }],
  usage,
})}\n\ndata: [DONE]\n\n`;

const streamRows: Record<string, { behaviour: Behaviour; expected: Expected; endless?: true }> = {
  'cut in the middle of the connection': { behaviour: { content: 'one two three', cutAfter: 2 }, expected: network },
  'that ends politely without an end': {
    behaviour: faults.events('data: {"choices":[{"delta":{"content":"Half"}}]}'),
    expected: cut(/ended before its answer did, after 4 characters/),
  },
  'that is kept open after its end': {
    behaviour: faults.stall(200, doneEvents, { 'content-type': 'text/event-stream' }),
    expected: { code: null, cost: 'known' },
  },
  'whose end lacks its empty line, and that is kept open': {
    behaviour: faults.stall(200, doneEvents.slice(0, -1), { 'content-type': 'text/event-stream' }),
    expected: { code: null, cost: 'known' },
  },
  'that begins with a byte order mark and ends its lines as Windows does': {
    behaviour: faults.stall(200, `\ufeff${doneEvents.replaceAll('\n', '\r\n')}`, {
      'content-type': 'text/event-stream',
    }),
    expected: { code: null, cost: 'known' },
  },
  'that drips on after its end': {
    behaviour: faults.dripAfter(200, doneEvents, { 'content-type': 'text/event-stream' }),
    expected: { code: null, cost: 'known' },
  },
  'that is kept open after its end, in gzip': {
    behaviour: faults.stallInGzip(doneEvents, 'text/event-stream'),
    expected: { code: null, cost: 'known' },
  },
  'that stalls': { behaviour: { content: 'one two three', stallAfter: 2 }, expected: timeout, endless: true },
  'of broken JSON': { behaviour: faults.events('data: {"choices":[{"del'), expected: cut(/is no JSON, or is cut/) },
  'of broken JSON under a name that the client prints': {
    behaviour: faults.events(`event: thread.x\ndata: {"${canaryKey}`),
    expected: cut(/is no JSON, or is cut/),
  },
  'with an error in it': {
    behaviour: faults.events(
      'data: {"choices":[{"delta":{"content":"Half"}}]}',
      `data: {"error":{"message":"server had an error with ${canaryKey}","type":"server_error"}}`,
    ),
    expected: {
      code: 'HTTP_RETRYABLE',
      message: /broke off its answer \(server_error\): server had an error/,
      cost: 'unknown',
    },
  },
  'with a rate limit in it': {
    behaviour: faults.events('data: {"error":{"message":"slow","code":"rate_limit_exceeded"}}'),
    expected: { code: 'RATE_LIMITED', cost: 'unknown' },
  },
  'of nothing': { behaviour: faults.events(), expected: cut(/ended before its answer did/) },
  'of pieces that are none': {
    behaviour: faults.events('data: {"choices":"x"}'),
    expected: unusable(/none of a model's answer/),
  },
  'that is JSON': { behaviour: faults.body('{}'), expected: unusable(/holds no model's answer/) },
  'that is HTML': {
    behaviour: faults.body('<p>', 'text/html'),
    expected: unusable(/answered text\/html that is no JSON/),
  },
  'of invalid UTF-8': {
    behaviour: faults.body(Buffer.from([0x64, 0xff, 0x0a]), 'text/event-stream'),
    expected: cut(/ended before its answer did/),
  },
  'that is refused': { behaviour: faults.status(503), expected: refused('HTTP_RETRYABLE') },
  'of lines that belong to no event': {
    behaviour: faults.body('x: y\n'.repeat(1_001), 'text/event-stream'),
    expected: unusable(/more than 1000 lines of its answer belong to none/),
  },
  'whose last character is cut': {
    behaviour: faults.body(Buffer.from('data: {"choices":[]}\n\n: \u20ac').subarray(0, -1), 'text/event-stream'),
    expected: cut(/ended before its answer did/),
  },
  'without an end of a line': {
    behaviour: faults.body(Buffer.alloc(17 * 1024 * 1024, 'x'), 'text/event-stream'),
    expected: { code: 'OUTPUT_TOO_LARGE', cost: 'unknown' },
  },
};

let standIn: StandIn;
const printed: string[] = [];
beforeAll(async () => {
  standIn = await StandIn.start();
  for (const name of ['OPENAI_API_KEY', 'OPENAI_ADMIN_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID']) {
    vi.stubEnv(name, `${canaryKey}-of-the-environment`);
  }
  vi.stubEnv('OPENAI_LOG', 'debug');
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation((...words) => void printed.push(words.map(String).join(' ')));
  }
});
afterAll(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await standIn.close();
  const { cases, longestMs, rssMiBMax } = measured;
  console.log(
    `provider faults: ${cases} cases, ${standIn.calls.length} requests, no key; the longest ${Math.round(longestMs)} ms, RSS at most ${Math.round(rssMiBMax)} MiB`,
  );
});

const measured = { cases: 0, longestMs: 0, rssMiBMax: 0 };

let callsBefore = 0;
beforeEach(() => {
  callsBefore = standIn.calls.length;
});
afterEach(() => {
  expect(printed).toEqual([]);
  for (const { headers, body } of standIn.calls.slice(callsBefore)) {
    expect(JSON.stringify({ headers, body })).not.toContain('of-the-environment');
  }
});

/** Runs to the end of its own; what has none is ended as by its deadline. */
async function runOnce(row: { behaviour: Behaviour; endless?: true }, run: (signal: AbortSignal) => Promise<Outcome>) {
  const startedAt = performance.now();
  standIn.next(row.behaviour);
  const deadline = new AbortController();
  const outcome = run(deadline.signal);
  if (row.endless) {
    await standIn.untilCalls(callsBefore + 1);
    deadline.abort('TIMEOUT');
  }
  await outcome;
  measured.cases += 1;
  measured.longestMs = Math.max(measured.longestMs, performance.now() - startedAt);
  measured.rssMiBMax = Math.max(measured.rssMiBMax, process.memoryUsage.rss() / 1024 / 1024);
  return outcome;
}

function expectOutcome(outcome: Outcome, expected: Expected): void {
  if (expected.code === null) {
    expect(outcome).toMatchObject({ kind: 'completed' });
  } else {
    expect(outcome).toMatchObject({
      kind: 'failed',
      code: expected.code,
      message: expect.stringMatching(expected.message ?? /./),
      retryAfterMs: expected.retryAfterMs ?? null,
    });
  }
  expectNoKey(outcome);
}

function expectNoKey(outcome: Outcome): void {
  const text = JSON.stringify(outcome);
  expect(text).not.toContain('canary');
  expect(text).not.toContain(Buffer.from(canaryKey).toString('base64').slice(0, 20));
  expect(text).not.toContain(canaryKey.slice(-4));
}

function expectBill({ metrics }: Outcome, cost: Cost): void {
  expect(metrics).toMatchObject({ model: 'gpt-4', calls: 1 });
  if (cost === 'unknown') expect(metrics).toMatchObject({ tokens: null, cost: null, cost_source: null });
  if (cost === 'nothing') expect(metrics).toMatchObject({ tokens: 0, cost: 0, cost_source: 'not_billed' });
  // 10 tokens in at $30 and 5 out at $60 for a million: 300 + 300 millionths.
  if (cost === 'known') expect(metrics).toMatchObject({ tokens: 15, cost: 0.0006, cost_source: 'prices_file' });
}

describe.each(['openai_chat', 'chat'] as const)('%s', (action) => {
  it.each(Object.entries(rows))('meets %s', async (_name, row) => {
    const outcome = await runOnce(row, (signal) => runModel(standIn, action, {}, { signal }));
    expectOutcome(outcome, row.model);
    expectBill(outcome, row.model.cost ?? 'unknown');
    expect(standIn.calls.length).toBe(callsBefore + 1);
  });

  it.each(Object.entries(streamRows))('meets a stream %s', async (_name, row) => {
    const outcome = await runOnce(row, (signal) => runModel(standIn, action, { stream: true }, { signal }));
    expectOutcome(outcome, row.expected);
    expectBill(outcome, row.expected.cost ?? 'unknown');
    expect(standIn.calls.length).toBe(callsBefore + 1);
  });
});

describe('a refusal whose body never ends', () => {
  const wordsOf = {
    RATE_LIMITED: '',
    QUOTA_USED_UP: '{"error":{"message":"You have none left","code":"insufficient_quota"}}',
  };
  const ends = { 'falls silent': faults.stall, drips: faults.dripAfter } as const;

  it.each(
    Object.entries(ends).flatMap(([end, fault]) =>
      Object.entries(wordsOf).map(([code, words]) => ({ end, fault, code, words })),
    ),
  )('and $end is judged by its status: $code', { timeout: 30_000 }, async ({ fault, code, words }) => {
    standIn.next(fault(429, words, { 'retry-after': '7' }));
    const endpoint = { baseUrl: standIn.baseUrl, apiKey: canaryKey, keySetting: null, label: 'stand-in' };
    const network = { allowHosts: [standIn.host], ownPort: null };
    const wire = createWire({ endpoint, model: 'gpt-4', network, stream: false, refusalWaitMs: 500 });
    const call = {
      endpoint,
      network,
      body: { model: 'gpt-4' },
      signal: new AbortController().signal,
      onUsage() {},
      onText() {},
    };
    await expect(callModel(call, wire)).rejects.toMatchObject({
      name: 'TaskFailure',
      code,
      message: expect.stringMatching(words === '' ? /answered 429$/ : /answered 429 .*You have none left/),
      retryAfterMs: code === 'RATE_LIMITED' ? 7_000 : undefined,
    });
    expect(wire.fate).toBe('refused');
  });
});

describe('http_request', () => {
  it.each(Object.entries(rows))('meets %s', async (_name, row) => {
    const params = {
      url: `${standIn.baseUrl}/chat/completions`,
      method: 'POST',
      headers: { authorization: `Bearer ${canaryKey}` },
      body: {},
    };
    const job = createJob('http_request', { params, secrets: { OPENAI_API_KEY: canaryKey } });
    const outcome = await runOnce(row, (signal) => runAttempt(job, environmentFor(standIn, signal)));
    expect(outcome).toMatchObject(row.http === null ? { kind: 'completed' } : { kind: 'failed', code: row.http });
    if (outcome.kind === 'failed' && row.http === 'HTTP_RETRYABLE' && row.model.code === 'RATE_LIMITED') {
      expect(outcome.retryAfterMs).toBe(row.waitInBody ? null : (row.model.retryAfterMs ?? null));
    }
    expect(JSON.stringify(outcome)).not.toContain(canaryKey);
    expect(standIn.calls.length).toBe(callsBefore + 1);
  });
});
