// Goal: a client that reconnects with the last id it saw misses nothing, one that fell too far behind is told so, and
// none costs the server more than its bound.
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EngineEvent } from '../../src/contract/event.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { openEvents } from './event-reader.ts';
import { createWorkflow, startServer } from './running-server.ts';

async function open(port: number, path: string, headers: Record<string, string> = {}) {
  const reader = await openEvents(port, path, headers);
  onTestFinished(() => reader.leave());
  return reader;
}

describe('GET /api/events', () => {
  it('ES2: sends each change with its kind, its number and its data', async () => {
    const running = await startServer();
    const reader = await open(running.port, '/api/events');
    expect(reader.status).toBe(200);
    expect(reader.headers['content-type']).toBe('text/event-stream');
    expect(reader.headers['cache-control']).toContain('no-store');
    expect(reader.headers['x-content-type-options']).toBe('nosniff');
    const id = await createWorkflow(running);
    expect(await reader.next()).toMatchObject({
      event: 'workflow.created',
      id: '1',
      data: { seq: 1, kind: 'workflow.created', workflow_id: id, status: 'PENDING', version: 1 },
    });
  });

  it.each(['/api/events', '/api/workflows/{id}/events'])(
    'ES4: %s tells where it begins, so that a client that has heard nothing comes back to that place',
    async (path) => {
      const running = await startServer();
      const id = await createWorkflow(running);
      const reader = await open(running.port, path.replace('{id}', id));
      const place = String(reader.headers['last-event-id']);
      expect([place, await reader.began]).toEqual(['1', '1']);
      reader.leave();
      running.engine.settle(id, 'COMPLETED');
      const again = await open(running.port, path.replace('{id}', id), { 'Last-Event-ID': place });
      expect(again.headers['last-event-id']).toBe(place);
      const next = await again.next();
      expect(Number(next?.id)).toBeGreaterThan(1);
      expect(next?.data.workflow_id).toBe(id);
    },
  );

  it('ES1: misses nothing that changes once its head has been sent', async () => {
    const running = await startServer();
    for (let round = 1; round <= 20; round += 1) {
      const reader = await open(running.port, '/api/events');
      running.engine.submit({ name: 'x', steps: [{ id: 'a', action: 'noop' }] }).catch(() => {});
      expect((await reader.next())?.id).toBe(String(round));
      reader.leave();
    }
  });

  it.each([
    ['the header', '/api/events', { 'Last-Event-ID': '1' }],
    ['the query', '/api/events?lastEventId=1', {}],
    ['the header before the query', '/api/events?lastEventId=3', { 'Last-Event-ID': '1' }],
    ['the query when the header is empty', '/api/events?lastEventId=1', { 'Last-Event-ID': '' }],
  ])('goes on after the event that %s names', async (_name, path, headers) => {
    const running = await startServer();
    for (let at = 0; at < 3; at += 1) await createWorkflow(running);
    const reader = await open(running.port, path, headers as Record<string, string>);
    expect([(await reader.next())?.id, (await reader.next())?.id]).toEqual(['2', '3']);
    await createWorkflow(running);
    expect((await reader.next())?.id).toBe('4');
  });

  it.each(['x', '-1', '1.5', '1'.repeat(16)])('refuses %s as the last event', async (last) => {
    const running = await startServer();
    const answer = await running.call('GET', '/api/events', { headers: { 'Last-Event-ID': last } });
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'Last-Event-ID']);
    expect((await running.call('GET', `/api/events?lastEventId=${last}`)).status).toBe(422);
  });

  it('tells of a gap, what to do, and goes on from the oldest event it holds', async () => {
    const running = await startServer();
    for (let at = 0; at < 5; at += 1) await createWorkflow(running);
    running.engine.oldestHeld = 4;
    const reader = await open(running.port, '/api/events', { 'Last-Event-ID': '1' });
    const gap = await reader.next();
    expect(gap).toMatchObject({ event: 'gap', id: '3', data: { kind: 'gap', after: 1, oldest: 4 } });
    expect(gap?.data.detail).toContain('GET /api/workflows');
    expect((await reader.next())?.id).toBe('4');
    reader.leave();
    const resumed = await open(running.port, '/api/events', { 'Last-Event-ID': gap?.id ?? '' });
    expect((await resumed.next())?.id).toBe('4');
  });

  it('keeps a quiet connection alive with comments', async () => {
    const running = await startServer({ bounds: { eventKeepAliveMs: 5 } });
    const socket = connect(running.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if ((text.match(/\r\n:\n\n/g) ?? []).length >= 2) break;
    }
    expect(text).toContain(':\n\n');
  });

  it('is open to so many and no more, and again when one leaves', async () => {
    const running = await startServer({ bounds: { eventStreamsMax: 2 } });
    const first = await open(running.port, '/api/events');
    await open(running.port, '/api/events');
    const refused = await running.call('GET', '/api/events');
    expect([refused.status, refused.json.code]).toEqual([429, 'TOO_MANY']);
    expect(refused.headers['retry-after']).toBe('5');
    const signal = running.engine.signalOf('events');
    const released = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    first.leave();
    await released;
    // The subscription ends a few turns after its signal.
    await new Promise(setImmediate);
    expect((await open(running.port, '/api/events')).status).toBe(200);
  });

  it('is ended when the engine closes', async () => {
    const running = await startServer();
    const reader = await open(running.port, '/api/events');
    await running.engine.close();
    expect(await reader.next()).toBeNull();
  });

  it('is ended when the subscription fails, and the failure is not told', async () => {
    class FailingEngine extends FakeEngine {
      // biome-ignore lint/correctness/useYield: it fails before its first event.
      override async *events(): AsyncGenerator<EngineEvent> {
        throw new Error('inside');
      }
    }
    const running = await startServer({ engine: new FailingEngine() });
    const reader = await open(running.port, '/api/events');
    expect(await reader.next()).toBeNull();
    expect((await running.call('GET', '/api/health')).status).toBe(200);
  });

  it('sends nothing more once it has ended, though the client has not read all of it', async () => {
    class LongEngine extends FakeEngine {
      override async *events({ after }: { after?: number } = {}): AsyncGenerator<EngineEvent> {
        if (after === 7) await new Promise(() => {});
        for (let seq = 1; seq <= 400; seq += 1) {
          const at = '2026-01-01T00:00:00.000Z';
          yield { seq, kind: 'step.started', workflow_id: 'x'.repeat(64 * 1024), at, status: 'RUNNING', version: seq };
        }
      }
    }
    // Far more than the systems' socket buffers take, far less than would get the client cut off.
    const bounds = { eventBufferBytesMax: 100_000_000, eventKeepAliveMs: 5 };
    const running = await startServer({ engine: new LongEngine(), bounds });
    const socket = connect(running.port, '127.0.0.1').pause();
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    // Another stream's comments show that the time for some has passed.
    const other = connect(running.port, '127.0.0.1');
    onTestFinished(() => void other.destroy());
    other.write(`GET /api/events?lastEventId=7 HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    let text = '';
    for await (const chunk of other) {
      text += String(chunk);
      if ((text.match(/\r\n:\n\n/g) ?? []).length >= 10) break;
    }
    expect((await running.call('GET', '/api/health')).status).toBe(200);
  });

  it('ES3: is ended for a client that stays too far behind, at a bounded cost', async () => {
    let sent = 0;
    let over: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      over = resolve;
    });
    class EagerEngine extends FakeEngine {
      override async *events(): AsyncGenerator<EngineEvent> {
        try {
          for (let seq = 1; seq < 10_000; seq += 1) {
            sent = seq;
            const at = '2026-01-01T00:00:00.000Z';
            const workflow_id = 'x'.repeat(64 * 1024);
            yield { seq, kind: 'step.started', workflow_id, at, status: 'RUNNING', version: seq };
          }
        } finally {
          over();
        }
      }
    }
    const bounds = { eventBufferBytesMax: 100_000, eventStallMs: 50 };
    const running = await startServer({ engine: new EagerEngine(), bounds });
    const socket = connect(running.port, '127.0.0.1').pause();
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    await stopped;
    // What the systems' socket buffers hold, plus our bound: far from all.
    expect(sent).toBeLessThan(1_000);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    await closed;
  });
});

describe('GET /api/workflows/{id}/events', () => {
  it('sends the changes of that workflow alone, and does not end with it', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const reader = await open(running.port, `/api/workflows/${id}/events`);
    await createWorkflow(running);
    running.engine.settle(id, 'COMPLETED');
    expect(await reader.next()).toMatchObject({ event: 'step.completed', id: '3', data: { status: 'COMPLETED' } });
    await running.engine.delete(id);
    expect((await reader.next())?.event).toBe('workflow.deleted');
  });

  it('answers 404 for an unknown workflow, before any stream', async () => {
    const running = await startServer();
    const answer = await running.call('GET', '/api/workflows/00000000-0000-4000-8000-000000000000/events');
    expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    expect(running.engine.callsOf('events')).toEqual([]);
  });
});
