/**
 * Goal: what a server has sent is what a step gets: no body is invented, no text is changed, no bytes are lost, and a
 * number that a number cannot hold is named. Method: one server on port 0 that answers with the bytes of each case.
 */
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/tasks/http/read-body.ts';
import { listen, request } from './http-server.ts';
import { failureOf } from './run-task.ts';

interface Given {
  status?: number;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
}

async function answerOf({ status = 200, headers = {}, body = '' }: Given, params: Record<string, unknown> = {}) {
  const logs: string[] = [];
  let requests = 0;
  const url = await listen((_request, response) => {
    requests += 1;
    // Node leaves out the date for our sake only when it is told to.
    response.sendDate = false;
    response.writeHead(status, headers).end(body);
  });
  const outputs = await request({ url, ...params }, { log: (line: string) => void logs.push(line) });
  expect(requests).toBe(1);
  return { outputs, logs };
}

const utf16 = (text: string, order: 'le' | 'be') => {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
};

describe('a body without bytes (RB1)', () => {
  const codings = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'identity', 'compress', 'nonsense'];
  const answers: [string, Given, Record<string, unknown>][] = [
    ['204', { status: 204 }, {}],
    ['204 of a POST', { status: 204 }, { method: 'POST', body: { a: 1 } }],
    ['205', { status: 205 }, {}],
    ['304', { status: 304 }, { expect: 304 }],
    ['HEAD', {}, { method: 'HEAD' }],
    ['an empty 200', {}, {}],
    ['an empty 201 of a POST', { status: 201 }, { method: 'POST', body: 'x' }],
    ['an empty 200 of a DELETE', {}, { method: 'DELETE' }],
  ];
  it.each(answers.flatMap(([name, given, params]) => codings.map((coding) => [name, coding, given, params] as const)))(
    '%s under Content-Encoding: %s is empty',
    async (_name, coding, given, params) => {
      const { outputs } = await answerOf({ ...given, headers: { 'content-encoding': coding } }, params);
      expect(outputs.content).toBe('');
      expect(outputs.status).toBe(given.status ?? 200);
    },
  );

  it('is not taken for JSON', async () => {
    const { outputs, logs } = await answerOf({ headers: { 'content-type': 'application/json' } });
    expect(outputs).not.toHaveProperty('json');
    expect(logs).toEqual([]);
  });
});

