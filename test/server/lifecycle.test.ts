// Goal: a server starts or says in one line why not, and closes without cutting off what it can still answer.
import { connect, createServer as createNetServer, Server } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StartError } from '../../src/contract/store.ts';
import { createServer } from '../../src/server/server.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { openEvents } from './event-reader.ts';
import { createWorkflow, startServer, testSettings } from './running-server.ts';

const create = (settings: Partial<typeof testSettings>) =>
  createServer({
    engine: new FakeEngine(),
    settings: { ...testSettings, ...settings },
    log: pino({ level: 'silent' }),
    version: '0.0.0',
  });

async function freePort(): Promise<number> {
  const probe = createNetServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function startError(settings: Partial<typeof testSettings>): Promise<StartError> {
  const server = create(settings);
  onTestFinished(() => server.close());
  return server.listen().then(
    () => expect.unreachable('it started'),
    (error) => error,
  );
}

describe('what the system refuses', () => {
  it.each([
    ['EACCES', 'PORT=0 may not be used by this user: set PORT to one from 1024 to 65535'],
    ['EADDRINUSE', 'PORT=0 on HOST=127.0.0.1 is taken by another program: stop it, or set PORT to a free one'],
    ['EADDRNOTAVAIL', 'HOST=127.0.0.1 is not an address of this machine: set HOST to ::1, or to an address it has'],
    ['ENOBUFS', 'HOST=127.0.0.1 PORT=0 cannot be listened on (ENOBUFS): set others'],
  ])('is one line with what to do: %s', async (code, message) => {
    const listen = vi.spyOn(Server.prototype, 'listen').mockImplementationOnce(function (this: Server) {
      setImmediate(() => this.emit('error', Object.assign(new Error(code), { code })));
      return this;
    });
    onTestFinished(() => listen.mockRestore());
    expect(await startError({ host: '127.0.0.1', port: 0 })).toMatchObject({ message, exitStatus: 1 });
  });
});

describe('listen', () => {
  it('says where it listens', async () => {
    const { url, port } = await startServer();
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`${url}/api/health`)).status).toBe(200);
  });

  it.each([
    [{ host: '0.0.0.0' }, 'http://127.0.0.1:PORT'],
    [{ host: '::' }, 'http://[::1]:PORT'],
    [{ host: '::1' }, 'http://[::1]:PORT'],
    [{ host: '[::1]' }, 'http://[::1]:PORT'],
    [{ host: 'localhost' }, 'http://localhost:PORT'],
    [{ host: '127.0.0.2' }, 'http://127.0.0.2:PORT'],
    [{ host: '0.0.0.0', allowedHosts: ['localhost:PORT'] }, 'http://localhost:PORT'],
    [{ host: '0.0.0.0', allowedHosts: ['engine.lan:8000', '127.0.0.1:PORT'] }, 'http://127.0.0.1:PORT'],
  ] as [Partial<typeof testSettings>, string][])(
    'prints an address that answers, listening with %j',
    async (settings, expected) => {
      // Port 0 is chosen by the system; ALLOWED_HOSTS can name it only when it is known.
      const port = await freePort();
      const allowedHosts = (settings.allowedHosts ?? []).map((host) => host.replace('PORT', String(port)));
      const { url } = await startServer({ settings: { ...settings, port, allowedHosts } });
      expect(url).toBe(expected.replace('PORT', String(port)));
      expect((await fetch(`${url}/api/queue`)).status).toBe(200);
    },
  );

  it('prints the first of ALLOWED_HOSTS where no address of its own is answered', async () => {
    const { url } = await startServer({ settings: { host: '0.0.0.0', allowedHosts: ['engine.lan', 'other.lan'] } });
    expect(url).toBe('http://engine.lan');
  });

  it.each([
    ['203.0.113.7', '::1'],
    ['2001:db8::1', '127.0.0.1'],
  ])('advises, when %s fails, another family: %s', async (host, advised) => {
    expect((await startError({ host })).message).toContain(`set HOST to ${advised},`);
  });

  it('names the setting and the port when another program has it', async () => {
    const other = createNetServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await startError({ port });
    expect([error.name, error.exitStatus]).toEqual(['StartError', 1]);
    expect(error.message).toContain(`PORT=${port}`);
    expect(error.message).not.toContain('\n');
  });

  it.each(['203.0.113.7', '256.1.1.1', 'not a host'])('names the setting when HOST is %s', async (host) => {
    const error = await startError({ host });
    expect([error.name, error.exitStatus]).toEqual(['StartError', 1]);
    expect(error.message).toContain(`HOST=${host}`);
    expect(error.message).not.toContain('\n');
  });
});

describe('close', () => {
  it('ends waits with what the workflow is, ends streams, and closes connections', async () => {
    const running = await startServer({ bounds: { closeGraceMs: 60_000 } });
    const id = await createWorkflow(running);
    const reader = await openEvents(running.port, '/api/events');
    const waiting = running.call('GET', `/api/workflows/${id}?wait=60`);
    await running.engine.untilCalled('get');
    const closed = running.server.close();
    expect((await waiting).json.status).toBe('PENDING');
    await reader.ended;
    await closed;
    await expect(running.call('GET', '/api/health')).rejects.toThrow('ECONNREFUSED');
  });

  it('lets an answer under way finish, and answers 503 to what still comes on its connection', async () => {
    let release: () => void = () => {};
    class SlowEngine extends FakeEngine {
      override async stats() {
        const reply = await super.stats();
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return reply;
      }
    }
    const running = await startServer({ engine: new SlowEngine(), bounds: { closeGraceMs: 60_000 } });
    const socket = connect(running.port, '127.0.0.1');
    const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost:${running.port}\r\n`;
    // The second request has begun when the server closes, and ends after the first is answered.
    socket.write(`${head('/api/queue')}\r\n${head('/api/health')}`);
    await running.engine.untilCalled('stats');
    const closed = running.server.close();
    release();
    const first = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    expect(first).toMatch(/^HTTP\/1\.1 200 /);
    socket.write('\r\n');
    const second = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    expect(second).toMatch(/^HTTP\/1\.1 503 /);
    expect(second.toLowerCase()).toContain('connection: close');
    expect(running.engine.callsOf('health')).toEqual([]);
    await closed;
  });

  it('does not wait for clients that never finish', async () => {
    const running = await startServer({ bounds: { closeGraceMs: 20 } });
    const never = running.raw(
      `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Length: 9\r\n`,
    );
    await running.call('GET', '/api/health');
    await running.server.close();
    expect(await never).toBe('');
  });

  it('may be called before listen and more than once', async () => {
    const server = create({});
    await server.close();
    await server.close();
  });
});
