/**
 * Goal: no forged, stale or changed delivery of a webhook has an effect (WS1 to WS5, HK1, H1 to H7 of docs/security.md).
 * Method: a server with one template for each way to verify; each row is a delivery that differs from a right one in one
 * thing. Its status is told, the journal must not grow, and the answer holds nothing of the secret. Partner rows differ in
 * what does not matter, and are taken.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type EngineServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import {
  nowS,
  type Signed,
  secretStore,
  secrets,
  signGithub,
  signStandard,
  signStripe,
  signToken,
  text,
  writeHookTemplates,
} from '../fixtures/hook-senders.ts';
import { type InlineEngine, openInline } from '../fixtures/inline-engine.ts';
import { callPort, testSettings } from '../server/running-server.ts';

const dir = new EngineDir();
let inline: InlineEngine;
let server: EngineServer;
let port: number;

beforeAll(async () => {
  writeHookTemplates(dir);
  const scheduleClock = { now: () => nowS * 1_000, timer: () => () => undefined };
  inline = await openInline(dir, { settings: { secretStore }, scheduleClock });
  server = createServer({
    engine: inline.engine,
    settings: { ...testSettings, apiToken: 'the-token-of-the-engine' },
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    bounds: { closeGraceMs: 100, lingerMs: 500 },
  });
  ({ port } = await server.listen());
});

afterAll(async () => {
  await server.close();
  await inline.engine.close();
  dir.remove();
});

/** What a delivery does: its status, and how many workflows it has made. */
async function send(
  template: string,
  { headers, body }: Signed,
): Promise<{ status: number; made: number; text: string }> {
  const before = (await inline.engine.stats()).journal_records;
  const workflows = (await inline.engine.list()).total;
  const answer = await callPort(port, 'POST', `/hooks/${template}`, { headers, body });
  const made = (await inline.engine.list()).total - workflows;
  if (made === 0) expect((await inline.engine.stats()).journal_records).toBe(before);
  return { status: answer.status, made, text: answer.text };
}

const withHeaders = (signed: Signed, more: Signed['headers']): Signed => ({
  ...signed,
  headers: { ...signed.headers, ...more },
});

function without(signed: Signed, name: string): Signed {
  const { [name]: _, ...headers } = signed.headers;
  return { ...signed, headers };
}

function headerOf({ headers }: Signed, name: string): string {
  return String(headers[name]);
}

/** The right body but for one bit, at a place of it. */
function flipped(signed: Signed, at: number): Signed {
  const body = Buffer.from(signed.body);
  const place = at < 0 ? body.length + at : at;
  body[place] = (body[place] ?? 0) ^ 1;
  return { ...signed, body };
}

const sig = 'webhook-signature';
const hub = 'x-hub-signature-256';
const stripe = 'stripe-signature';
const large = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });

type Row = [name: string, template: string, signed: () => Signed, status: number];

