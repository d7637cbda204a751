/**
 * The REST side: an HTTP server over the Engine port. It keeps nothing of its own; every answer comes from the engine.
 *
 *   L1  listen() resolves when requests are answered, or rejects with a StartError of one line;
 *   L2  close() stops accepting, ends event streams and waits, answers 503 to what still comes, then closes connections;
 *   L3  no client holds a connection for longer than `bounds.ts` says.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Logger } from 'pino';
import type { Engine } from '../contract/engine.ts';
import type { ServerSettings } from '../contract/settings.ts';
import { StartError } from '../contract/store.ts';
import { AnswerMemory } from './answer-memory.ts';
import { createApp } from './app.ts';
import { type ServerBounds, serverBounds } from './bounds.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { Clients } from './clients.ts';
import { ConnectionTurns } from './connection-turns.ts';
import { allowedHosts, isWildcard, toUrlHost } from './guard.ts';
import { OpenRequests } from './open-requests.ts';
import { Pairings } from './pairings.ts';
import { Tickets } from './tickets.ts';
import { builtWebDirectory, readWebFiles } from './web-files.ts';

export interface EngineServerOptions {
  engine: Engine;
  settings: ServerSettings;
  log: Logger;
  version: string;
  bounds?: Partial<ServerBounds>;
  /** Where the dashboard was built. Default: beside the built engine, or in `dist` of a checkout. */
  webDirectory?: string | URL;
}

export interface EngineServer {
  listen(): Promise<{ host: string; port: number; url: string }>;
  close(): Promise<void>;
}

export function createServer(options: EngineServerOptions): EngineServer {
  const { engine, settings, log, version } = options;
  const bounds: ServerBounds = { ...serverBounds, ...options.bounds };
  const openRequests = new OpenRequests(bounds.waitsMax);
  let port = settings.port;
  const memory = new AnswerMemory({
    bytesMax: bounds.heldBytesMax,
    freeBytes: bounds.heldBytesFree,
    patienceMs: bounds.roomPatienceMs,
    readingMsMax: bounds.readingMsMax,
  });
  const web = readWebFiles(options.webDirectory ?? builtWebDirectory());
  const clients = new Clients(engine, log);
  const doors = { tickets: new Tickets(), pairings: new Pairings(), clients };
  const parts = { engine, settings, bounds, log, version, openRequests, memory, ...doors, web };
  const app = createApp(parts, () => port);
  const server = createHttpServer({
    connectionsCheckingInterval: bounds.connectionsCheckMs,
    headersTimeout: bounds.headersTimeoutMs,
    requestTimeout: bounds.requestTimeoutMs,
    keepAliveTimeout: bounds.keepAliveTimeoutMs,
    noDelay: true,
    // The guard answers a missing Host itself, like any other wrong one.
    requireHostHeader: false,
  });
  // Node would cut what is beyond 2,000 entries without a word, and the guard would not see it. 16 KiB bound them.
  server.maxHeadersCount = 0;
  server.timeout = bounds.idleTimeoutMs;
  const respond = app.callback();
  const handle = (request: IncomingMessage, response: ServerResponse) => void respond(request, response);
  const turns = new ConnectionTurns(handle, {
    waitingMax: bounds.waitingRequestsMax,
    connectionsMax: bounds.connectionsMax,
  });
  const answer = turns.take;
  server.on('connection', turns.open);
  server.on('request', answer);
  // Without these Node would tell a client to go on and send its body before the guard has looked at it.
  server.on('checkContinue', answer);
  server.on('checkExpectation', answer);
  answerBrokenRequest(server, turns);

  return {
    async listen() {
      const host = settings.host.replace(/^\[(.*)\]$/, '$1');
      await clients.load();
      await bind(server, host, settings.port);
      // Such as too many open files while accepting: that client is lost, the others are not.
      server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
      port = (server.address() as AddressInfo).port;
      return { host, port, url: toAnsweredUrl(settings, port) };
    },
    async close() {
      openRequests.close();
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Node closes what is idle now; what becomes idle as answers finish would stay for its keep-alive time.
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      const timer = setTimeout(() => server.closeAllConnections(), bounds.closeGraceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(timer);
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening);
      reject(new StartError(toStartMessage(error, host, port), 1, { cause: error }));
    };
    const onListening = () => {
      server.off('error', onError);
      resolve();
    };
    server.once('error', onError).once('listening', onListening);
    server.listen({ host, port });
  });
}

/** An address that reaches the server and that it answers. */
function toAnsweredUrl(settings: ServerSettings, port: number): string {
  const hosts = allowedHosts(settings, port);
  // A wildcard is no address to connect to; the loopback of its family is.
  const names = isWildcard(settings.host)
    ? [settings.host.includes(':') ? '[::1]' : '127.0.0.1', 'localhost', '127.0.0.1']
    : [toUrlHost(settings.host)];
  const reached = names.map((name) => `${name}:${port}`);
  // Where none of them is answered, the first name of ALLOWED_HOSTS leads here, by way of a proxy perhaps.
  return `http://${reached.find((host) => hosts.includes(host)) ?? hosts[0] ?? reached[0]}`;
}

function toStartMessage(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `PORT=${port} on HOST=${host} is taken by another program: stop it, or set PORT to a free one`;
    case 'EACCES':
      return `PORT=${port} may not be used by this user: set PORT to one from 1024 to 65535`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return `HOST=${host} is not an address of this machine: set HOST to ${otherLoopback(host)}, or to an address it has`;
    default:
      return `HOST=${host} PORT=${port} cannot be listened on (${error.code ?? error.message}): set others`;
  }
}

/** The loopback address that has not just failed: a machine may have one family alone. */
function otherLoopback(host: string): string {
  return isIP(host) === 4 ? '::1' : '127.0.0.1';
}