describe('a content coding (RB2, RB5)', () => {
  const text = 'plain text, long enough to be packed, packed, packed, packed';
  it.each([
    ['gzip', gzipSync(text)],
    ['X-GZip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateSync(text, { level: 0 })],
    ['deflate', deflateRawSync(text)],
    ['deflate', deflateRawSync(text, { level: 0 })],
    ['deflate', deflateRawSync(text, { strategy: 4 })],
    ['br', brotliCompressSync(text)],
    ['identity', Buffer.from(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
    ['deflate,gzip', gzipSync(deflateRawSync(text))],
    // Two members, one after the other, are one body.
    ['gzip', Buffer.concat([gzipSync(text.slice(0, 20)), gzipSync(text.slice(20))])],
    // Names of something else, on a body that is text as it stands.
    ['utf-8', Buffer.from(text)],
    ['none', Buffer.from(text)],
    ['gzip, aws-chunked', gzipSync(text)],
    ['AWS-Chunked', Buffer.from(text)],
  ])('%s is read', async (coding, body) => {
    const { outputs } = await answerOf({ headers: { 'content-encoding': coding }, body });
    expect(outputs.content).toBe(text);
  });

  it.each([
    ['zstd', Buffer.from('28b52ffd2004210000', 'hex'), 'the response is encoded as "zstd"; gzip, deflate, br are read'],
    ['gzip, zstd', gzipSync(text), 'the response is encoded as "zstd"; gzip, deflate, br are read'],
    ['gzip, gzip, gzip', gzipSync(text), 'the response is encoded 3 times; at most 2 are read'],
  ])('%s fails and says what is read', async (coding, body, message) => {
    expect(await failureOf(answerOf({ headers: { 'content-encoding': coding }, body }))).toMatchObject({
      code: 'OUTPUT_INVALID',
      message,
    });
  });

  it('that ends too early is a failure, not a shorter text', async () => {
    for (const body of [gzipSync(text), deflateSync(text), deflateRawSync(text), brotliCompressSync(text)]) {
      const coding = body[0] === 0x1f ? 'gzip' : body.equals(brotliCompressSync(text)) ? 'br' : 'deflate';
      const cut = answerOf({ headers: { 'content-encoding': coding }, body: body.subarray(0, -6) });
      expect((await failureOf(cut)).code).toMatch(/^(NETWORK|OUTPUT_INVALID)$/);
    }
  });
});

describe('the bound on a body (RB3)', () => {
  const { signal } = new AbortController();
  const inPieces = (bytes: Buffer) => Readable.from(Array.from(bytes, (byte) => Buffer.from([byte])));
  it.each([
    [0, undefined],
    [999, undefined],
    [1_000, undefined],
    [1_000, 'gzip'],
    [1_000, 'br'],
    [1_000, 'none'],
  ])('lets %i of 1,000 bytes through, coding: %s', async (length, coding) => {
    const plain = Buffer.alloc(length, 'x');
    const packed = coding === 'gzip' ? gzipSync(plain) : coding === 'br' ? brotliCompressSync(plain) : plain;
    expect(await readBody(inPieces(packed), coding, 1_000, signal)).toEqual(plain);
  });

  it.each([undefined, 'gzip', 'br', 'none'])('refuses one byte more, coding: %s', async (coding) => {
    const plain = Buffer.alloc(1_001, 'x');
    const packed = coding === 'gzip' ? gzipSync(plain) : coding === 'br' ? brotliCompressSync(plain) : plain;
    expect(await failureOf(readBody(inPieces(packed), coding, 1_000, signal))).toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
      message: 'the response is longer than 1000 bytes, the most that is read',
    });
  });
});

describe('text (CS1)', () => {
  const html = (head: string, word: Buffer | string = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2])) =>
    Buffer.concat([Buffer.from(`<!doctype html><html><head>${head}</head><body>`), Buffer.from(word)]);
  const mark8 = Buffer.from([0xef, 0xbb, 0xbf]);
  const markLe = Buffer.from([0xff, 0xfe]);
  const markBe = Buffer.from([0xfe, 0xff]);
  const type = (contentType: string | undefined) => (contentType === undefined ? {} : { 'content-type': contentType });

  it.each<[string, string | undefined, Buffer, string]>([
    [
      'a mark of UTF-8 over a header',
      'text/plain; charset=iso-8859-1',
      Buffer.concat([mark8, Buffer.from('ä€')]),
      'ä€',
    ],
    [
      'a mark of UTF-16 LE over a header',
      'text/plain; charset=utf-8',
      Buffer.concat([markLe, utf16('ä€', 'le')]),
      'ä€',
    ],
    [
      'a mark of UTF-16 BE over a header',
      'text/plain; charset=utf-8',
      Buffer.concat([markBe, utf16('ä€', 'be')]),
      'ä€',
    ],
    ['a mark without any type', undefined, Buffer.concat([markLe, utf16('ä€', 'le')]), 'ä€'],
    ['a mark under octet-stream', 'application/octet-stream', Buffer.concat([markBe, utf16('ä€', 'be')]), 'ä€'],
    ['a header over meta', 'text/html; charset=windows-1251', html('<meta charset=utf-8>'), 'Привет'],
    ['a header in quotes', 'text/plain; charset="windows-1251"', Buffer.from([0xcf]), 'П'],
    ['a header in the wrong quotes', "text/plain; Charset='windows-1251'", Buffer.from([0xcf]), 'П'],
    ['a header of UTF-16', 'text/plain; charset=utf-16be', utf16('ä€', 'be'), 'ä€'],
    ['a header of utf-16, which is LE', 'text/plain; charset=utf-16', utf16('ä€', 'le'), 'ä€'],
    ['meta charset', 'text/html', html('<meta charset="windows-1251">'), 'Привет'],
    [
      'meta http-equiv',
      'text/html',
      html('<meta http-equiv=content-type content="text/html; charset=windows-1251">'),
      'Привет',
    ],
    [
      'meta where the header names none that is known',
      'text/html; charset=foo',
      html('<meta charset=cp1251>'),
      'Привет',
    ],
    ['meta of a page without a type', undefined, html('<meta charset=windows-1251>'), 'Привет'],
    ['meta in a comment is none', 'text/html', html('<!-- <meta charset=windows-1251> -->'), 'Ïðèâåò'],
    ['meta that claims UTF-16 is UTF-8', 'text/html', html('<meta charset=utf-16>', 'ä€'), 'ä€'],
    [
      'an XML declaration',
      'application/rss+xml',
      Buffer.from([...Buffer.from('<?xml version="1.0" encoding="windows-1251"?>'), 0xcf]),
      'П',
    ],
    [
      'an XML declaration in text/html',
      'text/html',
      Buffer.from([...Buffer.from('<?xml version="1.0" encoding="windows-1251"?>'), 0xcf]),
      'П',
    ],
    [
      'an XML declaration without a type',
      undefined,
      Buffer.from([...Buffer.from("<?xml version='1.0' encoding='windows-1251'?>"), 0xcf]),
      'П',
    ],
    ['XML in UTF-16 without a mark', 'text/xml', utf16('<?xml version="1.0"?><a>ä€</a>', 'be'), '<a>ä€</a>'],
    [
      'windows-1252, all of it',
      'text/plain; charset=windows-1252',
      Buffer.from([0x80, 0x91, 0x92, 0x96, 0x9f, 0xe4]),
      '€‘’–Ÿä',
    ],
    ['iso-8859-1, which is windows-1252', 'text/plain; charset=ISO-8859-1', Buffer.from([0x80, 0x92, 0xe4]), '€’ä'],
    ['us-ascii, which is windows-1252', 'text/plain; charset=us-ascii', Buffer.from([0x93, 0x94]), '“”'],
    ['shift_jis', 'text/plain; charset=shift_jis', Buffer.from([0x93, 0xfa, 0x96, 0x7b]), '日本'],
    ['gb2312', 'text/html; charset=gb2312', Buffer.from([0xd6, 0xd0]), '中'],
    ['none, and UTF-8', 'text/plain', Buffer.from('ä€'), 'ä€'],
    ['none, and not UTF-8', 'text/html', Buffer.from([0x92, 0xe4]), '’ä'],
    ['none and no type, and not UTF-8', undefined, Buffer.from([0x61, 0x92, 0xe4]), 'a’ä'],
  ])('%s', async (_name, contentType, body, expected) => {
    const { outputs } = await answerOf({ headers: type(contentType), body });
    expect(String(outputs.content).slice(-expected.length)).toBe(expected);
    expect(String(outputs.content)).not.toContain('\ufeff');
    expect(outputs).not.toHaveProperty('file');
  });

  it('says when it guesses, and when something could not be read (CS3)', async () => {
    const bytes = Buffer.from([0x61, 0xe4]);
    const logsOf = async (contentType: string, body = bytes) =>
      (await answerOf({ headers: { 'content-type': contentType }, body })).logs;
    expect(await logsOf('text/plain')).toEqual([
      'The answer names no charset that is known, and is not UTF-8: it was read as windows-1252',
    ]);
    expect(await logsOf('text/plain; charset=utf-8')).toEqual([
      'The answer says that it is UTF-8 and is not everywhere: what could not be read became U+FFFD',
    ]);
    expect(await logsOf('text/plain; charset=klingon', Buffer.from('ä'))).toEqual([
      'The answer names the charset "klingon", which is not known',
    ]);
    expect(await logsOf('text/plain; charset=windows-1252')).toEqual([]);
    expect(await logsOf('text/plain', Buffer.from('U+FFFD itself: \ufffd'))).toEqual([]);
  });
});

