/**
 * The first line of a segment, and the seed of its chain of checksums:
 *
 *   HJ1 SEGMENT <number:8 hex> <after:10 hex> <batch:8 hex> <flags:2 hex> <crc:8 hex>\n
 *
 * `after`: the segment's records follow this sequence number; everything up to it was durable when the segment was
 * created. `batch`: the last batch before the segment. Flags: 1 `begins`: the segment repeats the records that
 * recovery found, and replaces the segments below it once its marker is written; 2 `damaged`: acknowledged records
 * were known to be missing when it was created.
 */
import { crc32 } from 'node:zlib';
import { hex, readHex } from './record.ts';

export const segmentHeaderBytes = 53;

export interface SegmentHeader {
  number: number;
  after: number;
  batch: number;
  begins: boolean;
  damaged: boolean;
  crc: number;
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'crc'>): { bytes: Buffer; crc: number } {
  const flags = (header.begins ? 1 : 0) + (header.damaged ? 2 : 0);
  const text = `HJ1 SEGMENT ${hex(header.number, 8)} ${hex(header.after, 10)} ${hex(header.batch, 8)} ${hex(flags, 2)} `;
  const crc = crc32(text);
  return { bytes: Buffer.from(`${text}${hex(crc, 8)}\n`, 'latin1'), crc };
}

/** null when the header is incomplete or damaged. */
export function readSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < segmentHeaderBytes) return null;
  const flags = readHex(bytes, 41, 2);
  const header = {
    number: readHex(bytes, 12, 8),
    after: readHex(bytes, 21, 10),
    batch: readHex(bytes, 32, 8),
    begins: (flags & 1) !== 0,
    damaged: (flags & 2) !== 0,
  };
  if (flags < 0 || flags > 3 || header.number < 0 || header.after < 0 || header.batch < 0) return null;
  const expected = encodeSegmentHeader(header);
  return bytes.subarray(0, segmentHeaderBytes).equals(expected.bytes) ? { ...header, crc: expected.crc } : null;
}

/** `000001.hj`, `000002.hj`, … */
export function segmentName(number: number): string {
  return `${String(number).padStart(6, '0')}.hj`;
}

/** null when the name is not a segment's. */
export function segmentNumberOf(name: string): number | null {
  const digits = /^(\d{6,9})\.hj$/.exec(name)?.[1];
  if (digits === undefined) return null;
  const number = Number(digits);
  return number > 0 && segmentName(number) === name ? number : null;
}
