/**
 * Reads a response's body, decoded, and never more of it than allowed: 100 KB of gzip can hold 100 MB.
 *
 * Rules, numbered for tests:
 *   RB1  a body without bytes is empty, whatever Content-Encoding says of it: answers to HEAD, 204, 304, an empty 200;
 *   RB2  `deflate` is read with and without its zlib frame, as browsers read it;
 *   RB3  no more than `bytesMax` are kept, counted after decoding;
 *   RB4  what stands behind the last member of a gzip body is left out, as browsers and curl leave it out;
 *   RB5  a coding that is not known fails the read, unless the body can be read as text as it came.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createInflate, createInflateRaw } from 'node:zlib';
import { TaskFailure } from '../../contract/task.ts';
import { gunzip } from './gunzip.ts';

export const acceptedEncodings = 'gzip, deflate, br';

/** No honest server encodes twice; each layer multiplies what a few bytes unfold to. */
const encodingsMax = 2;

const knownEncodings = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

export async function readBody(
  body: Readable,
  contentEncoding: string | undefined,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const encodings = readEncodings(contentEncoding);
  const unknown = encodings.find((name) => !knownEncodings.has(name));
  const source = unknown === undefined ? decodeBody(body, contentEncoding) : body;
  const abort = () => body.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLong(bytesMax);
      chunks.push(chunk);
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
  const whole = Buffer.concat(chunks);
  // Some servers name a charset here, or "none".
  if (unknown !== undefined && (!isUtf8(whole) || whole.includes(0))) throw unknownEncoding(unknown);
  return whole;
}

/**
 * The body decoded, as it comes. Who leaves the loop early ends the exchange. Throws the errors of everything before
 * it.
 */
export function decodeBody(body: Readable, contentEncoding: string | undefined): AsyncIterable<Buffer> {
  const encodings = readEncodings(contentEncoding);
  if (encodings.length === 0) return body as AsyncIterable<Buffer>;
  return decodeAll(body, encodings);
}

async function* decodeAll(body: Readable, encodings: readonly string[]): AsyncGenerator<Buffer> {
  let source: AsyncIterable<Buffer> = body;
  try {
    if (encodings.length > encodingsMax) {
      throw new TaskFailure(
        'OUTPUT_INVALID',
        `the response is encoded ${encodings.length} times; at most ${encodingsMax} are read`,
      );
    }
    for (const encoding of encodings.toReversed()) source = decode(source, encoding);
    yield* source;
  } finally {
    // Nobody will read the body any more; left open it would hold its connection.
    body.on('error', () => {}).destroy();
  }
}

/** RB1, RB2, RB4: the first bytes decide whether there is anything to decode, and how. */
async function* decode(source: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer, void> {
  const chunks = source[Symbol.asyncIterator]();
  let first = await chunks.next();
  while (first.done !== true && first.value.length === 0) first = await chunks.next();
  if (first.done === true) return;
  const head = first.value;
  const rest = async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  if (encoding === 'gzip' || encoding === 'x-gzip') return yield* gunzip(rest());
  const decoder = createDecoder(encoding, head);
  pipeline(rest, decoder, () => {});
  yield* decoder as AsyncIterable<Buffer>;
}

function createDecoder(encoding: string, head: Buffer): Transform {
  switch (encoding) {
    case 'deflate':
      // A zlib frame begins with its method, 8, in the low half. No deflate block does.
      return ((head[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
    case 'br':
      return createBrotliDecompress();
    default:
      throw unknownEncoding(encoding);
  }
}

function readEncodings(contentEncoding: string | undefined): string[] {
  return (
    (contentEncoding ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      // Stores that speak S3 keep the coding of an upload, which is not that of the answer.
      .filter((name) => name !== '' && name !== 'identity' && name !== 'aws-chunked')
  );
}

function unknownEncoding(encoding: string): TaskFailure {
  const shown = encoding.slice(0, 60);
  return new TaskFailure('OUTPUT_INVALID', `the response is encoded as "${shown}"; ${acceptedEncodings} are read`);
}

function tooLong(bytesMax: number): TaskFailure {
  return new TaskFailure('OUTPUT_TOO_LARGE', `the response is longer than ${bytesMax} bytes, the most that is read`);
}
