/**
 * Goal: a server gets what the step says: the address as it was written, and a body in the form that its content type
 * names. Method: a server on port 0 that keeps what it was sent.
 */
import { describe, expect, it } from 'vitest';
import { validateDefinition } from '../../src/core/validate.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { listen, listenTcp, readBytes, request } from './http-server.ts';
import { failureOf } from './run-task.ts';

async function sentBy(params: (url: string) => Record<string, unknown>) {
  let seen = { method: '', url: '', headers: {} as Record<string, unknown>, body: Buffer.alloc(0) as Buffer };
  const url = await listen(async (message, response) => {
    const { method = '', url: path = '', headers } = message;
    seen = { method, url: path, headers, body: await readBytes(message) };
    response.end();
  });
  await request(params(url));
  return seen;
}

describe('an address', () => {
  it.each<[string, Record<string, unknown> | undefined, string]>([
    ['/a', undefined, '/a'],
    ['', { q: 'x' }, '/?q=x'],
    ['/a', { q: 'R&D / ä+b=c?#%' }, '/a?q=R%26D%20%2F%20%C3%A4%2Bb%3Dc%3F%23%25'],
    ['/a?x=1', { n: [1, true, 'z'] }, '/a?x=1&n=1&n=true&n=z'],
    ['/a?', { q: 1 }, '/a?q=1'],
    ['/a?x&', { q: 1 }, '/a?x&q=1'],
    ['/a?x=1#frag?no', { q: 1 }, '/a?x=1&q=1'],
    ['/a#frag', undefined, '/a'],
    ['/a?', undefined, '/a?'],
    ['/a?x=1', { none: [] }, '/a?x=1'],
    ['/a?x=1', { 'na me': '' }, '/a?x=1&na%20me='],
    ['/a', { half: '\ud800' }, '/a?half=%EF%BF%BD'],
    // Presigned: each of these would be another address after a form encoder has been at it.
    [
      "/b/k%2Fe+y%20~*'(x)!?X-Amz-Credential=AK%2F20261130%2Fs3&sig=a+b%2Bc%20d~e*f'g(h)!&flag&list[]=1&%7e",
      { 'response-content-type': 'text/plain' },
      "/b/k%2Fe+y%20~*'(x)!?X-Amz-Credential=AK%2F20261130%2Fs3&sig=a+b%2Bc%20d~e*f'g(h)!&flag&list[]=1&%7e&response-content-type=text%2Fplain",
    ],
    // What cannot stand in a request line is encoded.
    ['/ä?q=ö ü', { n: 1 }, '/%C3%A4?q=%C3%B6%20%C3%BC&n=1'],
    // And nothing beside it.
    ["/a?q=ö&sig='a'|{b}`", { n: 1 }, "/a?q=%C3%B6&sig='a'|{b}`&n=1"],
    ["/a?q=x\ty\r\nz'", undefined, "/a?q=xyz'"],
    ["/a?q=x' \n ", undefined, "/a?q=x'"],
    ["/a?q=x' #y", undefined, "/a?q=x'%20"],
    ["/a?q='\ud800'", undefined, "/a?q='%EF%BF%BD'"],
  ])('%s with query %j is asked for as %s', async (path, query, expected) => {
    let line = '';
    const url = await listenTcp('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', (data) => {
      line = data.toString('latin1').split('\r\n', 1)[0] ?? '';
    });
    await request({ url: url + path, ...(query ? { query } : {}) });
    expect(line).toBe(`GET ${expected} HTTP/1.1`);
  });
});

