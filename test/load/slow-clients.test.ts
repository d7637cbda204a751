/**
 * Goal: clients that are slow in every way there is are cut, and keep nobody else from being served (G16, X10, H4).
 * Method: `LOAD_SOCKETS` (20) each that drip headers, drip bodies, drip a pairing code (which needs no token), say nothing,
 * and read a large list slowly, on a server whose patience is as long as the test, `LOAD_SECONDS` (10); a normal client
 * makes its requests all the while. How long these take is reported, not judged.
 */

import { once } from 'node:events';
import fs from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createEngine, version } from '../../src/main.ts';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';

const sockets = Number(process.env.LOAD_SOCKETS ?? 20);
const kindsCount = 5;
const holdMs = Number(process.env.LOAD_SECONDS ?? 10) * 1_000;
/** Spread over that time. */
const requestEveryMs = 50;
const requests = holdMs / requestEveryMs;
/** Of 100 KB each: more than the buffers of both sides hold, so that an answer nobody reads stays in the server's hands. */
const largeCount = 60;
/** So many ask for all of them; the answers of the others fit into the buffers. */
const wholeListsMax = 10;
const dripEveryMs = 100;
/** In /proc/net/tcp. */
const established = '01';
const noProc = process.platform === 'linux' ? '' : ' (SKIPPED: needs /proc/net/tcp)';
/** Ended by the test, should the server not do it. */
const cutMsMax = Number(process.env.LOAD_CUT_MS ?? 60_000 + 2 * holdMs);

/** The slow are there for as long as the normal client makes its requests. */
const patience = { headersTimeoutMs: holdMs, requestTimeoutMs: holdMs, connectionsCheckMs: 200, idleTimeoutMs: holdMs };

class SlowClient {
  readonly socket: Socket;
  readonly cut: Promise<void>;
  isCut = false;
  #drip: NodeJS.Timeout | null = null;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined); // A reset is one way of being cut.
    this.cut = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.isCut = true;
        this.stop();
        resolve();
      });
    });
  }

  begin(text: string, drop: string | null): void {
    this.socket.write(text);
    if (drop !== null) this.#drip = setInterval(() => this.socket.write(drop), dripEveryMs);
  }

  stop(): void {
    if (this.#drip !== null) clearInterval(this.#drip);
    this.#drip = null;
  }
}

test.skipIf(noProc !== '')(
  `H4: ${kindsCount * sockets} slow clients are cut, and a normal one is served while they are there${noProc}`,
  {
    timeout: 180_000 + 4 * holdMs,
  },
  async () => {
    const startedAt = performance.now();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const faults: string[] = [];
    const engine = await createEngine({
      settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal', simulationMs: 1 },
      onFatal: (message) => faults.push(message),
    });
    onTestFinished(() => engine.close());
    const params = { text: 'l'.repeat(100_000) };
    for (let n = 0; n < largeCount; n += 1)
      await engine.submit({ name: 'large', steps: [{ id: 'a', action: 'noop', params }] });
    const connectionsMax = kindsCount * sockets + 4;
    const server = createServer({
      engine,
      settings: { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] },
      log: pino({ level: 'silent' }),
      version,
      bounds: { ...patience, connectionsMax },
    });
    const { url, port } = await server.listen();
    onTestFinished(() => server.close());

    const host = `Host: localhost:${port}\r\n`;
    const post = `POST /api/workflows HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n`;
    const pairing = `POST /api/pair HTTP/1.1\r\n${host}Origin: chrome-extension://${'a'.repeat(32)}\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n`;
    const clients: SlowClient[] = [];
    onTestFinished(() => {
      for (const client of clients) {
        client.stop();
        client.socket.destroy();
      }
    });
    const kinds: [text: string, drop: string | null, reads: boolean][] = [
      [`GET /api/health HTTP/1.1\r\n${host}X-Drip: `, 'x', true],
      [post, ' ', true],
      [pairing, ' ', true],
      ['', null, true],
      [`GET /api/workflows?limit=LIMIT HTTP/1.1\r\n${host}\r\n`, null, false],
    ];
    expect(kinds).toHaveLength(kindsCount);
    for (const [text, drop, reads] of kinds) {
      for (let n = 0; n < sockets; n += 1) {
        const client = new SlowClient(port);
        await once(client.socket, 'connect');
        if (reads) client.socket.resume();
        client.begin(text.replace('LIMIT', n < wholeListsMax ? `${largeCount}` : '5'), drop);
        clients.push(client);
      }
    }

    // The normal client, with all of them there.
    const standing = clients.filter(({ isCut }) => !isCut).length;
    expect(standing).toBeGreaterThan(sockets);
    const statuses: number[] = [];
    const tookMs: number[] = [];
    for (let n = 0; n < requests; n += 1) {
      const sentAt = performance.now();
      const response = await fetch(`${url}/api/workflows?limit=1&view=summary`);
      await response.json();
      tookMs.push(performance.now() - sentAt);
      statuses.push(response.status);
      await delay(requestEveryMs);
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);

    const drippers = clients.slice(0, -sockets);
    const readers = clients.slice(-sockets);
    const timer = setTimeout(() => {
      for (const { socket } of drippers) socket.destroy(new Error('not cut'));
    }, cutMsMax);
    const notCut: number[] = [];
    drippers.forEach(({ socket }, n) => {
      socket.on('error', ({ message }) => {
        if (message === 'not cut') notCut.push(n);
      });
    });
    await Promise.all(drippers.map(({ cut }) => cut));
    clearTimeout(timer);
    expect(notCut).toEqual([]);
    // Whoever does not read does not notice its end either: the system tells which connections the server still holds.
    const ports = new Set(readers.map(({ socket }) => socket.localPort ?? 0));
    const isHeld = () => heldBy(port).filter((remote) => ports.has(remote));
    for (let looks = 0; isHeld().length > 0 && looks < cutMsMax / 100; looks += 1) await delay(100);
    expect(isHeld()).toEqual([]);
    const after = await fetch(`${url}/api/health`);
    expect(await after.json()).toMatchObject({ status: 'healthy' });
    expect(faults).toEqual([]);
    reportFigures('slow clients', startedAt, {
      cases: clients.length,
      lostAcknowledged: 0,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: 0,
      standing,
      servedMeanwhile: statuses.length,
      servedMsP99: Math.round(tookMs.sort((a, b) => a - b)[Math.ceil(tookMs.length * 0.99) - 1] ?? 0),
    });
  },
);

/** Ports of the clients whose connections to a local port stand, as the kernel has it. */
function heldBy(port: number): number[] {
  const isLocal = port.toString(16).toUpperCase().padStart(4, '0');
  return fs
    .readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, local = '', remote = '', state] = line.trim().split(/\s+/);
      const isHeld = state === established && local.endsWith(`:${isLocal}`);
      return isHeld ? [Number.parseInt(remote.slice(remote.indexOf(':') + 1), 16)] : [];
    });
}
