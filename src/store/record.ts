/**
 * One line of the journal, readable with `less` and checkable by machine:
 *
 *   HJ1 <seq:10 hex> <batch:8 hex> <acked:10 hex> <length:8 hex> <crc:8 hex> <json>\n
 *
 * `batch` counts batches. `acked` is the highest sequence number that was acknowledged when the batch was written.
 * `length` is the length of the payload in bytes. `crc` is the CRC-32 over the head before it and the payload, seeded
 * with the crc of the previous record (of the segment header, for the first record): a dropped, repeated, reordered or
 * stale record breaks this chain. A record of length 0 is a marker: it carries no event and repeats the last sequence
 * number, and its `acked` says that everything up to that number was durable.
 */
import { crc32 } from 'node:zlib';

export const recordHeadBytes = 53;
/** The crc covers this part of the head: everything before the crc itself. */
const checkedHeadBytes = 44;
const newline = 0x0a;
const space = 0x20;

const scratchBytesMin = 64 * 1024;
/**
 * A larger buffer is dropped after its batch. A normal batch has 1 MiB; only one that ends with a large record has
 * more.
 */
const scratchBytesKept = 4 * 1024 * 1024;

export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

const emptyHead = Buffer.from('HJ1 '.padEnd(recordHeadBytes), 'latin1');
const digitCodes = Buffer.from('0123456789abcdef', 'latin1');

/** Writes lower-case digits with leading zeros. */
function writeHex(bytes: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index -= 1) {
    bytes[index] = digitCodes[rest % 16] as number;
    rest = Math.floor(rest / 16);
  }
  if (rest !== 0) throw new Error(`${value} has more than ${digits} hexadecimal digits, the most that a record holds`);
}

/** Encodes records one after the other into a buffer, which it reuses for the next batch. */
export class RecordEncoder {
  #bytes = Buffer.allocUnsafe(scratchBytesMin);
  #length = 0;
  #crc = 0;

  /** Empties the buffer. The next record follows a record, or a segment header, with this crc. */
  start(crc: number): void {
    if (this.#bytes.length > scratchBytesKept) this.#bytes = Buffer.allocUnsafe(scratchBytesMin);
    this.#length = 0;
    this.#crc = crc;
  }

  /** Empties the buffer after its bytes were written, and goes on with the chain of checksums. */
  flush(): void {
    this.start(this.#crc);
  }

  add(seq: number, batch: number, acked: number, json: string): void {
    if (json.includes('\n')) throw new Error(`Journal record ${seq} holds a line break; a record is one line of JSON`);
    // A UTF-16 unit takes at most three bytes. For a large text, counting is cheaper than room for the worst case.
    this.#reserve(json.length < scratchBytesKept ? json.length * 3 : Buffer.byteLength(json));
    this.#close(seq, batch, acked, this.#bytes.write(json, this.#length + recordHeadBytes, 'utf8'));
  }

  /** Adds a record with the payload of a record that was read. */
  addRead(seq: number, batch: number, acked: number, payload: Uint8Array): void {
    this.#reserve(payload.length);
    this.#bytes.set(payload, this.#length + recordHeadBytes);
    this.#close(seq, batch, acked, payload.length);
  }

  /** Adds head and line break to the payload, which is already in its place in the buffer. */
  #close(seq: number, batch: number, acked: number, length: number): void {
    const bytes = this.#bytes;
    const at = this.#length;
    const payloadAt = at + recordHeadBytes;
    bytes.set(emptyHead, at);
    writeHex(bytes, at + 4, seq, 10);
    writeHex(bytes, at + 15, batch, 8);
    writeHex(bytes, at + 24, acked, 10);
    writeHex(bytes, at + 35, length, 8);
    const headCrc = crc32(bytes.subarray(at, at + checkedHeadBytes), this.#crc);
    this.#crc = length === 0 ? headCrc : crc32(bytes.subarray(payloadAt, payloadAt + length), headCrc);
    writeHex(bytes, at + checkedHeadBytes, this.#crc, 8);
    bytes[payloadAt + length] = newline;
    this.#length = payloadAt + length + 1;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  get crc(): number {
    return this.#crc;
  }

  /** Makes room for one more record with a payload of this many bytes. */
  #reserve(payloadBytes: number): void {
    const more = recordHeadBytes + payloadBytes + 1;
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#length + more, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** The fields of the head that was read last. One object is reused for a whole segment. */
interface RecordHead {
  seq: number;
  batch: number;
  acked: number;
  length: number;
  crc: number;
}

export function createRecordHead(): RecordHead {
  return { seq: 0, batch: 0, acked: 0, length: 0, crc: 0 };
}

/**
 * Reads the head at an offset. Returns whether the record is self-consistent: its head is well formed, and its payload
 * is inside the buffer and followed by a line break. Does not check the crc.
 */
export function readRecordHead(bytes: Buffer, at: number, head: RecordHead): boolean {
  return readHeadFields(bytes, at, head) && bytes[at + recordHeadBytes + head.length] === newline;
}

/** The same, but does not check the line break, which may be the damaged byte. */
export function readHeadFields(bytes: Buffer, at: number, head: RecordHead): boolean {
  if (at + recordHeadBytes >= bytes.length) return false;
  if (bytes[at] !== 0x48 || bytes[at + 1] !== 0x4a || bytes[at + 2] !== 0x31 || bytes[at + 3] !== space) return false;
  if (bytes[at + 14] !== space || bytes[at + 23] !== space || bytes[at + 34] !== space) return false;
  if (bytes[at + 43] !== space || bytes[at + 52] !== space) return false;
  head.seq = readHex(bytes, at + 4, 10);
  head.batch = readHex(bytes, at + 15, 8);
  head.acked = readHex(bytes, at + 24, 10);
  head.length = readHex(bytes, at + 35, 8);
  head.crc = readHex(bytes, at + 44, 8);
  if (head.seq < 0 || head.batch < 0 || head.acked < 0 || head.length < 0 || head.crc < 0) return false;
  return head.acked <= head.seq;
}

export function crcMatches(bytes: Buffer, at: number, head: RecordHead, crcBefore: number): boolean {
  const headCrc = crc32(bytes.subarray(at, at + checkedHeadBytes), crcBefore);
  if (head.length === 0) return headCrc === head.crc;
  const payloadAt = at + recordHeadBytes;
  return crc32(bytes.subarray(payloadAt, payloadAt + head.length), headCrc) === head.crc;
}

const digitValues = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value += 1) digitValues[value.toString(16).charCodeAt(0)] = value;

/** Returns -1 unless all bytes are lower-case hex digits. */
export function readHex(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index += 1) {
    const digit = digitValues[bytes[index] ?? 0] ?? -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
