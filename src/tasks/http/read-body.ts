/** Reads a response's body, decoded, and never more of it than allowed: 100 KB of gzip can hold 100 MB. */
import { pipeline as connect, type Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { TaskFailure } from '../../contract/task.ts';

const acceptedEncodings = 'gzip, deflate, br';

/** No honest server encodes twice; each layer multiplies what a few bytes unfold to. */
const encodingsMax = 2;

export async function readBody(
  body: Readable,
  contentEncoding: string | undefined,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      done(bytes <= bytesMax ? null : tooLong(bytesMax));
    },
  });
  await pipeline([body, ...createDecoders(body, contentEncoding), sink], { signal });
  return Buffer.concat(chunks);
}

/** The body decoded, as it comes, for whoever counts it himself; reading it meets the errors of all that lies before. */
export function decodeBody(body: Readable, contentEncoding: string | undefined): Readable {
  const decoders = createDecoders(body, contentEncoding);
  const last = decoders.at(-1);
  if (last === undefined) return body;
  connect([body, ...decoders], () => {});
  return last;
}

function tooLong(bytesMax: number): TaskFailure {
  return new TaskFailure('OUTPUT_TOO_LARGE', `the response is longer than ${bytesMax} bytes, the most that is read`);
}

function createDecoders(body: Readable, contentEncoding: string | undefined): Transform[] {
  const encodings = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  try {
    if (encodings.length > encodingsMax) {
      throw new TaskFailure(
        'OUTPUT_INVALID',
        `the response is encoded ${encodings.length} times; at most ${encodingsMax} are read`,
      );
    }
    return encodings.reverse().map(createDecoder);
  } catch (error) {
    // Nobody will read the body any more; left open it would hold its connection.
    body.on('error', () => {}).destroy();
    throw error;
  }
}

function createDecoder(encoding: string): Transform {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new TaskFailure(
        'OUTPUT_INVALID',
        `the response is encoded as "${encoding}"; ${acceptedEncodings} are read`,
      );
  }
}

/** By the charset of the content type where it is known, else UTF-8; what cannot be decoded becomes U+FFFD. */
export function decodeText(bytes: Buffer, contentType: string | undefined): string {
  const charset = /charset="?([\w.:-]{1,40})/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    // A charset nobody has heard of. UTF-8 is the best guess, and shows what it cannot read.
    return new TextDecoder().decode(bytes);
  }
}
