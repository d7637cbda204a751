/** Servers of the tests of `http_request`, on port 0 of this machine; all are closed after each test. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach } from 'vitest';
import { runTask } from './run-task.ts';

export const servers: { closeAllConnections?(): void; close(done: () => void): unknown }[] = [];

/** Closes the server that was opened last, so that nobody listens at its address. */
export async function closeServer(): Promise<void> {
  const server = servers.pop();
  server?.closeAllConnections?.();
  await new Promise<void>((resolve) => {
    if (server) server.close(resolve);
    else resolve();
  });
}

afterEach(async () => {
  while (servers.length > 0) await closeServer();
});

export async function listen(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that answers each connection with these bytes and ends it. `onData` hears what it was sent. */
export async function listenTcp(bytes: string | Buffer, onData: (data: Buffer) => void = () => {}): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => {
      onData(data);
      socket.end(bytes);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const local = { network: { allowHosts: ['127.0.0.1', 'localhost'], ownPort: null } };

export const request = (params: Record<string, unknown>, context = {}) =>
  runTask('http_request', params, { ...local, ...context });

export async function readAll(message: IncomingMessage): Promise<string> {
  return (await readBytes(message)).toString();
}

export async function readBytes(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
