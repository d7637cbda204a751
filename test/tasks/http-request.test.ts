/**
 * Goal: http_request reaches only what it may (X13), reads only what it should (X19) and says what went wrong in the
 * failure table's words. Method: servers on port 0 of this machine, allowed by name where a test is about something else.
 */
import type { Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { closeServer, listen, listenTcp, local, readAll, servers } from './http-server.ts';
import { failureOf, runTask } from './run-task.ts';

const request = (params: Record<string, unknown>, context = {}) =>
  runTask('http_request', params, { ...local, ...context });

describe('an answer', () => {
  it('comes back as status, headers, text and JSON value', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'x-two': ['a', 'b'] });
      response.end('{"n": 1, "__proto__": {"polluted": true}}');
    });
    const outputs = await request({ url });
    expect(outputs).toMatchObject({
      status: 200,
      content: '{"n": 1, "__proto__": {"polluted": true}}',
      json: { n: 1 },
    });
    expect(Object.keys(outputs.json as object)).toEqual(['n']);
    expect(outputs.headers).toMatchObject({ 'x-two': 'a, b' });
  });

  it('is text in the charset it names, without a JSON value where it is none', async () => {
    const logs: string[] = [];
    const url = await listen(({ url: path }, response) => {
      if (path === '/latin') {
        response.setHeader('content-type', 'text/plain; charset=iso-8859-1');
        response.end(Buffer.from([0xe4]));
      } else {
        response.setHeader('content-type', 'application/json');
        response.end('<html>');
      }
    });
    expect(await request({ url: `${url}/latin` })).toMatchObject({ content: 'ä' });
    const outputs = await request({ url }, { log: (line: string) => void logs.push(line) });
    expect(outputs).not.toHaveProperty('json');
    expect(logs).toHaveLength(1);
  });

  it('is stopped at 16 MiB, decoded, however it is packed', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(128 * 1024);
    const url = await listen(({ url: path }, response) => {
      if (path === '/gzip') response.setHeader('content-encoding', 'gzip');
      if (path === '/layers') response.setHeader('content-encoding', 'gzip, gzip, gzip');
      response.end(path === '/plain' ? Buffer.alloc(17 * 1024 * 1024) : bomb);
    });
    const failure = { code: 'OUTPUT_TOO_LARGE', message: expect.stringContaining('16777216 bytes') };
    expect(await failureOf(request({ url: `${url}/gzip` }))).toMatchObject(failure);
    expect(await failureOf(request({ url: `${url}/plain` }))).toMatchObject(failure);
    expect(await failureOf(request({ url: `${url}/layers` }))).toMatchObject({ code: 'OUTPUT_INVALID' });
  });
});

describe('a request', () => {
  it('carries method, headers, query, body and the idempotency key', async () => {
    const url = await listen(async (message, response) => {
      const { method, url: path, headers } = message;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ method, path, headers, body: await readAll(message) }));
    });
    expect(
      await request({
        url: `${url}/a?x=1`,
        method: 'POST',
        query: { q: 'ä&b', n: [1, true] },
        headers: { 'X-Mine': 'yes' },
        body: { a: [1] },
      }),
    ).toMatchObject({
      json: {
        method: 'POST',
        path: '/a?x=1&q=%C3%A4%26b&n=1&n=true',
        headers: { 'x-mine': 'yes', 'content-type': 'application/json', 'idempotency-key': 'workflow/step' },
        body: '{"a":[1]}',
      },
    });
    const text = await request({ url, method: 'PUT', body: 'as it is', headers: { 'Idempotency-Key': 'mine' } });
    expect(text).toMatchObject({
      json: { headers: { 'content-type': 'text/plain; charset=utf-8', 'idempotency-key': 'mine' }, body: 'as it is' },
    });
    const read = (await request({ url })) as { json: { headers: Record<string, string> } };
    expect(read.json.headers).not.toHaveProperty('idempotency-key');
    expect(await failureOf(request({ url, body: 'x' }))).toMatchObject({ code: 'BAD_PARAMS' });
  });

  it.each([
    { url: 'no address' },
    { url: 'http://x/', method: 'TRACE' },
    { url: 'http://x/', headers: { Host: 'other' } },
    { url: 'http://x/', headers: { 'Content-Length': '1' } },
    { url: 'http://x/', headers: { 'X-A': 'a\r\nB: c' } },
    { url: 'http://x/', headers: { 'X A': 'a' } },
    { url: 'http://x/', expect: '2yy' },
    { url: 'http://x/', expect: [] },
  ])('with bad params is refused: %j', async (params) => {
    await expect(request(params)).rejects.toThrow();
  });

  it('GA3: ends when its signal is aborted: silent server, endless body', async () => {
    const url = await listen(({ url: path }, response) => {
      if (path === '/endless') response.write('first bytes');
    });
    for (const path of ['/silent', '/endless']) {
      const controller = new AbortController();
      const run = failureOf(request({ url: url + path }, { signal: controller.signal }));
      const server = servers.at(-1) as Server;
      await new Promise<void>((resolve) => server.once('request', () => resolve()));
      controller.abort();
      expect(await run).toMatchObject({ code: 'NETWORK' });
    }
  });
});

