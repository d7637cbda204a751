/**
 * Goal: bounds, defaults and units of tasks hold on both sides, a value that is 0, false or empty counts as one, and a call
 * leaves nothing behind. Method: values that differ in every unit, each beside its neighbour.
 */
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { toAddress, withQuery } from '../../src/tasks/http/address.ts';
import { authHeaderOf, namedInAuth, toAuthValue } from '../../src/tasks/http/auth.ts';
import { guardedAgent } from '../../src/tasks/http/guarded-agent.ts';
import { proxyFor } from '../../src/tasks/http/proxy.ts';
import { readBody } from '../../src/tasks/http/read-body.ts';
import { isBase64, toRequestBody } from '../../src/tasks/http/request-body.ts';
import { readRetryAfterMs } from '../../src/tasks/http/retry-after.ts';
import { checkUrl } from '../../src/tasks/http/target.ts';
import { rehearsedTasks } from '../../src/tasks/registry.ts';
import { listen, local, request } from './http-server.ts';
import { failureOf, runTask } from './run-task.ts';

const never = new AbortController().signal;

describe('an answer', () => {
  it('of 16 MiB is read, and one of a byte more is not', async () => {
    const most = 16 * 1024 * 1024;
    const url = await listen(({ url: path }, response) => {
      response.setHeader('content-type', 'text/plain');
      response.end(Buffer.alloc(path === '/fits' ? most : most + 1, 'x'));
    });
    expect(((await request({ url: `${url}/fits` })).content as string).length).toBe(most);
    expect(await failureOf(request({ url }))).toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('that is refused shows 300 characters, redacted, without what the headers carried', async () => {
    const url = await listen((message, response) => {
      const said =
        message.url === '/long'
          ? 'y'.repeat(301)
          : `secret of ${message.headers['x-key']}, not ${message.headers['x-pin']}`;
      response.writeHead(400, { 'content-type': 'text/plain' }).end(said);
    });
    const long = await failureOf(request({ url: `${url}/long` }));
    expect(/y+/.exec(long.message)?.[0]).toHaveLength(300);
    const headers = { 'X-Key': 'Token abc123', 'X-Pin': '12345' };
    const redact = (text: string) => text.replaceAll('secret', '[redacted]');
    const { message } = await failureOf(request({ url, headers }, { redact }));
    expect(message).toContain('[redacted] of [x-key], not 12345');
    // A part of a header's value is one of it too, from six characters on.
    const echo = await listen((asked, response) => {
      const [, key = '', pin = ''] = String(asked.headers['x-key']).split(' ');
      response.writeHead(400, { 'content-type': 'text/plain' }).end(`key ${key} pin ${pin}`);
    });
    const { message: part } = await failureOf(request({ url: echo, headers: { 'X-Key': 'Token abc123 54321' } }));
    expect(part).toContain('key [x-key] pin 54321');
  });

  it('that is no text tells its type and how many bytes it has', async () => {
    const bytes = Buffer.from([0, 1, 2, 255]);
    const url = await listen(
      (_message, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(bytes),
    );
    expect(await request({ url })).toMatchObject({
      content: '',
      file: { base64: 'AAEC/w==', bytes: 4, type: 'image/png' },
    });
  });
});

describe('a request', () => {
  it('keeps the headers that it names, and gets those that it does not', async () => {
    const url = await listen((message, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(message.headers));
    });
    const named = { Accept: 'text/csv', 'User-Agent': 'mine', 'Content-Type': 'image/png', 'Idempotency-Key': 'own' };
    const bytes = { method: 'POST', body_base64: 'AAEC' };
    expect((await request({ url, ...bytes, headers: named })).json).toMatchObject({
      ...{ accept: 'text/csv', 'user-agent': 'mine', 'content-type': 'image/png', 'idempotency-key': 'own' },
      'accept-encoding': 'gzip, deflate, br',
    });
    expect((await request({ url, ...bytes })).json).toMatchObject({
      ...{ accept: '*/*', 'user-agent': 'hybrid-engine', 'content-type': 'application/octet-stream' },
      'idempotency-key': 'workflow/step',
    });
    expect((await request({ url })).json).not.toHaveProperty('idempotency-key');
  });

  it('that is rehearsed shows neither the values of its query nor what it would send', async () => {
    const rehearsed = rehearsedTasks.get('http_request')!;
    const params = (written: object) => rehearsed.params.parse(written);
    const result = async (written: object) =>
      (await rehearsed.run(params(written) as never, { ...local } as never)) as {
        outputs: { status: number };
        metadata: object;
      };
    const { metadata } = await result({ url: 'https://127.0.0.1/a?token=secret', method: 'POST', body: 'x' });
    expect(metadata).toEqual({
      rehearsal: { kind: 'request', method: 'POST', url: 'https://127.0.0.1/a?…', open: ['headers', 'json'] },
    });
    expect((await result({ url: 'https://127.0.0.1/' })).outputs.status).toBe(200);
    expect((await result({ url: 'https://127.0.0.1/', expect: ['4xx', 200] })).outputs.status).toBe(400);
    expect((await result({ url: 'https://127.0.0.1/', expect: 204 })).outputs.status).toBe(204);
  });

  it.each([
    ['https://a.example/x', '/x?n=1'],
    ['https://a.example/x?', '/x?n=1'],
    ['https://a.example/x?y=2', '/x?y=2&n=1'],
    ['https://a.example/x?y=2&', '/x?y=2&n=1'],
  ])('%s gets its query', (url, target) => {
    expect(withQuery(toAddress(url), { n: 1 }).target).toBe(target);
    expect(withQuery(toAddress(url), {}).target).toBe(toAddress(url).target);
  });

  it('sends its secret behind the prefix that is written, and behind none where there is none', () => {
    const sent = { valueOf: () => 'value', paths: [], isIn: () => false };
    expect(toAuthValue('KEY', sent)).toBe('Bearer value');
    expect(toAuthValue({ header: 'X-Key', secret: 'KEY' }, sent)).toBe('value');
    expect(toAuthValue({ header: 'X-Key', secret: 'KEY', prefix: '' }, sent)).toBe('value');
    expect(toAuthValue({ header: 'X-Key', secret: 'KEY', prefix: 'Token ' }, sent)).toBe('Token value');
    expect(authHeaderOf({ header: 'X-Key', secret: 'KEY' })).toBe('x-key');
    const named = (auth: unknown) =>
      namedInAuth({ auth } as never).map(({ path, name }) => `${path.join('.')}=${name}`);
    expect(named('A')).toEqual(['auth=A']);
    expect(named({ header: 'x', secret: 'B' })).toEqual(['auth.secret=B']);
    expect(named({ basic: { user: 'u', secret: 'C' } })).toEqual(['auth.basic.secret=C']);
    expect(named({ basic: 'D' })).toEqual(['auth.basic=D']);
  });

  it('with a name, a password or both in its address is refused', () => {
    expect(() => checkUrl(new URL('https://a.example/'))).not.toThrow();
    for (const held of ['u@', ':p@', 'u:p@'])
      expect(() => checkUrl(new URL(`https://${held}a.example/`))).toThrow('credentials');
  });

  it('in base64 is whole groups, with or without their padding', () => {
    for (const text of ['', 'YQ', 'YQ==', 'YWI', 'YWI=', 'YWJj', '-_8='])
      expect([text, isBase64(text)]).toEqual([text, true]);
    for (const text of ['Y', 'Y===', 'YWJjZ', 'YWJjZ==', '=']) expect([text, isBase64(text)]).toEqual([text, false]);
  });

  it('of a form gives a file the type that it names, or that of what it is', async () => {
    const file = { base64: 'YQ==', filename: 'f' };
    const parts = { a: file, b: { ...file, type: 'image/png' }, c: { content: 'x' } };
    const { bytes } = await toRequestBody(parts, 'multipart/form-data');
    const text = Buffer.from(bytes as Uint8Array).toString();
    const types = [...text.matchAll(/name="(\w)"; filename="(\w+)"\r\nContent-Type: (.*)/g)].map((found) =>
      found.slice(1),
    );
    expect(types).toEqual([
      ['a', 'f', 'application/octet-stream'],
      ['b', 'f', 'image/png'],
      ['c', 'file', 'text/plain'],
    ]);
  });

  it('is sent by one agent for all attempts under the same rules', () => {
    const rules = { allowHosts: [], ownPort: null };
    expect(guardedAgent(rules)).toBe(guardedAgent(rules));
    expect(guardedAgent({ ...rules })).not.toBe(guardedAgent(rules));
  });

  it('goes around its proxy to what NO_PROXY names, port and all', () => {
    const proxies = { http: 'http://p:1', https: 'http://q:2', noProxy: ['a.example:8080', 'b.example'] };
    const via = (url: string) => proxyFor(new URL(url), proxies);
    expect([via('http://a.example:8080/'), via('http://a.example/'), via('https://b.example/')]).toEqual([
      ...[undefined, 'http://p:1', undefined],
    ]);
    expect(via('https://a.example/')).toBe('http://q:2');
    expect(
      proxyFor(new URL('https://x.example/'), { http: 'http://p:1', https: undefined, noProxy: [] }),
    ).toBeUndefined();
  });
});

it('of what a redirect says beside its address little is read, and its connection is let go', async () => {
  let letGo: () => void = () => undefined;
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const url = await listen((message, response) => {
    if (message.url === '/to') {
      response.end('there');
      return;
    }
    response.once('close', letGo);
    response.writeHead(302, { location: '/to' }).end(Buffer.alloc(10 * 1024 * 1024));
  });
  expect(await request({ url })).toMatchObject({ status: 200, content: 'there' });
  await isLetGo;
});

describe('a body', () => {
  const read = (bytes: Buffer, encoding: string | undefined, bytesMax = 1_000, signal = never) =>
    readBody(Readable.from([bytes]), encoding, bytesMax, signal);

  it('may have as many bytes as granted, and leaves no listener', async () => {
    const signal = new AbortController().signal;
    expect(await read(Buffer.alloc(1_000), undefined, 1_000, signal)).toHaveLength(1_000);
    await expect(read(Buffer.alloc(1_001), undefined, 1_000, signal)).rejects.toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
    });
    await expect(read(Buffer.from('x'), 'gzip', 1_000, signal)).rejects.toThrow();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that is encoded twice is decoded from the last one on; a third is too much', async () => {
    const text = Buffer.from('text');
    expect(String(await read(gzipSync(deflateSync(text)), 'deflate, gzip'))).toBe('text');
    expect(String(await read(brotliCompressSync(gzipSync(text)), 'identity, gzip, br'))).toBe('text');
    const thrice = gzipSync(gzipSync(gzipSync(text)));
    await expect(read(thrice, 'gzip, gzip, gzip')).rejects.toThrow('is encoded 3 times; at most 2 are read');
  });

  it.each([
    [{ 'retry-after': '1.5' }, 1_500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '60' }, 60_000],
    [{ 'retry-after': '61' }, 60_000],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:30 GMT' }, 29_000],
    [{ 'retry-after': 'soon' }, undefined],
  ])('that is to be asked for again after %j', (headers, ms) => {
    expect(readRetryAfterMs(headers, 1_000)).toBe(ms);
  });
});

