/**
 * The index of finished workflows, `.engine/finished.jsonl`: append-only lines `<crc:8 hex> <json>`, each with its own
 * CRC-32. The last line about a workflow wins; a line `{id, removed: true}` removes the workflow from the index. A
 * line is durable when append() resolves.
 *
 * An append that was never acknowledged may be torn anywhere, so its bad lines are dropped. A bad line is damage if a
 * later line belongs to an acknowledged append: it is skipped and reported, and its workflow is found again through
 * its directory.
 */
import { crc32 } from 'node:zlib';
import { DiskFailedError, type FinishedEntry, type Notice } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent, isFull, toDiskError, toSyncError } from './disk-error.ts';
import { checkNamed, identify, replaceFileSync, syncFileSync, writeWhole } from './durable-file.ts';
import type { Finding } from './journal-reading.ts';
import { hex, readHex } from './record.ts';

const payloadAt = 9;

type FinishedLine = FinishedEntry | { id: string; removed: true };

export interface FinishedReading {
  entries: Map<string, FinishedEntry>;
  /** Highest sequence number in any good line. */
  seqMax: number;
  findings: Finding[];
  /** Bytes of the file. */
  bytes: number;
  /** True when the file should be written again: it has bad lines, or more obsolete lines than current ones. */
  needsRewrite: boolean;
}

/**
 * `acknowledgedSeq`: lines with a seq up to this one were acknowledged: a manifest was written after them. `upgrade`: for an
 * index of an older format, which is then written again.
 */
export function readFinishedIndex(
  disk: Disk,
  file: string,
  acknowledgedSeq = Number.MAX_SAFE_INTEGER,
  upgrade?: (line: FinishedEntry) => FinishedEntry,
): FinishedReading {
  const entries = new Map<string, FinishedEntry>();
  const reading: FinishedReading = { entries, seqMax: 0, findings: [], bytes: 0, needsRewrite: false };
  let bytes: Buffer;
  try {
    bytes = disk.readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return reading;
    throw error;
  }
  reading.bytes = bytes.length;
  let lines = 0;
  let acknowledgedEnd = -1;
  const bad: { at: number; end: number }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(0x0a, at);
    const end = found === -1 ? bytes.length : found;
    const line = found === -1 ? null : readLine(bytes, at, end);
    lines += 1;
    if (line === null) {
      bad.push({ at, end });
    } else if ('removed' in line) {
      entries.delete(line.id);
    } else {
      entries.delete(line.id); // So that the map keeps the order in which workflows finished.
      entries.set(line.id, upgrade?.(line) ?? line);
      reading.seqMax = Math.max(reading.seqMax, line.seq);
      // The line of an adopted workflow has seq 0 and says nothing.
      if (line.seq > 0 && line.seq <= acknowledgedSeq) acknowledgedEnd = end;
    }
    at = end + 1;
  }
  reading.needsRewrite = upgrade !== undefined || bad.length > 0 || lines - entries.size > lines / 2;
  reading.findings = bad.map(({ at, end }) => badLine(bytes, at, end, at > acknowledgedEnd));
  return reading;
}

function readLine(bytes: Buffer, at: number, end: number): FinishedLine | null {
  if (end - at <= payloadAt || bytes[at + 8] !== 0x20) return null;
  if (readHex(bytes, at, 8) !== crc32(bytes.subarray(at + payloadAt, end))) return null;
  // The checksum proves that the engine wrote the line. A schema check of 100,000 lines would be the slowest part of a
  // start.
  return JSON.parse(bytes.toString('utf8', at + payloadAt, end)) as FinishedLine;
}

function badLine(bytes: Buffer, at: number, end: number, isTorn: boolean): Finding {
  const kind: Notice['kind'] = isTorn ? 'tail' : 'damage';
  const message = isTorn
    ? `finished.jsonl: ${end - at} bytes at offset ${at} are a line that was never acknowledged; dropped`
    : `finished.jsonl: bad line at offset ${at}; its workflow is looked up in its directory`;
  return { notice: { kind, message }, keep: { name: 'finished.jsonl-line', bytes: bytes.subarray(at, end) } };
}

function encodeLines(lines: Iterable<FinishedLine>): Buffer {
  let text = '';
  for (const line of lines) {
    const json = JSON.stringify(line);
    text += `${hex(crc32(json), 8)} ${json}\n`;
  }
  return Buffer.from(text);
}

export class FinishedIndex {
  readonly #disk: Disk;
  readonly #file: string;
  readonly #fd: number;
  readonly #identity: string | null;
  #bytes: number;
  #turn: Promise<void> = Promise.resolve();

  /** Opens the index of an earlier life. First it makes durable what may be only in the page cache. */
  constructor(disk: Disk, file: string, reading: FinishedReading) {
    this.#disk = disk;
    this.#file = file;
    this.#bytes = reading.bytes;
    if (reading.needsRewrite || disk.lstatSync(file) === null) {
      const bytes = encodeLines(reading.entries.values());
      replaceFileSync(disk, file, bytes, { durable: true });
      this.#bytes = bytes.length;
    }
    this.#fd = disk.openSync(file, 'r+');
    this.#identity = identify(disk, file);
    try {
      syncFileSync(disk, this.#fd, file);
    } catch (error) {
      disk.closeSync(this.#fd);
      throw error;
    }
  }

  append(lines: readonly FinishedLine[]): Promise<void> {
    const done = this.#turn.then(() => this.#append(encodeLines(lines)));
    this.#turn = done.catch(() => undefined); // The caller gets the error; it must not fail the next append.
    return done;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#disk.close(this.#fd);
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    try {
      await writeWhole(this.#disk, this.#fd, bytes, this.#bytes);
    } catch (error) {
      if (isFull(error)) await this.#cutBack();
      throw toDiskError(error, this.#file);
    }
    try {
      await this.#disk.fdatasync(this.#fd);
    } catch (error) {
      throw toSyncError(error, this.#file);
    }
    // A checkpoint that relies on these lines lets the journal forget what they say.
    checkNamed(this.#disk, this.#file, this.#identity);
    this.#bytes += bytes.length;
  }

  async #cutBack(): Promise<void> {
    try {
      await this.#disk.truncate(this.#fd, this.#bytes);
    } catch (error) {
      throw new DiskFailedError(`${this.#file}: cannot be cut back after a full disk`, { cause: error });
    }
  }
}
