/**
 * Goal: bytes that a step has got are there for the next step and for a client, byte for byte, also when they lie in a
 * blob; and no page of a foreign server runs on our origin (SF1). Method: a real engine and server, and a server whose
 * answer is no text.
 */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { listen, readBytes } from '../tasks/http-server.ts';

it.each([
  ['in the state', Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(99)])],
  ['in a blob', Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(300_000)])],
])('%s: a step sends them on, and a client gets them', async (_where, pdf) => {
  let sentOn = Buffer.alloc(0) as Buffer;
  const url = await listen(async (message, response) => {
    if (message.method === 'GET') return void response.writeHead(200, { 'content-type': 'text/html' }).end(pdf);
    sentOn = await readBytes(message);
    response.end('kept');
  });
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { engine } = await openInline(dir, { settings: { httpAllowHosts: ['127.0.0.1'] } });
  onTestFinished(() => engine.close());
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version: '1.2.3' });
  const { url: own } = await server.listen();
  onTestFinished(() => server.close());
  const sendOn = { url, method: 'PUT', body_base64: '{{steps.get.outputs.file.base64}}' };
  const steps = [
    { id: 'get', action: 'http_request', params: { url } },
    { id: 'put', action: 'http_request', dependencies: ['get'], params: sendOn },
  ];
  const { id, workflow } = await engine.submit({ name: 'file', steps }, { waitMs: 60_000 });
  expect(workflow.status).toBe('COMPLETED');
  expect(sentOn.equals(pdf)).toBe(true);

  const answer = await fetch(`${own}/api/workflows/${id}/steps/get/file`);
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer()).equals(pdf)).toBe(true);
  const headers = Object.fromEntries(answer.headers);
  expect(headers).toEqual({
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'content-disposition': 'attachment',
    'content-length': String(pdf.length),
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'content-type': 'application/octet-stream',
    'cross-origin-resource-policy': 'same-origin',
    date: headers.date,
    'keep-alive': headers['keep-alive'],
    'referrer-policy': 'no-referrer',
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
  });

  for (const [stepId, detail] of [
    ['put', 'Step put has no file: its outputs hold no bytes that are no text'],
    ['none', `Workflow ${id} has no step "none"`],
  ]) {
    const missing = await fetch(`${own}/api/workflows/${id}/steps/${stepId}/file`);
    expect([missing.status, await missing.json()]).toMatchObject([404, { detail }]);
  }
});
