/** Goal: large JSON answers are compressed for who asks, and nothing else is. Method: the server over an engine in memory. */
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { openEvents } from './event-reader.ts';
import { createWorkflow, type RunningServer, startServer } from './running-server.ts';

function get(running: RunningServer, path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
    request({ host: '127.0.0.1', port: running.port, path, headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** A workflow whose text has exactly so many bytes. */
async function sized(running: RunningServer, bytes: number): Promise<string> {
  const id = await createWorkflow(running);
  const path = `/api/workflows/${id}`;
  const fill = (content: string) => running.engine.settle(id, 'COMPLETED', { content });
  fill('');
  fill('');
  const { bytes: empty } = await get(running, path);
  fill('ä'.repeat(0) + 'x'.repeat(bytes - empty.length));
  expect((await get(running, path)).bytes).toHaveLength(bytes);
  return path;
}

describe('an answer', () => {
  it('from 16 KiB on is compressed for who asks', async () => {
    const running = await startServer();
    const path = await sized(running, limits.compressBytesMin);
    const plain = await get(running, path);
    const packed = await get(running, path, { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(packed.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/json; charset=utf-8',
    });
    expect(packed.headers['content-length']).toBe(String(packed.bytes.length));
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 4);
    expect(gunzipSync(packed.bytes)).toEqual(plain.bytes);
    for (const { headers } of [plain, packed]) expect(headers.vary).toBe('Origin, Accept-Encoding');
    expect(plain.headers['content-encoding']).toBeUndefined();
  });

  it('without a tag is, too', async () => {
    const running = await startServer();
    const plain = await get(running, '/openapi.json');
    const packed = await get(running, '/openapi.json', { 'Accept-Encoding': 'gzip' });
    expect([packed.status, packed.headers['content-encoding'], packed.headers.etag]).toEqual([200, 'gzip', undefined]);
    expect(gunzipSync(packed.bytes)).toEqual(plain.bytes);
  });

  it('below it is not', async () => {
    const running = await startServer();
    const path = await sized(running, limits.compressBytesMin - 1);
    const { headers } = await get(running, path, { 'Accept-Encoding': 'gzip' });
    expect([headers['content-encoding'], headers.vary]).toEqual([undefined, 'Origin']);
  });

  it.each(['identity', 'br', 'gzip;q=0', ''])('is not compressed for who asks for "%s"', async (asked) => {
    const running = await startServer();
    const path = await sized(running, 20_000);
    const { headers, bytes } = await get(running, path, { 'Accept-Encoding': asked });
    expect([headers['content-encoding'], bytes.length]).toEqual([undefined, 20_000]);
  });

  it('has a weak tag then, which still tells that nothing has changed', async () => {
    const running = await startServer();
    const path = await sized(running, 20_000);
    const asked = { 'Accept-Encoding': 'gzip' };
    const { headers } = await get(running, path, asked);
    expect(headers.etag).toMatch(/^W\/".+"$/);
    const again = await get(running, path, { ...asked, 'If-None-Match': String(headers.etag) });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  it('to HEAD says its size and no coding; text and streams stay as they are', async () => {
    const running = await startServer();
    const path = await sized(running, 20_000);
    const asked = { 'Accept-Encoding': 'gzip' };
    const head = await get(running, path, asked, 'HEAD');
    expect([head.headers['content-encoding'], head.headers['content-length']]).toEqual([undefined, '20000']);
    const reader = await openEvents(running.port, '/api/events', asked);
    expect([reader.status, reader.headers['content-encoding']]).toEqual([200, undefined]);
    reader.leave();
    expect((await get(running, '/docs', asked)).headers['content-encoding']).toBeUndefined();
  });
});
