// Goal: nobody but the allowed gets an effect or a byte of data. Method: every spelling of Host and Origin that has
// fooled others, the "simple" cross-site requests, and a walk over the route table without the token.
import { connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { AnswerMemory } from '../../src/server/answer-memory.ts';
import { createRoutes } from '../../src/server/app.ts';
import { serverBounds } from '../../src/server/bounds.ts';
import { Clients } from '../../src/server/clients.ts';
import { isOpenPath } from '../../src/server/guard.ts';
import { OpenRequests } from '../../src/server/open-requests.ts';
import { isPagePath } from '../../src/server/page-paths.ts';
import { Pairings } from '../../src/server/pairings.ts';
import { ServerMetrics } from '../../src/server/server-metrics.ts';
import { Tickets } from '../../src/server/tickets.ts';
import { readWebFiles } from '../../src/server/web-files.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { createWorkflow, oneStep, startServer, testSettings } from './running-server.ts';

const routes = createRoutes(
  {
    engine: new FakeEngine(),
    settings: testSettings,
    bounds: serverBounds,
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    tickets: new Tickets(),
    pairings: new Pairings(),
    clients: new Clients(new FakeEngine(), pino({ level: 'silent' })),
    openRequests: new OpenRequests(serverBounds.waitsMax),
    memory: new AnswerMemory({ bytesMax: 1, freeBytes: 1, patienceMs: 1, readingMsMax: 1 }),
    web: readWebFiles('no-such-directory'),
  },
  new ServerMetrics(),
);
const anyId = '00000000-0000-4000-8000-000000000000';
const walk = routes.map(({ method, path }) => ({
  method: method.toUpperCase(),
  path: path.replace('{id}', anyId).replace('{stepId}', 'only').replace('{file}', 'start.js'),
}));
const mutating = walk.filter(({ method }) => method !== 'GET');

describe('GD1, G19: the Host header', () => {
  it.each(['127.0.0.1:PORT', 'localhost:PORT', '[::1]:PORT'])('is answered when it is %s', async (host) => {
    const running = await startServer();
    const headers = { Host: host.replace('PORT', String(running.port)) };
    expect((await running.call('GET', '/api/queue', { headers })).status).toBe(200);
  });

  const wrong = [
    '',
    '127.0.0.1',
    'localhost',
    '[::1]',
    '::1:PORT',
    'LOCALHOST:PORT',
    'Localhost:PORT',
    'localhost.:PORT',
    'localhost:PORT.',
    '127.1:PORT',
    '127.0.0.1.:PORT',
    '127.0.0.2:PORT',
    '0.0.0.0:PORT',
    '0:PORT',
    '2130706433:PORT',
    '0x7f000001:PORT',
    '0177.0.0.1:PORT',
    '127.000.000.001:PORT',
    '[::]:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '[0:0:0:0:0:0:0:1]:PORT',
    '[::1%25lo]:PORT',
    'ip6-localhost:PORT',
    'attacker.test',
    'attacker.test:PORT',
    'localhost.attacker.test:PORT',
    'localhost:PORT.attacker.test',
    'attacker.test:PORT@localhost:PORT',
    'user@localhost:PORT',
    'localhost:PORT@attacker.test',
    'localhost:PORT,attacker.test',
    'localhost:PORT localhost:PORT',
    'localhost:0PORT',
    'localhost:PORT0',
    'localhost:',
    'localhost:PORT/',
    'localhost:PORT#',
    'localhost:PORT?',
    'http://localhost:PORT',
    '//localhost:PORT',
    '127.0.0.1.nip.io:PORT',
    'localhost%00:PORT',
    'null',
    '*',
  ];
  it.each(wrong)('is refused when it is "%s"', async (host) => {
    const running = await startServer();
    const headers = { Host: host.replaceAll('PORT', String(running.port)) };
    const answer = await running.call('GET', '/api/queue', { headers });
    expect([answer.status, answer.json.code]).toEqual([421, 'MISDIRECTED']);
    expect(answer.json.detail).toContain('ALLOWED_HOSTS');
    expect(running.engine.calls).toEqual([]);
  });

  it('answers only those of ALLOWED_HOSTS when they are set', async () => {
    const running = await startServer({ settings: { allowedHosts: ['engine.lan:8000', 'engine.lan'] } });
    const status = async (Host: string) => (await running.call('GET', '/api/queue', { headers: { Host } })).status;
    expect(await status('engine.lan:8000')).toBe(200);
    expect(await status('engine.lan')).toBe(200);
    expect(await status(`localhost:${running.port}`)).toBe(421);
    expect(await status('other.lan')).toBe(421);
  });
});

describe('GD4: health', () => {
  const alive = { status: 'healthy', timestamp: expect.any(String) };
  const all = { ...alive, version: '1.2.3', uptime_seconds: expect.any(Number), notices: ['a'], problems: [] };
  const token = { Authorization: 'Bearer a-long-token' };

  it.each([
    ['our Host', null, {}, all],
    ['another Host', null, { Host: 'load-balancer.test' }, alive],
    ['an empty Host', null, { Host: '' }, alive],
    ['our Host, without the token', 'a-long-token', {}, alive],
    ['our Host, with a wrong token', 'a-long-token', { Authorization: 'Bearer a-long-tokem' }, alive],
    ['our Host, with the token', 'a-long-token', token, all],
    ['another Host, with the token', 'a-long-token', { ...token, Host: 'load-balancer.test' }, alive],
  ])('tells a caller with %s what is for him', async (_name, apiToken, headers, expected) => {
    const running = await startServer({ settings: { apiToken } });
    running.engine.healthNotices = ['a'];
    const auth = apiToken === null ? 'none' : 'token';
    const degraded = { ...expected, auth, status: 'degraded' };
    for (const path of ['/api/health', '/api/health?']) {
      const { status, json } = await running.call('GET', path, { headers });
      expect([status, json]).toEqual([200, degraded]);
    }
    expect((await running.call('HEAD', '/api/health', { headers })).status).toBe(200);
  });

  it.each(['/api/queue', '/API/health', '/api/health/x', '//api/health', '/docs', '/openapi.json', '/metrics'])(
    'is the only one: %s asks for a Host of ours',
    async (path) => {
      const running = await startServer();
      const answer = await running.call('GET', path, { headers: { Host: 'load-balancer.test' } });
      expect(answer.status).toBe(421);
    },
  );
});

describe('GD5: more headers than are looked at', () => {
  // Node drops what is beyond its count without a word: behind 1,000 fillers nobody would see a second Host.
  const lines = (count: number) => 'a:\r\n'.repeat(count);
  const ask = (port: number, more: string) =>
    `GET /api/queue HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n${more}\r\n`;

  it('are refused, and up to 200 are seen', async () => {
    const running = await startServer();
    expect(await running.raw(ask(running.port, lines(198)))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await running.raw(ask(running.port, lines(199)))).toMatch(/^HTTP\/1\.1 431 /);
    expect(running.engine.callsOf('stats')).toHaveLength(1);
  });

  it.each([1_001, 2_000, 3_900])('are refused behind %i fillers, whatever comes then', async (count) => {
    const running = await startServer();
    for (const more of ['Host: evil.test\r\n', 'Origin: http://evil.test\r\n', 'Content-Type: text/plain\r\n']) {
      expect(await running.raw(ask(running.port, lines(count) + more))).toMatch(/^HTTP\/1\.1 431 /);
    }
    expect(running.engine.calls).toEqual([]);
  });
});

describe('a refused Host or Origin', () => {
  const hints = (lines: string[]) =>
    lines.flatMap((line) => (JSON.parse(line).level === 40 ? [String(JSON.parse(line).msg)] : []));

  it('is told in the log once, with the setting to paste', async () => {
    const running = await startServer({ settings: { allowedOrigins: ['http://localhost:3000'] } });
    const origin = (Origin: string) => running.call('GET', '/api/queue', { headers: { Origin } });
    for (const each of ['http://localhost:5173', 'http://localhost:5173', 'chrome-extension://abc']) await origin(each);
    for (const Host of ['engine.lan:8000', 'engine.lan:8000'])
      await running.call('GET', '/docs', { headers: { Host } });
    expect(hints(running.logLines)).toEqual([
      'Origin http://localhost:5173 was refused. If it is yours, allow it with: ALLOWED_ORIGINS=http://localhost:3000,http://localhost:5173',
      'Origin chrome-extension://abc was refused. If it is yours, allow it with: ALLOWED_ORIGINS=http://localhost:3000,chrome-extension://abc',
      'Host engine.lan:8000 was refused. If it is yours, allow it with: ALLOWED_HOSTS=engine.lan:8000',
    ]);
  });

  it('fills no log: 20 are told, and none that is no name', async () => {
    const running = await startServer();
    for (const Origin of [
      'null',
      '*',
      'http://a.test/?x=\u00e4',
      'http://a.test\tb',
      `http://${'a'.repeat(200)}`,
      '',
    ]) {
      await running.call('GET', '/api/queue', { headers: { Origin } });
    }
    expect(hints(running.logLines)).toEqual([]);
    for (let n = 0; n < 30; n += 1) await running.call('GET', '/docs', { headers: { Host: `h${n}.test` } });
    expect(hints(running.logLines)).toHaveLength(20);
  });
});

describe('GD2, G19: the Origin header', () => {
  const allowedOrigins = ['http://localhost:3000', 'chrome-extension://abcdefghijklmnop'];

  it.each(allowedOrigins)('is named in the answer when it is %s', async (origin) => {
    const running = await startServer({ settings: { allowedOrigins } });
    const answer = await running.call('POST', '/api/workflows', { headers: { Origin: origin }, body: oneStep });
    expect(answer.status).toBe(201);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    expect(answer.headers['access-control-expose-headers']).toBe(
      'ETag, Link, X-Total-Count, X-Next-Cursor, X-Log-Next, Last-Event-ID, Location, Retry-After, Idempotency-Replayed, Content-Disposition',
    );
    expect(answer.headers.vary).toBe('Origin');
  });

  it('lets its page read every header that the documentation names', async () => {
    const running = await startServer({ settings: { allowedOrigins } });
    const { headers, json } = await running.call('GET', '/openapi.json', { headers: { Origin: allowedOrigins[0] } });
    const exposed = String(headers['access-control-expose-headers']).split(', ');
    type Answer = { headers?: object };
    const calls = Object.values(json.paths as Record<string, Record<string, { responses?: Record<string, Answer> }>>);
    const answers = calls.flatMap((of) => Object.values(of)).flatMap(({ responses = {} }) => Object.values(responses));
    const named = answers.flatMap(({ headers: of = {} }) => Object.keys(of));
    expect(named).toEqual(expect.arrayContaining(['X-Total-Count', 'X-Next-Cursor']));
    expect([...new Set(named)].filter((name) => !exposed.includes(name))).toEqual([]);
  });

  it('may be our own, so that the documentation page can call', async () => {
    const running = await startServer();
    const headers = { Origin: `http://localhost:${running.port}`, Host: `localhost:${running.port}` };
    expect((await running.call('POST', '/api/workflows', { headers, body: oneStep })).status).toBe(201);
  });

  const wrong = [
    'null',
    '',
    '*',
    'http://localhost',
    'http://localhost:3001',
    'http://localhost:30000',
    'https://localhost:3000',
    'HTTP://localhost:3000',
    'http://LOCALHOST:3000',
    'http://localhost:3000/',
    'http://localhost:3000.attacker.test',
    'http://localhost:3000@attacker.test',
    'http://attacker.test#http://localhost:3000',
    'http://attacker.test?http://localhost:3000',
    'http://xlocalhost:3000',
    'http://localhost.attacker.test:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'http://localhost:3000, http://attacker.test',
    'http://attacker.test, http://localhost:3000',
    'http://localhost:3000 http://localhost:3000',
    'localhost:3000',
    '//localhost:3000',
    'file://',
    'chrome-extension://abcdefghijklmno',
    'chrome-extension://abcdefghijklmnopq',
    'chrome-extension://',
    'moz-extension://abcdefghijklmnop',
    'http://attacker.test',
    'http://localhost:PORT.attacker.test',
    'https://localhost:PORT',
    'http://0.0.0.0:PORT',
  ];
  it.each(wrong)('is refused, and not named, when it is "%s"', async (origin) => {
    const running = await startServer({ settings: { allowedOrigins } });
    const headers = { Origin: origin.replace('PORT', String(running.port)) };
    for (const [method, path] of [['GET', '/api/health'] as const, ['POST', '/api/workflows'] as const]) {
      const answer = await running.call(method, path, { headers });
      expect([answer.status, answer.json.code]).toEqual([403, 'FORBIDDEN']);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers.vary).toBe('Origin');
    }
    const preflight = { ...headers, 'Access-Control-Request-Method': 'POST' };
    const answer = await running.call('OPTIONS', '/api/workflows', { headers: preflight });
    expect(answer.status).toBe(403);
    expect(answer.headers['access-control-allow-methods']).toBeUndefined();
    expect(running.engine.calls).toEqual([]);
  });

  it('is refused when it comes twice, even when both are allowed', async () => {
    const running = await startServer({ settings: { allowedOrigins } });
    const host = `localhost:${running.port}`;
    const origin = `Origin: ${allowedOrigins[0]}\r\n`;
    const text = `GET /api/health HTTP/1.1\r\nHost: ${host}\r\n${origin}${origin}Connection: close\r\n\r\n`;
    expect(await running.raw(text)).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('gets its preflight answered, without the token', async () => {
    const running = await startServer({ settings: { allowedOrigins, apiToken: 'secret' } });
    const headers = { Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'POST' };
    const answer = await running.call('OPTIONS', '/api/workflows', { headers });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    for (const name of ['Content-Type', 'Authorization', 'Idempotency-Key', 'If-None-Match', 'Last-Event-ID']) {
      expect(answer.headers['access-control-allow-headers']).toContain(name);
    }
    expect(answer.headers['access-control-allow-methods']).toContain('DELETE');
  });

  it('can read why it was refused when it is allowed', async () => {
    const running = await startServer({ settings: { allowedOrigins, apiToken: 'secret' } });
    const answer = await running.call('GET', '/api/queue', { headers: { Origin: 'http://localhost:3000' } });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, 'http://localhost:3000']);
  });
});

