// Goal: whatever bytes arrive, the answer is a problem or a closed connection, and the next client is served.
// Method: bytes on a socket; the times after which slow clients are cut are made tiny, and only the outcome is asserted.
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { oneStep, type RunningServer, startServer } from './running-server.ts';

const quick = { headersTimeoutMs: 500, requestTimeoutMs: 700, connectionsCheckMs: 30, keepAliveTimeoutMs: 100 };

const get = (port: number, path = '/api/health', more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${more}Connection: close\r\n\r\n`;

async function expectProblem(running: RunningServer, bytes: string, status: number): Promise<void> {
  const text = await running.raw(bytes);
  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head.toLowerCase()).toContain('content-type: application/problem+json');
  expect(JSON.parse(body).status).toBe(status);
  expect((await running.call('GET', '/api/health')).status).toBe(200);
}

afterEach(() => {
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('requests that fetch() cannot send', () => {
  it('with two Host headers get 421, in whatever order', async () => {
    const running = await startServer();
    const own = `Host: localhost:${running.port}\r\n`;
    for (const hosts of [`${own}Host: attacker.test\r\n`, `Host: attacker.test\r\n${own}`, own + own]) {
      await expectProblem(running, `GET /api/health HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`, 421);
    }
    expect(running.engine.callsOf('health')).toHaveLength(3);
  });

  it('without a Host get 421', async () => {
    const running = await startServer();
    await expectProblem(running, 'GET /api/health HTTP/1.1\r\nConnection: close\r\n\r\n', 421);
  });

  it('in HTTP/1.0, as nginx sends them, are answered like any other, and the connection ends', async () => {
    const running = await startServer();
    const host = `Host: localhost:${running.port}\r\n`;
    const body = JSON.stringify(oneStep);
    const post = `POST /api/workflows HTTP/1.0\r\n${host}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(await running.raw(post + body)).toMatch(/^HTTP\/1\.1 201 /);
    const list = await running.raw(`GET /api/workflows HTTP/1.0\r\n${host}\r\n`);
    expect(list).toMatch(/^HTTP\/1\.1 200 /);
    expect(JSON.parse(list.split('\r\n\r\n')[1] ?? '')).toHaveLength(1);
    await expectProblem(running, `GET /api/queue HTTP/1.0\r\nHost: attacker.test\r\n\r\n`, 421);
    await expectProblem(running, `GET /api/queue HTTP/1.0\r\n${host}${host}\r\n`, 421);
  });

  it('in HTTP/1.0 follow events, unchunked', async () => {
    const running = await startServer();
    const socket = connect(running.port, '127.0.0.1');
    socket.write(`GET /api/events HTTP/1.0\r\nHost: localhost:${running.port}\r\n\r\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    await new Promise((resolve) => socket.once('data', resolve));
    await running.call('POST', '/api/workflows', { body: oneStep });
    while (!text.includes('event: workflow.created') && !text.includes('event:workflow.created')) {
      await new Promise((resolve) => socket.once('data', resolve));
    }
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.toLowerCase()).not.toContain('transfer-encoding');
    socket.destroy();
  });

  it('in HTTP/1.0 without a Host learn that the engine is alive, and nothing else', async () => {
    const running = await startServer();
    const text = await running.raw('GET /api/health HTTP/1.0\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(Object.keys(JSON.parse(text.split('\r\n\r\n')[1] ?? ''))).toEqual(['status', 'timestamp', 'auth']);
    await expectProblem(running, 'GET /api/queue HTTP/1.0\r\n\r\n', 421);
  });

  it('in HTTP/0.9 get 421', async () => {
    const running = await startServer();
    await expectProblem(running, 'GET /api/health\r\n\r\n', 421);
  });

  it.each(['http://localhost:PORT/api/health', 'http://attacker.test/', 'attacker.test:80', '*', 'https://x/'])(
    'with the target %s get 421',
    async (target) => {
      const running = await startServer();
      const method = target === '*' ? 'OPTIONS' : 'GET';
      const line = `${method} ${target.replace('PORT', String(running.port))} HTTP/1.1`;
      const text = await running.raw(`${line}\r\nHost: localhost:${running.port}\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 (421|400) /);
      expect(running.engine.calls).toEqual([]);
    },
  );

  it('with a __proto__ header are answered like any other', async () => {
    const running = await startServer();
    const more = '__proto__: {"polluted":1}\r\nconstructor: x\r\n';
    expect(await running.raw(get(running.port, '/api/health', more))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('with a __proto__ header open an event stream like any other', async () => {
    const running = await startServer();
    const socket = connect(running.port, '127.0.0.1');
    socket.write(get(running.port, '/api/events', '__proto__: x\r\nX-Latin: \u00e4\r\n'), 'latin1');
    const head = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('with both Content-Length and Transfer-Encoding get 400', async () => {
    const running = await startServer();
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    const smuggled = get(running.port, '/api/queue');
    const text = `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`;
    await expectProblem(running, text, 400);
    expect(running.engine.callsOf('stats')).toEqual([]);
  });

  it.each([
    'hello\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
    'GET /api/health HTTP/9.9\r\n\r\n',
    'G\u0000T / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost localhost\r\n\r\n',
    'GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
    'GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked, x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ])('that are not HTTP/1.1 get 400: %j', async (bytes) => {
    const running = await startServer({ bounds: quick });
    await expectProblem(running, bytes, 400);
  });

  it('with bad chunks get 400', async () => {
    const running = await startServer({ bounds: quick });
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    await expectProblem(running, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`, 400);
  });

  it('with 20 KB of headers get 431', async () => {
    const running = await startServer();
    await expectProblem(running, get(running.port, '/api/health', `X-Long: ${'x'.repeat(20_000)}\r\n`), 431);
  });

  it('that ask to become something else are closed or answered', async () => {
    const running = await startServer({ bounds: quick });
    const upgrade = 'Upgrade: websocket\r\n';
    expect(await running.raw(get(running.port, '/api/health', upgrade))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await running.raw(`CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`)).not.toContain(
      '200',
    );
    expect((await running.call('GET', '/api/health')).status).toBe(200);
  });

  it('with an Expect of their own are answered', async () => {
    const running = await startServer();
    expect(await running.raw(get(running.port, '/api/health', 'Expect: a-miracle\r\n'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('that wait for 100 Continue are told to go on, once they may', async () => {
    const running = await startServer();
    const body = JSON.stringify(oneStep);
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nExpect: 100-continue\r\n`;
    const more = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const text = await running.raw(head + more + body);
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });

  it('come in one packet and are answered in order', async () => {
    const running = await startServer();
    const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`;
    const text = await running.raw(one('/api/health') + one('/nowhere') + get(running.port, '/api/queue'));
    expect([...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((each) => each[1])).toEqual(['200', '404', '200']);
  });

  it('of random bytes never bring the server down', async () => {
    const running = await startServer({ bounds: quick });
    const piece = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 30 }),
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'POST /api/workflows HTTP/1.1\r\n',
        `Host: localhost:${running.port}\r\n`,
        'Content-Type: application/json\r\n',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Connection: close\r\n',
        '\r\n',
        '5\r\nhello\r\n',
        '0\r\n\r\n',
        '{}',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(piece, { maxLength: 8 }), { minLength: 20, maxLength: 20 }),
        async (requests) => {
          const answers = await Promise.all(requests.map((pieces) => running.raw(pieces.join(''))));
          for (const answer of answers) expect(answer).toMatch(/^($|HTTP\/1\.1 [1234])/);
        },
      ),
      { numRuns: 5 },
    );
    expect((await running.call('GET', '/api/health')).status).toBe(200);
  });
});

describe('slow clients', () => {
  it('that do not finish their headers get 408', async () => {
    const running = await startServer({ bounds: quick });
    await expectProblem(running, `GET /api/health HTTP/1.1\r\nHost: localhost:${running.port}\r\n`, 408);
  });

  it('that do not finish their body get 408, and the engine hears nothing', async () => {
    const running = await startServer({ bounds: quick });
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    await expectProblem(running, `${head}Content-Length: 100\r\n\r\n{"name":`, 408);
    expect(running.engine.callsOf('submit')).toEqual([]);
  });

  it('that drip their body are cut off like those that stop', async () => {
    const running = await startServer({ bounds: quick });
    const socket = connect(running.port, '127.0.0.1');
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 100000\r\n\r\n`);
    const drip = setInterval(() => socket.write(' '), 10);
    let received = '';
    socket.on('data', (chunk) => {
      received += String(chunk);
    });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    clearInterval(drip);
    expect(received).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(running.engine.calls).toEqual([]);
  });

  it('that say nothing are cut off', async () => {
    const running = await startServer({ bounds: quick });
    expect(await running.raw('')).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it('that go away in the middle of their body leave nothing behind', async () => {
    const running = await startServer();
    const socket = connect(running.port, '127.0.0.1');
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n{"name":`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect((await running.call('GET', '/api/health')).status).toBe(200);
    expect(running.engine.callsOf('submit')).toEqual([]);
    expect(running.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  it('CN4: beyond the number of connections the one idle longest gives way to the next', async () => {
    const running = await startServer({ bounds: { connectionsMax: 3 } });
    const closed: string[] = [];
    const open = async (name: string, first: string) => {
      const socket = connect(running.port, '127.0.0.1');
      socket.on('error', () => {}).once('close', () => closed.push(name));
      const answered = new Promise((resolve) => socket.once('data', resolve));
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write(first);
      if (first !== '') await answered;
      return socket;
    };
    const health = `GET /api/health HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`;
    const silent = await open('silent', '');
    const talked = await open('talked', health);
    const follows = await open('follows', `GET /api/events HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    for (let n = 0; n < 20; n += 1) expect((await running.call('GET', '/api/health')).status).toBe(200);
    expect(closed[0]).toBe('silent');
    expect(closed).not.toContain('follows');
    for (const socket of [silent, talked, follows]) socket.destroy();
  });

  it('CN4: who has been answered and says no more gives way, not who follows', async () => {
    const running = await startServer({ bounds: { connectionsMax: 2, keepAliveTimeoutMs: 60_000 } });
    const held = ['/api/events', '/api/health'].map((path) => {
      const socket = connect(running.port, '127.0.0.1');
      socket.on('error', () => {}).write(`GET ${path} HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
      return socket;
    });
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
    const gone = new Promise((resolve) => held[1]?.once('close', resolve));
    let answer = '';
    // The server takes the answered one for idle a moment after its client has read the answer.
    while (answer === '') answer = await running.raw(get(running.port));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    await gone;
    expect(held[0]?.destroyed).toBe(false);
    held[0]?.destroy();
  });

  it('CN4: who withholds a body gives way when nobody is idle', async () => {
    const running = await startServer({ bounds: { connectionsMax: 2 } });
    const held = [connect(running.port, '127.0.0.1'), connect(running.port, '127.0.0.1')];
    const gone = held.map((socket) => new Promise((resolve) => socket.on('error', () => {}).once('close', resolve)));
    const post = `POST /api/workflows HTTP/1.1\r\nHost: localhost:${running.port}\r\nContent-Type: application/json\r\n`;
    for (const socket of held) {
      socket.write(`${post}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n`);
      await new Promise((resolve) => socket.once('data', resolve));
    }
    expect((await running.call('GET', '/api/health')).status).toBe(200);
    await gone[0];
    expect(held[1]?.destroyed).toBe(false);
    held[1]?.destroy();
  });

  it('beyond the number of connections are turned away when all are busy, and let in again later', async () => {
    const running = await startServer({ bounds: { connectionsMax: 2 } });
    const held = [connect(running.port, '127.0.0.1'), connect(running.port, '127.0.0.1')];
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    for (const socket of held) socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`);
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
    expect(await running.raw(get(running.port))).toBe('');
    const closed = held.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of held) socket.destroy();
    await Promise.all(closed);
    // The server learns of it a little later than the client.
    while ((await running.raw(get(running.port))) === '');
    expect(await running.raw(get(running.port))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
