/**
 * Goal: requests go through the proxies of the settings, the target guard judges the target all the same (GA2), and no
 * credential of a proxy goes anywhere else. Method: a proxy on port 0 that keeps what it was asked for and answers
 * plain requests by itself, so that no name needs to be resolved.
 */
import fs from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ProxyRules } from '../../src/contract/settings.ts';
import { createGuardedAgent } from '../../src/tasks/http/guarded-agent.ts';
import { proxyFor } from '../../src/tasks/http/proxy.ts';
import { closeServer, listen, request, servers } from './http-server.ts';
import { failureOf } from './run-task.ts';

interface Asked {
  line: string;
  headers: IncomingMessage['headers'];
}

/** `tunnel`: the status that CONNECT gets; 200 opens a tunnel to `to`, whatever it was asked for. */
async function openProxy(tunnel = 502, to = 0) {
  const asked: Asked[] = [];
  const note = ({ method, url, httpVersion, headers }: IncomingMessage) =>
    asked.push({ line: `${method} ${url} HTTP/${httpVersion}`, headers });
  const server = createServer((message, response) => {
    note(message);
    response
      .writeHead(message.url?.endsWith('/moved') ? 302 : 200, { location: 'http://127.0.0.1:1/' })
      .end('by proxy');
  });
  server.on('connect', (message, client) => {
    note(message);
    client.on('error', () => {});
    if (tunnel !== 200) return void client.end(`HTTP/1.1 ${tunnel} No\r\nContent-Length: 0\r\n\r\n`);
    const target = connect(to, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    target.on('error', () => client.destroy());
  });
  servers.push(server);
  return { asked, url: await listening(server) };
}

async function listening(server: Server, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const through = (proxies: ProxyRules, allowHosts: string[] = []) => ({
  network: { allowHosts, ownPort: 8000, proxies },
});

describe('a proxy', () => {
  it('is asked for the whole address of an http target, and the target is judged by its name', async () => {
    const proxy = await openProxy();
    const outputs = await request(
      { url: "http://api.example.invalid/a%2Fb?sig='x'", query: { q: 1 }, headers: { authorization: 'mine' } },
      through({ http: proxy.url, noProxy: [] }),
    );
    expect(outputs.content).toBe('by proxy');
    expect(proxy.asked).toMatchObject([
      {
        line: "GET http://api.example.invalid/a%2Fb?sig='x'&q=1 HTTP/1.1",
        headers: { host: 'api.example.invalid', authorization: 'mine' },
      },
    ]);
    expect(proxy.asked[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('opens a tunnel to an https target, and sees nothing of what goes through it', async () => {
    const tls = createTlsServer(
      {
        key: fs.readFileSync('test/fixtures/tls/server.key'),
        cert: fs.readFileSync('test/fixtures/tls/server.pem'),
      },
      (_message, response) => void response.end('never'),
    );
    servers.push(tls);
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const proxy = await openProxy(200, (tls.address() as AddressInfo).port);
    const failure = await failureOf(
      request(
        { url: 'https://api.example.invalid/path', headers: { authorization: 'mine' } },
        through({ https: proxy.url.replace('//', '//user:p%40ss@'), noProxy: [] }),
      ),
    );
    // The authority of the tests is not one that this process trusts; test/cli/certificates.test.ts has the other half.
    expect(failure).toMatchObject({
      code: 'NETWORK',
      onlyIfAsked: true,
      message: expect.stringMatching(/is not acceptable \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\); a certificate authority/),
    });
    expect(proxy.asked).toMatchObject([
      {
        line: 'CONNECT api.example.invalid:443 HTTP/1.1',
        headers: { 'proxy-authorization': `Basic ${Buffer.from('user:p@ss').toString('base64')}` },
      },
    ]);
    expect(proxy.asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('gets its name and password with plain requests too', async () => {
    const proxy = await openProxy();
    const withKeys = proxy.url.replace('//', '//user:pw@');
    await request({ url: 'http://a.example.invalid/' }, through({ http: withKeys, noProxy: [] }));
    expect(proxy.asked[0]?.headers['proxy-authorization']).toBe(`Basic ${Buffer.from('user:pw').toString('base64')}`);
  });

  it.each([
    [407, true, 'answered 407; put its name and password into HTTP_PROXY and HTTPS_PROXY'],
    [403, true, 'answered 403'],
    [502, false, 'answered 502'],
  ])('that answers CONNECT with %d fails the step, for good: %s', async (status, onlyIfAsked, text) => {
    const proxy = await openProxy(status);
    const failure = await failureOf(
      request(
        { url: 'https://a.example.invalid/', method: 'POST' },
        through({ https: proxy.url.replace('//', '//user:canary@'), noProxy: [] }),
      ),
    );
    expect(failure).toMatchObject({ code: 'NETWORK', onlyIfAsked });
    expect(failure.message).toBe(
      `POST https://a.example.invalid/ failed: the proxy opened no tunnel and ${text}, through the proxy ${new URL(proxy.url).host}`,
    );
  });

  it('that is down is named, without its password', async () => {
    const { url } = await openProxy();
    await closeServer();
    const failure = await failureOf(
      request(
        { url: 'http://a.example.invalid/', method: 'POST' },
        through({ http: url.replace('//', '//user:canary@'), noProxy: [] }),
      ),
    );
    expect(failure).toMatchObject({
      code: 'NETWORK',
      message: `POST http://a.example.invalid/ failed: nothing listens there (ECONNREFUSED), through the proxy ${new URL(url).host}`,
    });
  });
});

describe('the target guard (GA2)', () => {
  it.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://a.localhost/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2130706433/',
    'http://[::ffff:7f00:1]/',
    'http://metadata.google.internal/',
    'http://metadata.google.internal./',
    'http://intranet/',
    'http://printer.local/',
    'http://router.lan/',
    'http://nas.home.arpa/',
  ])('refuses %s before the proxy hears of it', async (url) => {
    const proxy = await openProxy();
    for (const address of [url, url.replace('http:', 'https:')]) {
      const failure = await failureOf(
        request({ url: address }, through({ http: proxy.url, https: proxy.url, noProxy: [] })),
      );
      expect(failure.code).toBe('TARGET_REFUSED');
    }
    expect(proxy.asked).toEqual([]);
  });

  it('refuses the end of a redirect, and the engine itself even where it is allowed', async () => {
    const proxy = await openProxy();
    const rules = through({ http: proxy.url, noProxy: [] }, ['127.0.0.1:8000', 'localhost']);
    expect(await failureOf(request({ url: 'http://a.example.invalid/moved' }, rules))).toMatchObject({
      code: 'TARGET_REFUSED',
    });
    for (const url of ['http://127.0.0.1:8000/', 'http://localhost:8000/']) {
      expect(await failureOf(request({ url }, rules))).toMatchObject({ code: 'TARGET_REFUSED' });
    }
    expect(proxy.asked).toHaveLength(1);
  });

  it('judges a name by all its addresses', async () => {
    const proxy = await openProxy();
    const addresses: Record<string, string[]> = {
      'mixed.example': ['93.184.216.34', '10.0.0.7'],
      'good.example': ['93.184.216.34'],
    };
    const lookup = async (name: string) => (addresses[name] ?? []).map((address) => ({ address, family: 4 }));
    const agent = await createGuardedAgent(through({ http: proxy.url, noProxy: [] }).network, lookup);
    const get = (origin: string) => agent.request({ origin, path: '/', method: 'GET' });
    await expect(get('http://mixed.example')).rejects.toMatchObject({ code: 'TARGET_REFUSED' });
    expect((await get('http://good.example')).statusCode).toBe(200);
    expect(proxy.asked.map(({ line }) => line)).toEqual(['GET http://good.example/ HTTP/1.1']);
    await agent.close();
  });

  it('lets through what HTTP_ALLOW_HOSTS names', async () => {
    const proxy = await openProxy();
    const rules = through({ http: proxy.url, noProxy: [] }, ['10.0.0.1', 'intranet', '127.0.0.1:9']);
    for (const url of ['http://10.0.0.1:8080/', 'http://intranet/', 'http://127.0.0.1:9/'])
      await request({ url }, rules);
    expect(proxy.asked).toHaveLength(3);
  });

  it('holds for what NO_PROXY reaches directly', async () => {
    const proxy = await openProxy();
    const direct = await listen((_message, response) => void response.end('direct'));
    const proxies = { http: proxy.url, noProxy: ['127.0.0.1'] };
    expect(await failureOf(request({ url: direct }, through(proxies)))).toMatchObject({ code: 'TARGET_REFUSED' });
    expect(await request({ url: direct }, through(proxies, ['127.0.0.1']))).toMatchObject({ content: 'direct' });
    expect(proxy.asked).toEqual([]);
  });
});

describe('which proxy (PX1, PX2)', () => {
  const both = (...noProxy: string[]) => ({ http: 'http://h:1', https: 'http://s:2', noProxy });
  it.each<[string, ProxyRules | undefined, string | undefined]>([
    ['http://a.example/', undefined, undefined],
    ['http://a.example/', both(), 'http://h:1'],
    ['https://a.example/', both(), 'http://s:2'],
    ['https://a.example/', { http: 'http://h:1', noProxy: [] }, undefined],
    ['http://a.example/', { https: 'http://s:2', noProxy: [] }, undefined],
    ['http://a.example/', both('*'), undefined],
    ['http://a.example/', both('other', 'A.Example'), undefined],
    ['http://sub.a.example/', both('a.example'), undefined],
    ['http://sub.a.example/', both('.a.example'), undefined],
    ['http://a.example/', both('.a.example'), undefined],
    ['http://a.example/', both('*.a.example'), undefined],
    ['http://nota.example/', both('a.example'), 'http://h:1'],
    ['http://a.example.org/', both('a.example'), 'http://h:1'],
    ['http://a.example./', both('a.example'), undefined],
    ['http://a.example:8080/', both('a.example:8080'), undefined],
    ['http://a.example:8081/', both('a.example:8080'), 'http://h:1'],
    ['https://a.example/', both('a.example:443'), undefined],
    ['http://a.example/', both('a.example:443'), 'http://h:1'],
    ['http://10.1.2.3/', both('10.0.0.0/8'), undefined],
    ['http://11.1.2.3/', both('10.0.0.0/8'), 'http://h:1'],
    ['http://10.1.2.3/', both('10.1.2.3'), undefined],
    ['http://10.1.2.3/', both('2.3'), 'http://h:1'],
    ['http://[::1]/', both('::1'), undefined],
    ['http://[::1]:81/', both('[::1]:81'), undefined],
    ['http://[fd00::7]/', both('fd00::/8'), undefined],
    ['http://a.example/', both('10.0.0.0/8', ''), 'http://h:1'],
  ])('%s with %j', (url, proxies, expected) => {
    expect(proxyFor(new URL(url), proxies)).toBe(expected);
  });
});
