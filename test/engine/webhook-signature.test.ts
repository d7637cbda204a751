// Goal: the four ways to verify agree with what their owners publish, and secrets that cannot serve are named (WS1 to WS4).
import { describe, expect, test } from 'vitest';
import { findSecretFault, readSignature, toleranceS } from '../../src/engine/webhook-signature.ts';
import { standardSecret } from '../fixtures/hook-senders.ts';

const at = (seconds: number) => seconds * 1_000;
const bytes = (text: string) => Buffer.from(text);

test("the specification's own vector of Standard Webhooks verifies", () => {
  const rawHeaders = [
    ...['webhook-id', 'msg_p5jXN8AQM9LWM0D4loKWxJek'],
    ...['webhook-timestamp', '1614265330'],
    ...['webhook-signature', 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='],
  ];
  const plausible = readSignature('standard', standardSecret, { rawHeaders, now: at(1_614_265_330) });
  if ('why' in plausible) throw new Error(plausible.why);
  expect(plausible.verify(bytes('{"test": 2432232314}'))).toHaveProperty('idOf');
  expect(plausible.verify(bytes('{"test": 2432232315}'))).toEqual({ why: 'no signature fits' });
});

test("the vector of GitHub's documentation verifies", () => {
  const digest = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const given = { rawHeaders: ['X-Hub-Signature-256', `sha256=${digest}`], now: 0 };
  const plausible = readSignature('github', "It's a Secret to Everybody", given);
  if ('why' in plausible) throw new Error(plausible.why);
  expect(plausible.verify(bytes('Hello, World!'))).toHaveProperty('idOf');
  expect(plausible.verify(bytes('Hello, World'))).toHaveProperty('why');
});

test('a signed time may be 300 s away, and not a second more, to either side', () => {
  expect(toleranceS).toBe(300);
  const whyAt = (now: number) => {
    const given = { rawHeaders: ['stripe-signature', `t=1000000,v1=${'0'.repeat(64)}`], now: at(now) };
    const plausible = readSignature('stripe', 'whsec_of-stripe', given);
    return 'why' in plausible ? plausible.why : null;
  };
  expect([999_699, 999_700, 1_000_300, 1_000_301].map(whyAt)).toEqual([
    'the time is too far away',
    null,
    null,
    'the time is too far away',
  ]);
});

describe('a secret that cannot serve is named, and not shown', () => {
  test.each([
    ['standard', standardSecret, null],
    ['standard', standardSecret.slice('whsec_'.length), null],
    ['standard', 'whsec_', /24 to 64 bytes/],
    ['standard', `whsec_${Buffer.alloc(23).toString('base64')}`, /24 to 64 bytes/],
    ['standard', `whsec_${Buffer.alloc(65).toString('base64')}`, /24 to 64 bytes/],
    ['standard', 'whsec_this is no base64 at all, or is it', /24 to 64 bytes/],
    ['github', 'seven77', /fewer than 8/],
    ['github', 'eight888', null],
    ['stripe', 'eight888', null],
    ['token', 'a token', /Authorization header/],
    ['token', 'tökentöken', /Authorization header/],
    ['token', 'eight888', null],
  ] as const)('%s %j', (verify, secret, fault) => {
    const found = findSecretFault(verify, secret);
    if (fault === null) expect(found).toBeNull();
    else expect(found).toMatch(fault);
  });
});