describe('a body', () => {
  it.each<[string, string | undefined, unknown, string | undefined, string]>([
    ['an object', undefined, { a: [1, null] }, 'application/json', '{"a":[1,null]}'],
    ['null', undefined, null, 'application/json', 'null'],
    [
      'a list under a JSON type',
      'application/json-patch+json',
      [{ op: 'x' }],
      'application/json-patch+json',
      '[{"op":"x"}]',
    ],
    ['an object under text/json', 'text/json; charset=utf-8', { a: 1 }, 'text/json; charset=utf-8', '{"a":1}'],
    ['an object under amz-json', 'application/x-amz-json-1.0', { a: 1 }, 'application/x-amz-json-1.0', '{"a":1}'],
    ['text', undefined, 'täxt', 'text/plain; charset=utf-8', 'täxt'],
    ['text under any type', 'application/xml', '<a/>', 'application/xml', '<a/>'],
    ['JSON text', 'application/json', '{"a": 1}', 'application/json', '{"a": 1}'],
    ['empty text', undefined, '', 'text/plain; charset=utf-8', ''],
    ['form text', 'application/x-www-form-urlencoded', 'a=1&b', 'application/x-www-form-urlencoded', 'a=1&b'],
    [
      'a form',
      'application/x-www-form-urlencoded',
      { q: 'R&D ä+', n: 1, t: true, l: ['a', 2] },
      'application/x-www-form-urlencoded',
      'q=R%26D+%C3%A4%2B&n=1&t=true&l=a&l=2',
    ],
    [
      'a form with its charset',
      'Application/X-WWW-Form-UrlEncoded; charset=utf-8',
      { a: '1' },
      'Application/X-WWW-Form-UrlEncoded; charset=utf-8',
      'a=1',
    ],
  ])('of %s (%s)', async (_name, contentType, body, type, text) => {
    const seen = await sentBy((url) => ({
      url,
      method: 'POST',
      body,
      ...(contentType ? { headers: { 'Content-Type': contentType } } : {}),
    }));
    expect(seen.headers['content-type']).toBe(type);
    expect(seen.body.toString()).toBe(text);
    expect(seen.headers['content-length']).toBe(String(seen.body.length));
  });

  it('of bytes is sent as these bytes', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    const seen = await sentBy((url) => ({ url, method: 'PUT', body_base64: bytes.toString('base64') }));
    expect(seen.body).toEqual(bytes);
    expect(seen.headers['content-type']).toBe('application/octet-stream');
    const typed = await sentBy((url) => ({
      url,
      method: 'PUT',
      body_base64: bytes.toString('base64url'),
      headers: { 'content-type': 'image/png' },
    }));
    expect(typed.body).toEqual(bytes);
    expect(typed.headers['content-type']).toBe('image/png');
  });

  it('of multipart/form-data is one, with fields, lists and files', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    const seen = await sentBy((url) => ({
      url,
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      body: {
        'na"me': 'ä\r\nline',
        n: [1, false],
        file: { base64: bytes.toString('base64'), filename: 'a b.bin' },
        note: { content: '# ä', filename: 'n.md', type: 'text/markdown' },
        bare: { content: '' },
      },
    }));
    const type = String(seen.headers['content-type']);
    expect(type).toMatch(/^multipart\/form-data; boundary=[\w-]+$/);
    const form = await new Response(new Uint8Array(seen.body), { headers: { 'content-type': type } }).formData();
    const parts = await Promise.all(
      [...form].map(async ([name, value]) =>
        typeof value === 'string'
          ? [name, value]
          : [name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString('hex')],
      ),
    );
    expect(parts).toEqual([
      ['na"me', 'ä\r\nline'],
      ['n', '1'],
      ['n', 'false'],
      ['file', 'a b.bin', 'application/octet-stream', '00ff0d0a'],
      ['note', 'n.md', 'text/markdown', '2320c3a4'],
      ['bare', 'file', 'text/plain', ''],
    ]);
  });

  it('of multipart text keeps its own boundary', async () => {
    const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const seen = await sentBy((url) => ({ url, method: 'POST', headers, body }));
    expect([seen.headers['content-type'], seen.body.toString()]).toEqual([headers['content-type'], body]);
  });
});

