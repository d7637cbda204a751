/** Goal: GV1 to GV4. Method: calls sent as fast as they are let through, and a provider's windows counted over what was sent. */
import { describe, expect, test } from 'vitest';
import type { ModelLimits } from '../../src/contract/model-limits.ts';
import { type GovernedCall, Governor } from '../../src/core/governor.ts';

const model = 'openai/gpt-4';
const minuteMs = 60_000;

interface Sending {
  limits: ModelLimits;
  calls: number;
  /** Of the n-th call, as estimated. */
  tokens?: (n: number) => number;
  callMs?: number;
  used?: (n: number) => number | null;
}

/** Sends calls as fast as the governor lets them. */
function send({ limits, calls, tokens = () => 1, callMs = 10, used = tokens }: Sending) {
  const governor = new Governor({ [model]: limits });
  const sent: { at: number; tokens: number }[] = [];
  const open: { call: GovernedCall; n: number; endAt: number }[] = [];
  const reasons = new Set<string>();
  let now = 0;
  while (sent.length < calls) {
    while (open.length > 0 && open[0]!.endAt <= now) {
      const { call, n } = open.shift()!;
      governor.end(call, used(n), null, now);
    }
    const n = sent.length;
    const hold = governor.check(model, tokens(n), now);
    if (hold === null) {
      open.push({ call: governor.begin(model, tokens(n), now), n, endAt: now + callMs });
      sent.push({ at: now, tokens: used(n) ?? tokens(n) });
      continue;
    }
    reasons.add(hold.reason);
    const next = Math.min(hold.until ?? Number.POSITIVE_INFINITY, open[0]?.endAt ?? Number.POSITIVE_INFINITY);
    expect(next).toBeGreaterThan(now);
    now = next;
  }
  return { sent, reasons: [...reasons], minutes: sent.at(-1)!.at / minuteMs };
}

type Sent = ReturnType<typeof send>['sent'];

/** The most that any window of this length holds; windows begin at calls. */
function most(sent: Sent, windowMs: number, toAmount: (call: Sent[number]) => number): number {
  const amounts = sent.map(({ at: from }) =>
    sent.filter(({ at }) => at >= from && at < from + windowMs).reduce((sum, call) => sum + toAmount(call), 0),
  );
  return Math.max(...amounts);
}

const one = () => 1;
const size = ({ tokens }: Sent[number]) => tokens;

test('GV1: no more calls are under way than concurrency allows', () => {
  const { sent, reasons } = send({ limits: { concurrency: 3 }, calls: 12, callMs: 1_000 });
  expect(sent.map(({ at }) => at)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3].map((second) => second * 1_000));
  expect(reasons).toEqual(['the end of another call']);
});

describe('GV2: the pace', () => {
  test('of requests is kept in every minute, used to more than 90 %, and even', () => {
    const { sent, reasons, minutes } = send({ limits: { requestsPerMinute: 60 }, calls: 300 });
    expect(most(sent, minuteMs + 999, one)).toBe(60);
    expect(most(sent, 10_000, one)).toBeLessThanOrEqual(12);
    expect(300 / minutes / 60).toBeGreaterThan(0.9);
    expect(reasons).toEqual(['requests a minute']);
  });

  test('of tokens is kept in every minute, used to more than 90 %, and even', () => {
    const limits = { requestsPerMinute: 6_000, tokensPerMinute: 20_000 };
    const { sent, reasons, minutes } = send({ limits, calls: 300, tokens: () => 500 });
    expect(most(sent, minuteMs, size)).toBe(20_000);
    expect(most(sent, 10_000, size)).toBeLessThanOrEqual(4_500);
    expect((300 * 500) / minutes / 20_000).toBeGreaterThan(0.9);
    expect(reasons).toEqual(['tokens a minute']);
  });

  test('of tokens is kept by calls of all sizes', () => {
    const tokens = (n: number) => [50, 7_000, 900, 3_000, 12][n % 5]!;
    const { sent, minutes } = send({ limits: { tokensPerMinute: 20_000 }, calls: 100, tokens });
    expect(most(sent, minuteMs, size)).toBeLessThanOrEqual(20_000);
    expect(sent.reduce((sum, call) => sum + size(call), 0) / minutes / 20_000).toBeGreaterThan(0.75);
  });

  test('gives a call that is larger than all tokens of a minute one to itself', () => {
    const { sent } = send({ limits: { tokensPerMinute: 1_000 }, calls: 3, tokens: (n) => (n === 1 ? 5_000 : 100) });
    expect(sent[1]!.at).toBeGreaterThanOrEqual(minuteMs);
    expect(sent[2]!.at - sent[1]!.at).toBeGreaterThanOrEqual(5 * minuteMs);
  });

  test('does not bind a model without limits', () => {
    expect(send({ limits: {}, calls: 1_000, tokens: () => 1_000 }).minutes).toBe(0);
  });

  test('is each model’s own; an entry of its own goes before that of its provider, and that before the one for all', () => {
    const governor = new Governor({
      'a/x': { requestsPerMinute: 1 },
      'a/*': { requestsPerMinute: 2 },
      '*': { concurrency: 1 },
    });
    for (const name of ['a/x', 'a/y', 'b/y/z']) governor.begin(name, 1, 0);
    expect(governor.check('a/x', 1, 0)).toEqual({ reason: 'requests a minute', until: minuteMs + 1_000 });
    expect(governor.check('a/y', 1, 0)).toEqual({ reason: 'requests a minute', until: minuteMs / 2 });
    expect(governor.check('a/z', 1, 0)).toBeNull();
    expect(governor.check('b/y/z', 1, 0)).toEqual({ reason: 'the end of another call', until: null });
  });
});

