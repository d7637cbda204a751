/** Goal: `auth`, and RD3: secrets stay with the first origin. Method: servers on this machine; 127.0.0.1 and localhost are two. */
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { SecretUse } from '../../src/contract/secret-store.ts';
import { tasks } from '../../src/tasks/registry.ts';
import { bindSecrets } from '../../src/worker/bound-secrets.ts';
import { listen, local, readAll } from './http-server.ts';
import { failureOf, runTask } from './run-task.ts';

const value = 'canary/0123-4567';
const task = tasks.get('http_request')!;

/** As a pool thread runs it; the secret may go everywhere here, so that the redirect alone decides. */
async function send(params: Record<string, unknown>, paths: string[][] = [], logs: string[] = []) {
  const url = new URL(String(params.url));
  const use: SecretUse = {
    places: paths.map((path) => ({ path, name: 'KEY', at: 0, form: 'plain' })),
    named: params.auth === undefined ? [] : ['KEY'],
    origin: url.origin,
  };
  const bound = bindSecrets(task, params as never, use, { KEY: { value } });
  return runTask('http_request', bound.params, {
    ...local,
    sentSecrets: bound.sent,
    log: (line) => void logs.push(line),
  });
}

interface Request {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Two origins; the first one redirects `/to` to the second, `/near` to itself. */
async function startPair(status: number, toWay: (request: Request) => string = () => '/end') {
  const seen: Request[] = [];
  const other = await listen(async (request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body: await readAll(request) });
    if (url.startsWith('/to')) {
      const elsewhere = `http://localhost:${new URL(other).port}`;
      response.writeHead(status, { location: `${elsewhere}${toWay(seen[0]!)}` });
    } else if (url.startsWith('/near')) response.writeHead(status, { location: '/end' });
    response.end('ok');
  });
  return { seen, first: other };
}

describe('auth', () => {
  test.each([
    ['KEY', 'authorization', `Bearer ${value}`],
    [
      { basic: { user: 'me', secret: 'KEY' } },
      'authorization',
      `Basic ${Buffer.from(`me:${value}`).toString('base64')}`,
    ],
    [{ header: 'X-Key', secret: 'KEY' }, 'x-key', value],
    [{ header: 'Authorization', secret: 'KEY', prefix: 'token ' }, 'authorization', `token ${value}`],
  ])('%j sets %s', async (auth, header, expected) => {
    const { seen, first } = await startPair(302);
    await send({ url: `${first}/end`, auth });
    expect(seen[0]?.headers[header]).toBe(expected);
  });

  test('is refused beside a header of the same name, and with names that are none', () => {
    const faults = (auth: unknown, headers = {}) =>
      task.params
        .safeParse({ url: 'https://a.example', auth, headers })
        .error?.issues.map(({ path }) => path.join('.')) ?? [];
    expect(faults('KEY', { authorization: 'x' })).toEqual(['auth']);
    expect(faults({ header: 'x-a', secret: 'KEY' }, { 'X-A': 'x' })).toEqual(['auth']);
    expect(faults({ header: 'x-a', secret: 'KEY' }, { authorization: 'x' })).toEqual([]);
    for (const auth of [
      'key',
      {},
      { header: 'host', secret: 'KEY' },
      { basic: { user: 'a:b', secret: 'KEY' } },
      { basic: { user: 'a\n', secret: 'KEY' } },
    ]) {
      expect(faults(auth)[0]).toMatch(/^auth/);
    }
  });

  test('needs the secret, and one that a header can carry', async () => {
    const { first } = await startPair(302);
    expect(await failureOf(runTask('http_request', { url: first, auth: 'KEY' }, local))).toMatchObject({
      code: 'MISSING_SECRET',
    });
    const use = { places: [], named: ['KEY'], origin: new URL(first).origin };
    const { sent } = bindSecrets(task, { url: first }, use, { KEY: { value: 'two\nlines' } });
    const failure = await failureOf(
      runTask('http_request', { url: first, auth: 'KEY' }, { ...local, sentSecrets: sent }),
    );
    expect(failure).toMatchObject({
      code: 'BAD_PARAMS',
      message: 'auth: the secret KEY has several lines, which no header can carry',
    });
    const basic = { basic: { user: 'me', secret: 'KEY' } };
    expect(await runTask('http_request', { url: first, auth: basic }, { ...local, sentSecrets: sent })).toMatchObject({
      status: 200,
    });
  });
});

