/**
 * Decodes gzip as browsers and `gzip` do (RFC 1952): members follow one another, and what stands behind the last one and
 * begins no member is left out. Node's own decoder fails there, and loses what it has already decoded.
 */
import type { InflateRaw } from 'node:zlib';
import { crc32, createInflateRaw } from 'node:zlib';

/** How a member begins: two bytes of magic, and 8 for deflate. */
const magic = Buffer.from([0x1f, 0x8b, 0x08]);
const headerBytes = 10;
const [hasHeaderCrc, hasExtra, hasName, hasComment, reservedFlags] = [0x02, 0x04, 0x08, 0x10, 0xe0];

/** Throws errors with the codes of zlib: Z_DATA_ERROR for damage, Z_BUF_ERROR for an end that came too early. */
export async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(source);
  for (let members = 0; ; members += 1) {
    const begins = await input.startsWith(magic);
    if (!begins && members > 0) return;
    if (!begins) throw damaged('incorrect header check');
    await skipHeader(input);
    let crc = 0;
    let size = 0;
    for await (const chunk of inflate(input)) {
      crc = crc32(chunk, crc);
      size = (size + chunk.length) % 2 ** 32;
      yield chunk;
    }
    const trailer = await input.take(8);
    if (trailer.readUInt32LE(0) !== crc) throw damaged('incorrect data check');
    if (trailer.readUInt32LE(4) !== size) throw damaged('incorrect length check');
  }
}

async function skipHeader(input: Input): Promise<void> {
  const flags = (await input.take(headerBytes)).readUInt8(3);
  if ((flags & reservedFlags) !== 0) throw damaged('unknown header flags set');
  if ((flags & hasExtra) !== 0) await input.take((await input.take(2)).readUInt16LE(0));
  if ((flags & hasName) !== 0) await skipText(input);
  if ((flags & hasComment) !== 0) await skipText(input);
  if ((flags & hasHeaderCrc) !== 0) await input.take(2);
}

/** Up to its zero. No honest name is longer than a header of HTTP. */
async function skipText(input: Input): Promise<void> {
  for (let length = 0; length < 65_536; length += 1) if ((await input.take(1))[0] === 0) return;
  throw damaged('a name in the header has no end');
}

/** The data of one member. What the decoder was given beyond its end goes back to the input. */
async function* inflate(input: Input): AsyncGenerator<Buffer> {
  const decoder = createInflateRaw();
  const fed = new Fed();
  const feeding = feed(input, decoder, fed);
  try {
    yield* decoder as AsyncIterable<Buffer>;
  } finally {
    decoder.destroy();
  }
  // Not where the reader has left early: the input may have nothing for a long time.
  await feeding;
  input.putBack(fed.from(decoder.bytesWritten));
}

/** Settles when the decoder wants no more, or the input has ended. Faults of the input become those of the decoder. */
async function feed(input: Input, decoder: InflateRaw, fed: Fed): Promise<void> {
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  decoder
    .once('end', end)
    .once('close', end)
    .on('error', end)
    .on('drain', () => wake());
  try {
    while (!isOver) {
      const chunk = await input.next();
      if (chunk === undefined) {
        decoder.end();
        return;
      }
      if (isOver) return input.putBack(chunk);
      fed.add(chunk, decoder.bytesWritten);
      if (decoder.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (isOver || !decoder.writableNeedDrain) resolve();
      });
    }
  } catch (error) {
    decoder.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/** The latest bytes that a decoder was given. */
class Fed {
  #chunks: Buffer[] = [];
  /** How many bytes came before the first of `#chunks`. */
  #before = 0;

  /** `used`: how many bytes the decoder has used of all that it was given. */
  add(chunk: Buffer, used: number): void {
    for (
      let [first] = this.#chunks;
      first !== undefined && this.#before + first.length <= used;
      [first] = this.#chunks
    ) {
      this.#before += first.length;
      this.#chunks.shift();
    }
    this.#chunks.push(chunk);
  }

  from(used: number): Buffer {
    return Buffer.concat(this.#chunks).subarray(used - this.#before);
  }
}

/** Bytes in order, of which some can be put back. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #ahead: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next bytes, however many; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    if (this.#ahead.length === 0) return this.#read();
    const bytes = this.#ahead;
    this.#ahead = Buffer.alloc(0);
    return bytes;
  }

  putBack(bytes: Buffer): void {
    this.#ahead = this.#ahead.length === 0 ? bytes : Buffer.concat([bytes, this.#ahead]);
  }

  async take(count: number): Promise<Buffer> {
    if (!(await this.#fill(count))) throw Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' });
    const bytes = this.#ahead.subarray(0, count);
    this.#ahead = this.#ahead.subarray(count);
    return bytes;
  }

  async startsWith(bytes: Buffer): Promise<boolean> {
    return (await this.#fill(bytes.length)) && this.#ahead.subarray(0, bytes.length).equals(bytes);
  }

  /** False when the input ends before `count` bytes. */
  async #fill(count: number): Promise<boolean> {
    while (this.#ahead.length < count) {
      const more = await this.#read();
      if (more === undefined) return false;
      this.#ahead = Buffer.concat([this.#ahead, more]);
    }
    return true;
  }

  async #read(): Promise<Buffer | undefined> {
    const next = await this.#chunks.next();
    return next.done === true ? undefined : next.value;
  }
}

function damaged(message: string): Error {
  return Object.assign(new Error(message), { code: 'Z_DATA_ERROR' });
}