const forgeries: Row[] = [
  // Keys.
  ['standard: another key', 'standard', () => signStandard(text, { secret: secrets.OTHER }), 401],
  ['standard: an empty key', 'standard', () => signStandard(text, { secret: '' }), 401],
  ['standard: the secret as text, not as base64', 'standard', () => signAsText(), 401],
  ["standard: another template's secret", 'other', () => signStandard(), 401],
  ['github: another key', 'github', () => signGithub(text, { secret: 'It’s a Secret to Everybody' }), 401],
  ['github: an empty key', 'github', () => signGithub(text, { secret: '' }), 401],
  ['stripe: another key', 'stripe', () => signStripe(text, { secret: `${secrets.STRIPE} ` }), 401],
  ['stripe: the key without its beginning', 'stripe', () => signStripe(text, { secret: 'stripe-keys-are-text' }), 401],
  ['token: another', 'token', () => signToken(text, { secret: `${secrets.TOKEN}x` }), 401],
  ['token: all but the last character', 'token', () => signToken(text, { secret: secrets.TOKEN.slice(0, -1) }), 401],
  ["token: the engine's own", 'token', () => signToken(text, { secret: 'the-token-of-the-engine' }), 401],
  [
    'token: as basic',
    'token',
    () => withHeaders(signToken(), { authorization: `Basic ${btoa(`:${secrets.TOKEN}`)}` }),
    401,
  ],
  [
    "github: the engine's token and no signature",
    'github',
    () => signToken(text, { secret: 'the-token-of-the-engine' }),
    401,
  ],
  // Times.
  ['standard: 301 s old', 'standard', () => signStandard(text, { time: nowS - 301 }), 401],
  ['standard: 301 s ahead', 'standard', () => signStandard(text, { time: nowS + 301 }), 401],
  ['standard: in milliseconds', 'standard', () => signStandard(text, { time: nowS * 1_000 }), 401],
  ['standard: with a fraction', 'standard', () => signStandard(text, { time: `${nowS}.0` }), 401],
  ['standard: with a sign', 'standard', () => signStandard(text, { time: `+${nowS}` }), 401],
  ['standard: with a zero before it', 'standard', () => signStandard(text, { time: `0${nowS}` }), 401],
  ['standard: as a power', 'standard', () => signStandard(text, { time: '1.79e9' }), 401],
  ['standard: no number', 'standard', () => signStandard(text, { time: 'NaN' }), 401],
  ['standard: another time than the signed one', 'standard', () => retimed(), 401],
  ['stripe: 301 s old', 'stripe', () => signStripe(text, { time: nowS - 301 }), 401],
  ['stripe: 301 s ahead', 'stripe', () => signStripe(text, { time: nowS + 301 }), 401],
  ['stripe: an old delivery under a new time', 'stripe', () => restamped(), 401],
  [
    'stripe: two times',
    'stripe',
    () => withHeaders(signStripe(), { [stripe]: `t=1,${headerOf(signStripe(), stripe)}` }),
    401,
  ],
  [
    'stripe: no time',
    'stripe',
    () => withHeaders(signStripe(), { [stripe]: headerOf(signStripe(), stripe).slice(13) }),
    401,
  ],
  // Bodies.
  ['standard: the first byte changed', 'standard', () => flipped(signStandard(), 0), 401],
  ['standard: the last byte changed', 'standard', () => flipped(signStandard(), -1), 401],
  ['github: one byte changed', 'github', () => flipped(signGithub(), 5), 401],
  ['stripe: one byte changed', 'stripe', () => flipped(signStripe(), 5), 401],
  ['standard: a byte more', 'standard', () => ({ ...signStandard(), body: `${text} ` }), 401],
  ['standard: cut by a byte', 'standard', () => ({ ...signStandard(), body: text.slice(0, -1) }), 401],
  ['github: a byte order mark before it', 'github', () => ({ ...signGithub(), body: `\uFEFF${text}` }), 401],
  ['github: other white space', 'github', () => ({ ...signGithub(), body: JSON.stringify(JSON.parse(text)) }), 401],
  [
    'github: other escapes for the same text',
    'github',
    () => ({ ...signGithub(), body: text.replace('ü', '\\u00fc') }),
    401,
  ],
  ['github: in Latin-1', 'github', () => ({ ...signGithub(), body: Buffer.from(text, 'latin1') }), 401],
  ['github: no body, the signature of another', 'github', () => ({ ...signGithub(), body: '' }), 401],
  ['github: no body, rightly signed', 'github', () => signGithub(''), 400],
  ['github: rightly signed, but no JSON', 'github', () => signGithub('text=hello'), 400],
  ['github: rightly signed, but not UTF-8', 'github', () => signGithub(Buffer.from([0x22, 0xff, 0x22])), 400],
  ['github: rightly signed, 65 levels deep', 'github', () => signGithub('['.repeat(65) + ']'.repeat(65)), 422],
  ['github: rightly signed, with __proto__', 'github', () => signGithub('{"__proto__": {"text": "x"}}'), 422],
  ['github: rightly signed, over 1 MiB', 'github', () => signGithub(large), 413],
  [
    'github: as a form',
    'github',
    () => withHeaders(signGithub(), { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
  ],
  ['github: as text', 'github', () => withHeaders(signGithub(), { 'content-type': 'text/plain' }), 415],
  ['github: without a type', 'github', () => without(signGithub(), 'content-type'), 415],
  ['github: packed', 'github', () => withHeaders(signGithub(), { 'content-encoding': 'gzip' }), 415],
  // Headers and signatures.
  ['standard: no signature', 'standard', () => without(signStandard(), sig), 401],
  ['standard: an empty signature', 'standard', () => withHeaders(signStandard(), { [sig]: '' }), 401],
  ['standard: no id', 'standard', () => without(signStandard(), 'webhook-id'), 401],
  ['standard: another id', 'standard', () => withHeaders(signStandard(), { 'webhook-id': 'msg_2' }), 401],
  ['standard: no time', 'standard', () => without(signStandard(), 'webhook-timestamp'), 401],
  ['standard: the dot moved from the id to the time', 'standard', () => moved(), 401],
  ['standard: a long id', 'standard', () => signStandard(text, { id: 'm'.repeat(257) }), 401],
  [
    'standard: the signature without v1',
    'standard',
    () => withHeaders(signStandard(), { [sig]: headerOf(signStandard(), sig).slice(3) }),
    401,
  ],
  [
    'standard: named v2',
    'standard',
    () => withHeaders(signStandard(), { [sig]: headerOf(signStandard(), sig).replace('v1', 'v2') }),
    401,
  ],
  [
    'standard: named v1a',
    'standard',
    () => withHeaders(signStandard(), { [sig]: headerOf(signStandard(), sig).replace('v1', 'v1a') }),
    401,
  ],
  [
    'standard: cut by a character',
    'standard',
    () => withHeaders(signStandard(), { [sig]: headerOf(signStandard(), sig).slice(0, -1) }),
    401,
  ],
  [
    'standard: its base64 with other unused bits',
    'standard',
    () => withHeaders(signStandard(), { [sig]: otherBits() }),
    401,
  ],
  ['standard: in hex', 'standard', () => withHeaders(signStandard(), { [sig]: inHex() }), 401],
  [
    'standard: signatures divided by commas',
    'standard',
    () => withHeaders(signStandard(), { [sig]: `v1,AAAA,${headerOf(signStandard(), sig)}` }),
    401,
  ],
  [
    'standard: 17 signatures, the right one among them',
    'standard',
    () => withHeaders(signStandard(), { [sig]: many(16) }),
    401,
  ],
  [
    'standard: the signature header twice',
    'standard',
    () => withHeaders(signStandard(), { [sig]: [headerOf(signStandard(), sig), 'v1,x'] }),
    401,
  ],
  [
    'standard: the id header twice',
    'standard',
    () => withHeaders(signStandard(), { 'webhook-id': ['msg_1', 'msg_1'] }),
    401,
  ],
  ['github: no signature', 'github', () => without(signGithub(), hub), 401],
  ['github: SHA-1, as it was before', 'github', () => sha1(), 401],
  [
    'github: named sha1',
    'github',
    () => withHeaders(signGithub(), { [hub]: headerOf(signGithub(), hub).replace('sha256', 'sha1') }),
    401,
  ],
  [
    'github: capital hex',
    'github',
    () => withHeaders(signGithub(), { [hub]: headerOf(signGithub(), hub).toUpperCase() }),
    401,
  ],
  [
    'github: cut by a character',
    'github',
    () => withHeaders(signGithub(), { [hub]: headerOf(signGithub(), hub).slice(0, -1) }),
    401,
  ],
  [
    'github: the header twice',
    'github',
    () => withHeaders(signGithub(), { [hub]: [headerOf(signGithub(), hub), 'sha256=0'] }),
    401,
  ],
  ['github: in base64', 'github', () => withHeaders(signGithub(), { [hub]: `sha256=${otherBits().slice(3)}` }), 401],
  [
    'stripe: v0 alone, the scheme of tests',
    'stripe',
    () => withHeaders(signStripe(), { [stripe]: headerOf(signStripe(), stripe).replace('v1', 'v0') }),
    401,
  ],
  ['stripe: an empty header', 'stripe', () => withHeaders(signStripe(), { [stripe]: '' }), 401],
  [
    'stripe: the header twice',
    'stripe',
    () => withHeaders(signStripe(), { [stripe]: [headerOf(signStripe(), stripe), 't=1'] }),
    401,
  ],
  ['token: the id header twice', 'token', () => withHeaders(signToken(), { 'webhook-id': ['a', 'b'] }), 401],
  [
    'token: in the query',
    'token?token=bearer-token-of-forty-characters-and-more',
    () => without(signToken(), 'authorization'),
    401,
  ],
  ['the way of another sender', 'standard', () => signGithub(text, { secret: secrets.STANDARD }), 401],
  // Templates.
  ['a template that there is not', 'nobody', () => signStandard(), 404],
  ['a template without a webhook', 'plain', () => signStandard(), 404],
  ['a template whose secret is not set', 'unset', () => signGithub(text, { secret: '' }), 404],
  ['a name with a slash in it', 'a%2Fb', () => signStandard(), 404],
  ['a name above the directory', '..%2Fstandard', () => signStandard(), 404],
  ['a name of the prototype', '__proto__', () => signStandard(), 404],
];

describe('a delivery that is not as it was signed', () => {
  it.each(forgeries)('%s', async (_, template, make, status) => {
    const answer = await send(template, make());
    expect({ status: answer.status, made: answer.made }).toEqual({ status, made: 0 });
    for (const secret of Object.values(secrets)) expect(answer.text).not.toContain(secret);
  });

  it('has at least fifty rows, each with a name of its own', () => {
    expect(new Set(forgeries.map(([name]) => name)).size).toBe(forgeries.length);
    expect(forgeries.length).toBeGreaterThanOrEqual(50);
  });

  it('is answered with the same words, whatever was wrong', async () => {
    const refused = forgeries.filter(([, , , status]) => status === 401 || status === 404);
    const answers = new Map<number, Set<string>>([
      [401, new Set()],
      [404, new Set()],
    ]);
    for (const [, template, make] of refused) {
      const { status, text: told } = await send(template, make());
      answers.get(status)?.add(told);
    }
    expect([...answers].map(([status, texts]) => [status, texts.size])).toEqual([
      [401, 1],
      [404, 1],
    ]);
  });
});

let count = 0;
/** A text that no other delivery has had. */
function fresh(): string {
  count += 1;
  return JSON.stringify({ text: `fresh ${count}` });
}

const right: [string, string, () => Signed][] = [
  ['standard', 'standard', () => signStandard(fresh(), { id: `r-${count}` })],
  ['standard, 300 s old', 'standard', () => signStandard(fresh(), { id: `r-${count}`, time: nowS - 300 })],
  ['standard, 300 s ahead', 'standard', () => signStandard(fresh(), { id: `r-${count}`, time: nowS + 300 })],
  ['standard, header names in capitals', 'standard', () => inCapitals(signStandard(fresh(), { id: `r-${count}` }))],
  ['standard, the second of two signatures, as while keys change', 'standard', () => after('v1,AAAA')],
  ['standard, the sixteenth signature', 'standard', () => after(many(15, ''))],
  [
    'standard, beside a signature of another kind',
    'standard',
    () => after('v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw0enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM-m7TBAg=='),
  ],
  ['github', 'github', () => signGithub(fresh())],
  ['github, no object', 'github', () => signGithub(`[${fresh()}]`)],
  ['stripe', 'stripe', () => signStripe(fresh())],
  ['stripe, beside v0', 'stripe', () => besideV0()],
  ['stripe, 300 s old', 'stripe', () => signStripe(fresh(), { time: nowS - 300 })],
  ['token', 'token', () => signToken(fresh())],
  [
    'token, "bearer" in small letters',
    'token',
    () => withHeaders(signToken(fresh()), { authorization: `bearer ${secrets.TOKEN}` }),
  ],
];

describe('a delivery that is right makes one workflow', () => {
  it.each(right)('%s', async (_, template, make) => {
    const answer = await send(template, make());
    expect(answer).toMatchObject({ status: 202, made: 1 });
  });
});

const again: [string, string, () => [Signed, Signed]][] = [
  ['standard: word for word', 'standard', () => twice(signStandard(fresh(), { id: `s-${count}` }))],
  ['standard: with a new time and signature, as senders try again', 'standard', () => retried()],
  [
    'standard: the id under another body, rightly signed',
    'standard',
    () => [signStandard(fresh(), { id: `s-${count}` }), signStandard('{"text": "b"}', { id: `s-${count}` })],
  ],
  ['standard: with further headers', 'standard', () => withMore(signStandard(fresh(), { id: `s-${count}` }))],
  ['github: word for word', 'github', () => twice(signGithub(fresh()))],
  ['github: under a new delivery id', 'github', () => redelivered()],
  ['github: under another event name', 'github', () => withMore(signGithub(fresh()), { 'x-github-event': 'push' })],
  ['github: with a query', 'github', () => twice(signGithub(fresh()))],
  ['stripe: word for word', 'stripe', () => twice(signStripe(fresh()))],
  ['stripe: with a new time, as Stripe tries again', 'stripe', () => stripeAgain()],
  ['stripe: its event with another count of pending webhooks', 'stripe', () => pending()],
  ['token: under the same id', 'token', () => twice(signToken(fresh(), { id: `t-${count}` }))],
  [
    'token: under the same Idempotency-Key',
    'token',
    () => twice(withHeaders(signToken(fresh()), { 'idempotency-key': `t-${count}` })),
  ],
];

describe('a delivery that comes again makes nothing, and is answered with the same workflow', () => {
  it.each(again)('%s', async (_, template, make) => {
    const [first, second] = make();
    const one = await send(template, first);
    const two = await send(template, second);
    expect([one.status, one.made, two.status, two.made]).toEqual([202, 1, 202, 0]);
    expect(two.text).toBe(one.text);
  });

  it('both come at once: one workflow', async () => {
    const signed = signGithub(fresh());
    const before = (await inline.engine.list()).total;
    const call = () => callPort(port, 'POST', '/hooks/github', { headers: signed.headers, body: signed.body });
    const answers = await Promise.all([call(), call(), call(), call()]);
    expect(new Set(answers.map(({ text: told }) => told)).size).toBe(1);
    expect((await inline.engine.list()).total).toBe(before + 1);
  });
});

describe('what identifies nothing', () => {
  it('token without an id: each delivery makes a workflow', async () => {
    const signed = signToken(fresh());
    expect([(await send('token', signed)).made, (await send('token', signed)).made]).toEqual([1, 1]);
  });

  it('the same delivery to another template with the same secret is another', async () => {
    const body = fresh();
    expect((await send('github', signGithub(body))).made).toBe(1);
    expect((await send('stripe', signStripe(body))).made).toBe(1);
  });
});

function signAsText(): Signed {
  const key = Buffer.from(secrets.STANDARD).toString('base64');
  return signStandard(text, { secret: key });
}

function retimed(): Signed {
  return withHeaders(signStandard(), { 'webhook-timestamp': String(nowS + 1) });
}

function restamped(): Signed {
  const old = signStripe(text, { time: nowS - 3_600 });
  return withHeaders(old, { [stripe]: headerOf(old, stripe).replace(/t=\d+/, `t=${nowS}`) });
}

/** `a.<time>` and `a.<time>.<time>` are signed over the same text. */
function moved(): Signed {
  const signed = signStandard(`${nowS}.{}`, { id: 'a' });
  return withHeaders({ ...signed, body: '{}' }, { 'webhook-id': `a.${nowS}` });
}

function otherBits(): string {
  const value = headerOf(signStandard(), sig);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = alphabet.indexOf(value.at(-2) ?? '');
  return `${value.slice(0, -2)}${alphabet[last ^ 1]}=`;
}

function inHex(): string {
  return `v1,${Buffer.from(headerOf(signStandard(), sig).slice(3), 'base64').toString('hex')}`;
}

function many(wrong: number, last = headerOf(signStandard(), sig)): string {
  return [...Array.from({ length: wrong }, () => `v1,${'A'.repeat(43)}=`), last]
    .filter((each) => each !== '')
    .join(' ');
}

function sha1(): Signed {
  const signed = without(signGithub(), hub);
  return withHeaders(signed, { 'x-hub-signature': 'sha1=0d7d0e3d5c5bb0e4ef6b7d9d0b6a3a6d5f0f3a2c' });
}

function inCapitals({ headers, body }: Signed): Signed {
  return {
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value])),
    body,
  };
}

