/** A server on a free port over an engine in memory, and clients that can say what fetch() may not. */
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { ServerSettings } from '../../src/contract/settings.ts';
import type { ServerBounds } from '../../src/server/bounds.ts';
import { createServer, type EngineServer } from '../../src/server/server.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';

/** Bounds a broken test, never a passing one. */
const giveUpMs = 10_000;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect and fail where it is not there.
  json: any;
}

export interface CallOptions {
  headers?: OutgoingHttpHeaders | readonly string[];
  /** Strings and bytes go out as they are, everything else as JSON with its media type. */
  body?: unknown;
  /** Leaves the request open after its head: the body never comes. */
  withholdBody?: boolean;
}

export interface RunningServer {
  engine: FakeEngine;
  server: EngineServer;
  port: number;
  url: string;
  logLines: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Writes bytes on a socket and gives back all that comes until the server closes it. */
  raw(text: string | Buffer): Promise<string>;
}

export async function startServer(
  options: {
    engine?: FakeEngine;
    settings?: Partial<ServerSettings>;
    bounds?: Partial<ServerBounds>;
    webDirectory?: string;
  } = {},
): Promise<RunningServer> {
  const engine = options.engine ?? new FakeEngine();
  const logLines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logLines.push(String(chunk));
      done();
    },
  });
  const server = createServer({
    engine,
    settings: { ...testSettings, ...options.settings },
    log: pino({ level: 'debug' }, sink),
    version: '1.2.3',
    webDirectory: options.webDirectory ?? 'no-such-directory',
    bounds: { closeGraceMs: 100, lingerMs: 500, ...options.bounds },
  });
  const { port, url } = await server.listen();
  onTestFinished(async () => {
    await engine.close();
    await server.close();
  });
  return {
    engine,
    server,
    port,
    url,
    logLines,
    call: (method, path, callOptions) => callPort(port, method, path, callOptions),
    raw: (text) => raw(port, text),
  };
}

export const testSettings: ServerSettings = {
  host: '127.0.0.1',
  port: 0,
  apiToken: null,
  allowedHosts: [],
  allowedOrigins: [],
};

export const oneStep = { name: 'One step', steps: [{ id: 'only', action: 'noop' }] };

export async function createWorkflow(running: RunningServer, body: unknown = oneStep): Promise<string> {
  const answer = await running.call('POST', '/api/workflows', { body });
  if (answer.status !== 201) throw new Error(`the workflow was not created: ${answer.text}`);
  return answer.json.id;
}

export function callPort(port: number, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const isPlain = typeof options.body === 'string' || options.body instanceof Uint8Array;
  const body = options.body === undefined || isPlain ? options.body : JSON.stringify(options.body);
  const given = options.headers ?? {};
  const headers: OutgoingHttpHeaders = {
    ...(options.body === undefined || isPlain ? {} : { 'content-type': 'application/json' }),
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body as string) }),
    ...(given as OutgoingHttpHeaders),
  };
  const setHost = !Object.keys(headers).some((name) => name.toLowerCase() === 'host');
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, setHost, agent: false });
    const timer = setTimeout(() => request.destroy(new Error(`${method} ${path} was not answered`)), giveUpMs);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString('utf8');
        const json = /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        if (options.withholdBody) request.destroy();
      });
    });
    if (options.withholdBody) request.flushHeaders();
    else request.end(body);
  });
}

function raw(port: number, text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server left the connection open after: ${received}`));
    }, giveUpMs);
    socket.on('connect', () => socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(received);
    });
  });
}