describe('RD3: a redirect', () => {
  test('within the origin keeps secrets', async () => {
    const { seen, first } = await startPair(307);
    await send({ url: `${first}/near`, method: 'POST', auth: 'KEY', body: '{{secrets.KEY}}' }, [['body']]);
    expect(seen.map(({ headers, body }) => [headers.authorization, body])).toEqual([
      [`Bearer ${value}`, value],
      [`Bearer ${value}`, value],
    ]);
  });

  test.each([301, 302, 303, 307, 308])(
    '%i to another origin gets no header that holds one, harmless ones included',
    async (status) => {
      const { seen, first } = await startPair(status);
      const logs: string[] = [];
      const headers = { 'User-Agent': '{{secrets.KEY}}', accept: '{{secrets.KEY}}', 'accept-language': 'en' };
      await send(
        { url: `${first}/to`, auth: { header: 'Range', secret: 'KEY' }, headers },
        [
          ['headers', 'User-Agent'],
          ['headers', 'accept'],
        ],
        logs,
      );
      expect(seen[0]?.headers).toMatchObject({ 'user-agent': value, accept: value, range: value });
      expect(JSON.stringify(seen[1])).not.toContain('canary');
      expect(seen[1]?.headers).toMatchObject({ 'accept-language': 'en' });
      expect(logs).toEqual([expect.stringMatching(/left the origin; not sent on: .*accept, range, user-agent$/)]);
    },
  );

  test.each([
    ['body', '{{secrets.KEY}}'],
    ['body_base64', '{{secrets.KEY}}'],
  ])('307 to another origin with a secret in %s is not followed', async (field, text) => {
    const { seen, first } = await startPair(307);
    const failure = await failureOf(send({ url: `${first}/to`, method: 'POST', [field]: text }, [[field]]));
    expect(failure).toMatchObject({
      code: 'TARGET_REFUSED',
      message: expect.stringMatching(
        /was redirected to http:\/\/localhost:\d+, which would get a secret of this step in the body$/,
      ),
    });
    expect(seen).toHaveLength(1);
  });

  test('303 leaves the body behind, and is followed, further too', async () => {
    const { seen, first } = await startPair(303);
    await send({ url: `${first}/to`, method: 'POST', body: '{{secrets.KEY}}' }, [['body']]);
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ['POST', value],
      ['GET', ''],
    ]);
  });

  test.each([
    ['as it is', (text: string) => text],
    ['encoded', encodeURIComponent],
    ['in base64', (text: string) => Buffer.from(`x:${text}`).toString('base64')],
  ])('to an address of another origin that holds one, %s, is not followed', async (_how, encode) => {
    const { seen, first } = await startPair(302, ({ headers }) => `/end?k=${encode(String(headers['x-key']))}`);
    const failure = await failureOf(
      send({ url: `${first}/to`, headers: { 'x-key': '{{secrets.KEY}}' } }, [['headers', 'x-key']]),
    );
    expect(failure).toMatchObject({ code: 'TARGET_REFUSED', message: expect.stringMatching(/in the new address$/) });
    expect(failure.message).not.toContain('canary');
    expect(seen).toHaveLength(1);
  });

  test('of a request without secrets is followed as ever', async () => {
    const { seen, first } = await startPair(307, () => `/end?k=${value}`);
    await send({ url: `${first}/to`, method: 'POST', body: 'x', headers: { 'user-agent': 'me' } });
    expect(seen[1]).toMatchObject({ method: 'POST', body: 'x', headers: { 'user-agent': 'me' } });
  });
});