describe('GV3: tokens count', () => {
  const governor = () => new Governor({ [model]: { tokensPerMinute: 6_000 } });

  test('as they were once the answer has told', () => {
    const small = governor();
    small.end(small.begin(model, 6_000, 0), 10, null, 0);
    expect(small.check(model, 100, 0)).toBeNull();
    const large = governor();
    large.end(large.begin(model, 10, 0), 3_000, null, 0);
    expect(large.check(model, 100, 0)).toEqual({ reason: 'tokens a minute', until: 29_000 });
    expect(large.check(model, 3_001, 0)).toEqual({ reason: 'tokens a minute', until: 61_000 });
  });

  test('as estimated where no answer tells', () => {
    const limits = { tokensPerMinute: 20_000 };
    const told = send({ limits, calls: 50, tokens: () => 500 });
    expect(send({ limits, calls: 50, tokens: () => 500, used: () => null })).toEqual(told);
  });

  test('no longer in the minute when the answer takes longer than one', () => {
    const slow = governor();
    const call = slow.begin(model, 100, 0);
    slow.end(call, 6_000, null, 2 * minuteMs);
    expect(slow.check(model, 6_000, 2 * minuteMs)?.until).toBe(2 * minuteMs + 59_000);
    slow.begin(model, 100, 3 * minuteMs);
    expect(slow.check(model, 100, 3 * minuteMs)).toBeNull();
  });

  test('and what a call leaves over makes no more than a burst', () => {
    const generous = governor();
    generous.end(generous.begin(model, 6_000, 0), 10, null, 30_000);
    for (const _ of [1, 2]) generous.begin(model, 100, 30_000);
    expect(generous.check(model, 100, 30_000)).toEqual({ reason: 'tokens a minute', until: 31_000 });
  });
});

describe('GV4: a pause', () => {
  const pause = { reason: 'the end of a pause', until: 20_000 };

  /** A governor whose model has been asked to pause for 20 s at 0. */
  function paused(limits: ModelLimits = {}): Governor {
    const governor = new Governor({ [model]: limits });
    governor.end(governor.begin(model, 1, 0), 0, 20_000, 0);
    return governor;
  }

  test('holds every call of its model back, and no other, and is not shortened by a later one', () => {
    const governor = new Governor({});
    const calls = [1, 2].map(() => governor.begin(model, 1, 0));
    governor.end(calls[0]!, null, 20_000, 0);
    governor.end(calls[1]!, null, 5_000, 1_000);
    expect(governor.check(model, 1, 19_999)).toEqual(pause);
    expect(governor.check('openai/gpt-4o', 1, 19_999)).toBeNull();
    expect(governor.check(model, 1, 20_000)).toBeNull();
  });

  test('is lengthened by a longer one', () => {
    const governor = new Governor({});
    const calls = [1, 2].map(() => governor.begin(model, 1, 0));
    governor.end(calls[0]!, null, 5_000, 0);
    governor.end(calls[1]!, null, 15_000, 5_000);
    expect(governor.check(model, 1, 6_000)).toEqual(pause);
  });

  test('is followed by one call at a time, and one more for each that the provider takes', () => {
    const governor = paused();
    let now = 20_000;
    let open: GovernedCall[] = [];
    const rounds: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      while (open.length < 20 && governor.check(model, 1, now) === null) open.push(governor.begin(model, 1, now));
      expect(governor.check(model, 1, now)).toEqual({ reason: 'the first answers after a pause', until: null });
      rounds.push(open.length);
      now += 100;
      for (const call of open) governor.end(call, 1, null, now);
      open = [];
    }
    expect(rounds).toEqual([1, 2, 4, 8]);
  });

  test('begins anew when the first call after it is refused too', () => {
    const governor = paused();
    governor.end(governor.begin(model, 1, 20_000), 0, 4_000, 21_000);
    expect(governor.check(model, 1, 24_999)?.until).toBe(25_000);
    governor.begin(model, 1, 25_000);
    expect(governor.check(model, 1, 25_000)?.reason).toBe('the first answers after a pause');
  });

  test('what was sent before it says nothing of the time after it', () => {
    const governor = new Governor({});
    const calls = [1, 2, 3].map(() => governor.begin(model, 1, 0));
    governor.end(calls[0]!, null, 20_000, 0);
    governor.end(calls[1]!, 1, null, 100);
    governor.begin(model, 1, 20_000);
    governor.end(calls[2]!, 1, null, 20_100);
    expect(governor.check(model, 1, 20_200)?.reason).toBe('the first answers after a pause');
  });

  test('leaves the limits as they are', () => {
    const governor = paused({ requestsPerMinute: 60 });
    const sent: number[] = [];
    for (let now = 20_000; now < 80_000; now += 10) {
      if (governor.check(model, 1, now) !== null) continue;
      governor.end(governor.begin(model, 1, now), 1, null, now);
      sent.push(now);
    }
    expect(sent.filter((at) => at < 30_000)).toHaveLength(11);
    expect(sent).toHaveLength(60);
  });
});

