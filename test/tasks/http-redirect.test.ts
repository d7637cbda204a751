/**
 * Goal: redirects go where browsers go (RD1), carry no key to another origin (RD2), and end. Method: servers on port 0
 * that keep the method, headers and body of each request they get.
 */
import { describe, expect, it } from 'vitest';
import { toAddress } from '../../src/tasks/http/address.ts';
import { toRedirected } from '../../src/tasks/http/redirect.ts';
import { listen, listenTcp, readAll, request } from './http-server.ts';
import { failureOf } from './run-task.ts';

describe('a chain of redirects', () => {
  it('is followed twenty times, no more', async () => {
    let requests = 0;
    const url = await listen(({ url: path = '' }, response) => {
      requests += 1;
      const left = Number(path.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(await request({ url: `${url}/20` })).toMatchObject({ status: 200, content: 'there' });
    expect(requests).toBe(21);
    expect(await failureOf(request({ url: `${url}/21` }))).toMatchObject({
      code: 'HTTP_STATUS',
      message: `GET ${url}/1 was redirected more than 20 times`,
    });
    expect(requests).toBe(42);
  });

  it('resolves addresses as browsers do, and sends them as they were written', async () => {
    const seen: string[] = [];
    const locations: Record<string, string> = {
      '/a/b?x=1': 'c?sig=a+b%2Fc~',
      '/a/c?sig=a+b%2Fc~': "//HOST/d%2Fe?q='1'#frag",
      "/d%2Fe?q='1'": '?q=2',
      '/d%2Fe?q=2': '/f/../g',
    };
    let host = '';
    const url = await listen(({ url: path = '' }, response) => {
      seen.push(path);
      const location = locations[path]?.replace('HOST', host);
      if (location === undefined) response.end();
      else response.writeHead(301, { location }).end();
    });
    host = new URL(url).host;
    await request({ url: `${url}/a/b?x=1` });
    expect(seen).toEqual([...Object.keys(locations), '/g']);
  });

  it('reads a Location in UTF-8', async () => {
    const seen: string[] = [];
    const target = await listen(({ url: path = '' }, response) => {
      seen.push(path);
      response.end();
    });
    const url = await listenTcp(
      Buffer.from(`HTTP/1.1 302 Found\r\nLocation: ${target}/ä?ö\r\nContent-Length: 0\r\n\r\n`),
    );
    await request({ url });
    expect(seen).toEqual(['/%C3%A4?%C3%B6']);
  });

  it.each([
    [302, {}],
    [300, { location: '/to' }],
    [304, { location: '/to' }],
    [305, { location: '/to' }],
  ])('does not begin with %d and %j', async (status, headers) => {
    const url = await listen((_request, response) => void response.writeHead(status, headers).end());
    expect(await failureOf(request({ url }))).toMatchObject({ message: `GET ${url}/ answered ${status}` });
  });
});

describe('the method (RD1)', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  const becomes = (status: number, method: string) => {
    if (status === 303) return method === 'HEAD' ? 'HEAD' : 'GET';
    return status <= 302 && method === 'POST' ? 'GET' : method;
  };
  const cases = [301, 302, 303, 307, 308].flatMap((status) => methods.map((method) => [status, method] as const));

  it.each(cases)('%d after %s', async (status, method) => {
    const seen: unknown[] = [];
    const url = await listen(async (message, response) => {
      const body = await readAll(message);
      if (message.url === '/from') return void response.writeHead(status, { location: '/to' }).end();
      const { 'content-type': type, 'content-language': language, 'idempotency-key': key } = message.headers;
      seen.push({ method: message.method, body, type, language, key });
      response.end();
    });
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const headers = hasBody ? { 'content-language': 'de' } : {};
    await request({ url: `${url}/from`, method, headers, ...(hasBody ? { body: { a: 1 } } : {}) });
    const next = becomes(status, method);
    const isKept = hasBody && next === method;
    expect(seen).toEqual([
      {
        method: next,
        body: isKept ? '{"a":1}' : '',
        type: isKept ? 'application/json' : undefined,
        language: isKept ? 'de' : undefined,
        key: isKept ? 'workflow/step' : undefined,
      },
    ]);
  });
});

describe('another origin (RD2)', () => {
  const secrets = {
    Authorization: 'Bearer x',
    Cookie: 'c=1',
    'Proxy-Authorization': 'x',
    'X-API-Key': 'x',
    'api-key': 'x',
    apikey: 'x',
    'x-auth-token': 'x',
    'x-auth-key': 'x',
    'x-custom-token': 'x',
    'private-token': 'x',
    'x-amz-security-token': 'x',
    'ocp-apim-subscription-key': 'x',
    'x-access-token': 'x',
    'x-vault-token': 'x',
    'dd-api-key': 'x',
    'x-shopify-access-token': 'x',
    'notion-token': 'x',
    'x-goog-api-key': 'x',
    'Idempotency-Key': 'mine',
    Referer: 'https://a/?key=1',
    Origin: 'https://a',
    'x-anything': 'x',
  };
  const harmless = {
    accept: 'text/html',
    'accept-language': 'de',
    'cache-control': 'no-cache',
    'content-language': 'de',
    'content-type': 'text/plain',
    'if-match': '"a"',
    'if-modified-since': 'Wed, 21 Oct 2026 07:28:00 GMT',
    'if-none-match': '"b"',
    'if-range': '"c"',
    'if-unmodified-since': 'Wed, 21 Oct 2026 07:28:00 GMT',
    range: 'bytes=0-1',
    'user-agent': 'mine',
  };
  const framing = { 'accept-encoding': 'gzip, deflate, br', connection: 'keep-alive', 'content-length': '1' };

  /**
   * Sends a PUT from one server to a path of another, and back if told to: the headers of each request. `name` is how
   * the other is called.
   */
  async function follow(headers: Record<string, string>, { back = false, name = 'localhost' } = {}) {
    const seen: Record<string, unknown>[] = [];
    let first = '';
    const other = await listen(({ headers: got, url }, response) => {
      seen.push(got);
      if (url === '/back') response.writeHead(307, { location: `${first}/end` }).end();
      else response.end();
    });
    first = await listen(({ headers: got, url }, response) => {
      seen.push(got);
      const port = new URL(other).port;
      // Another name of the same machine is another origin too.
      if (url === '/start')
        response.writeHead(307, { location: `http://${name}:${port}${back ? '/back' : '/'}` }).end();
      else response.end();
    });
    const logs: string[] = [];
    const log = (line: string) => void logs.push(line);
    await request({ url: `${first}/start`, method: 'PUT', body: 'x', headers }, { log });
    return { seen: seen.map(({ host: _, ...rest }) => rest), logs, otherPort: new URL(other).port };
  }

  it('gets harmless headers and no others', async () => {
    const { seen, logs, otherPort } = await follow({ ...secrets, ...harmless });
    const lower = Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name.toLowerCase(), value]));
    expect(seen).toEqual([
      { ...lower, ...harmless, ...framing },
      { ...harmless, ...framing },
    ]);
    const names = Object.keys(lower).sort().join(', ');
    expect(logs).toEqual([`The redirect to http://localhost:${otherPort} left the origin; not sent on: ${names}`]);
  });

  it('is also another port of the same name', async () => {
    const { seen } = await follow({ authorization: 'Bearer x', cookie: 'c=1' }, { name: '127.0.0.1' });
    expect(seen.map(({ authorization, cookie }) => [authorization, cookie])).toEqual([
      ['Bearer x', 'c=1'],
      [undefined, undefined],
    ]);
  });

  it.each([
    ['https://a.example/x', 'http://a.example/y', true],
    ['http://a.example/x', 'https://a.example/y', true],
    ['http://a.example/x', 'http://a.example:81/y', true],
    ['http://a.example/x', 'http://b.a.example/y', true],
    ['http://a.example/x', 'http://a.example./y', true],
    ['http://a.example/x', 'http://A.Example:80/y', false],
    ['https://a.example:443/x', '//a.example/y', false],
    ['https://a.example/x', '?y', false],
  ])('from %s to %s: %s', (from, to, isAnother) => {
    const headers = { authorization: 'Bearer x', accept: '*/*' };
    const exchange = { address: toAddress(from), method: 'GET' as const, headers, body: undefined };
    const { exchange: next, dropped } = toRedirected(exchange, 302, to);
    expect(dropped).toEqual(isAnother ? ['authorization'] : []);
    expect(next.headers).toEqual(isAnother ? { accept: '*/*' } : headers);
  });

  it('gets our own Idempotency-Key, which is no secret, and nothing is said', async () => {
    const { seen, logs } = await follow({});
    expect(seen[1]).toMatchObject({ 'idempotency-key': 'workflow/step' });
    expect(logs).toEqual([]);
  });

  it('and back again gives no key back', async () => {
    const { seen } = await follow({ authorization: 'Bearer x' }, { back: true });
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer x', undefined, undefined]);
  });

  it('is refused where its address holds credentials, though its host is allowed', async () => {
    let asked = 0;
    const other = await listen((_request, response) => {
      asked += 1;
      response.end();
    });
    const location = other.replace('//', '//user:pass@');
    const url = await listen((_request, response) => void response.writeHead(302, { location }).end());
    const failure = { code: 'TARGET_REFUSED', message: expect.stringMatching(/^the address of \S+ holds credentials/) };
    expect(await failureOf(request({ url }))).toMatchObject(failure);
    expect(await failureOf(request({ url: location }))).toMatchObject(failure);
    expect(asked).toBe(0);
  });

  it.each([
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
    'file:///etc/passwd',
    'http://user:pass@localhost/',
    'gopher://x/',
  ])('%s is refused', async (location) => {
    const url = await listen((_request, response) => void response.writeHead(302, { location }).end());
    const { port } = new URL(url);
    const network = { allowHosts: [`127.0.0.1:${port}`], ownPort: null };
    const failure = await failureOf(request({ url }, { network }));
    expect(failure.code).toBe('TARGET_REFUSED');
    expect(failure.message).not.toContain('pass@');
  });
});