describe('a status', () => {
  const withStatus = (status: number, headers = {}, body = '') =>
    listen((_request, response) => void response.writeHead(status, headers).end(body));

  it.each([
    [404, 'HTTP_STATUS'],
    [401, 'HTTP_STATUS'],
    [304, 'HTTP_STATUS'],
    [408, 'HTTP_RETRYABLE'],
    [425, 'HTTP_RETRYABLE'],
    [429, 'HTTP_RETRYABLE'],
    [500, 'HTTP_RETRYABLE'],
    [503, 'HTTP_RETRYABLE'],
    [529, 'HTTP_RETRYABLE'],
  ])('%d that is not expected fails with %s', async (status, code) => {
    const url = await withStatus(status, {}, status === 304 ? '' : 'because');
    expect(await failureOf(request({ url: `${url}/p?key=hidden` }))).toMatchObject({
      code,
      message: `GET ${url}/p answered ${status}${status === 304 ? '' : ': because'}`,
    });
  });

  it.each([
    [404, 404],
    [404, '4xx'],
    [503, ['2xx', 503]],
    [302, 302],
  ] as const)('%d is a success with expect %j', async (status, expectation) => {
    const url = await withStatus(status, { location: '/elsewhere' });
    expect(await request({ url, expect: expectation })).toMatchObject({ status });
  });

  it('fails when it succeeds otherwise than expected', async () => {
    expect(await failureOf(request({ url: await withStatus(200), expect: 201 }))).toMatchObject({
      code: 'HTTP_STATUS',
    });
  });

  it('EX1: never shows the header values that the server repeats', async () => {
    const url = await withStatus(401, {}, 'wrong key sk-canary-1 of Bearer sk-canary-1, mine is canary-cookie');
    const failure = await failureOf(
      request({ url, headers: { Authorization: 'Bearer sk-canary-1', Cookie: 'canary-cookie' } }),
    );
    expect(failure.message).toMatch(/answered 401: wrong key \[authorization\]/);
    expect(failure.message).not.toContain('canary');
  });

  it.each([
    ['2', 2_000],
    ['0', 0],
    ['1.5', 1_500],
    ['3600', 60_000],
    ['-5', undefined],
    ['garbage', undefined],
    ['', undefined],
    [new Date(Date.now() + 3_600_000).toUTCString(), 60_000],
    [new Date(Date.now() - 3_600_000).toUTCString(), 0],
  ])('429 with Retry-After %j waits %j ms', async (retryAfter, expected) => {
    const failure = await failureOf(request({ url: await withStatus(429, { 'retry-after': retryAfter }) }));
    expect(failure.retryAfterMs).toBe(expected);
  });

  it('429 with retry-after-ms waits exactly that, and without either says nothing', async () => {
    const exact = { 'retry-after-ms': '1234', 'retry-after': '50' };
    expect((await failureOf(request({ url: await withStatus(429, exact) }))).retryAfterMs).toBe(1_234);
    expect((await failureOf(request({ url: await withStatus(429) }))).retryAfterMs).toBeUndefined();
  });
});

describe('a broken exchange', () => {
  it.each([
    ['NETWORK', 'resets at once', ''],
    ['NETWORK', 'breaks off in the headers', 'HTTP/1.1 200 OK\r\nContent-'],
    ['NETWORK', 'breaks off in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'],
    ['NETWORK', 'breaks off in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhal'],
    ['NETWORK', 'is no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['NETWORK', 'has headers without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(32_768)}\r\n\r\n`],
    ['NETWORK', 'is damaged gzip', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnogz!'],
    [
      'NETWORK',
      'is damaged brotli',
      'HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\n\x7f\x7f\x7f!!',
    ],
  ])('is %s where it %s', async (code, _what, bytes) => {
    const url = `${await listenTcp(bytes)}/p?key=hidden`;
    const failure = await failureOf(request({ url, headers: { authorization: 'canary' } }));
    expect(failure.code).toBe(code);
    expect(failure.message).not.toMatch(/hidden|canary/);
  });

  it('to a port where nobody listens is NETWORK and says so', async () => {
    const url = await listen(() => {});
    await closeServer();
    expect(await failureOf(request({ url }))).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('nothing listens there (ECONNREFUSED)'),
    });
  });

  it('with a name that does not exist is NETWORK', async () => {
    expect(await failureOf(request({ url: 'http://no-such-host.invalid/' }))).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('could not be resolved'),
    });
  });
});