describe('"simple" cross-site requests', () => {
  const bodies: [string, Record<string, string>, string][] = [
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'name=x&steps='],
    ['a multipart form', { 'Content-Type': 'multipart/form-data; boundary=b' }, '--b--'],
    ['text', { 'Content-Type': 'text/plain' }, JSON.stringify(oneStep)],
    ['text that names JSON', { 'Content-Type': 'text/plain; application/json' }, JSON.stringify(oneStep)],
    ['no media type', {}, JSON.stringify(oneStep)],
    ['two media types', { 'Content-Type': 'application/json, text/plain' }, JSON.stringify(oneStep)],
    ['another charset', { 'Content-Type': 'application/json; charset=utf-16' }, JSON.stringify(oneStep)],
    ['a relative of JSON', { 'Content-Type': 'application/vnd.api+json' }, JSON.stringify(oneStep)],
  ];
  it.each(bodies)('are refused with 415 on every mutating route: %s', async (_name, headers, body) => {
    const running = await startServer();
    for (const { method, path } of mutating) {
      const answer = await running.call(method, path, { headers, body });
      // A page's origin is refused there before the body is looked at.
      expect([method, path, answer.status]).toEqual([method, path, path === '/api/pair' ? 403 : 415]);
    }
    expect(running.engine.calls).toEqual([]);
  });

  it('are refused with 415 when a form is empty', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '0' };
    expect((await running.call('POST', `/api/workflows/${id}/stop`, { headers })).status).toBe(415);
    expect(running.engine.callsOf('stop')).toEqual([]);
  });

  it('are refused with 403 when the browser says that another site asks', async () => {
    const running = await startServer();
    for (const { method, path } of mutating) {
      const answer = await running.call(method, path, { headers: { 'Sec-Fetch-Site': 'cross-site' } });
      expect([method, path, answer.status]).toEqual([method, path, 403]);
    }
  });

  it.each(['cross-site', 'Cross-Site', 'same-origin, cross-site', 'unknown', ''])(
    'are refused on every route but the documentation when Sec-Fetch-Site is "%s"',
    async (site) => {
      const running = await startServer();
      for (const { method, path } of walk) {
        // Of the dashboard: test/server/web.test.ts.
        if (isPagePath(path)) continue;
        const answer = await running.call(method, path, { headers: { 'Sec-Fetch-Site': site } });
        const isDocument = path.startsWith('/docs') || path === '/openapi.json';
        expect([method, path, answer.status]).toEqual([method, path, isDocument ? 200 : 403]);
      }
      expect(running.engine.calls).toEqual([]);
    },
  );

  it.each(['same-origin', 'same-site', 'none'])('are answered when Sec-Fetch-Site is %s', async (site) => {
    const running = await startServer();
    for (const path of ['/api/queue', '/metrics', '/api/health']) {
      expect((await running.call('GET', path, { headers: { 'Sec-Fetch-Site': site } })).status).toBe(200);
    }
    const same = { headers: { 'Sec-Fetch-Site': 'same-origin' }, body: oneStep };
    expect((await running.call('POST', '/api/workflows', same)).status).toBe(201);
  });

  it('are answered for an origin that is allowed', async () => {
    const running = await startServer({ settings: { allowedOrigins: ['http://localhost:3000'] } });
    const headers = { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'cross-site' };
    expect((await running.call('POST', '/api/workflows', { headers, body: oneStep })).status).toBe(201);
  });
});

