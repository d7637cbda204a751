/** The ways in which a server can fail a call, as behaviours of the stand-in. */
import { createGzip, gzipSync } from 'node:zlib';
import type { Fault } from './stand-in.ts';

const MiB = 1024 * 1024;
let bomb: Buffer | undefined;

export function status(
  code: number,
  body: unknown = { error: { message: 'no' } },
  headers: Record<string, string> = {},
): Fault {
  return (response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Any bytes as a 200. */
export function body(content: string | Buffer, type = 'application/json', headers: Record<string, string> = {}): Fault {
  return (response) => void response.writeHead(200, { 'content-type': type, ...headers }).end(content);
}

/** Events as they stand, each ended by an empty line. */
export function events(...data: string[]): Fault {
  return body(data.map((line) => `${line}\n\n`).join(''), 'text/event-stream');
}

/** Bytes that go past the HTTP library, then the end of the connection. */
export function raw(bytes: string): Fault {
  return (response) => void response.socket?.end(bytes);
}

export const reset: Fault = (response) => void response.socket?.resetAndDestroy();

export const resetInBody: Fault = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"choices":', () => response.socket?.resetAndDestroy());
};

export const silence: Fault = () => {};

/** Says so much and no more, and does not end. */
export function stall(code: number, content: string, headers: Record<string, string> = {}): Fault {
  return (response) => {
    response.writeHead(code, headers);
    response.write(content);
    response.flushHeaders();
  };
}

export const silenceAfterHeaders = stall(200, '', { 'content-type': 'application/json' });

/** So much of a compressed 200, that does not end. */
export function stallInGzip(content: string, type: string): Fault {
  return (response) => {
    response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' });
    const gzip = createGzip();
    gzip.on('data', (bytes) => response.write(bytes));
    gzip.write(content);
    gzip.flush();
  };
}

/** Goes on for ever after what it has to say. */
export function dripAfter(code: number, content: string, headers: Record<string, string> = {}): Fault {
  return (response) => {
    response.writeHead(code, headers);
    response.write(content);
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };
}

/** A byte each turn of the timers, until the other side has enough. */
export const drip: Fault = dripAfter(200, '', { 'content-type': 'application/json' });

/** 17 MiB of spaces, one more than is read. */
export const flood: Fault = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const block = Buffer.alloc(MiB, ' ');
  response.on('error', () => {});
  let left = 17;
  const more = () => {
    while (left > 0) {
      left -= 1;
      if (!response.write(block)) return;
    }
    response.end();
  };
  response.on('drain', more);
  more();
};

/** A hundred MiB in a hundred KiB. */
export const gzipBomb: Fault = (response) => {
  bomb ??= gzipSync(Buffer.alloc(100 * MiB, ' '), { level: 1 });
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
};

export function nestedGzip(layers: number): Fault {
  let content = Buffer.from('{}');
  for (let layer = 0; layer < layers; layer += 1) content = gzipSync(content);
  return body(content, 'application/json', { 'content-encoding': Array(layers).fill('gzip').join(', ') });
}

export function redirect(code: number, location: string): Fault {
  return (response) => void response.writeHead(code, { location }).end();
}

/** Repeats the key it was given, whole, as base64 and masked. */
export const echoKey: Fault = (response, { headers }) => {
  const key = String(headers.authorization ?? '').replace('Bearer ', '');
  const encoded = Buffer.from(key).toString('base64');
  const message = `Incorrect API key provided: ${key} (${encoded}, ${key.slice(0, 9)}********${key.slice(-4)}).`;
  response.writeHead(401, {
    'content-type': 'application/json',
    'x-request-id': key,
    'www-authenticate': `Bearer ${key}`,
  });
  response.end(JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'invalid_api_key' } }));
};