test('models that are quiet are given up when there are very many, and those that are not go on', () => {
  const governor = new Governor({ '*': { concurrency: 1 } });
  const running = governor.begin('openai/running', 1, 0);
  governor.end(governor.begin('openai/paused', 1, 0), 1, 200_000, 0);
  for (let n = 0; n < 1_999; n += 1) governor.check(`openai/${n}`, 1, n * 100);
  expect(governor.check('openai/running', 1, 199_999)).toMatchObject({ reason: 'the end of another call' });
  expect(governor.check('openai/paused', 1, 199_999)).toMatchObject({ reason: 'the end of a pause' });
  expect(governor.models).toBeLessThan(1_100);
  governor.end(running, 1, null, 199_999);
  expect(governor.check('openai/running', 1, 199_999)).toBeNull();
});

test('GV1: a call that ends twice is a broken rule', () => {
  const governor = new Governor({});
  const call = governor.begin(model, 1, 0);
  governor.end(call, 1, null, 1);
  expect(() => governor.end(call, 1, null, 2)).toThrow(`broken rule GV1: a call of ${model} has ended twice`);
});

describe('models are given up', () => {
  const fill = (governor: Governor, count: number, now: number) => {
    for (let n = 0; n < count; n += 1) governor.check(`openai/${n}`, 1, now);
  };
  const modelsAfter = (governor: Governor, name: string, now: number) => {
    governor.check(`openai/${name}`, 1, now);
    return governor.models;
  };

  test('only for a new one beyond the bound', () => {
    const governor = new Governor({});
    fill(governor, 999, 0);
    expect(modelsAfter(governor, 'thousandth', 500_000)).toBe(1_000);
    expect(modelsAfter(governor, '7', 500_000)).toBe(1_000);
    expect(modelsAfter(governor, 'one more', 500_000)).toBe(3);
  });

  test('after 61 quiet seconds, and no earlier', () => {
    const governor = new Governor({});
    fill(governor, 1_000, 0);
    expect(modelsAfter(governor, 'early', 60_999)).toBe(1_001);
    expect(modelsAfter(governor, 'late', 61_000)).toBe(2);
  });

  test('after ten quiet minutes from the end of a pause', () => {
    const governor = new Governor({});
    governor.end(governor.begin('openai/paused', 1, 0), 1, 1_000, 0);
    fill(governor, 999, 600_000);
    expect(modelsAfter(governor, 'early', 600_999)).toBe(1_001);
    expect(modelsAfter(governor, 'late', 601_000)).toBe(1_001);
  });
});

test('GV3: tokens told just as a call leaves the minute are not counted in the next', () => {
  const governor = new Governor({ [model]: { tokensPerMinute: 6_000 } });
  governor.end(governor.begin(model, 100, 0), 6_000, null, 61_000);
  governor.begin(model, 100, 121_000);
  expect(governor.check(model, 100, 121_000)).toBeNull();
});

test('GV4: a refusal that asks for the pause that was changes nothing', () => {
  const governor = new Governor({});
  const late = governor.begin(model, 1, 0);
  governor.end(governor.begin(model, 1, 0), null, 20_000, 0);
  governor.begin(model, 1, 20_000);
  governor.end(late, null, 0, 20_000);
  expect(governor.check(model, 1, 20_000)).toEqual({ reason: 'the first answers after a pause', until: null });
});

test('GV3: a call that has used less than was estimated leaves the minute with what it has used', () => {
  const governor = new Governor({ [model]: { tokensPerMinute: 1_000 } });
  const first = governor.begin(model, 900, 0);
  governor.end(first, 100, null, 10);
  const later = 10 * minuteMs;
  expect(governor.check(model, 1, later)).toBeNull();
  governor.begin(model, 1_000, later);
  // The minute is full: until the call leaves it, a second after its end.
  expect(governor.check(model, 1, later)).toEqual({ reason: 'tokens a minute', until: later + minuteMs + 1_000 });
});