describe('texts', () => {
  it('twenty that are null are named, of more the beginning', async () => {
    const logsOf = async (count: number) => {
      const logs: string[] = [];
      await runTask('text_join', { texts: ['a', ...Array(count).fill(null)] }, { log: (line) => void logs.push(line) });
      return logs[0];
    };
    const named = Array.from({ length: 20 }, (_, i) => `texts[${i + 1}]`).join(', ');
    expect(await logsOf(20)).toBe(`Left out 20 of 21 texts, which are null: ${named}`);
    expect(await logsOf(21)).toBe(`Left out 21 of 22 texts, which are null: ${named}, …`);
    expect(await logsOf(0)).toBeUndefined();
  });

  it('chunks repeat a tenth where nothing is said, and up to a half where it is', async () => {
    const text = Array.from({ length: 100 }, (_, i) => `w${String(i).padStart(2, '0')}`).join(' ');
    const chunks = async (more: object) =>
      (await runTask('text_split', { text, size: 100, ...more })).chunks as string[];
    expect(await chunks({})).toEqual(await chunks({ overlap: 10 }));
    expect(await chunks({})).not.toEqual(await chunks({ overlap: 1 }));
    expect((await chunks({ overlap: 50 })).length).toBeGreaterThan((await chunks({ overlap: 10 })).length);
    await expect(chunks({ overlap: 51 })).rejects.toThrow('at most half of size');
  });

  it('a keyword has two letters', async () => {
    const text = 'Plan B beats plan A. Ox and plan. Ox and vitamin D. The letter B.';
    const { keywords } = await runTask('text_keywords', { text });
    expect((keywords as string[]).filter((word) => word.length < 2)).toEqual([]);
    expect(keywords).toContain('ox');
  });

  it.each([
    ['0', 0],
    ['false', false],
    ['""', ''],
    ['[]', []],
    ['$.absent', null],
  ])('%s is a value', async (expression, value) => {
    const content = typeof value === 'string' ? { content: value } : {};
    expect(await runTask('transform', { input: {}, expression })).toEqual({ value, ...content });
  });

  it('dates of a feed that cannot be read are counted', async () => {
    const item = (date: string) => `<item><title>t</title><pubDate>${date}</pubDate></item>`;
    const logs: string[] = [];
    const text = `<rss version="2.0"><channel><title>T</title>${item('when it rains')}${item('later')}</channel></rss>`;
    await runTask('feed_parse', { text }, { log: (line) => void logs.push(line) });
    expect(logs).toEqual(['Warning: 2 dates cannot be read, and are null; the first is "when it rains"']);
  });
});