describe('a body that cannot be written in the form that its type names', () => {
  const form = 'application/x-www-form-urlencoded';
  const multipart = 'multipart/form-data';
  const cases: [string, unknown, { path: string; message: string }[]][] = [
    [
      'application/xml',
      { a: 1 },
      [{ path: 'body', message: expect.stringMatching(/^cannot be written as application\/xml: /) }],
    ],
    ['text/plain', { a: 1 }, [{ path: 'body', message: expect.stringContaining('as text/plain') }]],
    ['text/csv', [1], [{ path: 'body', message: expect.stringContaining('as text/csv') }]],
    ['application/x-ndjson', [{}], [{ path: 'body', message: expect.stringContaining('as application/x-ndjson') }]],
    ['multipart/mixed', { a: 1 }, [{ path: 'body', message: expect.stringContaining('as multipart/mixed') }]],
    ['nonsense', { a: 1 }, [{ path: 'body', message: expect.stringContaining('as "nonsense"') }]],
    [form, [1, 2], [{ path: 'body', message: expect.stringContaining('must be an object of fields') }]],
    [form, 7, [{ path: 'body', message: expect.stringContaining('must be an object of fields') }]],
    [
      form,
      { ok: 1, deep: { b: 1 }, none: null, list: [[1]] },
      [
        { path: 'body.deep', message: expect.stringContaining(form) },
        { path: 'body.none', message: expect.stringContaining(form) },
        { path: 'body.list', message: expect.stringContaining(form) },
      ],
    ],
    [
      multipart,
      { file: { filename: 'a' } },
      [{ path: 'body.file', message: expect.stringContaining('a file {base64') }],
    ],
    [multipart, { file: { base64: '!' } }, [{ path: 'body.file', message: expect.stringContaining('a file {base64') }]],
    // A character alone is six bits of no byte.
    [multipart, { file: { base64: 'YWFhY' } }, [{ path: 'body.file', message: expect.anything() }]],
    [multipart, { file: { base64: '', content: '' } }, [{ path: 'body.file', message: expect.anything() }]],
    [multipart, { file: { base64: '', name: 'x' } }, [{ path: 'body.file', message: expect.anything() }]],
    [multipart, 'a=1', [{ path: 'body', message: expect.stringContaining('must name a boundary') }]],
  ];
  const validate = (params: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    validateDefinition(
      { name: 'x', params: { type: 'text/csv' }, ...more, steps: [{ id: 's', action: 'http_request', params }] },
      { catalogue: createActionCatalogue(), unknownActions: 'reject' },
    );

  it.each(cases)('is refused before the run: %s, %j', async (type, body, errors) => {
    const params = { url: 'http://x/', method: 'POST', headers: { 'CONTENT-type': type }, body };
    expect(validate(params)).toEqual({
      ok: false,
      errors: errors.map(({ path, message }) => ({ path: `steps[0].params.${path}`, message })),
    });
    // The same after references are bound.
    await expect(request(params)).rejects.toThrow();
  });

  it('is judged when it is bound, where references decide', () => {
    const params = { url: 'http://x/', method: 'POST' };
    expect(validate({ ...params, headers: { 'content-type': '{{params.type}}' }, body: { a: 1 } }).ok).toBe(true);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(validate({ ...params, headers: form, body: '{{params.type}}' }).ok).toBe(true);
    expect(validate({ ...params, headers: form, body: { a: '{{params.type}}', b: {} } })).toMatchObject({
      ok: false,
      errors: [{ path: 'steps[0].params.body.b' }],
    });
  });

  it('given twice is refused', () => {
    expect(validate({ url: 'http://x/', method: 'PUT', body: 'a', body_base64: 'YQ==' })).toMatchObject({
      ok: false,
      errors: [{ path: 'steps[0].params.body_base64', message: 'give body or body_base64, not both' }],
    });
  });

  it.each(['Y', 'YWFhY', 'YWFhY===', 'YW Fh', '='])('is no base64: %j', (base64) => {
    expect(validate({ url: 'http://x/', method: 'PUT', body_base64: base64 })).toMatchObject({
      ok: false,
      errors: [{ path: 'steps[0].params.body_base64', message: 'must be base64' }],
    });
  });

  it('is refused where a header is given twice, since one of them would be lost', () => {
    const headers = { 'Content-Type': 'text/plain', 'content-type': 'application/json', Accept: 'a' };
    expect(validate({ url: 'http://x/', method: 'PUT', headers, body: 'x' })).toMatchObject({
      ok: false,
      errors: [{ path: 'steps[0].params.headers.content-type', message: 'is given twice: as Content-Type too' }],
    });
  });

  it.each(['body', 'body_base64'])('of a GET is refused: %s', async (field) => {
    expect(await failureOf(request({ url: 'http://127.0.0.1:1/', [field]: 'YQ==' }))).toMatchObject({
      code: 'BAD_PARAMS',
    });
  });
});
