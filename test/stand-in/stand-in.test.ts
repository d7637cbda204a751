/** Goal: the stand-in keeps its limits on the clock it is given, and its invoice holds what it has begun to answer. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn } from './stand-in.ts';
import { Throttle } from './throttle.ts';

describe('limits', () => {
  it('let in so many requests in any minute of the clock', () => {
    let now = 0;
    const throttle = new Throttle({ requestsPerMinute: 2 }, () => now);
    expect([throttle.take(1), throttle.take(1), throttle.take(1)]).toEqual([0, 0, 60_000]);
    now = 20_000;
    expect(throttle.take(1)).toBe(40_000);
    now = 60_000;
    expect([throttle.take(1), throttle.take(1), throttle.take(1)]).toEqual([0, 0, 60_000]);
  });

  it('let in so many tokens, and wait for as many to leave as are needed', () => {
    let now = 0;
    const throttle = new Throttle({ tokensPerMinute: 100 }, () => now);
    expect(throttle.take(60)).toBe(0);
    now = 10_000;
    expect(throttle.take(30)).toBe(0);
    expect(throttle.take(20)).toBe(50_000);
    expect(throttle.take(80)).toBe(60_000);
    expect(throttle.take(101)).toBe(60_000);
    expect(throttle.take(10)).toBe(0);
  });
});

describe('the server', () => {
  let standIn: StandIn;
  let now = 0;
  beforeEach(async () => {
    now = 0;
    standIn = await StandIn.start({ limits: { requestsPerMinute: 2 }, now: () => now });
  });
  afterEach(() => standIn.close());

  const ask = (stream = false) =>
    fetch(`${standIn.baseUrl}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'Hi' }], stream }),
    });

  it('refuses what is beyond its limits, with the time to wait, and does not charge it', async () => {
    standIn.next({ content: 'Yes.' }, { content: 'No.' });
    expect(await (await ask()).json()).toMatchObject({ choices: [{ message: { content: 'Yes.' } }] });
    now = 1_000;
    expect(await (await ask(true)).text()).toMatch(/"content":"No\."[\s\S]*"usage":[\s\S]*\[DONE\]/);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after-ms')).toBe('59000');
    // [{"role":"user","content":"Hi"}] has 32 characters: 8 tokens in, 1 out, at 30 and 60 millionths.
    const line = { model: 'gpt-4', fate: 'answered', inputTokens: 8, outputTokens: 1, costPico: 300_000_000n };
    expect(standIn.invoice.lines).toMatchObject([line, { ...line, stream: true }]);
    expect(standIn.invoice).toMatchObject({ tokens: 18, costPico: 600_000_000n });
    expect(standIn.throttled).toBe(1);
  });

  it('charges an answer that it breaks off', async () => {
    standIn.next({ content: 'one two three', cutAfter: 1 });
    await expect(ask(true).then((response) => response.text())).rejects.toThrow();
    expect(standIn.invoice.lines).toMatchObject([{ fate: 'begun', outputTokens: 4 }]);
  });
});
