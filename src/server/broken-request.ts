/** What Node's parser refuses before there is a request: answered in the same form as every other error, then closed. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Refusal, refusalTable } from '../contract/failures.ts';
import { problemMediaType, toProblem } from './problem.ts';

export function answerBrokenRequest(server: Server): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  const remember = (request: IncomingMessage, response: ServerResponse) => {
    responses.set(request.socket, response);
  };
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
  server.prependListener('checkExpectation', remember);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = responses.get(socket);
    // Bytes of an answer are on their way: another one in between would be read as part of it.
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    socket.end(toAnswer(toRefusal(error)), () => socket.destroy());
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
