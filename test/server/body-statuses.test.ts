// Goal: who sends a body gets the same answer however koa-body is used. Method: a table of bodies with the statuses of
// e2f307d, where the checked bytes were handed to koa-body in place of the request; each is also sent in small pieces.
import { expect, test } from 'vitest';
import { startServer } from './running-server.ts';

const json = 'application/json';
const whole = '{"name":"x","steps":[{"id":"a","action":"noop"}]}';
const deep = (levels: number) => `{"name":"x","steps":[],"params":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const params = (text: string) => `{"name":"x","steps":[{"id":"a","action":"noop","params":{"x":${text}}}]}`;

const bodies: [what: string, body: string | Buffer, status: number, type?: string][] = [
  ['a definition', whole, 201],
  ['white space around it', ` \n\t${whole}\r\n `, 201],
  ['a charset', whole, 201, 'application/json; charset=utf-8'],
  ['a charset in quotes and capitals', whole, 201, 'Application/JSON; charset="UTF-8"'],
  ['another charset', whole, 415, 'application/json; charset=latin1'],
  ['another parameter', whole, 415, 'application/json; profile=x'],
  ['a type of its kin', whole, 415, 'application/vnd.api+json'],
  ['text/json', whole, 415, 'text/json'],
  ['plain text', whole, 415, 'text/plain'],
  ['a form', 'name=x', 415, 'application/x-www-form-urlencoded'],
  ['a multipart form', '--x--', 415, 'multipart/form-data; boundary=x'],
  ['a byte order mark', `\uFEFF${whole}`, 201],
  ['a byte that is no UTF-8', Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]), 400],
  ['a character cut off', Buffer.from('{"name":"ü').subarray(0, 10), 400],
  ['half of a pair, as bytes', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400],
  ['half of a pair, escaped', '{"name":"\\ud800","steps":[{"id":"a","action":"noop"}]}', 201],
  ['UTF-16', Buffer.from(whole, 'utf16le'), 400],
  ['a zero byte', `${whole}\0`, 400],
  ['a word', 'nothing', 400],
  ['an object without an end', whole.slice(0, -1), 400],
  ['something behind the end', `${whole}1`, 400],
  ['a comma too many', '{"name":"x",}', 400],
  ['single quotes', "{'name':'x'}", 400],
  ['a comment', `/* x */${whole}`, 400],
  ['NaN', params('NaN'), 400],
  ['a line break in a string', '{"name":"a\nb"}', 400],
  ['a number', '1', 422],
  ['a string', '"x"', 422],
  ['null', 'null', 422],
  ['false', 'false', 422],
  ['a list', '[]', 422],
  ['an empty object', '{}', 422],
  ['a key twice', `{"name":"y",${whole.slice(1)}`, 201],
  ['64 levels', params(`${'['.repeat(60)}${']'.repeat(60)}`), 201],
  ['65 levels', params(`${'['.repeat(61)}${']'.repeat(61)}`), 422],
  ['100,000 levels', deep(100_000), 422],
  ['100,000 levels without an end', '['.repeat(100_000), 422],
  ['__proto__', params('{"__proto__":1}'), 422],
  ['__proto__, escaped', params('{"\\u005f_proto__":1}'), 422],
  ['constructor', params('{"constructor":{}}'), 422],
  ['prototype', params('{"prototype":{}}'), 422],
  ['__proto__ as a value', params('"__proto__"'), 201],
  ['a number beyond all', params('1e400'), 201],
  ['a number of 400 digits', params('9'.repeat(400)), 201],
  ['an unknown field', `{"nme":1,${whole.slice(1)}`, 422],
];

test.each(bodies)('%s', async (_, body, status, type = json) => {
  const running = await startServer();
  const answer = await running.call('POST', '/api/workflows', { headers: { 'Content-Type': type }, body });
  expect(answer.status).toBe(status);
  const bytes = Buffer.from(body);
  const size = Math.max(1, Math.ceil(bytes.length / 50));
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  const chunks = pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n']);
  const head =
    `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nConnection: close\r\n` +
    `Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const request = Buffer.concat([head, ...chunks, '0\r\n\r\n'].map((part) => Buffer.from(part)));
  expect((await running.raw(request)).slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
});

test.each([
  ['a byte that is no UTF-8', Buffer.from('{"name":"\xff"}', 'latin1')],
  ['the last character cut off', Buffer.from(`${whole} ü`).subarray(0, whole.length + 2)],
])('%s is told as such', async (_, body) => {
  const running = await startServer();
  const answer = await running.call('POST', '/api/workflows', { headers: { 'Content-Type': json }, body });
  expect([answer.status, answer.json.detail]).toEqual([400, 'The body is not valid UTF-8: encode it as UTF-8']);
});
