/**
 * Goal: what is read of answers, refusals and prices holds on both sides of each bound, and a zero counts as one. Method:
 * the functions by themselves, on values that differ in every unit.
 */
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AnswerBody, answerBytesMax } from '../../../src/tasks/llm/answer-body.ts';
import { createAnswerEvents } from '../../../src/tasks/llm/answer-events.ts';
import { readAnswerShape } from '../../../src/tasks/llm/answer-shape.ts';
import { createBill } from '../../../src/tasks/llm/bill.ts';
import type { Endpoint } from '../../../src/tasks/llm/endpoint.ts';
import { toBrokenOffFailure, toRefusedFailure } from '../../../src/tasks/llm/provider-failure.ts';
import { readRefusal } from '../../../src/tasks/llm/refusal.ts';
import { toSample } from '../../../src/tasks/llm/sample.ts';
import { createTextAfterThinking } from '../../../src/tasks/llm/thinking.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { runModel } from './model-attempt.ts';

const endpoint = { label: 'the server', apiKey: null, keySetting: null } as unknown as Endpoint;

/** Timers that stay when the work is done. */
async function timersLeft(work: () => Promise<unknown>): Promise<number[]> {
  const open = new Map<unknown, number>();
  const set = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((_: () => void, ms = 0) => {
    const timer = {};
    open.set(timer, ms);
    return timer;
  }) as never);
  const clear = vi
    .spyOn(globalThis, 'clearTimeout')
    .mockImplementation(((timer: unknown) => open.delete(timer)) as never);
  try {
    await work();
    const asked = set.mock.calls.map(([, ms]) => ms ?? 0);
    expect(asked.length).toBeGreaterThan(0);
    return [...open.values(), ...asked.map((ms) => -ms)];
  } finally {
    set.mockRestore();
    clear.mockRestore();
  }
}

const bodyOf = (pieces: Buffer[], headers: Record<string, string> = {}) =>
  new AnswerBody({ headers, body: Readable.from(pieces) }, 'the server');
const chunksOf = async (events: AsyncIterable<Buffer>) => {
  let text = '';
  for await (const chunk of events) text += String(chunk);
  return text;
};

describe('an answer', () => {
  it('of 16 MiB is read, and one of a byte more is not', async () => {
    const json = (bytes: number) => Buffer.from(`{"a":"${'x'.repeat(bytes - 8)}"}`);
    expect(json(answerBytesMax)).toHaveLength(16 * 1024 * 1024);
    expect(await bodyOf([json(answerBytesMax)]).json()).toHaveProperty('a');
    await expect(bodyOf([json(answerBytesMax + 1)]).json()).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('that has said its last event has 100 ms to end, and no timer stays', async () => {
    const events = [Buffer.from('data: {"a":1}\n\ndata: [DONE]\n\n')];
    const left = await timersLeft(async () => {
      expect(await chunksOf(bodyOf(events).events())).toBe('data: {"a":1}\n\ndata: [DONE]\n\n');
    });
    expect(left).toEqual([-100]);
  });

  it('may have a thousand lines that belong to no event', () => {
    const read = (count: number) => {
      const events = createAnswerEvents((most) => {
        throw new Error(`more than ${most}`);
      });
      return events.add(`${'nonsense\n'.repeat(count)}data: {"a":1}\n\n`).events;
    };
    expect(read(1_000)).toBe('data: {"a":1}\n\n');
    expect(() => read(1_001)).toThrow('more than 1000');
  });

  it('of an error event is an error, wrapped once', () => {
    const events = (data: string) =>
      createAnswerEvents(() => {
        throw new Error();
      }).add(`event: error\ndata: ${data}\n\n`).events;
    expect(events('{"error":{"message":"x"}}')).toBe('data: {"error":{"message":"x"}}\n\n');
    expect(events('{"message":"x"}')).toBe('data: {"error":{"message":"x"}}\n\n');
    expect(events('out of memory')).toBe('data: {"error":"out of memory"}\n\n');
  });

  it('has its end, its choice and its usage wherever they are', () => {
    const choices = (choice: object) => readAnswerShape({ choices: [choice] });
    expect(choices({ finish_reason: 'stop' }).endReason).toBe('stop');
    expect(choices({ finish_reason: null, stop_reason: 'length' }).endReason).toBe('length');
    expect(choices({ finish_details: { type: 'stop' } }).endReason).not.toBeNull();
    const [second, first] = [
      { index: 1, text: 'b' },
      { index: 0, text: 'a' },
    ];
    expect(readAnswerShape({ choices: [second, first] }).message).toEqual({ content: 'a' });
    expect(readAnswerShape({ choices: [{ text: 'a' }, { text: 'b' }] }).message).toEqual({ content: 'a' });
    expect(readAnswerShape({ prompt_eval_count: 3, eval_count: 7 }).usage).toEqual({
      prompt_tokens: 3,
      completion_tokens: 7,
    });
    expect(readAnswerShape({ model: 'm'.repeat(200) }).responseModel).toHaveLength(200);
    expect(readAnswerShape({ model: 'm'.repeat(201) }).responseModel).toBeNull();
  });

  it('after its thoughts is passed on however its mark is cut', () => {
    const whole = '<think>because</think>\n\nAnswer.';
    for (let at = 1; at < whole.length; at += 1) {
      const text = createTextAfterThinking();
      const pieces = [text.add(whole.slice(0, at)), text.add(whole.slice(at)), text.rest()];
      expect([at, pieces.join('').trimStart()]).toEqual([at, 'Answer.']);
    }
    const text = createTextAfterThinking();
    expect([...whole].map((character) => text.add(character)).join('') + text.rest()).toBe('Answer.');
  });
});

describe('a refusal', () => {
  const refused = (status: number, more: object = {}) =>
    toRefusedFailure({ status, retryAfter: undefined, retryAfterMs: undefined, text: '{}', ...more }, endpoint, 'm', 0);

  it.each([
    [429, 'RATE_LIMITED'],
    ...[408, 409, 425, 500, 503].map((status) => [status, 'HTTP_RETRYABLE'] as const),
    ...[400, 401, 403, 404, 422].map((status) => [status, 'PROVIDER_REJECTED'] as const),
    [402, 'QUOTA_USED_UP'],
  ] as const)('of %i is %s', (status, code) => {
    expect(refused(status).code).toBe(code);
  });

  it('that wants an hour is waited for, one that wants more is a quota', () => {
    expect(refused(429, { retryAfter: '3600' })).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 60_000 });
    expect(refused(429, { retryAfter: '3601' }).code).toBe('QUOTA_USED_UP');
    expect(refused(429, { retryAfterMs: '250' })).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 250 });
  });

  it('shows 300 characters of what is said, and five faults of a list', () => {
    const { message } = refused(400, { text: JSON.stringify({ error: { message: 'y'.repeat(301) } }) });
    expect(/y+/.exec(message)?.[0]).toHaveLength(300);
    const detail = Array.from({ length: 6 }, (_, i) => ({ loc: ['body', i], msg: `fault ${i}` }));
    const told = refused(422, { text: JSON.stringify({ detail }) }).message;
    expect([0, 4, 5].map((i) => told.includes(`body.${i}: fault ${i}`))).toEqual([true, true, false]);
  });

  it.each(['content_filter', 'ResponsibleAIPolicyViolation', 'content_policy_violation'])(
    'for %s in an answer is ANSWER_REFUSED',
    (code) => {
      expect(toBrokenOffFailure({ error: { code, message: 'x' } }, endpoint).code).toBe('ANSWER_REFUSED');
    },
  );

  it('is read up to 64 KiB, and no timer stays', async () => {
    const response = (pieces: Buffer[]) => ({
      statusCode: 400,
      headers: { 'retry-after': '1' },
      body: Readable.from(pieces),
    });
    const kib = Buffer.alloc(1024, 'x');
    let text = '';
    const left = await timersLeft(async () => {
      ({ text } = await readRefusal(response(Array(65).fill(kib)), 5_000));
    });
    expect(left).toEqual([-5_000]);
    expect(text).toHaveLength(64 * 1024);
    expect((await readRefusal(response([kib]), 5_000)).retryAfter).toBe('1');
  });
});

