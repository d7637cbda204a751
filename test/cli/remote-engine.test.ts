/**
 * Goal: the engine's port over REST asks for the right things and turns answers and faults into what the port promises.
 * Method: a server of a few lines that remembers what it was asked.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CliEngine } from '../../src/cli/context.ts';
import { createRemoteEngine, RestClient } from '../../src/cli/remote-engine.ts';
import { Refusal } from '../../src/contract/failures.ts';

interface Asked {
  line: string;
  headers: IncomingMessage['headers'];
  body: string;
}

let server: Server;
let url: string;
let engine: CliEngine;
let asked: Asked[];
let answer: (response: ServerResponse, request: Asked) => void;
beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const one = { line: `${request.method} ${request.url}`, headers: request.headers, body };
    asked.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  engine = createRemoteEngine(new RestClient(url, 'secret-token'));
});
afterEach(async () => {
  await engine.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const id = '0192f0c1-0000-7000-8000-000000000001';
const json = JSON.stringify({ id, version: 3, status: 'RUNNING', steps: [] });
const send = (status: number, body: string, type = 'application/json') => {
  answer = (response) => response.writeHead(status, { 'content-type': type, 'x-total-count': '7' }).end(body);
};

test('the creating calls send JSON and the token, and keep the answer as it came', async () => {
  send(201, json);
  const reply = await engine.submit({ name: 'x' });
  expect(reply).toMatchObject({ id, version: 3, status: 'RUNNING', json });
  await engine.submitTemplate('page-digest', { html: 'ä' });
  expect(asked.map(({ line, body }) => `${line} ${body}`)).toEqual([
    'POST /api/workflows {"name":"x"}',
    'POST /api/workflows/from-template {"template_id":"page-digest","params":{"html":"ä"}}',
  ]);
  expect(asked[0]?.headers).toMatchObject({
    authorization: 'Bearer secret-token',
    'content-type': 'application/json',
  });
});

test('reading calls name what they want in the address', async () => {
  send(200, json);
  await engine.get(id);
  await engine.get(id, { waitMs: 90_000 });
  await engine.stop(id);
  await engine.getStep(id, 'a b/c');
  expect(asked.map(({ line }) => line)).toEqual([
    `GET /api/workflows/${id}`,
    `GET /api/workflows/${id}?wait=60`,
    `POST /api/workflows/${id}/stop`,
    `GET /api/workflows/${id}/steps/a%20b%2Fc`,
  ]);
  send(200, '[{"id":"x"}]');
  expect(await engine.list({ status: 'FAILED', q: 'tea & cake', limit: 1 })).toEqual({
    total: 7,
    items: [{ id: 'x' }],
    rest: 6,
  });
  expect(asked.at(-1)?.line).toBe('GET /api/workflows?view=summary&limit=1&status=FAILED&q=tea+%26+cake');
});

test('a problem becomes the refusal it was made from', async () => {
  const errors = [{ path: 'params.url', message: 'is required' }];
  send(422, JSON.stringify({ code: 'INVALID', detail: 'no', errors }), 'application/problem+json');
  const error = await engine.submit({}).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({ code: 'INVALID', detail: 'no', errors });
});

test('a missing token is told with the way out, and the token itself never', async () => {
  send(401, JSON.stringify({ code: 'UNAUTHORIZED', detail: 'This needs a token.' }));
  await expect(engine.get(id)).rejects.toThrow(/needs a token\. \(set API_TOKEN/);
  await expect(engine.get(id)).rejects.not.toThrow(/secret-token/);
});

test.each([
  ['<html>', 'is no engine: it gave 502'],
  ['{}', 'is no engine: it gave 502'],
  ['{"detail": "broken", "code": "INTERNAL"}', 'broken'],
  ['{"detail": "broken", "code": "toString"}', 'broken'],
])('an answer of 502 with %s is told in one line', async (body, message) => {
  send(502, body);
  await expect(engine.get(id)).rejects.toMatchObject({ exitStatus: 1, message: expect.stringContaining(message) });
});

test('a server that is not there is named with the way out', async () => {
  const absent = createRemoteEngine(new RestClient('http://127.0.0.1:1', null));
  await expect(absent.get(id)).rejects.toMatchObject({
    exitStatus: 1,
    message: expect.stringMatching(/^No engine answers at http:\/\/127\.0\.0\.1:1 \(.+\); start one with/),
  });
  await absent.close();
});

test('a wait that is ended early answers at once with what there is', async () => {
  const ended = new AbortController();
  answer = (response, { line }) => {
    if (line.endsWith('wait=30')) ended.abort();
    else response.end(json);
  };
  const reply = await engine.get(id, { waitMs: 30_000, signal: ended.signal });
  expect(reply.version).toBe(3);
  expect(asked.map(({ line }) => line)).toEqual([`GET /api/workflows/${id}?wait=30`, `GET /api/workflows/${id}`]);
});

test('events are read however the bytes are cut, and resume where asked', async () => {
  const text =
    'retry: 2000\n\n: ping\n\nevent: a\nid: 1\ndata: {"kind":"x",\ndata: "n":"é"}\r\n\r\ndata: {"kind":"gap"}\n\ndata: cut off';
  const bytes = Buffer.from(text);
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of bytes) response.write(Buffer.from([byte]));
    response.end();
  };
  const events = [];
  for await (const event of engine.follow(id, { after: 0 })) events.push(event);
  expect(events).toEqual([{ kind: 'x', n: 'é' }, { kind: 'gap' }]);
  expect(asked[0]).toMatchObject({ line: `GET /api/workflows/${id}/events`, headers: { 'last-event-id': '0' } });
});

test('a wait is whole seconds, and no longer than a server waits', async () => {
  send(200, json);
  for (const waitMs of [0, 1, 1_000, 1_001, 10_000_000]) await engine.get(id, { waitMs });
  expect(asked.map(({ line }) => line.split('?')[1])).toEqual([undefined, 'wait=1', 'wait=1', 'wait=2', 'wait=60']);
});

test('a list says how many lie behind the page', async () => {
  send(200, '[{"id":"a"},{"id":"b"}]');
  expect(await engine.list({ offset: 3, limit: 2 })).toMatchObject({ total: 7, rest: 2 });
  expect(await engine.list({})).toMatchObject({ total: 7, rest: 5 });
  expect(await engine.list({ offset: 6 })).toMatchObject({ rest: 0 });
});

test('a deletion names the version that it is for, also the first', async () => {
  send(204, '');
  for (const version of [undefined, 0, 3]) await engine.delete(id, version === undefined ? {} : { version });
  expect(asked.map(({ line }) => line)).toEqual([
    `DELETE /api/workflows/${id}`,
    `DELETE /api/workflows/${id}?version=0`,
    `DELETE /api/workflows/${id}?version=3`,
  ]);
});

test('events are asked for from the first one on, where that is said', async () => {
  answer = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
  for (const after of [undefined, 0, 7]) {
    for await (const _ of engine.follow(id, after === undefined ? {} : { after })) throw new Error('there is none');
  }
  expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '0', '7']);
});

test.each([199 + 1, 299])('an answer of %i is one', async (status) => {
  send(status, json);
  expect((await engine.get(id)).id).toBe(id);
});

test.each([300, 404])('an answer of %i is none', async (status) => {
  send(status, json);
  await expect(engine.get(id)).rejects.toThrow(`it gave ${status} without a detail`);
});

test('the way out of a missing token is told for 401 alone', async () => {
  const told = async (status: number, code: string) => {
    send(status, JSON.stringify({ code, detail: 'no' }));
    return ((await engine.get(id).catch((error: unknown) => error)) as Refusal).detail;
  };
  expect(await told(403, 'FORBIDDEN')).toBe('no');
  expect(await told(401, 'UNAUTHORIZED')).toBe('no (set API_TOKEN to the token that the server was started with)');
});

test('schedules are read, paused, resumed and triggered by a call each', async () => {
  send(200, '{}');
  await engine.schedules();
  for (const call of ['pauseSchedule', 'resumeSchedule', 'triggerSchedule'] as const) await engine[call]('a/b');
  expect(asked.map(({ line }) => line)).toEqual([
    'GET /api/schedules',
    ...['pause', 'resume', 'trigger'].map((verb) => `POST /api/schedules/a%2Fb/${verb}`),
  ]);
});
