/**
 * Goal: RB4: gzip is read as RFC 1952 has it: members one after another, each header's parts, and nothing behind the last;
 * damage and a missing end fail with the codes of zlib. Method: bodies cut at every byte, beside Node's own decoder.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { gunzip } from '../../src/tasks/http/gunzip.ts';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = bytes.length || 1): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of gunzip(inPieces(bytes, size))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'read',
    (error: { code?: string }) => error.code,
  );

const long = Array.from({ length: 60_000 }, (_, i) => `line ${i * 7919} `).join('');
const one = gzipSync('Good morning.');
/** FEXTRA, FNAME, FCOMMENT and FHCRC. */
const decorated = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 0x08, 0x1e, 0, 0, 0, 0, 0, 3]),
  Buffer.from([4, 0, 1, 2, 3, 4]),
  Buffer.from('name\0remark\0'),
  Buffer.from([0, 0]),
  one.subarray(10),
]);

describe('what is read', () => {
  test.each([
    ['one member', one, 'Good morning.'],
    ['an empty member', gzipSync(''), ''],
    ['two members', Buffer.concat([one, gzipSync(' And night.')]), 'Good morning. And night.'],
    ['a member with every part of a header', decorated, 'Good morning.'],
    ['a line end behind it', Buffer.concat([one, Buffer.from('\n')]), 'Good morning.'],
    ['zeros behind it', Buffer.concat([one, Buffer.alloc(512)]), 'Good morning.'],
    ['a page behind it', Buffer.concat([one, Buffer.from('<html>moved</html>')]), 'Good morning.'],
    ['the first byte of a member behind it', Buffer.concat([one, one.subarray(0, 1)]), 'Good morning.'],
    ['two members and a word', Buffer.concat([one, one, Buffer.from('end')]), 'Good morning.Good morning.'],
  ])('%s, however it is cut', async (_what, bytes, text) => {
    for (let size = 1; size <= bytes.length; size += 1) expect(await read(bytes, size)).toBe(text);
  });

  test('a long body in pieces of many sizes, as Node reads it', async () => {
    const bytes = gzipSync(long);
    expect(gunzipSync(bytes).toString()).toBe(long);
    for (const size of [1_000, 16_384, 65_536, bytes.length]) expect(await read(bytes, size)).toBe(long);
    expect(await read(Buffer.concat([bytes, bytes, Buffer.from('tail')]), 30_000)).toBe(long + long);
  });
});

describe('what fails', () => {
  const changed = (at: number, to: number) => {
    const copy = Buffer.from(one);
    copy[at < 0 ? copy.length + at : at] = to;
    return copy;
  };
  test.each([
    ['text', Buffer.from('Good morning, everybody.'), 'Z_DATA_ERROR'],
    ['another method', changed(2, 7), 'Z_DATA_ERROR'],
    ['flags that are reserved', changed(3, 0x20), 'Z_DATA_ERROR'],
    ['data that is none', changed(10, 0xff), 'Z_DATA_ERROR'],
    ['another checksum', changed(-8, 1), 'Z_DATA_ERROR'],
    ['another length', changed(-4, 99), 'Z_DATA_ERROR'],
    [
      'a name without an end',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(70_000, 97)]),
      'Z_DATA_ERROR',
    ],
    ['a second member that is damaged', Buffer.concat([one, changed(-8, 1)]), 'Z_DATA_ERROR'],
  ])('%s', async (_what, bytes, code) => {
    expect(await codeOf(read(bytes))).toBe(code);
  });

  test('an end at any byte of the member, or of a second one whose beginning is there', async () => {
    for (let length = 3; length < one.length; length += 1) {
      expect(await codeOf(read(one.subarray(0, length), 7))).toBe('Z_BUF_ERROR');
      expect(await codeOf(read(Buffer.concat([one, one.subarray(0, length)]), 7))).toBe('Z_BUF_ERROR');
    }
  });

  test('the fault of its source', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield one.subarray(0, 15);
      throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    }
    const chunks: Buffer[] = [];
    const all = (async () => {
      for await (const chunk of gunzip(broken())) chunks.push(chunk);
    })();
    expect(await codeOf(all)).toBe('ECONNRESET');
  });
});

test('who leaves early does not wait for a source that is silent', async () => {
  async function* silent(): AsyncGenerator<Buffer> {
    yield gzipSync(long).subarray(0, 60_000);
    await new Promise(() => {});
  }
  for await (const chunk of gunzip(silent())) {
    expect(long.startsWith(chunk.toString())).toBe(true);
    break;
  }
});