describe('GD3, G19: API_TOKEN', () => {
  const apiToken = 'a-long-token';

  it('is asked for on every route but health and the documentation, before any body byte is read', async () => {
    const running = await startServer({ settings: { apiToken } });
    expect(walk.length).toBeGreaterThan(20);
    for (const { method, path } of walk) {
      if (isOpenPath(path, method.toUpperCase())) continue;
      for (const Authorization of [undefined, 'Bearer wrong', `Bearer ${apiToken}x`, `Basic ${apiToken}`, apiToken]) {
        const headers = {
          ...(Authorization === undefined ? {} : { Authorization }),
          // A hundred megabytes are announced and never sent: an answer shows that nobody waited for them.
          ...(method === 'GET' ? {} : { 'Content-Type': 'application/json', 'Content-Length': '100000000' }),
        };
        const answer = await running.call(method, path, { headers, withholdBody: method !== 'GET' });
        expect([method, path, answer.status]).toEqual([method, path, 401]);
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="hybrid-engine"');
        expect(answer.text).not.toContain(apiToken);
      }
    }
    expect((await running.call('GET', '/nowhere')).status).toBe(401);
    expect((await running.call('GET', `/api/queue?token=${apiToken}`)).status).toBe(401);
    expect((await running.call('GET', '/docsx')).status).toBe(401);
    expect(running.engine.calls).toEqual([]);
  });

  const shell = ['/', '/runs/x', '/runs/x/diff/y', '/new', '/new/a-template', '/costs', '/engine', '/assets/a.js'];
  it.each(shell)('is not needed to read the dashboard at %s, also by a link of another site', async (path) => {
    const running = await startServer({ settings: { apiToken } });
    for (const method of ['GET', 'HEAD']) {
      expect([401, 403]).not.toContain((await running.call(method, path)).status);
    }
    expect((await running.call('POST', path)).status).toBe(401);
    const { status } = await running.call('GET', path, { headers: { 'Sec-Fetch-Site': 'cross-site' } });
    expect(status === 403).toBe(path.startsWith('/assets/'));
    expect((await running.call('GET', path, { headers: { Host: 'evil.test' } })).status).toBe(421);
    expect(running.engine.calls).toEqual([]);
  });

  it.each(['/runsx', '/news', '/costs/', '/costs/x', '/engine/x', '/assets/', '/assetsx', '//', '/api', '/metrics'])(
    'is needed at %s, which is none of its pages',
    async (path) => {
      const running = await startServer({ settings: { apiToken } });
      expect((await running.call('GET', path)).status).toBe(401);
    },
  );

  it('opens every route when it is right', async () => {
    const running = await startServer({ settings: { apiToken } });
    const headers = { Authorization: `Bearer ${apiToken}` };
    for (const { method, path } of walk) {
      if (path.endsWith('/events')) continue;
      expect((await running.call(method, path, { headers })).status, path).not.toBe(401);
    }
    expect((await running.call('GET', '/api/health/', { headers })).status).toBe(200);
  });

  it('is not needed for health and the documentation, and health then tells nothing of the inside', async () => {
    const running = await startServer({ settings: { apiToken } });
    running.engine.healthNotices = ['a file was set aside'];
    for (const path of ['/api/health', '/docs', '/docs/start.js', '/openapi.json']) {
      expect((await running.call('GET', path)).status, path).toBe(200);
    }
    expect((await running.call('GET', '/api/health')).json.notices).toBeUndefined();
  });

  it('is asked for before a client that waits is told to send its body', async () => {
    const running = await startServer({ settings: { apiToken } });
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nExpect: 100-continue\r\n`;
    const text = await running.raw(`${head}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(text).not.toContain('100 Continue');
  });

  it('stops a client that sends on: little of a large body is taken', async () => {
    const running = await startServer({ settings: { apiToken }, bounds: { lingerBytesMax: 1_024, lingerMs: 1_000 } });
    const socket = connect(running.port, '127.0.0.1');
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n`);
    const chunk = Buffer.alloc(64 * 1024, 0x20);
    let sent = 0;
    const send = () => {
      while (sent < 100_000_000 && !socket.destroyed) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('drain', send).on('error', () => {});
    socket.resume();
    send();
    await closed;
    // What the two systems' socket buffers hold has left us; nobody read it.
    expect(sent).toBeLessThan(50_000_000);
  });
});
