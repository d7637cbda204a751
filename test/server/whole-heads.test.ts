/** Goal: answers have the headers that they are to have, and no other. Method: whole sets, for each kind of answer once. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { oneStep, type RunningServer, startServer } from './running-server.ts';

const origin = 'https://a.example';
const common = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'Origin',
  date: expect.any(String),
  // The client of these tests asks for it.
  connection: 'close',
};
const exposed =
  'ETag, Link, X-Total-Count, X-Next-Cursor, X-Log-Next, Last-Event-ID, Location, Retry-After, Idempotency-Replayed, ' +
  'Content-Disposition';
const json = { 'content-type': 'application/json; charset=utf-8', 'content-length': expect.any(String) };
const problem = { ...json, 'content-type': 'application/problem+json; charset=utf-8' };

const start = () => startServer({ settings: { allowedOrigins: [origin] } });
const headersOf = async (running: RunningServer, method: string, path: string, headers = {}, body?: unknown) =>
  (await running.call(method, path, { headers, ...(body === undefined ? {} : { body }) })).headers;

describe('the whole head', () => {
  it('of an answer, of a creation for a page of an allowed origin, of a list', async () => {
    const running = await start();
    expect(await headersOf(running, 'GET', '/api/health')).toEqual({ ...common, ...json });
    const created = await headersOf(running, 'POST', '/api/workflows', { Origin: origin }, oneStep);
    expect(created).toEqual({
      ...{ ...common, ...json, 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed },
      location: expect.stringMatching(/^\/api\/workflows\/[0-9a-f-]{36}$/),
    });
    expect(await headersOf(running, 'GET', '/api/workflows')).toEqual({ ...common, ...json, 'x-total-count': '1' });
    const one = await headersOf(running, 'GET', String(created.location));
    expect(one).toEqual({ ...common, ...json, 'cache-control': 'private, no-cache', etag: expect.any(String) });
    const same = await running.call('GET', String(created.location), { headers: { 'If-None-Match': one.etag } });
    const { etag } = one;
    expect([same.status, same.headers]).toEqual([304, { ...common, 'cache-control': 'private, no-cache', etag }]);
  });

  it('of refusals', async () => {
    const running = await start();
    expect(await headersOf(running, 'GET', '/nothing')).toEqual({ ...common, ...problem });
    const wrong = await headersOf(running, 'DELETE', '/api/health');
    expect(wrong).toEqual({ ...common, ...problem, allow: 'GET, HEAD, OPTIONS' });
    expect(await headersOf(running, 'OPTIONS', '/api/workflows')).toEqual({
      ...common,
      allow: 'GET, HEAD, OPTIONS, POST',
    });
  });

  it('of a preflight', async () => {
    const running = await start();
    const asked = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
    expect(await headersOf(running, 'OPTIONS', '/api/workflows', asked)).toEqual({
      ...common,
      'access-control-allow-origin': origin,
      'access-control-expose-headers': exposed,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': 'Content-Type, Authorization, Idempotency-Key, If-None-Match, Last-Event-ID',
      'access-control-max-age': '600',
    });
  });

  it('of a request that is none, of one that comes too slowly, and of one whose headers are too long', async () => {
    const running = await startServer({ bounds: { headersTimeoutMs: 50, connectionsCheckMs: 10 } });
    const head = (status: string, detail: string, text: object) => {
      const body = JSON.stringify({ ...text, detail, code: status.slice(4).toUpperCase().replaceAll(' ', '_') });
      const lines = [
        `HTTP/1.1 ${status}`,
        'Content-Type: application/problem+json; charset=utf-8',
        `Content-Length: ${body.length}`,
        'X-Content-Type-Options: nosniff',
        'Cache-Control: no-store',
        'Connection: close',
      ];
      return `${lines.join('\r\n')}\r\n\r\n${body}`;
    };
    const typed = (type: string, title: string, status: number) => ({
      type: `urn:hybrid-engine:${type}`,
      title,
      status,
    });
    expect(await running.raw('GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n')).toBe(
      head('400 Bad request', 'This is not an HTTP/1.1 request', typed('bad_request', 'Bad request', 400)),
    );
    expect(await running.raw('GET /api/health HTTP/1.1\r\nHost: x\r\n')).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*"REQUEST_TIMEOUT"/,
    );
    expect(await running.raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [\s\S]*"HEADERS_TOO_LARGE"/,
    );
  });
});

it('a client that waits for it is told to send its body, and gets its answer', async () => {
  const running = await startServer();
  const socket = connect(running.port, '127.0.0.1').setEncoding('utf8');
  const next = async () => String((await once(socket, 'data'))[0]);
  const body = JSON.stringify(oneStep);
  const head = [
    'POST /api/workflows HTTP/1.1',
    `Host: localhost:${running.port}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Expect: 100-continue',
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  expect(await next()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  socket.write(body);
  expect(await next()).toMatch(/^HTTP\/1\.1 201 /);
  socket.destroy();
});

it.each(['identity', 'Identity', ' IDENTITY '])('a body as it is may say so: Content-Encoding %j', async (coding) => {
  const running = await startServer();
  const answer = await running.call('POST', '/api/workflows', {
    body: oneStep,
    headers: { 'Content-Encoding': coding },
  });
  expect(answer.status).toBe(201);
});