describe('bytes that are no text (CS2)', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
  const pdf = Buffer.from('%PDF-1.4\n1 0 obj << >> endobj\n%%EOF\n');
  const zip = Buffer.from('504b0304140000000800', 'hex');
  const tar = Buffer.concat([Buffer.from('file.txt'), Buffer.alloc(92), Buffer.from('0000644')]);
  it.each<[string, string | undefined, Buffer, string]>([
    ['an image', 'image/png', png, 'image/png'],
    ['an image that the server calls a page', 'text/html; charset=utf-8', png, 'text/html'],
    ['an image under a charset', 'image/png; charset=ISO-8859-1', png, 'image/png'],
    ['an image without a type', undefined, png, 'application/octet-stream'],
    ['an image of an unknown type', 'unknown/unknown', png, 'application/octet-stream'],
    ['an ASCII PDF', 'application/pdf', pdf, 'application/pdf'],
    ['an ASCII PDF of no type', undefined, pdf, 'application/octet-stream'],
    ['an ASCII PDF called text', 'text/plain; charset=utf-8', pdf, 'text/plain'],
    ['an archive', 'application/zip', zip, 'application/zip'],
    ['an archive that is valid UTF-8', 'application/x-tar', tar, 'application/x-tar'],
    ['gzip as a file', 'application/gzip', gzipSync('text'), 'application/gzip'],
    ['a page in latin 1 as octets', 'application/octet-stream', Buffer.from([0x61, 0xe4]), 'application/octet-stream'],
  ])('%s: content is empty, and file holds them', async (_name, contentType, body, expected) => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const { outputs, logs } = await answerOf({ headers, body });
    expect(outputs.content).toBe('');
    expect(outputs.file).toEqual({ base64: body.toString('base64'), bytes: body.length, type: expected });
    expect(outputs).not.toHaveProperty('json');
    expect(logs).toEqual([
      `The answer is no text (${expected}, ${body.length} bytes): content is empty, and file.base64 holds the bytes`,
    ]);
  });

  it.each([
    ['image/svg+xml', '<svg/>'],
    ['application/octet-stream', 'a,b\n1,ä\n'],
    ['application/vnd.apple.mpegurl', '#EXTM3U\n'],
    ['application/x-sh', 'echo \u001b[1m'],
    ['text/plain', 'a zero \0 in text'],
    ['application/pdf', ''],
  ])('but %s with text stays text', async (contentType, body) => {
    const { outputs } = await answerOf({ headers: { 'content-type': contentType }, body });
    expect(outputs).toEqual({ status: 200, headers: expect.anything(), content: body });
  });

  it('of a refused answer are not shown', async () => {
    const failure = await failureOf(answerOf({ status: 404, headers: { 'content-type': 'image/png' }, body: png }));
    expect(failure.message).toMatch(/answered 404$/);
  });
});

