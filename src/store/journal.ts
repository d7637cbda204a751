/**
 * The journal's writing side: every event of every workflow, in order, one checksummed line each.
 *
 * Assumes a single appender (lock.ts). All calls are synchronous: when append() returns, its records survive kill -9
 * and power loss (J1). One batch is one write, repeated until complete, and one fdatasync. A new segment is created
 * with `wx`; its header is written, its file and its directory are fsynced, and only then is it used. The journal
 * never appends to a segment of an earlier life. Before append() returns it looks whether the path of the segment
 * still names the file that it writes: records in a deleted or replaced file would be acknowledged and found by nobody.
 *
 * A write without space: the segment is cut back to the last good record, and DiskFullError is thrown. A failed fsync,
 * or a disk that refuses writes: DiskFailedError, also from every later call, without another try.
 */
import path from 'node:path';
import { DiskFailedError, DiskFullError, type JournalStats, OutOfHandlesError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { errorCode, isFull, isOutOfHandles, toOutOfHandles, toSyncError } from './disk-error.ts';
import { checkNamed, identify, syncDirectorySync, syncFileSync, writeWholeSync } from './durable-file.ts';
import type { FoundRecord } from './journal-reading.ts';
import { RecordEncoder } from './record.ts';
import { encodeSegmentHeader, segmentName } from './segment-header.ts';

/** A segment that is larger gets no further batch. */
const segmentBytesMax = 16 * 1024 * 1024;
/** begin() may copy far more than one batch holds, so it writes in pieces of about this size. */
const pieceBytes = 4 * 1024 * 1024;

/** Where the earlier life ended. */
interface JournalStart {
  lastSeq: number;
  lastBatch: number;
  lastNumber: number;
  damaged: boolean;
  /** Numbers of the segments on disk, ascending. */
  segments: readonly number[];
}

interface OpenSegment {
  number: number;
  path: string;
  fd: number;
  /** Of the file that was created under the path. */
  identity: string | null;
  /** Bytes of the header and of the records that are written in full. */
  bytes: number;
  /** The crc of the last good record. */
  crc: number;
}

/**
 * The batch number has eight hexadecimal digits and then starts from 0 again: at 1,000 batches a second, every 7
 * weeks.
 */
function nextBatch(batch: number): number {
  return (batch + 1) % 2 ** 32;
}

export class Journal {
  readonly stats: JournalStats = { batches: 0, records: 0, bytes: 0, syncs: 0 };
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #encoder = new RecordEncoder();
  readonly #startsDamaged: boolean;
  /** Numbers of the segments on disk, ascending. */
  #numbers: number[];
  #segment: OpenSegment | null = null;
  #lastSeq: number;
  #lastBatch: number;
  #lastNumber: number;
  /** Highest sequence number that a record or a header in the journal marks as acknowledged. */
  #markedSeq = 0;
  #bytesSinceCut = 0;
  #failure: DiskFailedError | null = null;
  #isClosed = false;

  constructor(disk: Disk, directory: string, start: JournalStart) {
    this.#disk = disk;
    this.#directory = directory;
    this.#lastSeq = start.lastSeq;
    this.#lastBatch = start.lastBatch;
    this.#lastNumber = start.lastNumber;
    this.#startsDamaged = start.damaged;
    this.#numbers = [...start.segments];
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get currentNumber(): number {
    return this.#segment?.number ?? 0;
  }

  get bytesSinceCut(): number {
    return this.#bytesSinceCut;
  }

  /** See StorePort.begin(). The copies come from the segments with numbers from `replacedFrom` on. */
  begin(copies: readonly FoundRecord[], payloads: readonly string[], replacedFrom: number): void {
    this.#check();
    if (this.#segment !== null) throw new Error('The journal has begun already');
    const first = copies[0];
    const after = first === undefined ? this.#lastSeq : first.seq - 1;
    const replaced = this.#numbers.filter((number) => number >= replacedFrom);
    const segment = this.#createSegment({ after, begins: true, damaged: this.#startsDamaged });
    try {
      this.#writeBegin(segment, after, copies, payloads);
    } catch (error) {
      this.#disk.closeSync(segment.fd);
      if (error instanceof DiskFailedError) throw error;
      this.#remove(segment.number);
      throw error;
    }
    this.#segment = segment;
    this.#bytesSinceCut = segment.bytes;
    for (const number of replaced) this.#remove(number);
    this.removeBelow(replacedFrom);
  }

  append(payloads: readonly string[]): void {
    this.#check();
    let segment = this.#segment;
    if (segment === null) throw new Error('The journal has not begun: begin() comes first');
    if (payloads.length === 0 && this.#markedSeq === this.#lastSeq) return;
    if (segment.bytes > segmentBytesMax) segment = this.#nextSegmentOr(segment);
    const acked = this.#lastSeq;
    const batch = nextBatch(this.#lastBatch);
    const encoder = this.#encoder;
    encoder.start(segment.crc);
    if (payloads.length === 0) encoder.add(acked, batch, acked, '');
    for (const [index, json] of payloads.entries()) encoder.add(acked + 1 + index, batch, acked, json);
    this.#lastBatch = batch;
    this.#write(segment, encoder.bytes, encoder.length, segment.bytes);
    this.#sync(segment);
    this.#guardSync(() => checkNamed(this.#disk, segment.path, segment.identity));
    segment.bytes += encoder.length;
    segment.crc = encoder.crc;
    this.#lastSeq = acked + payloads.length;
    this.#markedSeq = acked;
    this.#bytesSinceCut += encoder.length;
    this.#count(payloads.length, encoder.length);
  }

  cut(): number {
    this.#check();
    if (this.#segment === null) throw new Error('The journal has not begun: begin() comes first');
    const number = this.#nextSegment(this.#segment).number;
    this.#bytesSinceCut = 0;
    return number;
  }

  /** Removes the segments below this one, except the newest of them. Durable when it returns. */
  removeBelow(segment: number): void {
    this.#check();
    for (const number of this.#numbers.filter((each) => each < segment).slice(0, -1)) this.#remove(number);
    this.#guardSync(() => syncDirectorySync(this.#disk, this.#directory));
  }

  /** The disk has failed: from now on every call throws this error, so nothing more is acknowledged. */
  fail(error: DiskFailedError): void {
    this.#failure ??= error;
  }

  close(): void {
    if (this.#segment !== null) this.#disk.closeSync(this.#segment.fd);
    this.#segment = null;
    this.#isClosed = true;
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new Error('The store is closed');
  }

  #writeBegin(segment: OpenSegment, after: number, copies: readonly FoundRecord[], payloads: readonly string[]): void {
    const encoder = this.#encoder;
    const batch = nextBatch(this.#lastBatch);
    let lastSeq = this.#lastSeq;
    encoder.start(segment.crc);
    const flush = (): void => {
      this.#write(segment, encoder.bytes, encoder.length, segment.bytes);
      segment.bytes += encoder.length;
      encoder.flush();
    };
    for (const record of copies) {
      encoder.addRead(record.seq, batch, after, record.payload);
      if (encoder.length > pieceBytes) flush();
    }
    for (const json of payloads) {
      lastSeq += 1;
      encoder.add(lastSeq, batch, after, json);
      if (encoder.length > pieceBytes) flush();
    }
    flush();
    this.#sync(segment);
    this.#count(copies.length + payloads.length, segment.bytes);
    // The marker proves that everything before it was durable: once it is durable itself, the old segments are not
    // needed.
    const markerBatch = nextBatch(batch);
    encoder.add(lastSeq, markerBatch, lastSeq, '');
    segment.crc = encoder.crc;
    const markerBytes = encoder.length;
    flush();
    this.#sync(segment);
    this.#count(0, markerBytes);
    this.#lastSeq = lastSeq;
    this.#lastBatch = markerBatch;
    this.#markedSeq = lastSeq;
  }

  /**
   * Begins the next segment. Without a file handle for it, the current segment grows on: a batch does not wait for
   * that.
   */
  #nextSegmentOr(current: OpenSegment): OpenSegment {
    try {
      return this.#nextSegment(current);
    } catch (error) {
      if (error instanceof OutOfHandlesError) return current;
      throw error;
    }
  }

  #nextSegment(current: OpenSegment): OpenSegment {
    const next = this.#createSegment({ after: this.#lastSeq, begins: false, damaged: false });
    this.#disk.closeSync(current.fd);
    this.#segment = next;
    this.#markedSeq = this.#lastSeq;
    return next;
  }

  #createSegment(fields: { after: number; begins: boolean; damaged: boolean }): OpenSegment {
    const number = this.#lastNumber + 1;
    const segmentPath = path.join(this.#directory, segmentName(number));
    const header = encodeSegmentHeader({ number, batch: this.#lastBatch, ...fields });
    let fd: number | null = null;
    try {
      fd = this.#disk.openSync(segmentPath, 'wx');
      writeWholeSync(this.#disk, fd, header.bytes, 0);
    } catch (error) {
      if (fd !== null) {
        this.#disk.closeSync(fd);
        this.#remove(number);
      }
      throw this.#writeError(error, segmentPath);
    }
    const open = fd;
    try {
      this.#guardSync(() => {
        syncFileSync(this.#disk, open, segmentPath);
        syncDirectorySync(this.#disk, this.#directory);
      });
    } catch (error) {
      this.#disk.closeSync(open);
      // The new segment's name is not durable: remove it, and the next try creates it again.
      if (error instanceof OutOfHandlesError) this.#remove(number);
      throw error;
    }
    this.#lastNumber = number;
    this.#numbers.push(number);
    const identity = identify(this.#disk, segmentPath);
    return { number, path: segmentPath, fd, identity, bytes: header.bytes.length, crc: header.crc };
  }

  #write(segment: OpenSegment, bytes: Uint8Array, length: number, position: number): void {
    try {
      writeWholeSync(this.#disk, segment.fd, bytes, position, length);
    } catch (error) {
      const reported = this.#writeError(error, segment.path);
      if (reported instanceof DiskFullError) this.#cutBack(segment);
      throw reported;
    }
  }

  /** Removes the part of a batch that was written before the disk was full. */
  #cutBack(segment: OpenSegment): void {
    this.#guardSync(() => {
      try {
        this.#disk.truncateSync(segment.fd, segment.bytes);
        this.#disk.fsyncSync(segment.fd);
      } catch (error) {
        throw toSyncError(error, segment.path);
      }
    });
  }

  #sync(segment: OpenSegment): void {
    this.#guardSync(() => {
      try {
        this.#disk.fdatasyncSync(segment.fd);
      } catch (error) {
        throw toSyncError(error, segment.path);
      }
    });
  }

  #remove(number: number): void {
    const file = path.join(this.#directory, segmentName(number));
    try {
      this.#disk.unlinkSync(file);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw this.#writeError(error, file);
    }
    this.#numbers = this.#numbers.filter((each) => each !== number);
  }

  #writeError(error: unknown, what: string): DiskFullError | DiskFailedError | OutOfHandlesError {
    if (isFull(error)) return new DiskFullError(`${what}: no space left (${errorCode(error)})`, { cause: error });
    // Only opening a new segment needs a handle. The current segment is still in use, and a later call tries again.
    if (isOutOfHandles(error)) return toOutOfHandles(error, what);
    const failure = new DiskFailedError(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
    this.fail(failure);
    return failure;
  }

  #guardSync(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof DiskFailedError) this.fail(error);
      throw error;
    }
  }

  #count(records: number, bytes: number): void {
    this.stats.batches += 1;
    this.stats.records += records;
    this.stats.bytes += bytes;
    this.stats.syncs += 1;
  }
}
