// Goal: a connection gets one answer at a time, as many as it asks for (CN1 to CN3), and clients that do not read theirs
// cost a bounded amount of memory. Method: bytes on sockets; the engine in memory holds an answer back where order counts.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EngineStats } from '../../src/contract/engine.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { createWorkflow, type RunningServer, startServer } from './running-server.ts';

const head = (port: number, path: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${more}\r\n`;
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

function open(running: RunningServer): Socket {
  const socket = connect(running.port, '127.0.0.1');
  socket.on('error', () => undefined); // A reset is one way of being cut.
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** An engine whose `stats` are answered when the test says so. */
class HeldEngine extends FakeEngine {
  readonly releases: (() => void)[] = [];
  override async stats(): Promise<EngineStats> {
    const reply = await super.stats();
    await new Promise<void>((resolve) => this.releases.push(resolve));
    return reply;
  }
}

/** A workflow whose document has so many bytes, or a few more. */
async function createLarge(running: RunningServer, bytes: number): Promise<string> {
  const id = await createWorkflow(running);
  running.engine.settle(id, 'COMPLETED', { content: 'x'.repeat(bytes) });
  return id;
}

describe('requests that come without waiting for an answer', () => {
  it('CN1: are handled one after the other', async () => {
    const engine = new HeldEngine();
    const running = await startServer({ engine });
    const socket = open(running);
    socket.write(head(running.port, '/api/queue') + head(running.port, '/api/health') + head(running.port, '/docs'));
    await engine.untilCalled('stats');
    await running.call('GET', '/api/actions');
    expect(engine.calls.map(({ name }) => name)).toEqual(['stats', 'actions']);
    engine.releases[0]?.();
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    while (statuses(text).length < 3) await once(socket, 'data');
    expect(statuses(text)).toEqual([200, 200, 200]);
    expect(engine.calls.map(({ name }) => name)).toEqual(['stats', 'actions', 'health']);
  });

  it('are all answered in order, the 1,001st of a connection like the first', async () => {
    const running = await startServer();
    const paths = Array.from({ length: 1_500 }, (_, n) => (n % 3 === 0 ? '/nowhere' : '/api/health'));
    const text = await running.raw(
      paths.map((path) => head(running.port, path)).join('') + head(running.port, '/docs', 'Connection: close\r\n'),
    );
    expect(statuses(text)).toEqual([...paths.map((path) => (path === '/nowhere' ? 404 : 200)), 200]);
    expect(running.engine.callsOf('health')).toHaveLength(1_000);
  });

  it('CN2: beyond the bound end their connection, and no other', async () => {
    const engine = new HeldEngine();
    const running = await startServer({ engine, bounds: { waitingRequestsMax: 20 } });
    const [kept, cut] = [open(running), open(running)];
    kept.write(head(running.port, '/api/queue') + head(running.port, '/api/health').repeat(5));
    await engine.untilCalled('stats', 1);
    cut.write(head(running.port, '/api/queue') + head(running.port, '/api/health').repeat(16));
    await once(cut, 'close');
    expect(engine.callsOf('health')).toEqual([]);
    let text = '';
    kept.on('data', (chunk) => {
      text += String(chunk);
    });
    engine.releases[0]?.();
    while (statuses(text).length < 6) await once(kept, 'data');
    expect(statuses(text)).toEqual([200, 200, 200, 200, 200, 200]);
    // What the cut one had waiting is given back: there is room for others.
    const again = open(running);
    again.write(head(running.port, '/api/health').repeat(20) + head(running.port, '/docs', 'Connection: close\r\n'));
    let later = '';
    again.on('data', (chunk) => {
      later += String(chunk);
    });
    await once(again, 'close');
    expect(statuses(later)).toHaveLength(21);
  });

  it('CN3: are answered before the one among them that is none', async () => {
    const running = await startServer();
    const two = head(running.port, '/api/health') + head(running.port, '/nowhere');
    expect(statuses(await running.raw(`${two}not HTTP\r\n\r\n`))).toEqual([200, 404, 400]);
    const post = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    const broken = `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`;
    expect(statuses(await running.raw(two + broken))).toEqual([200, 404, 400]);
    expect(running.engine.callsOf('submit')).toEqual([]);
  });
});

describe('answers that are not read', () => {
  const bytes = 4 * 1024 * 1024;

  it('take no more memory than they may; beyond it comes 503, and small answers still come', async () => {
    const running = await startServer({ bounds: { heldBytesMax: 2.5 * bytes, roomPatienceMs: 50 } });
    const id = await createLarge(running, bytes);
    const sockets = Array.from({ length: 2 }, () => open(running));
    for (const socket of sockets) {
      socket.pause();
      socket.write(head(running.port, `/api/workflows/${id}`));
    }
    await running.engine.untilCalled('get', 2);
    const refused = await running.call('GET', `/api/workflows/${id}`);
    expect([refused.status, refused.headers['retry-after'], refused.json.code]).toEqual([503, '1', 'BUSY']);
    const list = await running.call('GET', '/api/workflows');
    expect(list.status).toBe(503);
    expect((await running.call('GET', `/api/workflows/${id}/steps/only`)).status).toBe(503);
    expect((await running.call('GET', '/api/health')).status).toBe(200);
    expect((await running.call('GET', '/metrics')).status).toBe(200);
    const gone = once(sockets[0]!, 'close');
    sockets[0]!.destroy();
    await gone;
    let status = 503;
    while (status === 503) ({ status } = await running.call('GET', `/api/workflows/${id}`));
    expect(status).toBe(200);
  });

  it('are cut when their client takes nothing for a while', async () => {
    const running = await startServer({ bounds: { answerStallMs: 200 } });
    const id = await createLarge(running, 8 * bytes);
    const socket = open(running);
    socket.write(head(running.port, `/api/workflows/${id}`));
    socket.pause();
    await running.engine.untilCalled('get');
    const cut = async () => running.logLines.some((line) => line.includes('"route":"/api/workflows/{id}"'));
    // The line is written when the answer has ended, whichever way.
    while (!(await cut())) await running.call('GET', '/api/health');
    const closed = once(socket, 'close');
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    await closed;
    expect(received).toBeLessThan(8 * bytes);
  });

  it('are not cut while their client takes them, however slowly', async () => {
    const running = await startServer({ bounds: { answerStallMs: 300 } });
    const id = await createLarge(running, bytes);
    const socket = open(running);
    socket.write(head(running.port, `/api/workflows/${id}`, 'Connection: close\r\n'));
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    await once(socket, 'close');
    expect(received).toBeGreaterThan(bytes);
  });
});

it('bodies count as well: what finds no room gets 503 before it has an effect', async () => {
  const running = await startServer({ bounds: { heldBytesMax: 200_000, heldBytesFree: 1_000 } });
  const socket = open(running);
  const post = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
  socket.write(`${post}Content-Length: 200000\r\n\r\n${' '.repeat(150_000)}`);
  const body = { name: 'x', steps: [{ id: 'a', action: 'noop', params: { text: 'x'.repeat(100_000) } }] };
  let answer = await running.call('POST', '/api/workflows', { body });
  // Until the server has read what the first has sent, there is room.
  while (answer.status === 201) answer = await running.call('POST', '/api/workflows', { body });
  expect([answer.status, answer.json.code]).toEqual([503, 'BUSY']);
  const created = running.engine.callsOf('submit').length;
  expect(running.engine.workflows.size).toBe(created);
  socket.destroy();
  while (answer.status === 503) answer = await running.call('POST', '/api/workflows', { body });
  expect(answer.status).toBe(201);
});

it('what requests held is given back when they end: one after the other finds the room of one', async () => {
  const running = await startServer({ bounds: { heldBytesMax: 200_000, heldBytesFree: 1_000, roomPatienceMs: 50 } });
  const body = { name: 'x', steps: [{ id: 'a', action: 'noop', params: { text: 'x'.repeat(30_000) } }] };
  for (let n = 0; n < 20; n += 1) expect((await running.call('POST', '/api/workflows', { body })).status).toBe(201);
});