describe('json', () => {
  it.each<[string | undefined, string, unknown]>([
    ['application/json', '{"a":1}', { a: 1 }],
    ['Application/JSON;charset=UTF-8', '[1]', [1]],
    ['text/json', '{"a":1}', { a: 1 }],
    ['application/problem+json', '{"a":1}', { a: 1 }],
    ['application/vnd.api+json; ext="x"', '{"a":1}', { a: 1 }],
    ['model/gltf+json', '{"a":1}', { a: 1 }],
    ['application/x-amz-json-1.1', '{"a":1}', { a: 1 }],
    ['application/json', '\ufeff{"a":1}', { a: 1 }],
    [undefined, ' {"a":1}\n', { a: 1 }],
    [undefined, '[1]', [1]],
    ['text/plain', '{"a":1}', undefined],
    ['application/x-ndjson', '{"a":1}', undefined],
    ['application/json-seq', '{"a":1}', undefined],
    ['text/html', '[1]', undefined],
    [undefined, 'no json', undefined],
  ])('under the type %s, %j is %j', async (contentType, body, json) => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const { outputs, logs } = await answerOf({ headers, body });
    expect(outputs.json).toEqual(json);
    expect(logs).toEqual([]);
  });

  it('in UTF-16 with and without a mark is read', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const body of [utf16('\ufeff{"a":"ä"}', 'be'), utf16('{"a":"ä"}', 'le'), utf16('{"a":"ä"} ', 'be')]) {
      expect((await answerOf({ headers, body })).outputs.json).toEqual({ a: 'ä' });
    }
  });

  it('names the numbers that a number cannot hold, with path and text', async () => {
    const body = '{"id": 9007199254740993, "list": [1, {"big": 1e400, "fits": 9007199254740992}]}';
    const { outputs, logs } = await answerOf({ headers: { 'content-type': 'application/json' }, body });
    expect(outputs.json).toEqual({ id: 9007199254740992, list: [1, { big: null, fits: 9007199254740992 }] });
    expect(outputs.content).toBe(body);
    expect(logs).toEqual([
      'json.id: 9007199254740993 cannot be held as a number and became 9007199254740992; content has it as it was sent',
      'json.list[1].big: 1e400 cannot be held as a number and became null; content has it as it was sent',
    ]);
  });

  it('names twenty of them and says that there are more', async () => {
    const body = JSON.stringify(Array.from({ length: 22 }, () => '#')).replaceAll('"#"', '1e400');
    const { outputs, logs } = await answerOf({ headers: { 'content-type': 'application/json' }, body });
    expect(outputs.json).toEqual(Array.from({ length: 22 }, () => null));
    expect(logs).toHaveLength(21);
    expect(logs.at(-2)).toMatch(/^json\[19\]: 1e400/);
    expect(logs.at(-1)).toBe('and more numbers that cannot be held');
  });
});

describe('headers', () => {
  it('are text, but Set-Cookie is a list', async () => {
    const { outputs } = await answerOf({
      headers: {
        connection: 'close',
        'content-length': '0',
        'set-cookie': ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'],
        'x-two': ['a', 'b'],
      },
    });
    expect(outputs.headers).toEqual({
      connection: 'close',
      'content-length': '0',
      'set-cookie': ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'],
      'x-two': 'a, b',
    });
  });

  it('have a list for one cookie too, and none for none', async () => {
    const one = await answerOf({ headers: { 'set-cookie': 'a=1' } });
    expect((one.outputs.headers as Record<string, unknown>)['set-cookie']).toEqual(['a=1']);
    const none = await answerOf({});
    expect(none.outputs.headers).not.toHaveProperty('set-cookie');
  });
});