describe('a bill', () => {
  const billOf = () => {
    const told: Record<string, unknown>[] = [];
    const asked = {
      provider: 'p',
      model: 'm',
      seller: {},
      ways: {},
      at: new Date(0),
      account: (metrics: Record<string, unknown>) => told.push({ ...metrics }),
    };
    const prices = { priceOf: () => ({ cost: 0, source: 'list', list: 'l', date: 'd' }) };
    return { bill: createBill({ ...asked, prices } as never), told };
  };

  it('says from the beginning that a call was made and nothing of it is known', () => {
    const { told } = billOf();
    expect(told).toEqual([
      {
        ...{ provider: 'p', model: 'm', calls: 1, cost: null, cost_source: null, tokens: null, input_tokens: null },
        ...{ output_tokens: null, reasoning_tokens: null, cached_input_tokens: null, cache_write_tokens: null },
      },
    ]);
  });

  it('of a call that never left counts none, of one that was refused one, and both cost nothing', () => {
    const { bill } = billOf();
    bill.unsent();
    const free = { cost: 0, cost_source: 'not_billed', tokens: 0, input_tokens: 0, output_tokens: 0 };
    expect(bill.metrics).toMatchObject({ calls: 0, ...free });
    bill.refused();
    expect(bill.metrics).toMatchObject({ calls: 1, ...free });
  });

  it('keeps a count of 0 as it is', () => {
    const { bill } = billOf();
    bill.use({ usage: { prompt_tokens: 5, completion_tokens: 0 }, responseModel: null, serviceTier: null } as never);
    expect(bill.metrics).toMatchObject({
      calls: 1,
      tokens: 5,
      input_tokens: 5,
      output_tokens: 0,
      cached_input_tokens: 0,
      cache_write_tokens: 0,
      reasoning_tokens: 0,
      cost: 0,
    });
    expect(bill.priceList).toEqual({ price_list: 'l', price_date: 'd' });
  });
});

describe('a sample', () => {
  it.each([
    [{ type: 'array', items: { type: 'null' }, minItems: 50 }, Array(50).fill(null)],
    [{ type: 'array', items: { type: 'null' }, minItems: 51 }, Array(50).fill(null)],
    [{ type: 'integer', exclusiveMinimum: 3 }, 4],
    [{ type: 'integer', exclusiveMinimum: 4, multipleOf: 4 }, 8],
    [{ type: 'integer', default: 0 }, 0],
    [{ type: 'boolean', default: false }, false],
    [{ type: 'string', default: '' }, ''],
    [{ type: 'string', const: '' }, ''],
    [{ type: 'string', enum: ['', 'a'] }, ''],
  ])('of %j', (schema, value) => {
    expect(toSample(schema)).toEqual(value);
  });
});

it('a call has taken so many milliseconds', async () => {
  const standIn = await StandIn.start();
  onTestFinished(() => standIn.close());
  const now = performance.now.bind(performance);
  // A thousand times as fast as it is: whole seconds in place of milliseconds.
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => Math.round(now()) * 1_000);
  try {
    const outcome = await runModel(standIn, 'openai_chat', {});
    const { duration_ms: ms } = outcome.metadata as { duration_ms: number };
    expect([ms > 0, ms % 1_000]).toEqual([true, 0]);
  } finally {
    clock.mockRestore();
  }
});
