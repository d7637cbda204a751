/** What Node's parser refuses before there is a request: answered in the same form as every other error, then closed. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Refusal, refusalTable } from '../contract/failures.ts';
import type { ConnectionTurns } from './connection-turns.ts';
import { problemMediaType, toProblem } from './problem.ts';

export function answerBrokenRequest(server: Server, turns: ConnectionTurns): void {
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const refuse = () => socket.end(toAnswer(toRefusal(error)), () => socket.destroy());
    // A request whose body does not come is being handled: nobody else will answer it.
    const current = turns.current(socket);
    if (current !== null && !current.headersSent && !current.req.complete) refuse();
    else turns.afterAll(socket, refuse);
  });
}

function toRefusal(error: NodeJS.ErrnoException): Refusal {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Refusal({ code: 'REQUEST_TIMEOUT', detail: 'The request did not arrive in time: send it faster' });
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal({ code: 'HEADERS_TOO_LARGE', detail: 'The headers of a request may hold 16 KiB in all' });
  }
  return new Refusal({ code: 'BAD_REQUEST', detail: 'This is not an HTTP/1.1 request' });
}

function toAnswer(refusal: Refusal): string {
  const text = JSON.stringify(toProblem(refusal));
  const { status, title } = refusalTable[refusal.code];
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    'X-Content-Type-Options: nosniff',
    'Cache-Control: no-store',
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