function after(others: string): Signed {
  const signed = signStandard(fresh(), { id: `r-${count}` });
  return withHeaders(signed, { [sig]: `${others} ${headerOf(signed, sig)}` });
}

function besideV0(): Signed {
  const signed = signStripe(fresh());
  return withHeaders(signed, { [stripe]: `${headerOf(signed, stripe)},v0=${'0'.repeat(64)}` });
}

function twice(signed: Signed): [Signed, Signed] {
  return [signed, signed];
}

function withMore(signed: Signed, more: Signed['headers'] = { 'x-more': '1' }): [Signed, Signed] {
  return [signed, withHeaders(signed, more)];
}

function retried(): [Signed, Signed] {
  const body = fresh();
  return [signStandard(body, { id: `s-${count}` }), signStandard(body, { id: `s-${count}`, time: nowS + 60 })];
}

function redelivered(): [Signed, Signed] {
  const body = fresh();
  return [signGithub(body, { id: 'one' }), signGithub(body, { id: 'two' })];
}

function stripeAgain(): [Signed, Signed] {
  const body = fresh();
  return [signStripe(body), signStripe(body, { time: nowS + 60 })];
}

function pending(): [Signed, Signed] {
  const event = { id: `evt_${fresh()}`, pending_webhooks: 2 };
  return [signStripe(JSON.stringify(event)), signStripe(JSON.stringify({ ...event, pending_webhooks: 1 }))];
}
